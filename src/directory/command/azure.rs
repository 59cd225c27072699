//! Subscriptions, management groups and Azure roles (A-AZ, A-ASG, B-AZ-01).

use super::machines::{SUBSCRIPTION, SubscriptionState, SubscriptionStep};
use super::plan::Planner;
use super::{Command, CommandError, Named};
use crate::directory::azure_scope::{SCOPE_FORMS, management_group_scope, subscription_scope};
use crate::directory::facts::{
    CustomerUser, ManagementGroup, RoleAssignment, Subscription, UserState,
};
use crate::directory::{Fact, Key, Scope, ScopeKind, names};

/// The role that a partner's Admin Agents get on what it provisions (A-AZ-04).
const OWNER: &str = "Owner";

impl Planner {
    /// One of the commands of this file; another does nothing.
    pub(super) fn run_azure(&mut self, command: &Command) -> Result<(), CommandError> {
        match command {
            Command::ProvisionSubscription {
                partner,
                customer,
                subscription,
            } => self.provision(partner, customer, subscription),
            Command::SuspendSubscription { subscription } => {
                self.step(subscription, SubscriptionStep::Suspend)
            }
            Command::ResumeSubscription { subscription } => {
                self.step(subscription, SubscriptionStep::Resume)
            }
            Command::CancelSubscription { subscription } => {
                self.step(subscription, SubscriptionStep::Cancel)
            }
            Command::MoveSubscription {
                subscription,
                management_group,
            } => self.move_subscription(subscription, management_group.as_deref()),
            Command::PutManagementGroup {
                management_group,
                parent,
            } => self.put_group(management_group, parent.as_deref()),
            Command::RemoveManagementGroup { management_group } => {
                let key = Key::ManagementGroup(management_group.to_ascii_lowercase());
                self.known(&key)?;
                Ok(self.remove(key)?)
            }
            Command::AssignAzureRole {
                principal,
                role,
                scope,
            } => self.assign_azure_role(principal, role, scope),
            Command::RemoveAzureRole {
                principal,
                role,
                scope,
            } => self.remove_azure_role(principal, role, scope),
            _ => Ok(()),
        }
    }

    /// The Owner role goes to the Admin Agents of the partner that provisions: not
    /// to its Helpdesk Agents, and not to the person who did it (A-AZ-09).
    fn provision(
        &mut self,
        partner: &str,
        customer: &str,
        subscription: &str,
    ) -> Result<(), CommandError> {
        let id = subscription.to_ascii_lowercase();
        self.known(&Key::Customer(customer.to_owned()))?;
        self.known(&Key::Partner(partner.to_owned()))?;
        // What an Azure id cannot hold would name something else as a scope.
        let scope = self.scope(&subscription_scope(&id), "subscription")?;
        if scope.kind() != ScopeKind::Subscription {
            return Err(CommandError::Invalid {
                field: "subscription",
                message: format!("`{subscription}` is not the id of a subscription"),
                remedy: "write the id alone, without `/`",
            });
        }
        let next = self.subscription_step(&id, SubscriptionStep::Provision)?;
        self.put(Fact::Subscription(Subscription {
            id: id.clone(),
            customer: customer.to_owned(),
            provisioned_by: Some(partner.to_owned()),
            created: Some(self.at),
            status: next.name().to_owned(),
            management_group: None,
            seller: Some(partner.to_owned()),
        }))?;
        self.put(Fact::RoleAssignment(RoleAssignment {
            principal: names::group_id(partner, names::ADMIN_AGENTS),
            role: OWNER.to_owned(),
            scope: subscription_scope(&id),
        }))?;
        self.advise(
            "A-AZ-04",
            format!(
                "The Admin Agents of `{partner}` own the subscription, until somebody removes \
                 that role assignment."
            ),
        );
        self.advise(
            "A-USR-05",
            "The customer lists the users that need accounts, their permissions, and the \
             services each needs.",
        );
        Ok(())
    }

    fn step(&mut self, id: &str, step: SubscriptionStep) -> Result<(), CommandError> {
        let id = id.to_ascii_lowercase();
        let mut subscription = self.subscription(&id)?;
        let next = self.subscription_step(&id, step)?;
        subscription.status = next.name().to_owned();
        Ok(self.put(Fact::Subscription(subscription))?)
    }

    fn move_subscription(&mut self, id: &str, group: Option<&str>) -> Result<(), CommandError> {
        let mut subscription = self.subscription(&id.to_ascii_lowercase())?;
        let group = group.map(str::to_ascii_lowercase);
        if let Some(group) = &group {
            self.known(&Key::ManagementGroup(group.clone()))?;
        }
        let into = group.clone();
        subscription.management_group = group;
        let customer = subscription.customer.clone();
        self.put(Fact::Subscription(subscription))?;
        self.for_own_users(into.as_deref(), &customer)
    }

    fn put_group(&mut self, id: &str, parent: Option<&str>) -> Result<(), CommandError> {
        let id = id.to_ascii_lowercase();
        let parent = parent.map(str::to_ascii_lowercase);
        let into = parent.clone();
        self.put(Fact::ManagementGroup(ManagementGroup {
            id: id.clone(),
            parent,
        }))?;
        let held = self.world.subscription_below(&id);
        match held.map(|held| held.customer.clone()) {
            Some(customer) => self.for_own_users(into.as_deref(), &customer),
            None => Ok(()),
        }
    }

