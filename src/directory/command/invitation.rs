//! Invitations: drafted, changed, sent, accepted (A-INV, A-ACC).

use jiff::Timestamp;

use super::machines::{
    CONTRACT, ContractState, ContractStep, INVITATION, InvitationState, InvitationStep, PRIVILEGES,
    PrivilegesState, PrivilegesStep, RELATIONSHIP, RelationshipState, RelationshipStep,
};
use super::plan::Planner;
use super::{CommandError, Ids, Output, mail};
use crate::directory::facts::{
    Cloud, Invitation, InvitationStatus, Relationship, RelationshipStatus,
};
use crate::directory::{Fact, Key, World};

/// Bytes of the text of a mail. Our choice: some pages of text.
pub const MAIL_TEXT_BYTES_MAX: usize = 16 << 10;

/// From this second on, invitations of the public cloud are accepted elsewhere:
/// 2018-11-01T00:00:00Z (A-ACC-02, A-ACC-07).
const NEW_PLACE: Timestamp = Timestamp::constant(1_541_030_400, 0);

/// Where an invitation is accepted: cloud, whether it was sent from
/// [`NEW_PLACE`] on, portal, rules. Source: `invitation-acceptance-place`.
const PLACES: [(Cloud, bool, &str, &[&str]); 6] = [
    (Cloud::Public, false, OFFICE, &["A-ACC-02"]),
    (Cloud::Public, true, STORE, &["A-ACC-02"]),
    (Cloud::Germany, false, OFFICE, &["A-ACC-03"]),
    (Cloud::Germany, true, OFFICE, &["A-ACC-03"]),
    (Cloud::UsGovernment, false, OFFICE, &["A-ACC-04"]),
    (Cloud::UsGovernment, true, OFFICE, &["A-ACC-04"]),
];
const OFFICE: &str = "office-admin-portal";
const STORE: &str = "microsoft-store-for-business";

impl Planner {
    pub(super) fn prepare_invitation(
        &mut self,
        partner: &str,
        customer: &str,
        include_dap: bool,
        made: &mut dyn Ids,
    ) -> Result<Output, CommandError> {
        self.may_ask(partner, customer, include_dap)?;
        let id = made.id();
        self.is_new(&Key::Invitation(id.clone()), "prepare it again")?;
        let link = made.link(partner, &id);
        let mail = mail::draft(partner, customer, include_dap, &link);
        self.put(Fact::Invitation(Invitation {
            id: id.clone(),
            partner: partner.to_owned(),
            customer: customer.to_owned(),
            sent_at: None,
            include_dap,
            status: InvitationStatus::Draft,
            link: Some(link.clone()),
            text: Some(mail.text.clone()),
            portal: None,
        }))?;
        self.advise(
            "A-INV-11",
            "The text may be changed; the personal link must stay in it.",
        );
        Ok(Output::Draft {
            invitation: id,
            subject: mail.subject,
            text: mail.text,
            link,
        })
    }

    pub(super) fn edit_invitation(&mut self, id: &str, text: &str) -> Result<Output, CommandError> {
        let mut invitation = self.invitation(id, InvitationStep::Edit)?;
        let link = link_in(&invitation, text)?;
        if text.len() > MAIL_TEXT_BYTES_MAX {
            return Err(CommandError::Invalid {
                field: "text",
                message: format!(
                    "a text has at most {MAIL_TEXT_BYTES_MAX} bytes; this one has {}",
                    text.len()
                ),
                remedy: "shorten it",
            });
        }
        invitation.text = Some(text.to_owned());
        let output = draft(&invitation, &link, text);
        self.put(Fact::Invitation(invitation))?;
        Ok(output)
    }

    /// The step is closed, and the mail may go out; nothing is granted by it.
    pub(super) fn send_invitation(&mut self, id: &str) -> Result<Output, CommandError> {
        let mut invitation = self.invitation(id, InvitationStep::Send)?;
        let (partner, customer) = (invitation.partner.clone(), invitation.customer.clone());
        // Partner and customer may have changed since the draft.
        self.may_ask(&partner, &customer, invitation.include_dap)?;
        let text = invitation.text.clone().unwrap_or_default();
        let link = link_in(&invitation, &text)?;
        let mut pair = self.pair(&partner, &customer);
        if pair.state == RelationshipState::Removed {
            self.void_invitations(&partner, &customer)?;
        }
        let state = RELATIONSHIP
            .next(pair.state, RelationshipStep::SendInvitation)
            .map_err(|illegal| CommandError::illegal(pair.key().describe(), illegal))?;
        pair.fact.status = state.status();
        pair.fact.dap = pair.privileges.into();
        invitation.status = InvitationStatus::Sent;
        invitation.sent_at = Some(self.at);
        let output = draft(&invitation, &link, &text);
        let place = self.place(&invitation).map(|(portal, _)| portal);
        self.put(Fact::Invitation(invitation))?;
        self.put(Fact::Relationship(pair.fact))?;
        self.advise(
            "A-INV-13",
            format!(
                "Send the mail now: sending creates nothing. The relationship begins when a \
                 Global Administrator of the customer accepts, in {}.",
                place.unwrap_or(STORE)
            ),
        );
        Ok(output)
    }

