//! Why a question was answered so: which clauses held, which did not, and the
//! path of facts behind those that did.
//!
//! The decision is taken as it is; nothing here decides. Each clause of a policy
//! is evaluated by itself with the reference evaluator, so that an explanation
//! cannot disagree with the policy's text, over the few entities that it can look at
//! (`explain/ground.rs`), so that the size of the world is nothing to it. The layers (`@layer`) and the words
//! for what is missing (`@lacking`) come from the schema: a clause belongs to
//! the declaration that it reads.

mod asking;
mod clause;
mod ground;
mod path;
mod report;

pub use path::Hop;
pub use report::{ClauseReport, Explanation, Outcome, PolicyReport, Unlinked, explain};

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::engine::{
        Change, EntityData, ErrorMode, Request, Revision, Snapshot, Value, decide, uid,
    };
    use crate::policy::{Bundle, Source};

    const SCHEMA: &str = r#"
        entity Group in [Group];
        entity User in [Group] { manager?: User, level: Long };
        entity Doc { owner: User };
        action read appliesTo { principal: [User], resource: [Doc], context: {} };
    "#;
    const POLICY: &str = r#"
        @id("far")
        permit (principal is User, action == Action::"read", resource is Doc)
        when { resource.owner has manager && resource.owner.manager.level > 2 }
        when { resource.owner.manager in Group::"inner" || principal in Group::"outer" };
    "#;

    /// Ana manages Bob, who owns the document; whoever asks is in no group.
    fn snapshot(group: &str) -> Snapshot {
        let bundle = Bundle::new(
            &Source::new("schema", SCHEMA),
            &[Source::new("policy", POLICY)],
        );
        let id = |ty, id| uid(ty, id).unwrap();
        let level = |user: EntityData, level| user.with("level", Value::Long(level));
        let ana = EntityData::new(id("User", "ana")).in_parent(id("Group", group));
        let bob = EntityData::new(id("User", "bob"));
        let bob = bob.with("manager", Value::Entity(id("User", "ana")));
        let doc = EntityData::new(id("Doc", "plan"));
        let inner = EntityData::new(id("Group", "inner")).in_parent(id("Group", "outer"));
        let entities = [
            level(ana, 3),
            level(bob, 1),
            level(EntityData::new(id("User", "eve")), 1),
            doc.with("owner", Value::Entity(id("User", "bob"))),
            inner,
        ];
        let changes = entities.into_iter().map(Change::PutEntity);
        Snapshot::build(Arc::new(bundle.unwrap()), changes, Revision(0)).unwrap()
    }

    #[test]
    fn clauses_look_as_far_as_they_read_and_nobody_copies_the_world() {
        for (group, allows) in [("inner", true), ("outer", false)] {
            let snapshot = snapshot(group);
            let request = Request {
                principal: uid("User", "eve").unwrap(),
                action: uid("Action", "read").unwrap(),
                resource: uid("Doc", "plan").unwrap(),
                context: BTreeMap::new(),
                entities: Vec::new(),
            };
            let decision = decide(&snapshot, &request, ErrorMode::Strict);
            assert_eq!(decision.allows(), allows);
            let explained = explain(&snapshot, &request, &decision).unwrap();
            let reports = if allows {
                explained.determining
            } else {
                explained.near
            };
            let clauses = reports.iter().flat_map(|report| &report.clauses);
            let outcomes: Vec<bool> = clauses.map(|it| it.outcome == Outcome::Held).collect();
            assert_eq!(outcomes, [true, true, allows], "{reports:#?}");
            assert!(!snapshot.has_reference());
        }
    }
}
