//! Suites as authors write them: TOML, a named world, cases and stages.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::case::{Base, Case, Expected, Stage, Suite};
use super::error::SuiteError;
use crate::directory::Profile;
use crate::directory::world_file::{Removals, WorldFile};
use crate::engine::intake::{Ask, Party, parse_action};
use crate::engine::{Effect, Input, Member, parse_entities, parse_uid};
use crate::node::files;
use crate::policy::{Bundle, Finding, Source};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    suite: Head,
    #[serde(default, rename = "case")]
    cases: Vec<toml::Spanned<CaseText>>,
    #[serde(default, rename = "stage")]
    stages: Vec<StageText>,
}

/// Either a world (and a profile), or a schema, policies and entities.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    world: Option<String>,
    #[serde(default)]
    profile: Option<String>,
    schema: Option<String>,
    policies: Option<String>,
    entities: Option<String>,
    now: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StageText {
    name: Option<String>,
    #[serde(default)]
    put: WorldFile,
    #[serde(default)]
    remove: Removals,
    #[serde(default, rename = "case")]
    cases: Vec<toml::Spanned<CaseText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseText {
    name: String,
    #[serde(default)]
    rules: BTreeSet<String>,
    twin: Option<String>,
    principal: String,
    action: String,
    resource: String,
    #[serde(default)]
    context: toml::Table,
    now: Option<String>,
    decision: EffectText,
    determining: Option<BTreeSet<String>>,
    #[serde(default)]
    erroring: BTreeSet<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum EffectText {
    Allow,
    Deny,
}

impl From<EffectText> for Effect {
    fn from(effect: EffectText) -> Self {
        match effect {
            EffectText::Allow => Self::Allow,
            EffectText::Deny => Self::Deny,
        }
    }
}

/// Reads a suite. Paths in it are looked for beside the file and in each folder
/// above it.
pub(super) fn read(path: &Path, source: &Source) -> Result<Suite, SuiteError> {
    let file: File = toml::from_str(&source.text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        Box::new(
            Finding::error(error.message().to_owned())
                .next_step("the form of a suite is described in the README, “Suites”")
                .at(source, span, "here"),
        )
    })?;
    let reader = Reader {
        path,
        source,
        now: file.suite.now.clone(),
    };
    let base = reader.base(&file.suite)?;
    let mut seen = BTreeSet::new();
    let first = Stage {
        cases: reader.cases(file.cases, &mut seen)?,
        ..Stage::default()
    };
    let mut stages = vec![first];
    for stage in file.stages {
        stages.push(Stage {
            name: stage.name,
            put: stage.put,
            remove: stage.remove,
            cases: reader.cases(stage.cases, &mut seen)?,
        });
    }
    Ok(Suite {
        file: source.name.to_string(),
        base,
        stages,
    })
}

struct Reader<'a> {
    path: &'a Path,
    source: &'a Source,
    now: Option<String>,
}