    pub(super) fn accept_invitation(&mut self, id: &str, portal: &str) -> Result<(), CommandError> {
        let mut invitation = self.invitation(id, InvitationStep::Accept)?;
        if let Some((place, rules)) = self.place(&invitation)
            && place != portal
        {
            return Err(CommandError::Refused {
                rules,
                message: format!("this invitation is accepted in {place}, not in {portal}"),
                remedy: match place {
                    STORE => "accept it in microsoft-store-for-business",
                    _ => "accept it in office-admin-portal",
                },
            });
        }
        let mut pair = self.pair(&invitation.partner, &invitation.customer);
        // What is out makes the relationship pending, whether a world file says so
        // or not.
        let before = match pair.state {
            RelationshipState::None => RelationshipState::Pending,
            state => state,
        };
        let state = RELATIONSHIP
            .next(before, RelationshipStep::AcceptInvitation)
            .map_err(|illegal| CommandError::illegal(pair.key().describe(), illegal))?;
        let step = match invitation.include_dap {
            true => PrivilegesStep::AcceptWith,
            false => PrivilegesStep::AcceptWithout,
        };
        let privileges = PRIVILEGES
            .next(pair.privileges, step)
            .map_err(|illegal| CommandError::illegal(pair.privileges(), illegal))?;
        if before != RelationshipState::Active {
            let contract = ContractState::from(pair.fact.contract);
            let contract = CONTRACT.next(contract, ContractStep::Renew);
            let contract =
                contract.map_err(|illegal| CommandError::illegal(pair.contract(), illegal))?;
            pair.fact.contract = contract.into();
        }
        pair.fact.status = state.status();
        pair.fact.dap = privileges.into();
        let delegates = privileges == PrivilegesState::Active;
        invitation.status = InvitationStatus::Accepted;
        invitation.portal = Some(portal.to_owned());
        self.put(Fact::Invitation(invitation))?;
        self.put(Fact::Relationship(pair.fact))?;
        match delegates {
            true => self.advise(
                "A-AZ-03",
                "The privileges are in force at once; they open no subscription that already \
                 exists in the tenant.",
            ),
            false => self.advise(
                "A-INV-15",
                "Being asked to sign in when opening the customer's Azure portal is a hint that \
                 privileges are missing: then request a relationship with them.",
            ),
        }
        Ok(())
    }

    /// What was sent before the relationship ended does not count for the next one:
    /// it may give more than what is asked for now.
    fn void_invitations(&mut self, partner: &str, customer: &str) -> Result<(), CommandError> {
        let of_pair = self.world.invitations_of(partner, customer);
        let old = of_pair.filter_map(|invitation| {
            let state = InvitationState::from(invitation.status);
            let next = INVITATION.next(state, InvitationStep::Renew).ok()?;
            let mut invitation = Invitation::clone(invitation);
            invitation.status = next.into();
            Some(Fact::Invitation(invitation))
        });
        for invitation in old.collect::<Vec<Fact>>() {
            self.put(invitation)?;
        }
        Ok(())
    }

    /// The invitation, if the step is legal.
    fn invitation(&self, id: &str, step: InvitationStep) -> Result<Invitation, CommandError> {
        let key = Key::Invitation(id.to_owned());
        let Some(invitation) = self.world.invitations.get(id) else {
            return Err(CommandError::not_found(&key));
        };
        let state = InvitationState::from(invitation.status);
        match INVITATION.next(state, step) {
            Ok(_) => Ok(Invitation::clone(invitation)),
            Err(illegal) => Err(CommandError::illegal(key.describe(), illegal)),
        }
    }

