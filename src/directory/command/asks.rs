//! Who may: the questions that aobo's own policies must allow for the caller.

use std::borrow::Cow;

use super::invitation::Pair;
use super::machines::{
    INVITATION, InvitationStep, PRIVILEGES, PrivilegesStep, RELATIONSHIP, RelationshipState,
    RelationshipStep,
};
use super::{Command, CommandError, import, mail};
use crate::directory::azure_scope::{SCOPE_FORMS, management_group_scope, subscription_scope};
use crate::directory::facts::{
    DapStatus, Invitation, InvitationStatus, ProductKind, Relationship, RelationshipStatus,
};
use crate::directory::{Change, Fact, Scope, World, names};
use crate::engine::intake::{Ask, Party};
use crate::engine::{Input, Member};

/// Who wants it done: a principal of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its entity type: `PartnerUser`, `CustomerUser` or `Publisher`.
    pub ty: String,
    /// Its id.
    pub id: String,
}

const WRITE_ROLE: &str = "microsoft.authorization/roleassignments/write";
const DELETE_ROLE: &str = "microsoft.authorization/roleassignments/delete";
const WRITE_GROUP: &str = "microsoft.management/managementgroups/write";
const DELETE_GROUP: &str = "microsoft.management/managementgroups/delete";
const TAKE_IN: &str = "microsoft.management/managementgroups/subscriptions/write";
const LET_GO: &str = "microsoft.management/managementgroups/subscriptions/delete";

impl Command {
    /// The questions that must all be allowed. None if only the operator may
    /// ([`Command::operator`]), whom no policy is asked about.
    ///
    /// # Errors
    /// [`CommandError::NotYours`] if the caller would act for a partner that it
    /// does not work for (policies are not told for whom a request is made), and
    /// [`CommandError::Invalid`] for a scope that is none.
    pub fn asks(&self, world: &World, caller: &Caller) -> Result<Vec<Ask<'static>>, CommandError> {
        let asking = Asking { world, caller };
        if let Some(partner) = self.acting_for() {
            asking.works_for(partner)?;
        }
        match self {
            Self::PrepareInvitation { .. }
            | Self::EditInvitation { .. }
            | Self::SendInvitation { .. }
            | Self::AcceptInvitation { .. }
            | Self::RemoveDelegatedAdmin { .. }
            | Self::RemoveRelationship { .. }
            | Self::OpenServiceRequest { .. } => asking.of_relationship(self),
            Self::ProvisionSubscription { .. }
            | Self::CancelSubscription { .. }
            | Self::MoveSubscription { .. }
            | Self::PutManagementGroup { .. }
            | Self::RemoveManagementGroup { .. }
            | Self::AssignAzureRole { .. }
            | Self::RemoveAzureRole { .. } => asking.of_azure(self),
            Self::CreateUser { .. }
            | Self::ImportUsers { .. }
            | Self::AssignDirectoryRole { .. }
            | Self::RemoveDirectoryRole { .. }
            | Self::AssignLicense { .. }
            | Self::RemoveLicense { .. }
            | Self::SetSeats { .. }
            | Self::ActivateProduct { .. }
            | Self::ResetPassword { .. }
            | Self::DeleteUser { .. }
            | Self::RestoreUsers { .. } => Ok(asking.of_users(self)),
            Self::AddDevices { .. }
            | Self::DeleteDevice { .. }
            | Self::AddAutopilotProfile { .. }
            | Self::UpdateAutopilotProfile { .. }
            | Self::DeleteAutopilotProfile { .. }
            | Self::ApplyAutopilotProfile { .. }
            | Self::RemoveAutopilotProfile { .. } => Ok(asking.of_devices(self)),
            Self::RenegotiateContract { .. }
            | Self::SuspendSubscription { .. }
            | Self::ResumeSubscription { .. }
            | Self::PurgeUser { .. }
            | Self::Put { .. }
            | Self::Remove { .. } => Ok(Vec::new()),
        }
    }

    /// A step that is legal no more, or not yet: the facts as they are when it is,
    /// and the error that says what is legal. Policies that look at the state deny the
    /// step to those, too, who are allowed it then; they, and nobody else, are to be
    /// told the error.
    #[must_use]
    pub fn out_of_step(&self, world: &World) -> Option<(Vec<Change>, CommandError)> {
        match self {
            Self::AcceptInvitation { invitation, .. } => accepted(world, invitation),
            Self::RemoveDelegatedAdmin { partner, customer } => {
                taken_away(world, partner, customer)
            }
            _ => None,
        }
    }

    /// The partner in whose name the command is given.
    fn acting_for(&self) -> Option<&str> {
        match self {
            Self::PrepareInvitation { partner, .. }
            | Self::RemoveRelationship { partner, .. }
            | Self::OpenServiceRequest { partner, .. }
            | Self::ProvisionSubscription { partner, .. } => Some(partner),
            Self::AddDevices { partner, .. } | Self::AddAutopilotProfile { partner, .. } => {
                partner.as_deref()
            }
            _ => None,
        }
    }
}

