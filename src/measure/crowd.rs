//! Links in numbers, where they must not cost a decision anything: elsewhere in
//! the world, at one principal, at one scope.

use std::collections::BTreeMap;

use cedar_policy::EntityUid;

use super::ids::Kind;
use super::plan::{AZURE_ROLES, Scope};
use super::question::now;
use super::random::{Stream, push_guid};
use super::workload::{LARGE, Workload};
use crate::engine::{Change, Effect, EntityData, Link, Request, Value};

/// Links of each principal and of each scope, of those that are elsewhere. They
/// come in blocks in which every principal has one at every scope.
const BLOCK: (u32, u32) = (16, 8);

impl Workload {
    /// So many links whose principals and scopes no question of this workload
    /// meets: with more of them the world grows, and no question's path does.
    pub fn other_links(&self, count: u32) -> impl Iterator<Item = Change> + '_ {
        let (of_principal, at_scope) = BLOCK;
        (0..count).map(move |number| {
            let block = number / (of_principal * at_scope);
            let principal = self.crowd_agent(number / of_principal);
            let scope = self.crowd_scope(block * of_principal + number % of_principal);
            Change::AddLink(link(number as usize % AZURE_ROLES.len(), principal, scope))
        })
    }

    /// An agent that is in no plan.
    fn crowd_agent(&self, number: u32) -> EntityUid {
        let mut id = String::with_capacity(36);
        push_guid(&mut id, self.seed, Stream::Crowd, u64::from(number) << 1);
        Kind::PartnerUser.uid(&id)
    }

    /// A subscription that is in no plan, or a group in one.
    fn crowd_scope(&self, number: u32) -> EntityUid {
        let mut id = String::with_capacity(80);
        id.push_str("/subscriptions/");
        push_guid(
            &mut id,
            self.seed,
            Stream::Crowd,
            u64::from(number) << 1 | 1,
        );
        if number.is_multiple_of(2) {
            return Kind::Subscription.uid(&id);
        }
        id.push_str("/resourcegroups/rg-crowd");
        Kind::ResourceGroup.uid(&id)
    }
}

/// A principal with many links, asking about a scope with as many: only a link
/// between the two counts.
#[derive(Debug, Clone)]
pub struct Crowd {
    world: Workload,
    links: u32,
    joined: bool,
}

impl Crowd {
    /// A crowd of so many links at the principal, and so many at the scope.
    /// `joined` ones have one more, between the two, that allows the question.
    #[must_use]
    pub fn new(seed: u64, links: u32, joined: bool) -> Self {
        Self {
            world: Workload::new(seed, 1),
            links,
            joined,
        }
    }

    /// Everything, as changes that build it up; lazy.
    pub fn changes(&self) -> impl Iterator<Item = Change> + '_ {
        let partner = Kind::Partner.uid(&self.world.partner_id(LARGE));
        let agent = EntityData::new(self.principal()).with("partner", Value::Entity(partner));
        let (principal, scope) = (self.principal(), self.scope());
        let of_principal = (1..=self.links).map(move |number| {
            let elsewhere = self.world.crowd_scope(number);
            Change::AddLink(link(0, principal.clone(), elsewhere))
        });
        let at_scope = (1..=self.links).map(move |number| {
            let other = self.world.crowd_agent(number);
            Change::AddLink(link(0, other, scope.clone()))
        });
        self.world
            .changes()
            .chain([Change::PutEntity(agent)])
            .chain(of_principal)
            .chain(at_scope)
            .chain(self.links_on_path().into_iter().map(Change::AddLink))
    }

    /// The question: whether the principal reads a resource group in the scope.
    #[must_use]
    pub fn request(&self) -> Request {
        let customer = self.world.customer(0);
        let operation = Value::string("microsoft.compute/virtualmachines/read");
        Request {
            principal: self.principal(),
            action: Kind::Action.uid("AzureOperation"),
            resource: self.world.scope_uid(&customer, Scope::ResourceGroup(0, 0)),
            context: BTreeMap::from([
                ("now".to_owned(), now()),
                ("operation".to_owned(), operation),
            ]),
            entities: Vec::new(),
        }
    }

    /// What the engine decides.
    #[must_use]
    pub fn expected(&self) -> Effect {
        match self.joined {
            true => Effect::Allow,
            false => Effect::Deny,
        }
    }

    /// The links on the question's path: the one between the two, if there is
    /// one.
    #[must_use]
    pub fn links_on_path(&self) -> Vec<Link> {
        let between = self.joined.then(|| link(2, self.principal(), self.scope()));
        between.into_iter().collect()
    }

    fn principal(&self) -> EntityUid {
        self.world.crowd_agent(0)
    }

    fn scope(&self) -> EntityUid {
        let customer = self.world.customer(0);
        self.world.scope_uid(&customer, Scope::Subscription(0))
    }
}

/// A link of one of the roles, by its number.
fn link(role: usize, principal: EntityUid, scope: EntityUid) -> Link {
    let template = AZURE_ROLES.get(role).map(|(_, template)| *template);
    Link {
        template: template.unwrap_or_default().to_owned(),
        principal: Some(principal),
        resource: Some(scope),
    }
}
