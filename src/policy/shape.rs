//! What a schema declares, in a form that can be asked: attribute types,
//! contexts, annotations.
//!
//! `cedar_policy::Schema` validates but shows neither attribute types nor the
//! annotations of attributes; this is read from the schema's JSON form, with
//! every type name resolved by Cedar itself.

use std::collections::BTreeMap;
use std::str::FromStr;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use foldhash::HashMap;
use serde_json::{Map, Value as Json};

/// Annotations of a declaration or a policy: name to value (`""` if none given).
pub type Annotations = BTreeMap<String, String>;

/// The declarations of one schema.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    /// By full type name: `Namespace::User`.
    pub entities: BTreeMap<String, EntityShape>,
    /// By type name of the action entity (`Namespace::Action`) and id.
    pub actions: BTreeMap<(String, String), ActionShape>,
    /// The types of entities and actions, as Cedar names them: reading a name takes
    /// longer than deciding.
    names: HashMap<String, EntityTypeName>,
}

/// One entity type.
#[derive(Debug, Clone, Default)]
pub struct EntityShape {
    /// Declared attributes.
    pub attributes: RecordShape,
    /// The type of the tags, if it has tags.
    pub tags: Option<Type>,
    /// Full names of the types that it can be a member of.
    pub parents: Vec<String>,
    /// The ids that exist, if the type is enumerated.
    pub ids: Option<Vec<String>>,
    /// Annotations of the declaration.
    pub annotations: Annotations,
}

/// One action.
#[derive(Debug, Clone, Default)]
pub struct ActionShape {
    /// Full names of the principal types it applies to.
    pub principals: Vec<String>,
    /// Full names of the resource types it applies to.
    pub resources: Vec<String>,
    /// Type name and id of the groups that it is directly in.
    pub groups: Vec<(String, String)>,
    /// The declared context.
    pub context: RecordShape,
    /// Annotations of the declaration.
    pub annotations: Annotations,
}

/// A record's attributes by name.
pub type RecordShape = BTreeMap<String, Attribute>;

/// One attribute of an entity, a record or a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its type.
    pub ty: Type,
    /// Whether it must be there.
    pub required: bool,
    /// Annotations of the attribute: `@from_request`, `@layer` …
    pub annotations: Annotations,
}

/// A Cedar type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// `Bool`.
    Bool,
    /// `Long`: 64-bit signed.
    Long,
    /// `String`.
    String,
    /// An entity of the type with this full name.
    Entity(String),
    /// A set of one type.
    Set(Box<Type>),
    /// A record.
    Record(RecordShape),
    /// An extension type.
    Extension(Extension),
}

/// The extension types of Cedar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extension {
    /// `ipaddr`.
    Ip,
    /// `decimal`.
    Decimal,
    /// `datetime`.
    Datetime,
    /// `duration`.
    Duration,
}

impl Extension {
    /// The Cedar function that makes a value from a string.
    #[must_use]
    pub fn constructor(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Decimal => "decimal",
            Self::Datetime => "datetime",
            Self::Duration => "duration",
        }
    }
}

impl Shape {
    /// Reads the JSON form of a schema, type names resolved.
    ///
    /// # Errors
    /// A sentence naming what is not understood (a later form of Cedar, say).
    pub(super) fn from_resolved_json(schema: &Json) -> Result<Self, String> {
        let namespaces = schema.as_object().ok_or("the schema is not an object")?;
        let mut shape = Self::default();
        for (namespace, body) in namespaces {
            Reader {
                schema,
                namespace,
                depth: 0,
            }
            .namespace(body, &mut shape)?;
        }
        let actions = shape.actions.keys().map(|(ty, _)| ty);
        let names = shape.entities.keys().chain(actions).map(|name| {
            let read = EntityTypeName::from_str(name).map_err(|error| error.to_string())?;
            Ok((name.clone(), read))
        });
        shape.names = names.collect::<Result<_, String>>()?;
        Ok(shape)
    }

    /// The entity of a declared type with this id; none if the type is not declared.
    #[must_use]
    pub fn uid(&self, ty: &str, id: &str) -> Option<EntityUid> {
        let name = self.type_name(ty)?.clone();
        Some(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
    }

    /// The name of a declared type, of entities or actions, as Cedar has it.
    #[must_use]
    pub fn type_name(&self, ty: &str) -> Option<&EntityTypeName> {
        self.names.get(ty)
    }

    /// The action `id` of whichever action type declares it; `None` if no or
    /// several namespaces do.
    #[must_use]
    pub fn action_named(&self, id: &str) -> Option<(&(String, String), &ActionShape)> {
        let mut found = self.actions.iter().filter(|((_, name), _)| name == id);
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }
}

/// Reads one namespace.
struct Reader<'a> {
    schema: &'a Json,
    namespace: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn namespace(&self, body: &Json, shape: &mut Shape) -> Result<(), String> {
        for (name, entity) in members(body, "entityTypes") {
            shape
                .entities
                .insert(self.qualified(name), self.entity(entity)?);
        }
        let action_type = self.qualified("Action");
        for (id, action) in members(body, "actions") {
            let action = self.action(action, &action_type)?;
            shape
                .actions
                .insert((action_type.clone(), id.clone()), action);
        }
        Ok(())
    }

