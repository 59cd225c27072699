//! Policies to plans: for each request environment of the schema, the policies
//! that can apply, specialised and lowered to a flat code over interned ids.
//!
//! A policy goes through four forms: Cedar's public syntax tree, the typed
//! [`ir`] under one environment (principal type, action, resource type) with all
//! that the environment settles folded away, a [`graph`] of tests (with a [`code`]
//! of jumps and a stack for what is no simple test), and a [`seek`] that says where
//! candidates of a search are found. Deliberately not
//! here: evaluation, and any knowledge of entities.

mod action;
pub(crate) mod code;
pub(crate) mod emit;
pub(crate) mod graph;
pub(crate) mod ir;
mod lower;
pub(crate) mod pattern;
mod program;
pub(crate) mod seek;

pub(crate) use action::{Action, Asked};
pub(crate) use program::{Body, Compiled, CompiledTemplate, Environment, Program, StandingCode};
