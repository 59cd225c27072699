//! From a command to what it does to a world.
//!
//! A plan is carried out on a copy of the world as it is made, so that what it
//! returns is what the world takes: a refusal of the directory shows here, and
//! later steps of one command see the earlier ones.

use jiff::Timestamp;

use super::{Command, CommandError};
use crate::directory::{Change, DirectoryError, Fact, Key, World, nesting};
use crate::engine;

/// What a command does.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The changes of facts, in order. None where only the decision counts.
    pub changes: Vec<Change>,
    /// What is owed or advised now.
    pub duties: Vec<Advice>,
    /// What the caller gets.
    pub output: Output,
    /// The world after the changes.
    pub world: World,
    /// What the changes are to the engine.
    pub effects: Vec<engine::Change>,
}

/// An obligation or a piece of advice; it never decides (kind O).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Advice {
    /// The rule it comes from: `A-SUP-01`.
    pub rule: &'static str,
    /// What to do or to know, as a sentence.
    pub text: String,
}

/// What a command returns besides its duties.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(tag = "output", rename_all = "kebab-case")]
pub enum Output {
    /// Nothing.
    None,
    /// The mail of an invitation, for the caller to send (A-INV-10).
    Draft {
        /// The invitation.
        invitation: String,
        /// The subject.
        subject: String,
        /// The text, with the link in it.
        text: String,
        /// The personal link (A-INV-12).
        link: String,
    },
    /// Users that were made; a temporary password is to be set for each, which
    /// aobo neither makes nor keeps (A-USR-08).
    Users {
        /// Their ids.
        users: Vec<String>,
    },
    /// Users that are back, in the order they were named (A-USR-20).
    Restored {
        /// Each with its licences.
        users: Vec<RestoredUser>,
    },
    /// The service request that was opened.
    ServiceRequest {
        /// Its id.
        id: String,
    },
}

/// A user that is back (A-USR-04).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct RestoredUser {
    /// Its id.
    pub user: String,
    /// Products whose licences came back.
    pub licenses: Vec<String>,
    /// Products whose licences did not: no seat was free.
    pub missing: Vec<String>,
}

/// Where ids and links come from: chance is outside of this layer.
pub trait Ids {
    /// A new id, never given before.
    fn id(&mut self) -> String;

    /// A link that is the partner's own and leads to an invitation (A-INV-12).
    fn link(&mut self, partner: &str, invitation: &str) -> String;
}

impl Command {
    /// What the command does to a world at a time (UTC; whole seconds count).
    /// Who may is not asked here: see [`Command::asks`].
    ///
    /// # Errors
    /// [`CommandError`] if it names what is not there, comes at the wrong step,
    /// is beyond a limit of the domain, or would leave the world wrong.
    pub fn plan(
        &self,
        world: &World,
        at: Timestamp,
        made: &mut dyn Ids,
    ) -> Result<Planned, CommandError> {
        let mut planner = Planner {
            world: world.clone(),
            at: Timestamp::from_second(at.as_second()).unwrap_or(at),
            changes: Vec::new(),
            duties: Vec::new(),
            effects: Vec::new(),
        };
        let output = planner.run(self, made)?;
        Ok(Planned {
            changes: planner.changes,
            duties: planner.duties,
            output,
            world: planner.world,
            effects: planner.effects,
        })
    }
}

/// A plan in the making.
pub(super) struct Planner {
    /// The world with the changes so far.
    pub(super) world: World,
    /// The time, in whole seconds.
    pub(super) at: Timestamp,
    changes: Vec<Change>,
    duties: Vec<Advice>,
    effects: Vec<engine::Change>,
}

impl Planner {
    fn run(&mut self, command: &Command, made: &mut dyn Ids) -> Result<Output, CommandError> {
        match command {
            Command::PrepareInvitation {
                partner,
                customer,
                include_dap,
            } => return self.prepare_invitation(partner, customer, *include_dap, made),
            Command::EditInvitation { invitation, text } => {
                return self.edit_invitation(invitation, text);
            }
            Command::SendInvitation { invitation } => return self.send_invitation(invitation),
            Command::AcceptInvitation { invitation, portal } => {
                self.accept_invitation(invitation, portal)?;
            }
            Command::RemoveDelegatedAdmin { partner, customer } => {
                self.remove_delegated_admin(partner, customer)?;
            }
            Command::RemoveRelationship { partner, customer } => {
                self.remove_relationship(partner, customer)?;
            }
            Command::RenegotiateContract { partner, customer } => {
                self.renegotiate_contract(partner, customer)?;
            }
            Command::OpenServiceRequest {
                partner,
                customer,
                channel,
            } => return self.open_service_request(partner, customer, channel, made),
            Command::Put { fact } => self.put(fact.clone())?,
            Command::Remove { key } => self.remove(key.clone())?,
            Command::ProvisionSubscription { .. }
            | Command::SuspendSubscription { .. }
            | Command::ResumeSubscription { .. }
            | Command::CancelSubscription { .. }
            | Command::MoveSubscription { .. }
            | Command::PutManagementGroup { .. }
            | Command::RemoveManagementGroup { .. }
            | Command::AssignAzureRole { .. }
            | Command::RemoveAzureRole { .. } => self.run_azure(command)?,
            Command::CreateUser { .. }
            | Command::ImportUsers { .. }
            | Command::AssignDirectoryRole { .. }
            | Command::RemoveDirectoryRole { .. }
            | Command::AssignLicense { .. }
            | Command::RemoveLicense { .. }
            | Command::SetSeats { .. }
            | Command::ActivateProduct { .. }
            | Command::ResetPassword { .. }
            | Command::DeleteUser { .. }
            | Command::RestoreUsers { .. }
            | Command::PurgeUser { .. } => return self.run_users(command),
            Command::AddDevices { .. }
            | Command::DeleteDevice { .. }
            | Command::AddAutopilotProfile { .. }
            | Command::UpdateAutopilotProfile { .. }
            | Command::DeleteAutopilotProfile { .. }
            | Command::ApplyAutopilotProfile { .. }
            | Command::RemoveAutopilotProfile { .. } => self.run_devices(command)?,
        }
        Ok(Output::None)
    }

    /// Adds or replaces a fact.
    pub(super) fn put(&mut self, fact: Fact) -> Result<(), DirectoryError> {
        self.change(Change::Put(fact))
    }

    /// Takes a fact away.
    pub(super) fn remove(&mut self, key: Key) -> Result<(), DirectoryError> {
        self.change(Change::Remove(key))
    }

    fn change(&mut self, change: Change) -> Result<(), DirectoryError> {
        self.effects.extend(self.world.apply(change.clone())?);
        if let Change::Put(fact) = &change {
            nesting::check(&self.world, fact)?;
        }
        self.changes.push(change);
        Ok(())
    }

    /// Adds a duty or a piece of advice.
    pub(super) fn advise(&mut self, rule: &'static str, text: impl Into<String>) {
        let text = text.into();
        self.duties.push(Advice { rule, text });
    }

    /// Refuses to go on without something.
    pub(super) fn known(&self, key: &Key) -> Result<(), CommandError> {
        match self.world.fact(key) {
            Some(_) => Ok(()),
            None => Err(CommandError::not_found(key)),
        }
    }

    /// Refuses to make what is there.
    pub(super) fn is_new(&self, key: &Key, remedy: &'static str) -> Result<(), CommandError> {
        match self.world.fact(key) {
            None => Ok(()),
            Some(_) => Err(CommandError::Exists {
                what: key.describe(),
                remedy,
            }),
        }
    }
}
