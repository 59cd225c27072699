//! What a replay came to: counts, and what flips, in groups.

use std::collections::BTreeMap;

use super::{LoggedRow, Replayed};

/// Groups that are told apart; further flips are counted only. Our choice: more
/// than anybody reads.
pub const GROUPS_MAX: usize = 1_000;
/// Rows that a group names. Our choice.
pub const EXAMPLES_MAX: usize = 5;

/// What a row, or its replay, says: all of it must be the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it allows.
    pub allows: bool,
    /// Ids of the determining policies, in order.
    pub determining: Vec<String>,
    /// Ids of the failing policies, in order.
    pub erroring: Vec<String>,
    /// Why the question could not be evaluated.
    pub problem: Option<String>,
}

/// How an answer is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flip {
    /// Denied, and now allowed.
    DenyToAllow,
    /// Allowed, and now denied.
    AllowToDeny,
    /// The same effect by other policies, or for another reason.
    Policies,
}

impl Flip {
    /// Every kind, the one that opens first.
    pub const ALL: [Self; 3] = [Self::DenyToAllow, Self::AllowToDeny, Self::Policies];

    fn of(was: &Judgement, is: &Judgement) -> Self {
        match (was.allows, is.allows) {
            (false, true) => Self::DenyToAllow,
            (true, false) => Self::AllowToDeny,
            _ => Self::Policies,
        }
    }
}

/// Rows that flip alike: links count as their templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// How many.
    pub rows: u64,
    /// The first of them, at most [`EXAMPLES_MAX`].
    pub examples: Vec<Example>,
}

/// What rows of a group have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alike {
    /// How they flip.
    pub flip: Flip,
    /// The action's name.
    pub action: String,
    /// The principal's type.
    pub principal_type: String,
    /// The resource's type.
    pub resource_type: String,
    /// The policies that determined or failed, or the problem.
    pub was: Vec<String>,
    /// The same of the answer now.
    pub is: Vec<String>,
}

/// One row that flips.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The decision's id.
    pub decision_id: String,
    /// Type and id of the principal.
    pub principal: (String, String),
    /// Type and id of the resource.
    pub resource: (String, String),
    /// The revision that it was decided at.
    pub revision: u64,
    /// What was answered.
    pub was: Judgement,
    /// What is answered now.
    pub is: Judgement,
}

/// What a replay came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplayReport {
    /// Rows that were read.
    pub rows: u64,
    /// Rows with the same answer.
    pub same: u64,
    /// Rows with another one, by how.
    pub flips: BTreeMap<Flip, u64>,
    /// Rows that could not be compared, by why.
    pub unreplayable: BTreeMap<String, u64>,
    /// Files that end in a torn row.
    pub torn: u64,
    /// The flips in groups.
    pub groups: BTreeMap<Alike, Group>,
}

impl ReplayReport {
    /// Adds what became of a row.
    pub fn add(&mut self, row: &LoggedRow, replayed: Replayed) {
        self.rows += 1;
        match replayed {
            Replayed::Same => self.same += 1,
            Replayed::Unreplayable(why) => *self.unreplayable.entry(why).or_default() += 1,
            Replayed::Other(is) => self.flipped(row, is),
        }
    }

    /// Rows with another answer.
    #[must_use]
    pub fn flipped_rows(&self) -> u64 {
        self.flips.values().sum()
    }

    /// Rows that could not be compared.
    #[must_use]
    pub fn unreplayable_rows(&self) -> u64 {
        self.unreplayable.values().sum()
    }

    fn flipped(&mut self, row: &LoggedRow, is: Judgement) {
        let flip = Flip::of(&row.judgement, &is);
        *self.flips.entry(flip).or_default() += 1;
        let alike = Alike {
            flip,
            action: row.ask.action.to_string(),
            principal_type: row.ask.principal.ty.to_string(),
            resource_type: row.ask.resource.ty.to_string(),
            was: named(&row.judgement),
            is: named(&is),
        };
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&alike) {
            return;
        }
        let group = self.groups.entry(alike).or_insert_with(|| Group {
            rows: 0,
            examples: Vec::new(),
        });
        group.rows += 1;
        if group.examples.len() < EXAMPLES_MAX {
            group.examples.push(Example::of(row, is));
        }
    }
}

impl Example {
    fn of(row: &LoggedRow, is: Judgement) -> Self {
        let party =
            |party: &crate::engine::intake::Party<'_>| (party.ty.to_string(), party.id.to_string());
        Self {
            file: row.file.to_string(),
            line: row.line,
            decision_id: row.decision_id.clone(),
            principal: party(&row.ask.principal),
            resource: party(&row.ask.resource),
            revision: row.revision,
            was: row.judgement.clone(),
            is,
        }
    }
}

/// What made an answer, each once: links by their templates.
fn named(judgement: &Judgement) -> Vec<String> {
    let determining = judgement.determining.iter();
    let mut names: Vec<String> = determining.map(|id| template(id).to_owned()).collect();
    let erroring = judgement.erroring.iter();
    names.extend(erroring.map(|id| format!("{} fails", template(id))));
    names.extend(judgement.problem.clone());
    names.dedup();
    names
}

/// `<template id>|<principal id>|<scope id>` without what comes after the template.
fn template(id: &str) -> &str {
    id.split('|').next().unwrap_or(id)
}
