//! The bundle: one schema and its policies, valid together, with one hash.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{
    Effect, Policy, PolicyId, PolicySet, Schema, SchemaFragment, Template, ValidationMode,
    Validator, schema_str_to_json_with_resolved_types,
};
use sha2::{Digest, Sha256};

use super::guard::{self, Excess};
use super::lint;
use super::{Annotations, Finding, Refused, Shape, Source, on_large_stack};

/// A validated schema and policies.
///
/// INVARIANT (valid): the schema is complete, every policy validates against it
/// in strict mode, ids are unique, and no text passed a limit or (but for
/// [`Bundle::of_corpus`]) a lint.
#[derive(Debug)]
pub struct Bundle {
    schema: Schema,
    shape: Shape,
    policies: PolicySet,
    info: BTreeMap<String, PolicyInfo>,
    sources: Vec<Source>,
    warnings: Vec<Finding>,
    hash: BundleHash,
}

/// What is known of one policy or template besides its meaning.
#[derive(Debug, Clone)]
pub struct PolicyInfo {
    /// Its `@id`, or `policyN` by position (from 0, over all files in order).
    pub id: String,
    /// What it does when it matches.
    pub effect: Effect,
    /// Whether it has slots and applies only through its links.
    pub is_template: bool,
    /// Its annotations: `@rule`, `@reason`, `@advice` …
    pub annotations: Arc<Annotations>,
    /// The name of its file.
    pub file: Arc<str>,
    /// The 1-based line on which it begins.
    pub line: usize,
    /// Its bytes within the file.
    pub span: Range<usize>,
}

/// SHA-256 over the schema and the policies by id; what files they stand in and
/// the comments between policies do not change it. Shape: 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BundleHash(Arc<str>);

impl BundleHash {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BundleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Bundle {
    /// Parses, checks and validates, all or nothing. The schema may be in
    /// Cedar's own syntax or in its JSON form (it then begins with `{`).
    ///
    /// # Errors
    /// [`Refused`] with every finding of the first stage that failed: limits,
    /// then syntax, then ids, then validation and lints.
    pub fn new(schema: &Source, policies: &[Source]) -> Result<Self, Refused> {
        on_large_stack(|| Self::build(schema, policies, Reading::ForUse))
    }

    /// The same for tests that were written for Cedar itself: policies are
    /// `policyN` by position whatever their `@id`, and text that misleads a reader
    /// is a warning. Not for policies that are taken into use. Source: contract,
    /// section 3.
    ///
    /// # Errors
    /// As [`Bundle::new`], without the lints.
    pub fn of_corpus(schema: &Source, policies: &[Source]) -> Result<Self, Refused> {
        on_large_stack(|| Self::build(schema, policies, Reading::Corpus))
    }

    fn build(
        schema_source: &Source,
        sources: &[Source],
        reading: Reading,
    ) -> Result<Self, Refused> {
        let (schema, shape) = parse_schema(schema_source)?;
        let mut parsed = Parsed {
            reading,
            ..Parsed::default()
        };
        for source in sources {
            parsed.read(source);
        }
        let Parsed {
            policies,
            info,
            mut findings,
            ..
        } = parsed;
        if findings.is_empty() {
            findings = validate(&schema, schema_source, sources, &policies, &info, reading);
        }
        if findings.iter().any(Finding::is_error) {
            return Err(Refused::new(findings));
        }
        let hash = hash(schema_source, sources, &info);
        Ok(Self {
            schema,
            shape,
            policies,
            info,
            sources: sources.to_vec(),
            warnings: findings,
            hash,
        })
    }

    /// The schema, for validating requests and entities.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The schema's declarations.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Static policies and templates, under their final ids.
    #[must_use]
    pub fn policies(&self) -> &PolicySet {
        &self.policies
    }

    /// One policy or template by id.
    #[must_use]
    pub fn policy(&self, id: &str) -> Option<&PolicyInfo> {
        self.info.get(id)
    }

    /// All policies and templates, in order of their ids.
    pub fn infos(&self) -> impl Iterator<Item = &PolicyInfo> {
        self.info.values()
    }

