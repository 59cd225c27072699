//! Work that nobody's answer waits for, and that gives way to answers.
//!
//! Compiling policies takes a processor for a fraction of a second. On a machine
//! whose processors are all busy answering, that would be the time by which some
//! answers come late.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// How much a thread gives way: a tenth of a processor is left to it while others
/// want all of it.
const NICENESS: i32 = 10;

/// How long work waits for time that nobody else wants.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs work on a thread that has only what time of the processors nobody else wants,
/// and waits for what it comes to. Where that is not enough for too long, the work is
/// begun a second time, giving way less, and whichever is done first counts: policies
/// come into use on a busy machine as well.
///
/// # Errors
/// What the operating system says if there is no further thread, and
/// [`io::ErrorKind::Other`] if the work panicked.
pub fn aside<T: Send + 'static>(work: impl Fn() -> T + Send + Sync + 'static) -> io::Result<T> {
    within(PATIENCE, work)
}

fn within<T: Send + 'static>(
    patience: Duration,
    work: impl Fn() -> T + Send + Sync + 'static,
) -> io::Result<T> {
    let work = Arc::new(work);
    let (tell, told) = channel();
    let begin = |name: &str, yielding: fn()| {
        let (work, tell) = (Arc::clone(&work), tell.clone());
        let named = thread::Builder::new().name(name.to_owned());
        named.spawn(move || {
            yielding();
            // What panicked is not looked at again, nor need anybody be left to hear.
            let _ = tell.send(catch_unwind(AssertUnwindSafe(|| work())));
        })
    };
    begin("idle", wait_for_idle)?;
    let done = match told.recv_timeout(patience) {
        Ok(done) => Some(done),
        Err(_) => {
            begin("aside", give_way)?;
            told.recv().ok()
        }
    };
    done.and_then(Result::ok)
        .ok_or_else(|| io::Error::other("the work panicked; its thread's message is in the log"))
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

/// Makes the calling thread run only while a processor has nothing else to do. There is
/// no way back for whoever is no superuser.
fn wait_for_idle() {
    #[cfg(target_os = "linux")]
    {
        use thread_priority::{
            NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
            set_thread_priority_and_policy, thread_native_id,
        };
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        let set = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
        if let Err(error) = set {
            tracing::debug!(?error, "a thread does not wait for idle time");
            give_way();
        }
    }
    #[cfg(not(target_os = "linux"))]
    give_way();
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn only_the_work_waits_for_idle_time() {
        use thread_priority::{
            NormalThreadSchedulePolicy, ThreadSchedulePolicy, thread_schedule_policy,
        };
        let own = || thread_schedule_policy().unwrap();
        let before = own();
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        assert_eq!(aside(own).unwrap(), idle);
        assert_eq!(own(), before);
        assert_ne!(before, idle);
    }

    #[test]
    fn work_that_waits_too_long_is_begun_again() {
        let (release, released) = channel::<()>();
        let (begun, released) = (AtomicUsize::new(0), Mutex::new(released));
        let work = move || match begun.fetch_add(1, Ordering::SeqCst) {
            0 => {
                // Until the test ends.
                let _ = released.lock().map(|released| released.recv());
                "late"
            }
            _ => "soon",
        };
        assert_eq!(within(Duration::ZERO, work).unwrap(), "soon");
        drop(release);
    }

    #[test]
    fn a_panic_is_an_error() {
        let done: io::Result<()> = aside(|| panic!("on purpose"));
        assert!(done.is_err());
    }
}
