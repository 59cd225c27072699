//! Cases in the one form that all readers produce.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::directory::Profile;
use crate::directory::world_file::{Removals, WorldFile};
use crate::engine::intake::Ask;
use crate::engine::{Effect, EntityData, ErrorMode};
use crate::policy::{Bundle, Source};

/// Cases over one base, in stages.
#[derive(Debug)]
pub struct Suite {
    /// The file, as it was named.
    pub file: String,
    /// What its cases are decided on at first.
    pub base: Base,
    /// The stages in order; the first changes nothing.
    pub stages: Vec<Stage>,
}

/// What cases are decided on.
#[derive(Debug)]
pub enum Base {
    /// A world and a profile of the built-in policies.
    World {
        /// The world file.
        world: Source,
        /// The profile.
        profile: Profile,
    },
    /// Entities and policies of any schema.
    Generic {
        /// Schema and policies.
        bundle: Arc<Bundle>,
        /// The entities.
        entities: Vec<EntityData>,
        /// How errors count, where the form of the file says it; as the run wants if
        /// absent.
        mode: Option<ErrorMode>,
    },
    /// Nothing that can be set up yet.
    Unavailable {
        /// Why, for the report.
        why: String,
    },
}

/// A change of the world, and the cases after it.
#[derive(Debug, Default)]
pub struct Stage {
    /// Its name, in failures.
    pub name: Option<String>,
    /// Facts that are added or replaced.
    pub put: WorldFile,
    /// Facts that go.
    pub remove: Removals,
    /// The cases.
    pub cases: Vec<Case>,
}

/// One question and what is expected of the answer.
#[derive(Debug)]
pub struct Case {
    /// Its name or id; unique in its file.
    pub id: String,
    /// The rules that it shows.
    pub rules: BTreeSet<String>,
    /// The nearest case with the opposite decision, by id.
    pub twin: Option<String>,
    /// The question.
    pub ask: Ask<'static>,
    /// The time of the question.
    pub now: Timestamp,
    /// What must come out.
    pub expected: Expected,
}

/// What must come out.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The effect.
    pub effect: Effect,
    /// The determining policies, exactly, where given.
    pub determining: Option<BTreeSet<String>>,
    /// Policies that must be among the determining ones.
    pub among: BTreeSet<String>,
    /// The erroring policies, exactly, where given.
    pub erroring: Option<BTreeSet<String>>,
    /// How many policies must fail, where given.
    pub erroring_count: Option<usize>,
}

impl Suite {
    /// All cases of all stages.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        self.stages.iter().flat_map(|stage| &stage.cases)
    }
}
