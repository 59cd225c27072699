//! From a file of the corpus to a [`Set`] of questions, all or nothing.
//!
//! The files that a set names are not read here: a corpus has thousands of sets,
//! and each is loaded only while it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::{Effect, EntityUid, Input, uid};
use crate::node::files;
use crate::policy::{Finding, Source};
use crate::suite::case::Expected;
use crate::suite::error::SuiteError;

/// The folder from which the paths of a corpus start.
///
/// INVARIANT (root): nothing outside of it is read.
#[derive(Debug, Clone)]
pub struct Root {
    /// As it was named.
    named: Arc<Path>,
    /// With every link resolved.
    resolved: Arc<Path>,
}

/// One file: policies, entities and schema by name, and what is asked of them.
#[derive(Debug)]
pub struct Set {
    file: Arc<str>,
    root: Option<Root>,
    /// Path of the policies, from the root.
    pub policies: String,
    /// Path of the entities, from the root.
    pub entities: String,
    /// Path of the schema, from the root.
    pub schema: String,
    /// Whether the policies must validate; if not, they may.
    pub should_validate: bool,
    /// The questions, in order.
    pub questions: Vec<Question>,
}

/// One request and what is expected of the answer.
#[derive(Debug)]
pub struct Question {
    /// Its description, after its position if another one has the same.
    pub id: String,
    /// Who asks.
    pub principal: EntityUid,
    /// What for.
    pub action: EntityUid,
    /// On what.
    pub resource: EntityUid,
    /// The context, an object.
    pub context: Input<'static>,
    /// Whether the request must validate; if not, it may.
    pub must_validate: bool,
    /// What must come out.
    pub expected: Expected,
}

/// What `policies`, `entities` and `schema` are relative to.
const ROOT: &str = "name the folder from which the paths in it start: --corpus-root DIR";

impl Root {
    /// Finds the folder.
    ///
    /// # Errors
    /// [`SuiteError::Finding`] if there is no such folder.
    pub fn new(folder: &Path) -> Result<Self, SuiteError> {
        let named = folder.display();
        let bad = |what: String| {
            let finding = Finding::error(what).next_step(
                "--corpus-root takes the folder from which the paths in the tests start",
            );
            SuiteError::Finding(Box::new(finding))
        };
        let resolved = folder.canonicalize();
        let resolved = resolved.map_err(|e| bad(format!("the corpus root `{named}`: {e}")))?;
        match resolved.is_dir() {
            true => Ok(Self {
                named: folder.into(),
                resolved: resolved.into(),
            }),
            false => Err(bad(format!("the corpus root `{named}` is no folder"))),
        }
    }

    /// Reads a file below the root.
    fn read(&self, file: &str, path: &str) -> Result<Source, SuiteError> {
        let bad = |what: String| {
            let finding = Finding::error(format!("{file}: {what}")).next_step(format!(
                "paths in it start from the corpus root, here `{}`; --corpus-root names another",
                self.named.display()
            ));
            SuiteError::Finding(Box::new(finding))
        };
        let resolved: PathBuf = self.resolved.join(path);
        let resolved = resolved.canonicalize();
        let resolved = resolved.map_err(|error| bad(format!("cannot read `{path}`: {error}")))?;
        if !resolved.starts_with(&self.resolved) {
            return Err(bad(format!("`{path}` leads out of the corpus root")));
        }
        let read = files::read_world(&resolved)?;
        let name = self.named.join(path).display().to_string();
        Ok(Source::new(name, read.text))
    }
}

/// Whether a JSON text is of this form.
pub(in crate::suite) fn is_one(input: &Input<'_>) -> bool {
    input.get("requests").is_some() && input.get("shouldValidate").is_some()
}

impl Set {
    /// Reads a file of the form.
    ///
    /// # Errors
    /// [`SuiteError::Finding`] naming the member that is missing, of the wrong
    /// type or unknown.
    pub(in crate::suite) fn read(
        source: &Source,
        input: &Input<'_>,
        root: Option<&Root>,
    ) -> Result<Self, SuiteError> {
        let set = read(input).map(|set| Self {
            file: Arc::clone(&source.name),
            root: root.cloned(),
            ..set
        });
        set.map_err(|message| {
            let finding = Finding::error(format!("{}: {message}", source.name));
            let finding = finding.next_step(
                "the form is that of cedar-policy's integration tests: policies, entities, \
                 schema, shouldValidate, requests",
            );
            SuiteError::Finding(Box::new(finding))
        })
    }

    /// The file, as it was named.
    #[must_use]
    pub fn file(&self) -> &Arc<str> {
        &self.file
    }

    pub(in crate::suite) fn is_rootless(&self) -> bool {
        self.root.is_none()
    }

    /// The error of a set without root.
    pub(in crate::suite) fn wants_root(&self) -> SuiteError {
        let what = format!("`{}` is a test of Cedar's integration corpus", self.file);
        SuiteError::Finding(Box::new(Finding::error(what).next_step(ROOT)))
    }

