//! Every question that a world lets one ask: principals by actions by resources,
//! with contexts that are as convincing as they can be.

use aobo::directory::{Fact, Profile, RelationshipStatus, World};
use aobo::engine::intake::Ask;
use aobo::node::Point;
use aobo::policy::{RecordShape, Type};
use serde_json::{Map, Value as Json, json};

use super::facts::{BELOW, DIRECTORY_ROLES, management_scope};
use crate::support::{self, Rng};

/// A question, and whom the resource belongs to.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) principal: (&'static str, String),
    pub(super) action: String,
    pub(super) resource: Resource,
    pub(super) context: Json,
}

/// Something that is asked about.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    pub(super) ty: &'static str,
    pub(super) id: String,
    /// The customer it belongs to; partners, products and management groups
    /// belong to none.
    pub(super) customer: Option<String>,
}

impl Question {
    pub(super) fn allowed(&self, point: &Point) -> bool {
        let context = self.context.to_string();
        let ask: Ask<'_> = support::ask(
            (self.principal.0, &self.principal.1),
            &self.action,
            (self.resource.ty, &self.resource.id),
            &context,
        );
        support::decide(point, ask).allows()
    }
}

/// All questions of a world.
pub(super) fn questions(world: &World, rng: &mut Rng) -> Vec<Question> {
    let (principals, resources) = (principals(world), resources(world));
    let bundle = support::bundle(Profile::Seed);
    let mut questions = Vec::new();
    for ((_, action), shape) in &bundle.shape().actions {
        for principal in &principals {
            if !shape.principals.iter().any(|ty| ty == principal.0) {
                continue;
            }
            for resource in &resources {
                if shape.resources.iter().any(|ty| ty == resource.ty) {
                    questions.push(Question {
                        principal: principal.clone(),
                        action: action.clone(),
                        resource: resource.clone(),
                        context: context(&shape.context, resource, world, rng),
                    });
                }
            }
        }
    }
    questions
}

fn principals(world: &World) -> Vec<(&'static str, String)> {
    let named = |fact| match fact {
        Fact::PartnerUser(f) => Some(("PartnerUser", f.id)),
        Fact::CustomerUser(f) => Some(("CustomerUser", f.id)),
        _ => None,
    };
    let nobody = ("PartnerUser", "nobody".to_owned());
    world.facts().filter_map(named).chain([nobody]).collect()
}

fn resources(world: &World) -> Vec<Resource> {
    let mut resources = Vec::new();
    let mut add = |ty, id: &str, customer: Option<&str>| {
        resources.push(Resource {
            ty,
            id: id.to_owned(),
            customer: customer.map(str::to_owned),
        });
    };
    for fact in world.facts() {
        match &fact {
            Fact::Partner(f) => add("Partner", &f.id, None),
            Fact::Customer(f) => add("Customer", &f.id, Some(&f.id)),
            Fact::CustomerUser(f) => add("CustomerUser", &f.id, Some(&f.customer)),
            Fact::Invitation(f) => add("Invitation", &f.id, Some(&f.customer)),
            Fact::Gdap(f) => add("GdapRelationship", &f.id, Some(&f.customer)),
            Fact::Device(f) => add("Device", &f.id, Some(&f.customer)),
            Fact::AutopilotProfile(f) => add("AutopilotProfile", &f.id, Some(&f.customer)),
            Fact::Product(f) => add("LicenseProduct", &f.id, None),
            Fact::ManagementGroup(f) => add("ManagementGroup", &management_scope(&f.id), None),
            Fact::Subscription(f) => {
                for (ty, below) in BELOW {
                    add(
                        ty,
                        &format!("/subscriptions/{}{below}", f.id),
                        Some(&f.customer),
                    );
                }
            }
            _ => {}
        }
    }
    resources
}

/// A context with every required key, and sometimes the name of a customer: the
/// resource's own, or one that somebody has rights in.
fn context(declared: &RecordShape, about: &Resource, world: &World, rng: &mut Rng) -> Json {
    let mut context = Map::new();
    for (name, attribute) in declared {
        if name == "now" || !attribute.required && rng.percent(50) {
            continue;
        }
        let value = match (name.as_str(), &attribute.ty) {
            ("portal", _) => pick(
                rng,
                &["office-admin-portal", "microsoft-store-for-business"],
            ),
            ("operation", _) => pick(
                rng,
                &["a.b/c/read", "a.b/write", "microsoft.authorization/x/write"],
            ),
            ("format", _) => json!("csv"),
            ("channel", _) => pick(
                rng,
                &["partner-center", "admin-portal", "microsoft-support"],
            ),
            ("customer", _) => json!(customer(about, world, rng)),
            ("product", _) => pick(rng, &["office", "same", "widget"]),
            ("profile", _) => pick(rng, &["a1", "a2", "same"]),
            ("role", _) => pick(rng, &DIRECTORY_ROLES),
            ("data", _) => json!(rng.percent(20)),
            (_, Type::Bool) => json!(rng.percent(90)),
            (_, Type::Long) => json!(1),
            (name, ty) => panic!("a value for `{name}` of {ty:?}"),
        };
        context.insert(name.clone(), value);
    }
    Json::Object(context)
}

fn pick(rng: &mut Rng, of: &[&str]) -> Json {
    json!(rng.pick(of))
}

fn customer(about: &Resource, world: &World, rng: &mut Rng) -> String {
    let active = world.facts().filter_map(|fact| match fact {
        Fact::Relationship(f) if f.status == RelationshipStatus::Active => Some(f.customer),
        _ => None,
    });
    let active: Vec<String> = active.collect();
    match &about.customer {
        Some(own) if rng.percent(50) || active.is_empty() => own.clone(),
        _ if active.is_empty() => "one".to_owned(),
        _ => active[rng.below(active.len())].clone(),
    }
}
