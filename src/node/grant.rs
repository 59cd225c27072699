//! Which grant would turn a deny into an allow.
//!
//! Only what a policy author offers: a template with `@access_request`, linked to
//! the question's own principal and resource. Whether it would be enough is not
//! guessed: the question is decided on a state that has the link. Deliberately not
//! here: other ways to an allow (a relationship, a licence), and whether anybody
//! should make the grant.

use cedar_policy::{PolicyId, SlotId};
use jiff::Timestamp;

use super::Point;
use crate::engine::intake::{Ask, Prepared};
use crate::engine::{Change, Link, Request, Snapshot, decide};
use crate::policy::PolicyInfo;

/// The annotation by which the author of a template lets it be asked for; its value
/// names the workflow that handles the request.
pub const ACCESS_REQUEST: &str = "access_request";

/// A link that would be enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What is to be linked.
    pub link: Link,
    /// The workflow that handles requests for it: the value of [`ACCESS_REQUEST`].
    pub workflow: String,
    /// What it gives, in words: the template's `@reason`.
    pub gives: Option<String>,
}

impl Point {
    /// The first template on offer whose link would make this question an allow, in
    /// the order in which templates are written; none for a question that is allowed
    /// or cannot be evaluated, about a principal or a resource that is not stored, or
    /// that no such link would be enough for.
    #[must_use]
    pub fn grant_for(&self, ask: Ask<'_>, now: Timestamp) -> Option<Grant> {
        let bundle = self.snapshot().bundle();
        let mut offered: Vec<&PolicyInfo> =
            bundle.infos().filter(|info| is_offered(info)).collect();
        if offered.is_empty() {
            return None;
        }
        offered.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        let Prepared { request, .. } = self.prepare(ask, now).ok()?;
        let facts = self.snapshot().facts();
        let known = |uid| facts.knows(uid);
        if !known(&request.principal) || !known(&request.resource) {
            return None;
        }
        let allows = |snapshot: &Snapshot| decide(snapshot, &request, self.mode()).allows();
        if allows(self.snapshot()) {
            return None;
        }
        offered.into_iter().find_map(|info| {
            let grant = grant(self.snapshot(), info, &request)?;
            let link = Change::AddLink(grant.link.clone());
            let granted = self.snapshot().next(vec![link]).ok()?;
            allows(&granted).then_some(grant)
        })
    }
}

fn is_offered(info: &PolicyInfo) -> bool {
    info.is_template && info.annotations.contains_key(ACCESS_REQUEST)
}

/// A template's link at a question.
fn grant(snapshot: &Snapshot, info: &PolicyInfo, request: &Request) -> Option<Grant> {
    let id = PolicyId::new(&info.id);
    let template = snapshot.bundle().policies().template(&id)?;
    let slot = |slot: SlotId| template.slots().any(|of| *of == slot);
    let annotation = |name: &str| info.annotations.get(name).cloned();
    Some(Grant {
        link: Link {
            template: info.id.clone(),
            principal: slot(SlotId::principal()).then(|| request.principal.clone()),
            resource: slot(SlotId::resource()).then(|| request.resource.clone()),
        },
        workflow: annotation(ACCESS_REQUEST)?,
        gives: annotation("reason"),
    })
}
