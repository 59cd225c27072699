//! Azure resource ids as scopes: what kind, and what encloses them.
//!
//! A group or resource below a subscription need not be stored to be decided on:
//! its id names everything that encloses it (domain D 9). Ids are compared
//! without letter case, as Azure does: a `Scope` holds them in ASCII lower case.

use cedar_policy::EntityUid;
use smallvec::SmallVec;

use super::names;

/// Bytes of an Azure resource id. Source: contract, section 3.
pub(super) const SCOPE_ID_BYTES_MAX: usize = 2_048;

/// What a scope looks like, for whoever wrote something else.
pub(super) const SCOPE_FORMS: &str = "write \
     `/providers/Microsoft.Management/managementGroups/ID`, `/subscriptions/ID`, \
     `/subscriptions/ID/resourceGroups/NAME` or a resource id below one of the last two";

/// Segments of most ids.
const SEGMENTS: usize = 12;

const MANAGEMENT_GROUP: &str = "/providers/microsoft.management/managementgroups/";

/// The four kinds of scope, from the root of an inheritance down (B-AZ-01).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScopeKind {
    /// `/providers/Microsoft.Management/managementGroups/ID`.
    ManagementGroup,
    /// `/subscriptions/ID`.
    Subscription,
    /// `/subscriptions/ID/resourceGroups/NAME`.
    ResourceGroup,
    /// Anything with a `/providers/…` below a subscription.
    Resource,
}

impl ScopeKind {
    /// The entity type that stands for it.
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::ManagementGroup => names::MANAGEMENT_GROUP,
            Self::Subscription => names::SUBSCRIPTION,
            Self::ResourceGroup => names::RESOURCE_GROUP,
            Self::Resource => names::AZURE_RESOURCE,
        }
    }
}

/// A scope: its kind and its id in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    kind: ScopeKind,
    id: String,
}

impl Scope {
    /// Reads an Azure resource id in any letter case.
    ///
    /// # Errors
    /// A sentence that says what is wrong; the forms there are are another.
    pub fn parse(id: &str) -> Result<Self, String> {
        let id = id.to_ascii_lowercase();
        crate::policy::check_id(&id, SCOPE_ID_BYTES_MAX)?;
        let kind = kind_of(&id).ok_or_else(|| format!("`{id}` is not an Azure scope"))?;
        Ok(Self { kind, id })
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> ScopeKind {
        self.kind
    }

    /// Its id, in lower case.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The entity that stands for it.
    #[must_use]
    pub fn uid(&self) -> EntityUid {
        names::of_type(self.type_name(), &self.id)
    }

    /// The entity type that stands for its kind.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.kind.type_name()
    }

    /// The id of the management group or of the subscription that it is or is in.
    #[must_use]
    pub fn root(&self) -> &str {
        if let Some(group) = self.id.strip_prefix(MANAGEMENT_GROUP) {
            return group;
        }
        self.id.split('/').nth(2).unwrap_or_default()
    }

    /// The scope that directly encloses it, up to the subscription.
    #[must_use]
    pub fn enclosing(&self) -> Option<Self> {
        let (kind, length) = *around(&self.id)?.1.first()?;
        let id = self.id.get(..length)?.to_owned();
        Some(Self { kind, id })
    }
}

/// What a scope is, and what encloses it up to the subscription, the nearest first:
/// each a kind, and the length of its id, which the scope's own begins with.
pub(super) type Around = (ScopeKind, SmallVec<[(ScopeKind, usize); 4]>);

/// Tells what encloses a lower-cased id; none if it is no scope.
pub(super) fn around(id: &str) -> Option<Around> {
    let mut enclosing = SmallVec::new();
    if id.starts_with(MANAGEMENT_GROUP) {
        return Some((kind_of(id)?, enclosing));
    }
    let segments = segments(id)?;
    let kind = kind_of_segments(&segments)?;
    // One pair of segments at a time: `/type/name`, then a bare
    // `/providers/namespace` is no scope and goes as well.
    let (mut inner, mut length) = (segments.as_slice(), id.len());
    while let [outer @ .., ty, name] = inner {
        (inner, length) = (outer, length - ty.len() - name.len() - 2);
        if let Some(kind) = kind_of_segments(outer) {
            enclosing.push((kind, length));
        }
    }
    Some((kind, enclosing))
}

/// The resource id of a subscription.
pub(super) fn subscription_scope(id: &str) -> String {
    format!("/subscriptions/{}", id.to_ascii_lowercase())
}

/// The resource id of a management group.
pub(super) fn management_group_scope(id: &str) -> String {
    format!("{MANAGEMENT_GROUP}{}", id.to_ascii_lowercase())
}

