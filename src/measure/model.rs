//! What a question is about, and what the rules say of it, in plain Rust.
//!
//! The model knows the planned customer and the rules that a workload can meet;
//! it is no evaluator. A test compares it with the reference, question by
//! question.

use super::plan::{
    ADMIN_AGENTS, Agent, Assignment, Customer, DIRECTORY_READERS, GLOBAL_ADMINISTRATOR,
    HELPDESK_ADMINISTRATOR, HELPDESK_AGENTS, Principal, Scope, User,
};
use super::workload::Workload;

/// Operations on Azure resources: name, whether it is a data action, and which
/// of the five roles cover it.
pub(super) const OPERATIONS: [(&str, bool, [bool; 5]); 6] = [
    ("microsoft.compute/virtualmachines/read", false, [true; 5]),
    (
        "microsoft.compute/virtualmachines/start/action",
        false,
        [true, true, false, false, false],
    ),
    (
        "microsoft.storage/storageaccounts/write",
        false,
        [true, true, false, false, false],
    ),
    (
        "microsoft.authorization/roleassignments/write",
        false,
        [true, false, false, true, true],
    ),
    (
        "microsoft.support/supporttickets/write",
        false,
        [true, true, false, true, true],
    ),
    (
        "microsoft.storage/storageaccounts/blobservices/containers/blobs/read",
        true,
        [false; 5],
    ),
];

/// The actions that questions are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    AzureOperation,
    CreateUser,
    DeleteDevice,
    ListUsers,
    PurchaseSubscription,
    ResetPassword,
    SignInToCustomerTenant,
    ViewCustomerRecord,
    ViewPartnerRelationships,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Agent {
        partner: u32,
        agent: u32,
    },
    User {
        customer: u32,
        user: u32,
    },
    /// An agent that nothing is known of.
    Nobody(u64),
}

/// What of the customer it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Customer,
    User(u32),
    Device(u32),
    Scope(Scope),
}

/// A customer that the context names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    No,
    Own,
    Other(u32),
}

/// A question, by numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Topic {
    pub(super) who: Who,
    pub(super) action: Action,
    pub(super) customer: u32,
    pub(super) what: What,
    /// Number of the operation in [`OPERATIONS`].
    pub(super) operation: usize,
    pub(super) named: Named,
}

impl Workload {
    /// Whether the rules allow it; `customer` is the plan of the topic's.
    pub(super) fn allows(&self, customer: &Customer, topic: &Topic) -> bool {
        // No customer is known of a management group, so no name contradicts it.
        let root = matches!(topic.what, What::Scope(Scope::ManagementGroup(_)));
        if matches!(topic.named, Named::Other(_)) && !root {
            return false;
        }
        if topic.action == Action::AzureOperation {
            return self.azure_allows(customer, topic);
        }
        match topic.who {
            Who::Nobody(_) => false,
            Who::Agent { partner, agent } => {
                agent_allows(customer, &self.agent(partner, agent), topic)
            }
            Who::User {
                customer: own,
                user,
            } => {
                let user = customer.users.get(user as usize);
                let user = user.filter(|_| own == customer.index);
                user.is_some_and(|user| user_allows(customer, user, topic))
            }
        }
    }

    fn azure_allows(&self, customer: &Customer, topic: &Topic) -> bool {
        let deleted = match topic.who {
            Who::User {
                customer: own,
                user,
            } if own == customer.index => {
                let user = customer.users.get(user as usize);
                user.is_some_and(|user| user.deleted)
            }
            _ => false,
        };
        let covers = |a: &&Assignment| {
            let roles = OPERATIONS.get(topic.operation).map(|(.., roles)| roles);
            roles.and_then(|roles| roles.get(a.role)) == Some(&true)
        };
        !deleted && self.on_path(customer, topic).any(|a| covers(&a))
    }

