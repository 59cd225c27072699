//! What ends between a partner and a customer, and what is still owed
//! (A-REL-04, A-REL-05, A-PRP-07, A-PRP-08, A-SUP).

use super::invitation::Pair;
use super::machines::{
    CONTRACT, ContractState, ContractStep, PRIVILEGES, PrivilegesStep, RELATIONSHIP,
    RelationshipState, RelationshipStep,
};
use super::plan::Planner;
use super::{CommandError, Ids, Output};
use crate::directory::facts::{ContractStatus, ServiceRequest};
use crate::directory::{Fact, Key};

/// Ways in which service requests are opened (D 18).
const CHANNELS: [&str; 3] = ["partner-center", "admin-portal", "microsoft-support"];
/// The one that is left without privileges (A-SUP-03).
const MICROSOFT_SUPPORT: &str = "microsoft-support";

impl Planner {
    /// The chosen partner alone loses its directory roles; relationship and Azure
    /// roles stay (A-PRP-07, A-PRP-08).
    pub(super) fn remove_delegated_admin(
        &mut self,
        partner: &str,
        customer: &str,
    ) -> Result<(), CommandError> {
        let mut pair = self.known_pair(partner, customer)?;
        let next = PRIVILEGES.next(pair.privileges, PrivilegesStep::RemoveDelegatedAdmin);
        let next = next.map_err(|illegal| CommandError::illegal(pair.privileges(), illegal))?;
        pair.fact.dap = next.into();
        self.owe_support(&pair);
        self.tell_of_azure_roles(partner, customer);
        self.put(Fact::Relationship(pair.fact))?;
        self.advise(
            "A-REL-06",
            "A new invitation with privileges can bring them back.",
        );
        Ok(())
    }

    /// No right of the partner remains but Azure roles that nobody removed.
    pub(super) fn remove_relationship(
        &mut self,
        partner: &str,
        customer: &str,
    ) -> Result<(), CommandError> {
        let mut pair = self.known_pair(partner, customer)?;
        let state = RELATIONSHIP
            .next(pair.state, RelationshipStep::Remove)
            .map_err(|illegal| CommandError::illegal(pair.key().describe(), illegal))?;
        let privileges = PRIVILEGES
            .next(pair.privileges, PrivilegesStep::RemoveRelationship)
            .map_err(|illegal| CommandError::illegal(pair.privileges(), illegal))?;
        pair.fact.status = state.status();
        pair.fact.dap = privileges.into();
        self.owe_support(&pair);
        self.tell_of_azure_roles(partner, customer);
        self.put(Fact::Relationship(pair.fact))?;
        Ok(())
    }

    pub(super) fn renegotiate_contract(
        &mut self,
        partner: &str,
        customer: &str,
    ) -> Result<(), CommandError> {
        let mut pair = self.known_pair(partner, customer)?;
        let contract = ContractState::from(pair.fact.contract);
        let next = CONTRACT.next(contract, ContractStep::Renegotiate);
        let next = next.map_err(|illegal| CommandError::illegal(pair.contract(), illegal))?;
        pair.fact.contract = next.into();
        self.put(Fact::Relationship(pair.fact))?;
        self.advise(
            "A-SUP-04",
            format!("`{partner}` is no longer bound to support `{customer}`."),
        );
        Ok(())
    }

    pub(super) fn open_service_request(
        &mut self,
        partner: &str,
        customer: &str,
        channel: &str,
        made: &mut dyn Ids,
    ) -> Result<Output, CommandError> {
        if !CHANNELS.contains(&channel) {
            return Err(CommandError::Invalid {
                field: "channel",
                message: format!("there is no channel `{channel}`"),
                remedy: "there are: partner-center, admin-portal, microsoft-support",
            });
        }
        let pair = self.known_pair(partner, customer)?;
        let refused = |rules, message: String, remedy| CommandError::Refused {
            rules,
            message,
            remedy,
        };
        if pair.state != RelationshipState::Active {
            return Err(refused(
                &["D 18", "A-REL-05"],
                format!("`{partner}` has no active relationship with `{customer}`"),
                "renew the relationship with an invitation",
            ));
        }
        if pair.fact.contract == ContractStatus::Renegotiated {
            return Err(refused(
                &["D 18", "A-SUP-04"],
                format!("the contract of `{partner}` and `{customer}` was renegotiated"),
                "let the partner that supports the customer now open it",
            ));
        }
        if !pair.fact.delegates() && channel != MICROSOFT_SUPPORT {
            return Err(refused(
                &["A-SUP-03"],
                format!("`{partner}` has no delegated admin privileges at `{customer}`"),
                "open it through microsoft-support",
            ));
        }
        let id = made.id();
        self.is_new(&Key::ServiceRequest(id.clone()), "open it again")?;
        self.put(Fact::ServiceRequest(ServiceRequest {
            id: id.clone(),
            partner: partner.to_owned(),
            customer: customer.to_owned(),
            channel: channel.to_owned(),
            opened: self.at,
        }))?;
        self.owe_support(&pair);
        Ok(Output::ServiceRequest { id })
    }

    fn known_pair(&self, partner: &str, customer: &str) -> Result<Pair, CommandError> {
        let pair = self.pair(partner, customer);
        match pair.state {
            RelationshipState::None => Err(CommandError::not_found(&pair.key())),
            _ => Ok(pair),
        }
    }

    /// The duty to support lasts until the contract is renegotiated.
    fn owe_support(&mut self, pair: &Pair) {
        if pair.fact.contract != ContractStatus::InForce {
            return;
        }
        let (partner, customer) = (&pair.fact.partner, &pair.fact.customer);
        self.advise(
            "A-SUP-01",
            format!("`{partner}` stays bound to support `{customer}` until the contract is renegotiated."),
        );
        self.advise(
            "A-SUP-02",
            format!("`{partner}` stays bound to the Cloud Reseller Agreement until then."),
        );
    }

    /// Azure roles outlive privileges and relationship (A-PRP-08, D 3).
    fn tell_of_azure_roles(&mut self, partner: &str, customer: &str) {
        let count = self.world.partner_assignments(partner, customer).count();
        let left = match count {
            0 => return,
            1 => "1 Azure role assignment".to_owned(),
            count => format!("{count} Azure role assignments"),
        };
        self.advise(
            "A-AZ-07",
            format!(
                "`{partner}` keeps {left} on subscriptions of `{customer}` and on management \
                 groups above them; its access there ends when the last is removed."
            ),
        );
    }
}