    fn qualified(&self, name: &str) -> String {
        match self.namespace {
            "" => name.to_owned(),
            namespace => format!("{namespace}::{name}"),
        }
    }

    fn entity(&self, entity: &Json) -> Result<EntityShape, String> {
        let tags = entity.get("tags").map(|tags| self.ty(tags)).transpose()?;
        Ok(EntityShape {
            attributes: self.record(entity.get("shape"))?,
            tags,
            parents: entity.get("memberOfTypes").map(strings).unwrap_or_default(),
            ids: entity.get("enum").map(strings),
            annotations: annotations(entity),
        })
    }

    fn action(&self, action: &Json, action_type: &str) -> Result<ActionShape, String> {
        let groups = action.get("memberOf").and_then(Json::as_array);
        let groups = groups.into_iter().flatten().filter_map(|group| {
            let ty = group.get("type").and_then(Json::as_str);
            let id = group.get("id").and_then(Json::as_str)?;
            Some((ty.unwrap_or(action_type).to_owned(), id.to_owned()))
        });
        let applies = action.get("appliesTo");
        let names = |key| applies.and_then(|a| a.get(key)).map(strings);
        Ok(ActionShape {
            groups: groups.collect(),
            principals: names("principalTypes").unwrap_or_default(),
            resources: names("resourceTypes").unwrap_or_default(),
            context: self.record(applies.and_then(|a| a.get("context")))?,
            annotations: annotations(action),
        })
    }

    /// A shape or context: a record, or a name that stands for one.
    fn record(&self, ty: Option<&Json>) -> Result<RecordShape, String> {
        match ty.map(|ty| self.ty(ty)).transpose()? {
            None => Ok(RecordShape::new()),
            Some(Type::Record(record)) => Ok(record),
            Some(other) => Err(format!("a record is wanted, and `{other:?}` is none")),
        }
    }

    fn ty(&self, ty: &Json) -> Result<Type, String> {
        let name = ty.get("type").and_then(Json::as_str).unwrap_or_default();
        let named = || ty.get("name").and_then(Json::as_str).unwrap_or_default();
        Ok(match name.strip_prefix("__cedar::").unwrap_or(name) {
            "Boolean" | "Bool" => Type::Bool,
            "Long" => Type::Long,
            "String" => Type::String,
            "Set" => {
                let element = ty.get("element").ok_or("a set without element type")?;
                Type::Set(Box::new(self.ty(element)?))
            }
            "Record" => {
                let mut record = RecordShape::new();
                for (name, attribute) in members(ty, "attributes") {
                    record.insert(name.clone(), self.attribute(attribute)?);
                }
                Type::Record(record)
            }
            "Entity" => Type::Entity(named().to_owned()),
            "Extension" => Self::extension(named())?,
            "EntityOrCommon" => self.common(named())?,
            other => match Self::extension(other) {
                Ok(extension) => extension,
                Err(_) => self.common(other)?,
            },
        })
    }

    fn attribute(&self, attribute: &Json) -> Result<Attribute, String> {
        let required = attribute.get("required").and_then(Json::as_bool);
        Ok(Attribute {
            ty: self.ty(attribute)?,
            required: required.unwrap_or(true),
            annotations: annotations(attribute),
        })
    }

    fn extension(name: &str) -> Result<Type, String> {
        let name = name.strip_prefix("__cedar::").unwrap_or(name);
        Ok(Type::Extension(match name {
            "ipaddr" => Extension::Ip,
            "decimal" => Extension::Decimal,
            "datetime" => Extension::Datetime,
            "duration" => Extension::Duration,
            other => return Err(format!("the type `{other}` is not known")),
        }))
    }

    /// A type that was given a name. Cedar refuses cycles among them.
    fn common(&self, name: &str) -> Result<Type, String> {
        let (namespace, base) = name.rsplit_once("::").unwrap_or(("", name));
        let found = self
            .schema
            .get(namespace)
            .and_then(|body| body.get("commonTypes")?.get(base))
            .ok_or_else(|| format!("the type `{name}` is not declared"))?;
        let reader = Reader {
            namespace,
            schema: self.schema,
            depth: self.depth + 1,
        };
        if reader.depth > super::NESTING_DEPTH_MAX {
            return Err(format!("the type `{name}` is nested too deeply"));
        }
        reader.ty(found)
    }
}

fn members<'a>(of: &'a Json, key: &str) -> impl Iterator<Item = (&'a String, &'a Json)> {
    of.get(key)
        .and_then(Json::as_object)
        .into_iter()
        .flat_map(Map::iter)
}

fn strings(of: &Json) -> Vec<String> {
    let items = of.as_array().into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

fn annotations(of: &Json) -> Annotations {
    members(of, "annotations")
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}