struct Asking<'a> {
    world: &'a World,
    caller: &'a Caller,
}

impl Asking<'_> {
    fn of_relationship(&self, command: &Command) -> Result<Vec<Ask<'static>>, CommandError> {
        Ok(vec![match command {
            Command::PrepareInvitation {
                customer,
                include_dap,
                ..
            } => self.send(customer, *include_dap, true),
            Command::EditInvitation { invitation, text } => {
                self.of_draft(invitation, Some(text))?
            }
            Command::SendInvitation { invitation } => self.of_draft(invitation, None)?,
            Command::AcceptInvitation { invitation, portal } => self
                .ask("AcceptInvitation", names::INVITATION, invitation)
                .with("portal", text(portal)),
            Command::RemoveDelegatedAdmin { partner, customer } => self
                .ask("RemoveDelegatedAdmin", names::PARTNER, partner)
                .with("customer", text(customer)),
            Command::RemoveRelationship { customer, .. } => {
                self.ask("RemoveResellerRelationship", names::CUSTOMER, customer)
            }
            Command::OpenServiceRequest {
                customer, channel, ..
            } => self
                .ask("OpenServiceRequestOnBehalf", names::CUSTOMER, customer)
                .with("channel", text(channel)),
            _ => return Ok(Vec::new()),
        }])
    }

    fn send(&self, customer: &str, include_dap: bool, link_included: bool) -> Ask<'static> {
        self.ask("SendInvitation", names::CUSTOMER, customer)
            .with("include_dap", Input::Bool(include_dap))
            .with("link_included", Input::Bool(link_included))
    }

    /// A draft is for people of the partner whose it is. To all others one that is
    /// there is refused in the words for one that is not, so that nobody learns which
    /// there are.
    fn of_draft(&self, id: &str, new_text: Option<&str>) -> Result<Ask<'static>, CommandError> {
        let caller = self.world.partner_users.get(self.caller.id.as_str());
        let caller = caller.filter(|_| self.caller.ty == names::PARTNER_USER);
        let partner = caller.map(|user| user.partner.as_str());
        let invitation = self.world.invitations.get(id);
        let own = invitation.filter(|found| partner == Some(found.partner.as_str()));
        let Some(invitation) = own else {
            return Err(not_of_partner(id));
        };
        let body = new_text.or(invitation.text.as_deref()).unwrap_or_default();
        let link = invitation.link.as_deref();
        let included = link.is_some_and(|link| mail::holds(body, link));
        Ok(self.send(&invitation.customer, invitation.include_dap, included))
    }

    fn of_azure(&self, command: &Command) -> Result<Vec<Ask<'static>>, CommandError> {
        Ok(match command {
            Command::ProvisionSubscription { customer, .. } => {
                vec![self.ask("ProvisionAzureSubscription", names::CUSTOMER, customer)]
            }
            Command::CancelSubscription { subscription } => {
                let id = subscription_scope(subscription);
                vec![self.ask("CancelAzureSubscription", names::SUBSCRIPTION, &id)]
            }
            Command::MoveSubscription {
                subscription,
                management_group,
            } => {
                let id = subscription.to_ascii_lowercase();
                let from = self.world.subscription(&id);
                let from = from.and_then(|fact| fact.management_group.as_deref());
                let on = self.operation(WRITE_ROLE, &subscription_scope(&id))?;
                let on_from = from.map(|group| self.on_group(LET_GO, group));
                let to = management_group.as_deref();
                let on_to = to.map(|group| self.on_group(TAKE_IN, group));
                [Some(Ok(on)), on_from, on_to]
                    .into_iter()
                    .flatten()
                    .collect::<Result<_, _>>()?
            }
            Command::PutManagementGroup {
                management_group,
                parent,
            } => self.of_group(management_group, parent.as_deref())?,
            Command::RemoveManagementGroup { management_group } => {
                vec![self.on_group(DELETE_GROUP, management_group)?]
            }
            Command::AssignAzureRole { scope, .. } => vec![self.operation(WRITE_ROLE, scope)?],
            Command::RemoveAzureRole { scope, .. } => vec![self.operation(DELETE_ROLE, scope)?],
            _ => Vec::new(),
        })
    }

    fn of_users(&self, command: &Command) -> Vec<Ask<'static>> {
        let user = |action, id: &str| self.ask(action, names::CUSTOMER_USER, id);
        match command {
            Command::CreateUser { customer, .. } => {
                vec![self.ask("CreateUser", names::CUSTOMER, customer)]
            }
            Command::ImportUsers { customer, csv } => {
                let rows = i64::try_from(import::row_count(csv)).unwrap_or(i64::MAX);
                let ask = self.ask("ImportUsers", names::CUSTOMER, customer);
                vec![
                    ask.with("format", text("csv"))
                        .with("rows", Input::Long(rows)),
                ]
            }
            // Whoever may give a role may take it away (D 17: all tasks of roles).
            Command::AssignDirectoryRole { user: id, role }
            | Command::RemoveDirectoryRole { user: id, role } => {
                vec![user("AssignDirectoryRole", id).with("role", text(role))]
            }
            Command::AssignLicense { users, product } => {
                self.of_licences("AssignLicense", users, product)
            }
            Command::RemoveLicense { users, product } => {
                self.of_licences("RemoveLicense", users, product)
            }
            Command::SetSeats {
                customer, product, ..
            } => vec![self.of_seats(customer, product)],
            Command::ActivateProduct { product, .. } => {
                let action = "ActivateMarketplaceProduct";
                vec![self.ask(action, names::LICENSE_PRODUCT, product)]
            }
            Command::ResetPassword { user: id } => vec![user("ResetPassword", id)],
            Command::DeleteUser { user: id } => vec![user("DeleteUser", id)],
            Command::RestoreUsers { users } => {
                let users = users.iter();
                users.map(|id| user("RestoreUser", id)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A publisher gives out licences of its own products, one question for all
    /// users; everybody else does it on the users page (A-USR-13, A-USR-14).
    fn of_licences(
        &self,
        action: &'static str,
        users: &[String],
        product: &str,
    ) -> Vec<Ask<'static>> {
        if self.caller.ty == names::PUBLISHER {
            let action = "AssignMarketplaceLicense";
            return vec![self.ask(action, names::LICENSE_PRODUCT, product)];
        }
        let users = users.iter();
        let asks = users.map(|id| {
            self.ask(action, names::CUSTOMER_USER, id)
                .with("product", text(product))
        });
        asks.collect()
    }

    /// What is there already is renewed, what is not is bought. How many a customer
    /// has of a marketplace product is changed by a procedure of its own (A-USR-13,
    /// B-PC-20); buying one is like buying any.
    fn of_seats(&self, customer: &str, product: &str) -> Ask<'static> {
        let kind = self.world.products.get(product).map(|found| found.kind);
        let market = kind.is_some_and(|kind| kind != ProductKind::Microsoft);
        let key = (customer.to_owned(), product.to_owned());
        match (self.world.seats.contains_key(&key), market) {
            (false, _) => self.ask("PurchaseSubscription", names::CUSTOMER, customer),
            (true, false) => self.ask("RenewSubscription", names::CUSTOMER, customer),
            (true, true) => self
                .ask("ChangeSaasQuantity", names::LICENSE_PRODUCT, product)
                .with("customer", text(customer)),
        }
    }

    fn of_devices(&self, command: &Command) -> Vec<Ask<'static>> {
        vec![match command {
            Command::AddDevices {
                customer,
                partner: Some(_),
                ..
            } => self.ask("AddDevices", names::CUSTOMER, customer),
            Command::DeleteDevice { device } => self.ask("DeleteDevice", names::DEVICE, device),
            Command::AddAutopilotProfile {
                customer,
                partner: Some(_),
                ..
            } => self.ask("AddAutopilotProfile", names::CUSTOMER, customer),
            Command::UpdateAutopilotProfile { profile, .. } => {
                self.ask("UpdateAutopilotProfile", names::AUTOPILOT_PROFILE, profile)
            }
            Command::DeleteAutopilotProfile { profile } => {
                self.ask("DeleteAutopilotProfile", names::AUTOPILOT_PROFILE, profile)
            }
            Command::ApplyAutopilotProfile { profile, device } => self
                .ask("ApplyAutopilotProfile", names::DEVICE, device)
                .with("profile", text(profile)),
            Command::RemoveAutopilotProfile { profile, device } => self
                .ask("RemoveAutopilotProfile", names::DEVICE, device)
                .with("profile", text(profile)),
            _ => return Vec::new(),
        }]
    }

    /// A partner's people act for their own partner. Whether others may act at
    /// all, the policies say.
    fn works_for(&self, partner: &str) -> Result<(), CommandError> {
        if self.caller.ty != names::PARTNER_USER {
            return Ok(());
        }
        match self.world.partner_users.get(self.caller.id.as_str()) {
            Some(user) if user.partner != partner => Err(CommandError::NotYours {
                message: format!("`{}` does not work for `{partner}`", self.caller.id),
            }),
            _ => Ok(()),
        }
    }

    /// A group is written, and so are the one that it leaves and the one that it
    /// comes into; moving it changes who has access to what is in it, so that is
    /// asked, too. A new one is there only by its parent; without a parent it is
    /// asked about itself, on which nobody holds a role yet.
    fn of_group(&self, id: &str, parent: Option<&str>) -> Result<Vec<Ask<'static>>, CommandError> {
        let known = self
            .world
            .management_groups
            .get(id.to_ascii_lowercase().as_str());
        let own = (known.is_some() || parent.is_none()).then_some(id);
        let old = known.and_then(|group| group.parent.as_deref());
        let stays = match (old, parent) {
            (Some(old), Some(new)) => new.eq_ignore_ascii_case(old),
            (old, new) => old.is_none() && new.is_none(),
        };
        let left = old.filter(|_| !stays);
        let groups = own.into_iter().chain(left).chain(parent);
        let writes = groups.map(|group| self.on_group(WRITE_GROUP, group));
        let moved = (known.is_some() && !stays).then(|| self.on_group(WRITE_ROLE, id));
        writes.chain(moved).collect()
    }

    fn on_group(&self, operation: &'static str, id: &str) -> Result<Ask<'static>, CommandError> {
        self.operation(operation, &management_group_scope(id))
    }

    fn operation(&self, operation: &'static str, id: &str) -> Result<Ask<'static>, CommandError> {
        let scope = Scope::parse(id).map_err(|message| CommandError::Invalid {
            field: "scope",
            message,
            remedy: SCOPE_FORMS,
        })?;
        let ask = self.ask("AzureOperation", scope.type_name(), scope.id());
        Ok(ask.with("operation", text(operation)))
    }

    fn ask(&self, action: &'static str, ty: &'static str, id: &str) -> Ask<'static> {
        Ask {
            principal: party(self.caller.ty.clone(), &self.caller.id),
            action: action.into(),
            resource: party(ty, id),
            ..Ask::default()
        }
    }
}