impl Reader<'_> {
    fn base(&self, head: &Head) -> Result<Base, SuiteError> {
        match (&head.world, &head.schema, &head.policies) {
            (Some(world), None, None) => {
                let world = files::read_world(&self.beside(world)?)?;
                let name = head.profile.as_deref().unwrap_or_default();
                match name.parse::<Profile>() {
                    Ok(profile) => Ok(Base::World { world, profile }),
                    Err(_) if name.is_empty() => Ok(Base::World {
                        world,
                        profile: Profile::default(),
                    }),
                    Err(why) if Profile::PLANNED.contains(&name) => Ok(Base::Unavailable { why }),
                    Err(why) => Err(self.wrong(&why, 0..0)),
                }
            }
            (None, Some(schema), Some(policies)) => {
                let schema = files::read_source(&self.beside(schema)?)?;
                let policies = files::read_policies(&self.beside(policies)?)?;
                let bundle = Arc::new(Bundle::new(&schema, &policies)?);
                let entities = match &head.entities {
                    None => Vec::new(),
                    Some(entities) => {
                        let entities = files::read_world(&self.beside(entities)?)?;
                        let read = parse_entities(&entities.text, bundle.shape());
                        read.map_err(|error| self.wrong(&error.to_string(), 0..0))?
                    }
                };
                Ok(Base::Generic {
                    bundle,
                    entities,
                    mode: None,
                })
            }
            _ => Err(self.wrong(
                "[suite] names either a `world`, or a `schema` and `policies`",
                0..0,
            )),
        }
    }

    /// A path of the suite: beside its file, or in a folder above it.
    fn beside(&self, named: &str) -> Result<PathBuf, SuiteError> {
        let here = self.path.canonicalize();
        let here = here.unwrap_or_else(|_| self.path.to_path_buf());
        let mut folders = here.ancestors().skip(1);
        let found = folders.find_map(|folder| {
            let candidate = folder.join(named);
            candidate.exists().then_some(candidate)
        });
        found.ok_or_else(|| {
            let message = format!("`{named}` is neither beside the suite nor in a folder above it");
            let start = self.source.text.find(named).unwrap_or_default();
            self.wrong(&message, start..start + named.len())
        })
    }

    fn wrong(&self, message: &str, span: std::ops::Range<usize>) -> SuiteError {
        let finding = Finding::error(message).next_step("see the README, “Suites”");
        SuiteError::Finding(Box::new(finding.at(self.source, span, "here")))
    }

    fn cases(
        &self,
        texts: Vec<toml::Spanned<CaseText>>,
        seen: &mut BTreeSet<String>,
    ) -> Result<Vec<Case>, SuiteError> {
        let mut cases = Vec::with_capacity(texts.len());
        for text in texts {
            let span = text.span();
            let case = self
                .case(text.into_inner())
                .map_err(|m| self.wrong(&m, span.clone()))?;
            if !seen.insert(case.id.clone()) {
                let message = format!("two cases are called `{}`", case.id);
                return Err(self.wrong(&message, span));
            }
            cases.push(case);
        }
        Ok(cases)
    }

    fn case(&self, text: CaseText) -> Result<Case, String> {
        let now = text.now.as_ref().or(self.now.as_ref());
        let now = now.ok_or("no `now`: give one in the case or in [suite]")?;
        let party = |text: &str| {
            let uid = parse_uid(text).map_err(|error| error.to_string())?;
            Ok::<_, String>(Party::from(&uid))
        };
        let (action_type, action) =
            parse_action(&text.action).map_err(|error| error.to_string())?;
        let context = text.context.into_iter();
        let context: Result<Vec<Member<'static>>, String> = context
            .map(|(name, value)| {
                Ok(Member {
                    name: Cow::Owned(name),
                    value: input(value)?,
                })
            })
            .collect();
        Ok(Case {
            id: text.name,
            rules: text.rules,
            twin: text.twin,
            ask: Ask {
                principal: party(&text.principal)?,
                action,
                action_type,
                action_properties: Vec::new(),
                resource: party(&text.resource)?,
                context: context?,
            },
            now: time(now)?,
            expected: Expected {
                effect: text.decision.into(),
                determining: text.determining,
                among: BTreeSet::new(),
                erroring: Some(text.erroring),
                erroring_count: None,
            },
        })
    }
}

/// A time of a case.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    let parsed = text.parse();
    parsed.map_err(|_| format!("`{text}` is not a time; write it as `2020-09-01T09:00:00Z`"))
}

fn input(value: toml::Value) -> Result<Input<'static>, String> {
    Ok(match value {
        toml::Value::String(text) => Input::String(Cow::Owned(text)),
        toml::Value::Integer(n) => Input::Long(n),
        toml::Value::Float(n) => Input::Number(n),
        toml::Value::Boolean(b) => Input::Bool(b),
        toml::Value::Datetime(at) => {
            return Err(format!(
                "write the time {at} as a string: Cedar takes it so"
            ));
        }
        toml::Value::Array(items) => {
            Input::List(items.into_iter().map(input).collect::<Result<_, _>>()?)
        }
        toml::Value::Table(members) => {
            let members = members.into_iter().map(|(name, value)| {
                Ok::<_, String>(Member {
                    name: Cow::Owned(name),
                    value: input(value)?,
                })
            });
            Input::Map(members.collect::<Result<_, _>>()?)
        }
    })
}