    /// The assignments that reach the principal and hold at the resource.
    pub(super) fn on_path<'c>(
        &self,
        customer: &'c Customer,
        topic: &Topic,
    ) -> impl Iterator<Item = &'c Assignment> {
        let who = topic.who;
        let agent = match who {
            Who::Agent { partner, agent } => Some(self.agent(partner, agent)),
            _ => None,
        };
        let reaches = move |principal: Principal, own: u32| match principal {
            Principal::Group { partner, group } => {
                agent.is_some_and(|a| a.partner == partner && a.is_in(group))
            }
            Principal::Agent { partner, agent } => who == Who::Agent { partner, agent },
            Principal::User(user) => {
                who == Who::User {
                    customer: own,
                    user,
                }
            }
        };
        let scope = match topic.what {
            What::Scope(scope) => Some(scope),
            _ => None,
        };
        customer.assignments.iter().filter(move |assignment| {
            scope.is_some_and(|scope| customer.is_within(scope, assignment.scope))
                && reaches(assignment.principal, customer.index)
        })
    }
}

fn agent_allows(customer: &Customer, agent: &Agent, topic: &Topic) -> bool {
    let relationship = customer.relationship(agent.partner);
    if !relationship.is_some_and(|r| r.active) {
        return false;
    }
    let delegated = relationship.is_some_and(|r| r.delegates);
    let global = delegated && agent.is_in(ADMIN_AGENTS);
    let helpdesk = delegated && agent.is_in(HELPDESK_AGENTS);
    let is = |roles: &[&str]| roles.iter().any(|role| agent.has(role));
    let page = is(&[
        "GlobalAdmin",
        "UserManagementAdmin",
        "AdminAgent",
        "SalesAgent",
        "HelpdeskAgent",
    ]);
    match topic.action {
        Action::AzureOperation | Action::ViewPartnerRelationships => false,
        Action::SignInToCustomerTenant => global || helpdesk,
        Action::ListUsers => page && (global || helpdesk),
        Action::CreateUser => page && global,
        Action::PurchaseSubscription => is(&["AdminAgent", "SalesAgent"]),
        Action::ViewCustomerRecord => {
            is(&["GlobalAdmin", "AdminAgent", "SalesAgent", "HelpdeskAgent"])
        }
        Action::ResetPassword => target(customer, topic).is_some_and(|user| {
            let reached = helpdesk && is_reached(HELPDESK_ADMINISTRATOR, user);
            page && !user.deleted && (global || reached)
        }),
        Action::DeleteDevice => match topic.what {
            What::Device(device) => {
                let device = customer.devices.get(device as usize);
                is(&["AdminAgent", "SalesAgent"]) && device.is_some_and(|d| d.by_partner)
            }
            _ => false,
        },
    }
}

/// What a user of the customer may do in its own tenant.
fn user_allows(customer: &Customer, user: &User, topic: &Topic) -> bool {
    let Some(role) = user.role.filter(|_| !user.deleted) else {
        return false;
    };
    match topic.action {
        // Every role of a workload reads the directory.
        Action::SignInToCustomerTenant | Action::ListUsers => true,
        Action::CreateUser => [GLOBAL_ADMINISTRATOR, "User Administrator"].contains(&role),
        Action::ViewPartnerRelationships => role == GLOBAL_ADMINISTRATOR,
        Action::ResetPassword => target(customer, topic)
            .is_some_and(|target| !target.deleted && is_reached(role, target)),
        Action::AzureOperation
        | Action::DeleteDevice
        | Action::PurchaseSubscription
        | Action::ViewCustomerRecord => false,
    }
}

fn target<'c>(customer: &'c Customer, topic: &Topic) -> Option<&'c User> {
    match topic.what {
        What::User(user) => customer.users.get(user as usize),
        _ => None,
    }
}

/// Whether a directory role may reset the password of a user (A-USR-15).
fn is_reached(role: &str, target: &User) -> bool {
    let within = |reach: &[&str]| {
        !target.role_assignable_group && target.role.is_none_or(|role| reach.contains(&role))
    };
    let low = [DIRECTORY_READERS, "Password Administrator"];
    match role {
        GLOBAL_ADMINISTRATOR => true,
        "User Administrator" => {
            within(&low) || within(&[HELPDESK_ADMINISTRATOR, "User Administrator"])
        }
        HELPDESK_ADMINISTRATOR => within(&low) || within(&[HELPDESK_ADMINISTRATOR]),
        "Password Administrator" => within(&low),
        _ => false,
    }
}