    /// Refuses to bring a customer's subscriptions to where another customer's users
    /// hold roles: whose a management group is shows only when something is in it.
    fn for_own_users(&self, group: Option<&str>, customer: &str) -> Result<(), CommandError> {
        let Some(group) = group else {
            return Ok(());
        };
        let scope = self.scope(&management_group_scope(group), "management_group")?;
        for assignment in self.world.assignments_reaching(&scope) {
            let user = self.user_of_customer(&assignment.principal);
            if let Some(user) = user.filter(|user| user.customer != customer) {
                return Err(CommandError::Refused {
                    rules: &["A-ACT-02"],
                    message: format!(
                        "`{}` of `{}` holds the role `{}` on `{}`, and would on subscriptions of \
                         `{customer}`",
                        user.id, user.customer, assignment.role, assignment.scope
                    ),
                    remedy: "remove that role assignment first",
                });
            }
        }
        Ok(())
    }

    /// The user of a customer that an assignment names, if it names one.
    fn user_of_customer(&self, principal: &str) -> Option<&CustomerUser> {
        let world = &self.world;
        let partners = world.has_group(principal) || world.partner_users.contains_key(principal);
        let user = world.customer_users.get(principal).filter(|_| !partners);
        user.map(AsRef::as_ref)
    }

    fn assign_azure_role(
        &mut self,
        principal: &str,
        role: &str,
        scope: &str,
    ) -> Result<(), CommandError> {
        let scope = self.scope(scope, "scope")?;
        self.may_hold(principal, &scope)?;
        let assignment = RoleAssignment {
            principal: principal.to_owned(),
            role: role.to_owned(),
            scope: scope.id().to_owned(),
        };
        let key = Key::RoleAssignment(assignment.clone());
        self.is_new(&key, "nothing is left to do: it is assigned")?;
        Ok(self.put(Fact::RoleAssignment(assignment))?)
    }

    /// Of users of customers, those of the scope's own customer may hold a role there,
    /// if they are not deleted; whoever is of a partner may anyway (A-ASG-07, B-AZ-11).
    fn may_hold(&self, principal: &str, scope: &Scope) -> Result<(), CommandError> {
        let world = &self.world;
        let Some(user) = self.user_of_customer(principal) else {
            return Ok(());
        };
        if let UserState::Deleted(_) = user.state {
            return Err(CommandError::Refused {
                rules: &["A-USR-03"],
                message: format!("`{principal}` is deleted"),
                remedy: "restore the user first",
            });
        }
        let of = match scope.kind() {
            ScopeKind::ManagementGroup => world.subscription_below(world.tree_of(scope.root())),
            _ => world.subscription(scope.root()),
        };
        match of {
            Some(of) if of.customer != user.customer => Err(CommandError::Refused {
                rules: &["A-ASG-07", "A-ACT-02"],
                message: format!(
                    "`{principal}` is a user of `{}`, and `{}` is in the tenant of `{}`",
                    user.customer,
                    scope.id(),
                    of.customer
                ),
                remedy: "name a user of that customer, or somebody of a partner",
            }),
            _ => Ok(()),
        }
    }

    fn remove_azure_role(
        &mut self,
        principal: &str,
        role: &str,
        scope: &str,
    ) -> Result<(), CommandError> {
        let scope = self.scope(scope, "scope")?;
        let key = Key::RoleAssignment(RoleAssignment {
            principal: principal.to_owned(),
            role: role.to_owned(),
            scope: scope.id().to_owned(),
        });
        self.known(&key)?;
        self.remove(key)?;
        let left = self.world.assignments_reaching(&scope);
        let left: Vec<String> = left
            .filter(|assignment| assignment.principal == principal)
            .map(|assignment| format!("{} on {}", assignment.role, assignment.scope))
            .collect();
        if !left.is_empty() {
            self.advise(
                "A-AZ-10",
                format!(
                    "`{principal}` keeps here what its other roles give: {}.",
                    left.join(", ")
                ),
            );
        }
        Ok(())
    }

    fn subscription(&self, id: &str) -> Result<Subscription, CommandError> {
        let found = self.world.subscriptions.get(id);
        let key = || Key::Subscription(id.to_owned());
        found
            .map(|held| Subscription::clone(held))
            .ok_or_else(|| CommandError::not_found(&key()))
    }

    /// The state after a step.
    fn subscription_step(
        &self,
        id: &str,
        step: SubscriptionStep,
    ) -> Result<SubscriptionState, CommandError> {
        let found = self.world.subscriptions.get(id);
        let state = SubscriptionState::of(found.map(|f| f.status.as_str()));
        match SUBSCRIPTION.next(state, step) {
            Ok(next) => Ok(next),
            Err(illegal) => Err(CommandError::illegal(
                Key::Subscription(id.to_owned()).describe(),
                illegal,
            )),
        }
    }

    fn scope(&self, id: &str, field: &'static str) -> Result<Scope, CommandError> {
        Scope::parse(id).map_err(|message| CommandError::Invalid {
            field,
            message,
            remedy: SCOPE_FORMS,
        })
    }
}
