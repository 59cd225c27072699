//! Questions about a workload, each with the answer it must get.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use cedar_policy::EntityUid;
use jiff::Timestamp;

use super::ids::Kind;
use super::model::{Named, OPERATIONS, Topic, What, Who};
use super::random::{Rng, Stream};
use super::workload::Workload;
use crate::engine::intake::{Ask, Party};
use crate::engine::{Effect, EntityData, Input, Link, Member, Request, Value};
use crate::policy::Extension;

/// The clock of every question: 2020-09-01T09:00:00Z.
pub const NOW: Timestamp = Timestamp::constant(1_598_950_800, 0);
const NOW_TEXT: &str = "2020-09-01T09:00:00Z";

/// Which customers are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// All alike: what a question needs is seldom in a cache.
    Uniform,
    /// So many of them, again and again.
    Hot(u32),
}

/// A question, as the engine takes it, with the answer it must get.
#[derive(Debug, Clone)]
pub struct Question {
    /// The question.
    pub request: Request,
    /// What the engine decides, in either error mode: nothing here fails.
    pub expected: Effect,
    topic: Topic,
}

/// Questions without end, half of them allowed.
#[derive(Debug, Clone)]
pub struct Questions<'w> {
    workload: &'w Workload,
    spread: Spread,
    rng: Rng,
}

impl Workload {
    /// Questions about this workload; the same seed gives the same ones.
    #[must_use]
    pub fn questions(&self, seed: u64, spread: Spread) -> Questions<'_> {
        Questions {
            workload: self,
            spread,
            rng: self.rng(Stream::Question, seed),
        }
    }

    /// The links on a question's path: those whose principal is the asker or a
    /// group of it, nested ones included, and whose scope is the resource or
    /// encloses it. No other link has a say in the decision.
    #[must_use]
    pub fn links_on_path(&self, question: &Question) -> Vec<Link> {
        let customer = self.customer(question.topic.customer);
        let links = self.on_path(&customer, &question.topic);
        links.map(|a| self.link(&customer, a)).collect()
    }

    /// The scopes that the question is about, as the directory supplies them
    /// where they are not stored: the resource and what encloses it, up to the
    /// subscription. Empty where the resource is none of those.
    #[must_use]
    pub fn own_entities(&self, question: &Question) -> Vec<EntityData> {
        let What::Scope(scope) = question.topic.what else {
            return Vec::new();
        };
        let customer = self.customer(question.topic.customer);
        let uid = Kind::Customer.uid(&self.customer_id(customer.index));
        let scopes = std::iter::successors(Some(scope), |scope| customer.enclosing(*scope));
        let below = scopes.take_while(|scope| scope.is_below_subscription());
        below
            .map(|scope| self.scope_entity(&customer, scope, &uid))
            .collect()
    }

    fn question(&self, topic: Topic, allowed: bool) -> Question {
        let customer = self.customer_id(topic.customer);
        let principal = match topic.who {
            Who::Agent { partner, agent } => Kind::PartnerUser.uid(&self.agent_id(partner, agent)),
            Who::User { customer, user } => Kind::CustomerUser.uid(&self.user_id(customer, user)),
            Who::Nobody(number) => Kind::PartnerUser.uid(&self.unknown_id(number)),
        };
        let resource = match topic.what {
            What::Customer => Kind::Customer.uid(&customer),
            What::User(user) => Kind::CustomerUser.uid(&self.user_id(topic.customer, user)),
            What::Device(device) => Kind::Device.uid(&self.device_id(topic.customer, device)),
            What::Scope(scope) => self.scope_uid(&self.customer(topic.customer), scope),
        };
        let mut context = BTreeMap::from([("now".to_owned(), now())]);
        let named = match topic.named {
            Named::No => None,
            Named::Own => Some(customer),
            Named::Other(other) => Some(self.customer_id(other)),
        };
        if let Some(id) = named {
            let uid = Kind::Customer.uid(&id);
            context.insert("customer".to_owned(), Value::Entity(uid));
        }
        let operation = OPERATIONS.get(topic.operation);
        let operation = operation.filter(|_| matches!(topic.what, What::Scope(_)));
        if let Some((name, data, _)) = operation {
            context.insert("operation".to_owned(), Value::string(*name));
            if *data {
                context.insert("data".to_owned(), Value::Bool(true));
            }
        }
        Question {
            request: Request {
                principal,
                action: Kind::Action.uid(&format!("{:?}", topic.action)),
                resource,
                context,
                entities: Vec::new(),
            },
            expected: if allowed { Effect::Allow } else { Effect::Deny },
            topic,
        }
    }
}

impl Iterator for Questions<'_> {
    type Item = Question;

    fn next(&mut self) -> Option<Question> {
        let all = self.workload.customers();
        let index = match self.spread {
            Spread::Uniform => self.rng.below(all),
            Spread::Hot(few) => {
                let few = few.clamp(1, all);
                // Evenly over the range, so that hot ones are no neighbours.
                self.rng.below(few) * (all / few)
            }
        };
        let customer = self.workload.customer(index);
        let allow = self.rng.percent(50);
        let (topic, allowed) = self.workload.topic(&mut self.rng, &customer, allow);
        Some(self.workload.question(topic, allowed))
    }
}

impl Question {
    /// Index of the customer that it is about.
    #[must_use]
    pub fn customer(&self) -> u32 {
        self.topic.customer
    }

    /// The question as it is asked: strings, before anything is looked up.
    #[must_use]
    pub fn ask(&self) -> Ask<'static> {
        let Request {
            principal,
            action,
            resource,
            ..
        } = &self.request;
        Ask {
            principal: Party::from(principal),
            action: Party::from(action).id,
            resource: Party::from(resource),
            context: self.members().collect(),
            ..Ask::default()
        }
    }

    /// The question as a body of AuthZEN's `POST /access/v1/evaluation`.
    #[must_use]
    pub fn body(&self) -> String {
        let party = |uid: &EntityUid| {
            serde_json::json!({
                "type": uid.type_name().to_string(),
                "id": uid.id().unescaped(),
            })
        };
        let context = self.members().map(|member| {
            let value = match member.value {
                Input::Bool(value) => value.into(),
                Input::String(text) => text.into(),
                _ => serde_json::Value::Null,
            };
            (member.name.into_owned(), value)
        });
        let context: serde_json::Map<_, _> = context.collect();
        let body = serde_json::json!({
            "subject": party(&self.request.principal),
            "action": { "name": self.request.action.id().unescaped() },
            "resource": party(&self.request.resource),
            "context": context,
        });
        body.to_string()
    }

    /// The context without the clock, which is the decider's.
    fn members(&self) -> impl Iterator<Item = Member<'static>> {
        let context = self.request.context.iter();
        context.filter_map(|(name, value)| {
            let value = match value {
                Value::Bool(value) => Input::Bool(*value),
                Value::String(text) => Input::String(text.to_string().into()),
                Value::Entity(uid) => Input::String(uid.id().unescaped().to_owned().into()),
                _ => return None,
            };
            Some(Member {
                name: name.clone().into(),
                value,
            })
        })
    }
}

pub(super) fn now() -> Value {
    static TEXT: LazyLock<Arc<str>> = LazyLock::new(|| NOW_TEXT.into());
    Value::Extension(Extension::Datetime, Arc::clone(&TEXT))
}
