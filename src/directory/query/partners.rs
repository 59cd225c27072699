//! Partners and their customers.

use std::collections::BTreeSet;

use crate::directory::facts::{
    ContractStatus, Invitation, InvitationStatus, Relationship, RelationshipStatus, RoleAssignment,
};
use crate::directory::{Key, World, names};

/// A line of the customer's Partner relationships page (A-PRP-03).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartnerRow<'a> {
    /// The partner.
    pub partner: &'a str,
    /// Whether it has delegated admin privileges (A-DAP-07).
    pub delegates: bool,
    /// Whether its contract is in force (A-SUP-01).
    pub supports: bool,
}

impl World {
    /// The customers of a partner, in order: those that accepted, and only that
    /// partner's (A-REL-01).
    pub fn customers_of(&self, partner: &str) -> impl Iterator<Item = &Relationship> {
        let key = Key::Partner(partner.to_owned());
        let pairs = self.uses_of(&key).filter_map(|by| match by {
            Key::Relationship { partner, customer } => self.relationship(partner, customer),
            _ => None,
        });
        pairs.filter(|pair| pair.status == RelationshipStatus::Active)
    }

    /// The partners of a customer, and which of them have privileges: what its
    /// Global Administrator sees (A-PRP-03, A-DAP-07).
    pub fn partners_of<'a>(&'a self, customer: &'a str) -> impl Iterator<Item = PartnerRow<'a>> {
        let active = |pair: &&Relationship| pair.status == RelationshipStatus::Active;
        let pairs = self.relationships_of(customer).filter(active);
        pairs.map(|pair| PartnerRow {
            partner: &pair.partner,
            delegates: pair.delegates(),
            supports: pair.contract == ContractStatus::InForce,
        })
    }

    /// The invitations of a partner that wait for an answer, by id.
    pub fn pending_invitations_of(&self, partner: &str) -> impl Iterator<Item = &Invitation> {
        self.pending(&Key::Partner(partner.to_owned()))
    }

    /// The invitations to a customer that wait for its answer, by id.
    pub fn pending_invitations_to(&self, customer: &str) -> impl Iterator<Item = &Invitation> {
        self.pending(&Key::Customer(customer.to_owned()))
    }

    fn pending<'a>(&'a self, of: &Key) -> impl Iterator<Item = &'a Invitation> + use<'a> {
        let invitations = self.uses_of(of).filter_map(|by| match by {
            Key::Invitation(id) => self.invitations.get(id.as_str()).map(AsRef::as_ref),
            _ => None,
        });
        let waits = |invitation: &&Invitation| {
            let pair = self.relationship(&invitation.partner, &invitation.customer);
            invitation.status == InvitationStatus::Sent
                && pair.is_none_or(|pair| pair.status != RelationshipStatus::Removed)
        };
        invitations.filter(waits)
    }

    /// The Azure roles that a partner's groups and people hold on a customer's
    /// subscriptions and below, then on the management groups above them (A-AZ-06,
    /// B-AZ-01); each once.
    pub fn partner_assignments<'a>(
        &'a self,
        partner: &'a str,
        customer: &str,
    ) -> impl Iterator<Item = &'a RoleAssignment> {
        let key = Key::Customer(customer.to_owned());
        let subscriptions = self.uses_of(&key).filter_map(|by| match by {
            Key::Subscription(id) => Some((by, self.subscription(id)?)),
            _ => None,
        });
        let (mut scopes, mut groups) = (Vec::new(), BTreeSet::new());
        for (key, subscription) in subscriptions {
            scopes.push(key.clone());
            let mut group = subscription.management_group.as_deref();
            while let Some(id) = group.filter(|id| groups.insert(*id)) {
                let found = self.management_groups.get(id);
                group = found.and_then(|found| found.parent.as_deref());
            }
        }
        let groups = groups.into_iter();
        scopes.extend(groups.map(|id| Key::ManagementGroup(id.to_owned())));
        let assignments = scopes.into_iter().flat_map(|scope| self.uses_of(&scope));
        let assignments = assignments.filter_map(|by| match by {
            Key::RoleAssignment(assignment) => Some(assignment),
            _ => None,
        });
        assignments.filter(move |assignment| self.is_of_partner(&assignment.principal, partner))
    }

    /// Whether a principal is a group or a user of a partner.
    fn is_of_partner(&self, principal: &str, partner: &str) -> bool {
        if self.has_group(principal) {
            return names::partner_of_group(principal) == Some(partner);
        }
        let user = self.partner_users.get(principal);
        user.is_some_and(|user| user.partner == partner)
    }
}
