//! Draws what to ask about a customer, aiming at an allow or at a deny.
//!
//! Aiming is by kinds of question that people ask: an Admin agent about a
//! customer that delegates, a foreign agent, a reader who writes. What comes of
//! it, the model says.

use super::model::{Action, Named, OPERATIONS, Topic, What, Who};
use super::plan::{self, Customer, Principal, Scope};
use super::random::Rng;
use super::workload::Workload;

/// How often another question is drawn about a customer before it is given up.
const TRIES_MAX: u32 = 12;

impl Workload {
    /// A topic about a customer with the wanted answer, if the tries find one;
    /// else the last, with the answer it has.
    pub(super) fn topic(&self, rng: &mut Rng, customer: &Customer, allow: bool) -> (Topic, bool) {
        let mut tries = 0;
        loop {
            let topic = self.draw(rng, customer, allow);
            let allowed = self.allows(customer, &topic);
            tries += 1;
            if allowed == allow || tries == TRIES_MAX {
                return (topic, allowed);
            }
        }
    }

    fn draw(&self, rng: &mut Rng, customer: &Customer, allow: bool) -> Topic {
        let users = u32::try_from(customer.users.len()).unwrap_or(0);
        let (action, what) = match rng.below(100) {
            0..12 => (Action::SignInToCustomerTenant, What::Customer),
            12..24 if users > 0 => (Action::ResetPassword, What::User(rng.below(users))),
            12..28 => (Action::ListUsers, What::Customer),
            28..32 => (Action::CreateUser, What::Customer),
            32..42 => (Action::PurchaseSubscription, What::Customer),
            42..52 => (Action::ViewCustomerRecord, What::Customer),
            52..56 if !customer.devices.is_empty() => (Action::DeleteDevice, What::Device(0)),
            56..60 if users > 0 => (Action::ViewPartnerRelationships, What::Customer),
            _ => return self.azure(rng, customer, allow),
        };
        // Nobody of a partner is ever allowed this one.
        let own = allow && action == Action::ViewPartnerRelationships;
        let who = match own {
            true => Who::User {
                customer: customer.index,
                user: rng.below(users),
            },
            false => self.who(rng, customer, allow),
        };
        Topic {
            who,
            action,
            customer: customer.index,
            what,
            operation: 0,
            named: self.named(rng, customer, allow),
        }
    }

    fn azure(&self, rng: &mut Rng, customer: &Customer, allow: bool) -> Topic {
        // Whoever holds a role is asked about, by denied questions too.
        let held = match allow || rng.percent(25) {
            true => rng.pick(&customer.assignments).copied(),
            false => None,
        };
        let who = held.and_then(|held| self.reached(rng, customer, held.principal));
        let scope = match held {
            Some(held) => below(rng, customer, held.scope),
            None => {
                let scope = plan::scope(rng, customer);
                below(rng, customer, scope)
            }
        };
        let operations = u32::try_from(OPERATIONS.len()).unwrap_or(0);
        Topic {
            who: who.unwrap_or_else(|| self.who(rng, customer, allow)),
            action: Action::AzureOperation,
            customer: customer.index,
            what: What::Scope(scope),
            operation: rng.below(operations) as usize,
            named: self.named(rng, customer, allow),
        }
    }

    /// Somebody whom an assignment to this principal reaches.
    fn reached(&self, rng: &mut Rng, customer: &Customer, principal: Principal) -> Option<Who> {
        match principal {
            Principal::Agent { partner, agent } => Some(Who::Agent { partner, agent }),
            Principal::User(user) => Some(Who::User {
                customer: customer.index,
                user,
            }),
            Principal::Group { partner, group } => {
                let agents = self.agents_of(partner);
                let mut drawn = (0..TRIES_MAX).map(|_| rng.below(agents));
                let agent = drawn.find(|agent| self.agent(partner, *agent).is_in(group))?;
                Some(Who::Agent { partner, agent })
            }
        }
    }

    fn who(&self, rng: &mut Rng, customer: &Customer, allow: bool) -> Who {
        let agent = |rng: &mut Rng, partner: u32| Who::Agent {
            partner,
            agent: rng.below(self.agents_of(partner)),
        };
        let partner = rng.pick(&customer.relationships).map_or(0, |r| r.partner);
        let users = u32::try_from(customer.users.len()).unwrap_or(0);
        match rng.below(100) {
            0..20 if users > 0 => Who::User {
                customer: customer.index,
                user: rng.below(users),
            },
            0..70 => agent(rng, partner),
            _ if allow => agent(rng, partner),
            70..92 => {
                let partner = rng.below(self.partners());
                agent(rng, partner)
            }
            92..96 => Who::User {
                // Of another tenant, most of the time.
                customer: rng.below(self.customers()),
                user: 0,
            },
            _ => Who::Nobody(rng.next()),
        }
    }

    fn named(&self, rng: &mut Rng, customer: &Customer, allow: bool) -> Named {
        match rng.below(100) {
            0..20 => Named::Own,
            20..23 if !allow && self.customers() > 1 => {
                let step = 1 + rng.below(self.customers() - 1);
                let other = u64::from(customer.index) + u64::from(step);
                let other = other % u64::from(self.customers());
                Named::Other(u32::try_from(other).unwrap_or(0))
            }
            _ => Named::No,
        }
    }
}

/// A scope or one within it, resources most of the time.
fn below(rng: &mut Rng, customer: &Customer, scope: Scope) -> Scope {
    if rng.percent(10) {
        return scope;
    }
    let all = (0..).zip(&customer.subscriptions).flat_map(|(s, of)| {
        let groups = (0..).take(of.groups.len()).flat_map(move |g| {
            let group = [Scope::ResourceGroup(s, g)];
            group.into_iter().chain(customer.scopes_of_group(s, g))
        });
        [Scope::Subscription(s)].into_iter().chain(groups)
    });
    let within: Vec<Scope> = all.filter(|s| customer.is_within(*s, scope)).collect();
    rng.pick(&within).copied().unwrap_or(scope)
}
