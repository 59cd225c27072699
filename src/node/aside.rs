//! Work that nobody's answer waits for, and that gives way to answers.
//!
//! Compiling policies takes a processor for a fraction of a second. On a machine
//! whose processors are all busy answering, that would be the time by which some
//! answers come late.

use std::io;
use std::thread::{self, ScopedJoinHandle};

/// How much a thread gives way: a tenth of a processor is left to it while others
/// want all of it. Less, and policies would never come into use on a busy machine.
const NICENESS: i32 = 10;

/// Runs work on a thread of its own that gives way, and waits for what it comes to.
///
/// # Errors
/// What the operating system says if there is no further thread, and
/// [`io::ErrorKind::Other`] if the work panicked.
pub fn aside<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let named = thread::Builder::new().name("aside".to_owned());
        let working = named.spawn_scoped(scope, || {
            give_way();
            work()
        });
        working.map(ScopedJoinHandle::join)
    })?
    .map_err(|_| io::Error::other("the work panicked; its thread's message is in the log"))
}

/// Makes the calling thread give way from here on. A system that has no such thing
/// loses no answer, only time.
pub(super) fn give_way() {
    // Of the calling thread alone, as Linux has it.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "a thread does not give way");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn only_the_work_gives_way() {
        let own = || rustix::process::getpriority_process(None).unwrap();
        let before = own();
        assert_eq!(aside(own).unwrap(), before.max(NICENESS));
        assert_eq!(own(), before);
    }

    #[test]
    fn a_panic_is_an_error() {
        assert!(aside(|| panic!("on purpose")).is_err());
    }
}