    /// The policy files it was made of.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// What was found and does not stand against it.
    #[must_use]
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }

    /// The content hash.
    #[must_use]
    pub fn hash(&self) -> &BundleHash {
        &self.hash
    }
}

impl Drop for Bundle {
    /// Syntax trees are dropped where they cannot exhaust the stack.
    fn drop(&mut self) {
        let policies = std::mem::take(&mut self.policies);
        on_large_stack(|| drop(policies));
    }
}

fn parse_schema(source: &Source) -> Result<(Schema, Shape), Refused> {
    guard::scan_nesting(&source.text).map_err(|excess| too_much(source, excess))?;
    let bad = |error: &dyn miette::Diagnostic| {
        Refused::from(Finding::from_cedar(error, source).or_next_step(SCHEMA_GRAMMAR))
    };
    let text: Arc<str> = if source.text.trim_start().starts_with('{') {
        let fragment = SchemaFragment::from_json_str(&source.text).map_err(|e| bad(&e))?;
        fragment.to_cedarschema().map_err(|e| bad(&e))?.into()
    } else {
        Arc::clone(&source.text)
    };
    let (schema, _) = Schema::from_cedarschema_str(&text).map_err(|e| bad(&e))?;
    let (json, _) = schema_str_to_json_with_resolved_types(&text).map_err(|e| bad(&e))?;
    let shape = Shape::from_resolved_json(&json).map_err(|message| {
        Finding::error(format!("the schema is not understood: {message}"))
            .next_step("simplify the declaration, and report this: Cedar accepts it")
            .at(source, 0..0, "in this schema")
    })?;
    Ok((schema, shape))
}

/// What is made of `@id` and of text that misleads a reader.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Reading {
    /// `@id` is the id; misleading text is an error.
    #[default]
    ForUse,
    /// The position is the id; misleading text is a warning.
    Corpus,
}

/// What the policy files hold, read one after the other.
#[derive(Default)]
struct Parsed {
    reading: Reading,
    policies: PolicySet,
    info: BTreeMap<String, PolicyInfo>,
    findings: Vec<Finding>,
    position: usize,
}

impl Parsed {
    fn read(&mut self, source: &Source) {
        let statements = match guard::scan(&source.text) {
            Ok(statements) => statements,
            Err(excess) => return self.findings.push(too_much(source, excess)),
        };
        let set = match PolicySet::from_str(&source.text) {
            Ok(set) => set,
            Err(errors) => {
                let found = errors.iter().map(|e| Finding::from_cedar(e, source));
                let found = found.map(|finding| finding.or_next_step(POLICY_GRAMMAR));
                return self.findings.extend(found);
            }
        };
        if self.reading == Reading::ForUse {
            self.findings.extend(lint::bidirectional_marks(source));
        }
        // Cedar numbers the statements of a text in order: policy0, policy1 …
        for (n, span) in statements.into_iter().enumerate() {
            let numbered = PolicyId::new(format!("policy{n}"));
            if let Some(policy) = set.policy(&numbered) {
                self.add_policy(policy, source, span);
            } else if let Some(template) = set.template(&numbered) {
                self.add_template(template, source, span);
            } else {
                self.findings.push(
                    Finding::error("this statement was not read as a policy")
                        .next_step("end each policy with `;`, and only policies")
                        .at(source, span, "here"),
                );
            }
            self.position += 1;
        }
    }

    fn add_policy(&mut self, policy: &Policy, source: &Source, span: Range<usize>) {
        let info = self.info_of(policy.annotations(), policy.effect(), source, span);
        let renamed = policy.new_id(PolicyId::new(&info.id));
        let added = self.policies.add(renamed).map_err(|e| e.to_string());
        self.keep(info, source, added);
    }

    fn add_template(&mut self, template: &Template, source: &Source, span: Range<usize>) {
        let mut info = self.info_of(template.annotations(), template.effect(), source, span);
        info.is_template = true;
        let renamed = template.new_id(PolicyId::new(&info.id));
        let added = self.policies.add_template(renamed);
        self.keep(info, source, added.map_err(|e| e.to_string()));
    }

