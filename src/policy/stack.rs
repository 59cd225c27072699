//! Work on deep syntax trees, on a stack whose size we choose.
//!
//! Cedar's parser and evaluator recurse on their input. Too small a stack aborts
//! the process while parsing and, while evaluating, turns a policy into an error
//! (so that the same request could be answered differently on different threads).
//!
//! INVARIANT (room): text within the limits of [`super::guard`] parses, validates
//! and evaluates within these sizes; `tests/it/hostile.rs` holds it to that.

/// Bytes of stack for parsing, validating and dropping syntax trees.
const LARGE_STACK_BYTES: usize = 256 << 20;
/// Below this many bytes left, [`with_room`] moves to a stack of its own. An
/// evaluation at the limits takes some 2,300 KiB, of which Cedar keeps 100 KiB
/// in reserve. A thread that decides often should have more than this.
const ROOM_BYTES: usize = 4 << 20;
/// Bytes of the stack that [`with_room`] moves to.
const ROOM_STACK_BYTES: usize = 8 << 20;

/// Runs `work` on a stack that no text within the limits can exhaust.
/// Pages are touched only as they are used.
pub fn on_large_stack<T>(work: impl FnOnce() -> T) -> T {
    stacker::grow(LARGE_STACK_BYTES, work)
}

/// Runs `work` here if the stack has room for an evaluation, else on one that has.
pub fn with_room<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(ROOM_BYTES, ROOM_STACK_BYTES, work)
}