/// An invitation that is not for accepting any more.
fn accepted(world: &World, id: &str) -> Option<(Vec<Change>, CommandError)> {
    let now = world.invitations.get(id)?;
    if now.status == InvitationStatus::Draft {
        return None;
    }
    let (mut before, mut told) = (Vec::new(), None);
    let pair = Pair::of(world, &now.partner, &now.customer);
    if pair.state == RelationshipState::Removed {
        let illegal = RELATIONSHIP.next(pair.state, RelationshipStep::AcceptInvitation);
        told = Some(CommandError::illegal(pair.key().describe(), illegal.err()?));
        before.push(Change::Put(Fact::Relationship(Relationship {
            status: RelationshipStatus::Pending,
            ..pair.fact
        })));
    }
    if let Err(illegal) = INVITATION.next(now.status.into(), InvitationStep::Accept) {
        let was = Fact::Invitation(Invitation {
            status: InvitationStatus::Sent,
            ..Invitation::clone(now)
        });
        told = Some(CommandError::illegal(was.key().describe(), illegal));
        before.push(Change::Put(was));
    }
    told.map(|told| (before, told))
}

/// Privileges that a partner does not have.
fn taken_away(world: &World, partner: &str, customer: &str) -> Option<(Vec<Change>, CommandError)> {
    let pair = Pair::of(world, partner, customer);
    let step = PrivilegesStep::RemoveDelegatedAdmin;
    let error = match (pair.state, PRIVILEGES.next(pair.privileges, step)) {
        (RelationshipState::None, _) => CommandError::not_found(&pair.key()),
        (_, illegal) => CommandError::illegal(pair.privileges(), illegal.err()?),
    };
    let before = Fact::Relationship(Relationship {
        status: RelationshipStatus::Active,
        dap: DapStatus::Active,
        ..pair.fact
    });
    Some((vec![Change::Put(before)], error))
}

fn not_of_partner(id: &str) -> CommandError {
    CommandError::NotYours {
        message: format!("there is no invitation `{id}` of your partner"),
    }
}

fn party(ty: impl Into<Cow<'static, str>>, id: &str) -> Party<'static> {
    Party {
        ty: ty.into(),
        id: Cow::Owned(id.to_owned()),
        properties: Vec::new(),
    }
}

fn text(text: &str) -> Input<'static> {
    Input::String(Cow::Owned(text.to_owned()))
}

/// A question with one more context key.
trait With {
    fn with(self, name: &'static str, value: Input<'static>) -> Self;
}

impl With for Ask<'static> {
    fn with(mut self, name: &'static str, value: Input<'static>) -> Self {
        self.context.push(Member {
            name: name.into(),
            value,
        });
        self
    }
}