    /// The texts that it names, or why a set without root has none.
    pub(super) fn texts(&self) -> Result<Result<Texts, &'static str>, SuiteError> {
        let Some(root) = &self.root else {
            return Ok(Err(ROOT));
        };
        Ok(Ok(Texts {
            schema: root.read(&self.file, &self.schema)?,
            policies: root.read(&self.file, &self.policies)?,
            entities: root.read(&self.file, &self.entities)?,
        }))
    }
}

/// What a set names, as text.
pub(super) struct Texts {
    pub(super) schema: Source,
    pub(super) policies: Source,
    pub(super) entities: Source,
}

const MEMBERS: [&str; 7] = [
    "policies",
    "policyFormat",
    "entities",
    "schema",
    "schemaFormat",
    "shouldValidate",
    "requests",
];
const REQUEST_MEMBERS: [&str; 9] = [
    "description",
    "principal",
    "action",
    "resource",
    "context",
    "validateRequest",
    "decision",
    "reason",
    "errors",
];

fn read(input: &Input<'_>) -> Result<Set, String> {
    known(input, &MEMBERS)?;
    let text = |name: &str| {
        let value = input.get(name).and_then(Input::as_str);
        let value = value.map(str::to_owned);
        value.ok_or_else(|| format!("`{name}` is missing or not a string"))
    };
    // A schema says itself in which of the two forms it is.
    if input.get("policyFormat").is_some() && text("policyFormat")? != "cedar" {
        return Err("`policyFormat`: only `cedar` is read".to_owned());
    }
    let Some(Input::Bool(should_validate)) = input.get("shouldValidate") else {
        return Err("`shouldValidate` is not a boolean".to_owned());
    };
    let Some(Input::List(requests)) = input.get("requests") else {
        return Err("`requests` is not an array".to_owned());
    };
    let questions = requests.iter().enumerate().map(|(n, request)| {
        question(request).map_err(|message| format!("requests[{n}]: {message}"))
    });
    let mut questions = questions.collect::<Result<Vec<Question>, String>>()?;
    tell_apart(&mut questions);
    Ok(Set {
        file: Arc::from(""),
        root: None,
        policies: text("policies")?,
        entities: text("entities")?,
        schema: text("schema")?,
        should_validate: *should_validate,
        questions,
    })
}

fn question(request: &Input<'_>) -> Result<Question, String> {
    known(request, &REQUEST_MEMBERS)?;
    let text = |name: &str| {
        let value = request.get(name).and_then(Input::as_str);
        value.ok_or_else(|| format!("`{name}` is missing or not a string"))
    };
    let entity = |name: &str| {
        let party = request.get(name);
        // Cedar takes both ways of writing it.
        let party = party.map(|party| party.get("__entity").unwrap_or(party));
        let text = |member: &str| {
            let value = party.and_then(|party| party.get(member)?.as_str());
            value.ok_or_else(|| format!("`{name}.{member}` is missing or not a string"))
        };
        uid(text("type")?, text("id")?).map_err(|error| format!("`{name}`: {error}"))
    };
    let ids = |name: &str| -> Result<BTreeSet<String>, String> {
        let bad = || format!("`{name}` is not an array of policy ids");
        let Some(Input::List(ids)) = request.get(name) else {
            return Err(bad());
        };
        let ids = ids.iter().map(|id| id.as_str().map(str::to_owned));
        ids.collect::<Option<_>>().ok_or_else(bad)
    };
    let context = request.get("context").filter(|c| c.members().is_some());
    let context = context.ok_or("`context` is missing or not an object")?;
    Ok(Question {
        id: text("description")?.to_owned(),
        principal: entity("principal")?,
        action: entity("action")?,
        resource: entity("resource")?,
        context: context.to_owned_input(),
        must_validate: match request.get("validateRequest") {
            None => true,
            Some(Input::Bool(must)) => *must,
            Some(_) => return Err("`validateRequest` is not a boolean".to_owned()),
        },
        expected: Expected {
            effect: match text("decision")? {
                "allow" => Effect::Allow,
                "deny" => Effect::Deny,
                other => return Err(format!("`decision` is allow or deny, not `{other}`")),
            },
            determining: Some(ids("reason")?),
            among: BTreeSet::new(),
            erroring: Some(ids("errors")?),
            erroring_count: None,
        },
    })
}

/// A misspelt member would be a claim that nobody checks.
fn known(input: &Input<'_>, names: &[&str]) -> Result<(), String> {
    let members = input.members().ok_or("an object is wanted")?;
    match members.iter().find(|m| !names.contains(&m.name.as_ref())) {
        None => Ok(()),
        Some(member) => Err(format!(
            "unknown member `{}`; there are {}",
            member.name,
            names.join(", ")
        )),
    }
}

/// Descriptions are for people and may repeat; ids may not.
fn tell_apart(questions: &mut [Question]) {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for question in questions.iter() {
        *times.entry(question.id.clone()).or_default() += 1;
    }
    for (n, question) in questions.iter_mut().enumerate() {
        if question.id.is_empty() || times.get(&question.id) != Some(&1) {
            question.id = format!("[{n}] {}", question.id).trim_end().to_owned();
        }
    }
}
