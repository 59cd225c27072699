//! Where the candidates of a search are found: a superset of what a permit can
//! allow, read from its condition.
//!
//! A condition is a conjunction; any one part that ties the searched entity to
//! what is known names all candidates. Each candidate is decided again, so a
//! seek may find too much, never too little.

use foldhash::HashSet;

use super::code::Code;
use super::emit::emit;
use super::ir::{Binary, Ir, Root};
use crate::engine::canonical::Canonical;
use crate::engine::state::{Field, Kind, Slot, Texts};

/// How to find candidates.
#[derive(Debug, Clone)]
pub(crate) enum Seek {
    /// There are none.
    Nothing,
    /// Every entity of the type may be one.
    Scan,
    /// From what an expression yields (an entity or a set of them), reach out,
    /// then follow references backwards.
    From(Box<Start>),
    /// Of all of these.
    Any(Vec<Seek>),
}

/// Where a seek begins.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) code: Code,
    pub(crate) reach: Reach,
    /// Inverted lists to follow, the first one from the value.
    pub(crate) path: Vec<Kind>,
}

/// Which entities count besides those that an expression yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Itself,
    Below,
    Above,
}

impl Seek {
    /// The seek for the resource (or the principal) of a condition.
    pub(super) fn of(ir: &Ir, resource: bool, texts: &mut impl Texts) -> Self {
        match ir {
            Ir::Const(Canonical::Bool(false)) => Self::Nothing,
            Ir::And(parts) => {
                let seeks = parts.iter().map(|part| Self::of(part, resource, texts));
                seeks.min_by_key(Self::cost).unwrap_or(Self::Scan)
            }
            Ir::Or(parts) => {
                let seeks: Vec<Self> = parts
                    .iter()
                    .map(|part| Self::of(part, resource, texts))
                    .collect();
                match seeks.iter().any(|seek| matches!(seek, Self::Scan)) {
                    true => Self::Scan,
                    false => Self::Any(seeks),
                }
            }
            Ir::Binary(op, parts) => {
                let [left, right] = parts.as_ref();
                tie(*op, left, right, resource, texts).unwrap_or(Self::Scan)
            }
            _ => Self::Scan,
        }
    }

    /// Which of several to follow: the one likely to find least.
    fn cost(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::From(start) => match (start.reach, start.path.len()) {
                (Reach::Itself, path) => 1 + path,
                (Reach::Above, path) => 3 + path,
                (Reach::Below, path) => 5 + path,
            },
            Self::Any(seeks) => 1 + seeks.iter().map(Self::cost).sum::<usize>(),
            Self::Scan => usize::MAX / 1024,
        }
    }

    /// The inverted lists that it needs.
    pub(super) fn inverted(&self, into: &mut HashSet<Kind>) {
        match self {
            Self::From(start) => into.extend(&start.path),
            Self::Any(seeks) => seeks.iter().for_each(|seek| seek.inverted(into)),
            Self::Nothing | Self::Scan => {}
        }
    }
}

/// The seek of one relation, if one side is reached from the searched entity
/// alone and the other does not ask for it.
fn tie(op: Binary, left: &Ir, right: &Ir, resource: bool, texts: &mut impl Texts) -> Option<Seek> {
    let free = |ir: &Ir| !ir.mentions(resource);
    let (path, from, reach) = match op {
        Binary::Eq => match (path(left, resource), path(right, resource)) {
            (Some(path), _) if free(right) => (path, right, Reach::Itself),
            (_, Some(path)) if free(left) => (path, left, Reach::Itself),
            _ => return None,
        },
        Binary::In => match (path(left, resource), path(right, resource)) {
            (Some(path), _) if free(right) => (path, right, Reach::Below),
            (_, Some(path)) if free(left) => (path, left, Reach::Above),
            _ => return None,
        },
        Binary::Contains | Binary::ContainsAny => {
            match (path(left, resource), path(right, resource)) {
                (Some(path), _) if free(right) => (path, right, Reach::Itself),
                (_, Some(path)) if free(left) => (path, left, Reach::Itself),
                _ => return None,
            }
        }
        _ => return None,
    };
    let code = emit(from, texts).ok()?;
    Some(Seek::From(Box::new(Start { code, reach, path })))
}

/// The inverted lists that lead back from a value to the searched entity.
fn path(ir: &Ir, resource: bool) -> Option<Vec<Kind>> {
    let mut found = Vec::new();
    let mut here = ir;
    loop {
        let (root, field): (&Root, &Field) = match here {
            Ir::Principal if !resource => return Some(found),
            Ir::Resource if resource => return Some(found),
            Ir::Field(root, field) => (root, field),
            _ => return None,
        };
        // A set stands at the end of a path only.
        match (&field.slot, found.is_empty()) {
            (Slot::Entity(..), _) | (Slot::EntitySet(..), true) => found.push(field.inverted?),
            _ => return None,
        }
        here = match root {
            Root::Principal => &Ir::Principal,
            Root::Resource => &Ir::Resource,
            Root::Of(inner) => inner,
            Root::Context => return None,
        };
    }
}