/// The kind of a lower-cased id, if it has the form of one.
fn kind_of(id: &str) -> Option<ScopeKind> {
    if let Some(group) = id.strip_prefix(MANAGEMENT_GROUP) {
        return (!group.is_empty() && !group.contains('/')).then_some(ScopeKind::ManagementGroup);
    }
    kind_of_segments(&segments(id)?)
}

/// What stands between the slashes of an id; none if nothing does somewhere.
fn segments(id: &str) -> Option<SmallVec<[&str; SEGMENTS]>> {
    let segments: SmallVec<[&str; SEGMENTS]> = id.strip_prefix('/')?.split('/').collect();
    let empty = segments.iter().any(|segment| segment.is_empty());
    (!empty).then_some(segments)
}

/// The kind of what is a subscription or below one.
fn kind_of_segments(segments: &[&str]) -> Option<ScopeKind> {
    let (head, rest) = match segments {
        ["subscriptions", _, "resourcegroups", _, rest @ ..] => (ScopeKind::ResourceGroup, rest),
        ["subscriptions", _, rest @ ..] => (ScopeKind::Subscription, rest),
        _ => return None,
    };
    match rest {
        [] => Some(head),
        rest => is_resource_path(rest).then_some(ScopeKind::Resource),
    }
}

/// `providers/namespace/type/name[/type/name …]`, once or several times (an
/// extension resource stands below the resource that it extends).
fn is_resource_path(mut segments: &[&str]) -> bool {
    loop {
        let ["providers", _, rest @ ..] = segments else {
            return segments.is_empty();
        };
        let types_end = rest
            .iter()
            .step_by(2)
            .position(|segment| *segment == "providers");
        let pairs = types_end.map_or(rest.len(), |pair| pair * 2);
        if pairs == 0 || pairs % 2 == 1 {
            return false;
        }
        segments = rest.get(pairs..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(id: &str, kind: ScopeKind, enclosing: &[&str]) {
        let mut scope = Scope::parse(id).unwrap();
        assert_eq!(scope.kind(), kind);
        let mut found = Vec::new();
        while let Some(outer) = scope.enclosing() {
            found.push(outer.id().to_owned());
            scope = outer;
        }
        assert_eq!(found, enclosing);
    }

    #[test]
    fn each_kind_knows_what_encloses_it() {
        check(
            "/providers/Microsoft.Management/managementGroups/MG1",
            ScopeKind::ManagementGroup,
            &[],
        );
        check("/Subscriptions/S1", ScopeKind::Subscription, &[]);
        check(
            "/subscriptions/s1/resourceGroups/RG",
            ScopeKind::ResourceGroup,
            &["/subscriptions/s1"],
        );
        check(
            "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Sql/servers/a/databases/b",
            ScopeKind::Resource,
            &[
                "/subscriptions/s1/resourcegroups/rg/providers/microsoft.sql/servers/a",
                "/subscriptions/s1/resourcegroups/rg",
                "/subscriptions/s1",
            ],
        );
        check(
            "/subscriptions/s1/providers/Microsoft.Advisor/recommendations/r",
            ScopeKind::Resource,
            &["/subscriptions/s1"],
        );
        check(
            "/subscriptions/s1/resourceGroups/rg/providers/A.B/c/d/providers/E.F/g/h",
            ScopeKind::Resource,
            &[
                "/subscriptions/s1/resourcegroups/rg/providers/a.b/c/d",
                "/subscriptions/s1/resourcegroups/rg",
                "/subscriptions/s1",
            ],
        );
    }

    #[test]
    fn a_resource_called_providers_is_still_one() {
        check(
            "/subscriptions/s1/resourceGroups/rg/providers/A.B/c/providers",
            ScopeKind::Resource,
            &["/subscriptions/s1/resourcegroups/rg", "/subscriptions/s1"],
        );
    }

    #[test]
    fn other_texts_are_no_scopes() {
        for id in [
            "",
            "/",
            "s1",
            "/subscriptions",
            "/subscriptions/",
            "/subscriptions//x",
            "/subscriptions/s1/",
            "/subscriptions/s1/resourceGroups",
            "/subscriptions/s1/rg/x",
            "/subscriptions/s1/providers",
            "/subscriptions/s1/providers/A.B",
            "/subscriptions/s1/providers/A.B/type",
            "/subscriptions/s1/providers/A.B/t/n/t2",
            "/providers/Microsoft.Management/managementGroups/",
            "/providers/Microsoft.Management/managementGroups/a/b",
            "subscriptions/s1",
        ] {
            assert!(Scope::parse(id).is_err(), "{id}");
        }
    }
}