    fn info_of<'a>(
        &self,
        annotations: impl Iterator<Item = (&'a str, &'a str)>,
        effect: Effect,
        source: &Source,
        span: Range<usize>,
    ) -> PolicyInfo {
        let annotations: Annotations = annotations
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let id = match self.reading {
            Reading::ForUse => annotations.get("id").cloned(),
            Reading::Corpus => None,
        };
        PolicyInfo {
            id: id.unwrap_or_else(|| format!("policy{}", self.position)),
            effect,
            is_template: false,
            annotations: Arc::new(annotations),
            file: Arc::clone(&source.name),
            line: source.line(span.start),
            span,
        }
    }

    fn keep(&mut self, info: PolicyInfo, source: &Source, added: Result<(), String>) {
        if let Err(message) = super::check_id(&info.id, POLICY_ID_BYTES_MAX) {
            let finding = Finding::error(format!("policy id `{}`: {message}", info.id));
            self.findings
                .push(finding.at(source, info.span.clone(), "in this policy"));
        }
        if let Some(first) = self.info.get(&info.id) {
            let finding = Finding::error(format!("two policies have the id `{}`", info.id))
                .next_step(format!(
                    "the other one is at {}:{}; give each its own @id",
                    first.file, first.line
                ))
                .at(source, info.span, "this one is the second");
            self.findings.push(finding);
        } else if let Err(message) = added {
            self.findings
                .push(Finding::error(message).at(source, info.span, "here"));
        } else {
            self.info.insert(info.id.clone(), info);
        }
    }
}

/// Bytes of a policy id.
const POLICY_ID_BYTES_MAX: usize = 256;

const POLICY_GRAMMAR: &str = "correct the text there; the grammar of policies is at \
     https://docs.cedarpolicy.com/policies/syntax-grammar.html";
const SCHEMA_GRAMMAR: &str = "correct the text there; the grammar of schemas is at \
     https://docs.cedarpolicy.com/schema/human-readable-schema-grammar.html";
const VALIDATION: &str = "the schema says which types, actions and attributes there are; \
     correct the policy, or extend the schema";

fn too_much(source: &Source, excess: Excess) -> Finding {
    let Excess { message, offset } = excess;
    Finding::error(message)
        .next_step("the limits are those of the README, section “Limits”")
        .at(source, offset..offset + 1, "here")
}

fn validate(
    schema: &Schema,
    schema_source: &Source,
    sources: &[Source],
    policies: &PolicySet,
    info: &BTreeMap<String, PolicyInfo>,
    reading: Reading,
) -> Vec<Finding> {
    let source_of = |id: &PolicyId| {
        let file = info.get(AsRef::<str>::as_ref(id)).map(|info| &info.file);
        sources
            .iter()
            .find(|source| Some(&source.name) == file)
            .unwrap_or(schema_source)
    };
    let result = Validator::new(schema.clone()).validate(policies, ValidationMode::Strict);
    let errors = result
        .validation_errors()
        .map(|error| Finding::from_cedar(error, source_of(error.policy_id())))
        .map(|finding| finding.or_next_step(VALIDATION));
    let warnings = result
        .validation_warnings()
        .map(|warning| lint::finding(warning, source_of(warning.policy_id())))
        .map(|finding| match reading {
            Reading::ForUse => finding,
            Reading::Corpus => finding.warning(),
        });
    errors.chain(warnings).collect()
}

fn hash(schema: &Source, sources: &[Source], info: &BTreeMap<String, PolicyInfo>) -> BundleHash {
    let mut hasher = Sha256::new();
    let mut feed = |part: &str| {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    };
    feed(&schema.text);
    for policy in info.values() {
        let source = sources.iter().find(|source| source.name == policy.file);
        let text = source.and_then(|source| source.text.get(policy.span.clone()));
        feed(&policy.id);
        feed(text.unwrap_or_default());
    }
    let digest = hasher.finalize();
    BundleHash(
        digest
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<String>()
            .into(),
    )
}
