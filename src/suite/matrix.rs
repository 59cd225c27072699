//! The access matrix: every principal, action and resource of a world, as a
//! table that is reviewed as a diff.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::engine::intake::{Ask, Party};
use crate::engine::{Effect, EntityUid, Member};
use crate::node::Point;

/// Every answer of a world.
#[derive(Debug, Default)]
pub struct Matrix {
    /// Allowed cells: action, then resource, then the principals that may.
    allowed: BTreeMap<(String, String), BTreeSet<String>>,
    /// Cells that were asked, by action and resource type.
    asked: BTreeMap<(String, String), usize>,
    /// Cells whose decision had erroring policies or a problem.
    pub troubled: Vec<String>,
    /// All cells.
    pub cells: usize,
}

/// Asks everything: each action of the schema, for each stored principal and
/// resource of the types that it applies to, and for the resources in `besides`,
/// which need not be stored. `context` supplies an action's
/// context (its required keys); `None` leaves the action out, which
/// [`Matrix::unasked`] reports.
#[must_use]
pub fn matrix(
    point: &Point,
    now: Timestamp,
    besides: &[EntityUid],
    context: &dyn Fn(&str, &EntityUid) -> Option<Vec<Member<'static>>>,
) -> Matrix {
    let mut by_type: BTreeMap<String, Vec<EntityUid>> = BTreeMap::new();
    let stored = point.snapshot().facts().entities();
    for uid in stored
        .map(|entity| entity.uid)
        .chain(besides.iter().cloned())
    {
        by_type
            .entry(uid.type_name().to_string())
            .or_default()
            .push(uid);
    }
    let mut matrix = Matrix::default();
    let shape = point.snapshot().bundle().shape();
    for ((_, action), declared) in &shape.actions {
        let of = |types: &[String]| -> Vec<EntityUid> {
            let found = types.iter().filter_map(|ty| by_type.get(ty));
            found.flatten().cloned().collect()
        };
        let principals = of(&declared.principals);
        for resource in of(&declared.resources) {
            let Some(context) = context(action, &resource) else {
                continue;
            };
            for principal in &principals {
                let ask = Ask {
                    principal: Party::from(principal),
                    action: action.clone().into(),
                    resource: Party::from(&resource),
                    context: context.clone(),
                    ..Ask::default()
                };
                matrix.ask(point, ask, now, (principal, action, &resource));
            }
        }
    }
    matrix
}

impl Matrix {
    fn ask(
        &mut self,
        point: &Point,
        ask: Ask<'_>,
        now: Timestamp,
        (principal, action, resource): (&EntityUid, &str, &EntityUid),
    ) {
        let decision = point.decide(ask, now).decision;
        self.cells += 1;
        let column = (action.to_owned(), resource.type_name().to_string());
        *self.asked.entry(column).or_default() += 1;
        if decision.problem.is_some() || !decision.erroring.is_empty() {
            self.troubled
                .push(format!("{principal} {action} {resource}"));
        }
        if decision.effect == Effect::Allow {
            let cell = (action.to_owned(), resource.to_string());
            self.allowed
                .entry(cell)
                .or_default()
                .insert(principal.to_string());
        }
    }

    /// Actions and resource types of the schema that no cell asked about. Types
    /// without any entity in the world are among them: a world that shows
    /// everything has some of each.
    #[must_use]
    pub fn unasked(&self, point: &Point) -> Vec<String> {
        let shape = point.snapshot().bundle().shape();
        let declared = shape.actions.iter().flat_map(|((_, action), declared)| {
            let types = declared.resources.iter();
            types.map(move |ty| (action.clone(), ty.clone()))
        });
        let unasked = declared.filter(|column| !self.asked.contains_key(column));
        unasked
            .map(|(action, ty)| format!("{action} on {ty}"))
            .collect()
    }

    /// Actions that nobody may do to anything.
    #[must_use]
    pub fn never_allowed(&self) -> BTreeSet<&str> {
        let asked = self.asked.keys().map(|(action, _)| action.as_str());
        let allowed = self.allowed.keys().map(|(action, _)| action.as_str());
        let allowed: BTreeSet<&str> = allowed.collect();
        asked.filter(|action| !allowed.contains(action)).collect()
    }

    /// The table: a block an action; in it, resources that the same principals
    /// may act on, and those principals. What is not listed is denied.
    #[must_use]
    pub fn table(&self) -> String {
        let asked = self.asked.keys().map(|(action, _)| action.as_str());
        let mut text = format!("{} cells; what is not listed is denied\n", self.cells);
        for action in asked.collect::<BTreeSet<&str>>() {
            let cells = self.allowed.iter().filter(|((a, _), _)| a == action);
            let mut alike: BTreeMap<&BTreeSet<String>, Vec<&str>> = BTreeMap::new();
            for ((_, resource), principals) in cells {
                alike.entry(principals).or_default().push(resource);
            }
            text += &format!("\n{action}\n");
            if alike.is_empty() {
                text += "  nobody\n";
            }
            let mut blocks: Vec<_> = alike.into_iter().collect();
            blocks.sort_by(|(_, a), (_, b)| a.cmp(b));
            for (principals, resources) in blocks {
                for resource in resources {
                    text += &format!("  {resource}\n");
                }
                for principal in principals {
                    text += &format!("      {principal}\n");
                }
            }
        }
        text
    }
}
