//! The direct way of a question against the whole way: where there is a query without a
//! request between, both are decided the same, and nothing of the question was dropped.

use std::collections::BTreeMap;

use aobo::engine::intake::{Ask, Now, Party, direct, direct_batch, prepare};
use aobo::engine::{Decision, Input, Member, Outcome, Query, Request, Snapshot, Value};

use super::compare::Answer;
use super::engine::build;
use super::requests::request;
use super::search::MODES;
use super::world::World;
use crate::support::{NOW, Rng};

/// How many questions there were, and how many of those went the direct way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ways {
    pub(super) asked: usize,
    pub(super) direct: usize,
    /// Of questions that something was done to.
    pub(super) direct_of_altered: usize,
    pub(super) allowed: usize,
}

impl Ways {
    pub(super) fn add(&mut self, other: Self) {
        self.asked += other.asked;
        self.direct += other.direct;
        self.direct_of_altered += other.direct_of_altered;
        self.allowed += other.allowed;
    }
}

/// Makes the world of a seed and asks about it.
pub(super) fn one_world(seed: u64, questions: usize) -> Ways {
    let mut rng = Rng::new(seed ^ 0x5A17_0C3D_9B2E_4F61);
    let world = match seed % 4 {
        0 => World::with_hub(&mut rng),
        _ => World::random(&mut rng).0,
    };
    let bundle = world.bundle().expect("only valid policies are left");
    let snapshot = build(&bundle, world.facts.changes(seed)).expect("sound facts");
    let mut ways = Ways::default();
    let mut asks = Vec::new();
    for _ in 0..questions {
        let made = request(&mut rng, &world);
        let mut ask = asked(&mut rng, &made);
        let altered = rng.percent(30);
        if altered {
            alter(&mut rng, &mut ask);
        }
        ways.asked += 1;
        if let Some(allows) = check(&snapshot, &ask) {
            ways.direct += 1;
            ways.direct_of_altered += usize::from(altered);
            ways.allowed += usize::from(allows);
        }
        asks.push(ask);
    }
    check_batch(&snapshot, &asks);
    ways
}

/// Fails unless the whole way gives a query that is decided the same. Whether it is
/// allowed, if there is a direct way.
#[track_caller]
fn check(snapshot: &Snapshot, ask: &Ask<'_>) -> Option<bool> {
    let query = direct(snapshot, (ask, None), &Now::new(NOW))?;
    let prepared = prepare(snapshot, ask, Vec::new(), NOW);
    let prepared = prepared.unwrap_or_else(|problem| panic!("{problem}: {ask:#?}"));
    assert_eq!(prepared.ignored, [""; 0], "{ask:#?}");
    let whole = Query::new(snapshot, &prepared.request);
    let whole = whole.unwrap_or_else(|problem| panic!("{problem}: {ask:#?}"));
    let mut allows = false;
    for mode in MODES {
        let [direct, whole] = [&query, &whole].map(|query| {
            let outcome = Outcome::of(snapshot, query, mode).expect("its own snapshot");
            Answer::of(&Decision::naming(snapshot, query, &outcome))
        });
        assert_eq!(direct, whole, "{mode:?} {ask:#?}");
        allows = direct.allows;
    }
    Some(allows)
}

/// Fails unless a batch goes the direct way where its questions do alone.
#[track_caller]
fn check_batch(snapshot: &Snapshot, asks: &[Ask<'_>]) {
    let now = Now::new(NOW);
    let together = direct_batch(snapshot, asks.iter().map(|ask| (ask, None)), &now);
    assert_eq!(together.len(), asks.len());
    for (ask, together) in asks.iter().zip(together) {
        let alone = direct(snapshot, (ask, None), &now);
        let [alone, together] = [alone, together].map(|query| {
            query.map(|query| {
                let outcome = Outcome::of(snapshot, &query, MODES[0]).expect("its own snapshot");
                Answer::of(&Decision::naming(snapshot, &query, &outcome))
            })
        });
        assert_eq!(alone, together, "{ask:#?}");
    }
}

/// A request as it may be asked: ids and values in one of their spellings.
fn asked(rng: &mut Rng, request: &Request) -> Ask<'static> {
    let Party {
        ty: action_type,
        id: action,
        ..
    } = Party::from(&request.action);
    Ask {
        principal: Party::from(&request.principal),
        action,
        action_type: rng.percent(50).then_some(action_type),
        resource: Party::from(&request.resource),
        context: members(rng, &request.context),
        ..Ask::default()
    }
}

fn members(rng: &mut Rng, values: &BTreeMap<String, Value>) -> Vec<Member<'static>> {
    let mut members: Vec<Member<'static>> = Vec::new();
    for (name, value) in values {
        let at = rng.below(members.len() + 1);
        let value = input(rng, value);
        members.insert(at, member(name, value));
    }
    members
}

fn member(name: &str, value: Input<'static>) -> Member<'static> {
    Member {
        name: name.to_owned().into(),
        value,
    }
}

fn input(rng: &mut Rng, value: &Value) -> Input<'static> {
    let text = |text: &str| Input::String(text.to_owned().into());
    match value {
        Value::Bool(value) => Input::Bool(*value),
        Value::Long(value) => Input::Long(*value),
        Value::String(value) | Value::Extension(_, value) => text(value),
        Value::Entity(uid) => {
            let Party { ty, id, .. } = Party::from(uid);
            match rng.percent(80) {
                true => Input::String(id),
                false => Input::Map(vec![
                    member("type", Input::String(ty)),
                    member("id", Input::String(id)),
                ]),
            }
        }
        Value::Set(items) => Input::List(items.iter().map(|item| input(rng, item)).collect()),
        Value::Record(fields) => Input::Map(members(rng, fields)),
    }
}

/// Does something to a question that most often makes it wrong, or less plain.
fn alter(rng: &mut Rng, ask: &mut Ask<'static>) {
    let other = |rng: &mut Rng| match rng.below(6) {
        0 => Input::Null,
        1 => Input::Bool(rng.percent(50)),
        2 => Input::Long(7),
        3 => Input::Number(0.5),
        4 => Input::String("nobody".into()),
        _ => Input::List(Vec::new()),
    };
    let at = rng.below(ask.context.len().max(1));
    match rng.below(9) {
        0 => ask.principal.id = "nobody knows".into(),
        1 => ask.resource.id = "nobody knows".into(),
        2 => ask.action_type = Some("Nothing".into()),
        3 => ask.context.push(member("undeclared", other(rng))),
        4 => ask.context.push(member("now", other(rng))),
        5 => ask.principal.properties = vec![member("a", other(rng))],
        6 if !ask.context.is_empty() => {
            ask.context.remove(at);
        }
        7 if !ask.context.is_empty() => {
            let twice = ask.context[at].clone();
            ask.context.push(twice);
        }
        _ => match ask.context.get_mut(at) {
            Some(member) => member.value = other(rng),
            None => ask.action_properties = vec![member("a", other(rng))],
        },
    }
}