    /// Cloud and region limits of asking (A-INV-06, A-INV-07, D 23).
    fn may_ask(
        &self,
        partner: &str,
        customer: &str,
        include_dap: bool,
    ) -> Result<(), CommandError> {
        let Some(p) = self.world.partners.get(partner) else {
            return Err(CommandError::not_found(&Key::Partner(partner.to_owned())));
        };
        let Some(c) = self.world.customers.get(customer) else {
            return Err(CommandError::not_found(&Key::Customer(customer.to_owned())));
        };
        let refused = |rules, message: String, remedy| CommandError::Refused {
            rules,
            message,
            remedy,
        };
        if p.cloud != c.cloud {
            return Err(refused(
                &["D 23"],
                format!("`{partner}` and `{customer}` are not in the same cloud"),
                "ask customers of the partner's own cloud",
            ));
        }
        if p.country != c.country {
            return Err(refused(
                &["A-INV-07"],
                format!("`{customer}` is not in the country or region of `{partner}`"),
                "ask customers of the partner's own country or region",
            ));
        }
        if !include_dap && p.cloud != Cloud::Public {
            return Err(refused(
                &["A-INV-06"],
                "in this cloud an invitation cannot leave the privileges out".to_owned(),
                "set `include_dap`",
            ));
        }
        Ok(())
    }

    /// Where an invitation that was sent is accepted, and by which rules.
    fn place(&self, invitation: &Invitation) -> Option<(&'static str, &'static [&'static str])> {
        let cloud = self
            .world
            .customers
            .get(invitation.customer.as_str())?
            .cloud;
        let new = invitation.sent_at? >= NEW_PLACE;
        let row = PLACES.iter().find(|(c, n, ..)| (*c, *n) == (cloud, new))?;
        Some((row.2, row.3))
    }

    /// How a partner and a customer stand.
    pub(super) fn pair(&self, partner: &str, customer: &str) -> Pair {
        Pair::of(&self.world, partner, customer)
    }
}

/// A partner and a customer: the fact, and the states it is in.
pub(super) struct Pair {
    pub(super) fact: Relationship,
    pub(super) state: RelationshipState,
    pub(super) privileges: PrivilegesState,
}

impl Pair {
    /// How a partner and a customer stand.
    pub(super) fn of(world: &World, partner: &str, customer: &str) -> Self {
        let found = world.relationship(partner, customer);
        let state = RelationshipState::from(found.map(|r| r.status));
        let fact = found.cloned().unwrap_or_else(|| Relationship {
            partner: partner.to_owned(),
            customer: customer.to_owned(),
            status: RelationshipStatus::Pending,
            dap: PrivilegesState::None.into(),
            contract: ContractState::InForce.into(),
        });
        // INVARIANT (privileges): they are active only while the relationship is
        // (A.4). A record that says otherwise grants nothing (D 12) and must not
        // begin to when the relationship does.
        let privileges = match PrivilegesState::from(fact.dap) {
            PrivilegesState::Active if !fact.delegates() => PrivilegesState::Removed,
            privileges => privileges,
        };
        Self {
            fact,
            state,
            privileges,
        }
    }

    pub(super) fn key(&self) -> Key {
        Key::Relationship {
            partner: self.fact.partner.clone(),
            customer: self.fact.customer.clone(),
        }
    }

    /// What is told of them, in errors.
    pub(super) fn privileges(&self) -> String {
        format!("privileges of {}", self.names())
    }

    pub(super) fn contract(&self) -> String {
        format!("contract of {}", self.names())
    }

    fn names(&self) -> String {
        format!("`{}` at `{}`", self.fact.partner, self.fact.customer)
    }
}

/// The invitation's link, which the text must hold.
fn link_in(invitation: &Invitation, text: &str) -> Result<String, CommandError> {
    match &invitation.link {
        Some(link) if mail::holds(text, link) => Ok(link.clone()),
        Some(_) => Err(CommandError::Refused {
            rules: &["A-INV-11"],
            message: "the text no longer holds the personal link".to_owned(),
            remedy: "leave the link in the text, with nothing joined to it: it ties the customer \
                     to the partner",
        }),
        None => Err(CommandError::Refused {
            rules: &["A-INV-11", "A-INV-12"],
            message: "the draft has no personal link".to_owned(),
            remedy: "prepare another invitation",
        }),
    }
}

fn draft(invitation: &Invitation, link: &str, text: &str) -> Output {
    Output::Draft {
        invitation: invitation.id.clone(),
        subject: mail::subject(&invitation.partner),
        text: text.to_owned(),
        link: link.to_owned(),
    }
}
