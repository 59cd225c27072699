//! What a long run is doing, on a terminal: a line on stderr that goes away.
//!
//! Nothing is written where stderr is no terminal, nor in the first second.

use std::io::{self, IsTerminal, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::output;

/// Between two updates of the line.
const UPDATE: Duration = Duration::from_secs(1);

/// Tells what is done until it is dropped.
pub(super) struct Busy {
    bytes: Bytes,
    shown: Option<(Sender<()>, JoinHandle<()>)>,
}

/// So many bytes were read or written.
#[derive(Debug, Clone, Default)]
pub(super) struct Bytes(Arc<AtomicU64>);

impl Busy {
    /// `what` as in `verifying 1000 records`.
    pub(super) fn new(what: impl Into<String>) -> Self {
        let bytes = Bytes::default();
        let shown = std::io::stderr().is_terminal();
        let shown = shown.then(|| tell(what.into(), bytes.clone())).flatten();
        Self { bytes, shown }
    }

    /// Passes bytes on and counts them.
    pub(super) fn counted<T>(&self, inner: T) -> Counted<T> {
        let bytes = self.bytes.clone();
        Counted { inner, bytes }
    }
}

fn tell(what: String, bytes: Bytes) -> Option<(Sender<()>, JoinHandle<()>)> {
    let (stop, stopped) = channel();
    let begun = Instant::now();
    let work = move || {
        let mut told = false;
        while stopped.recv_timeout(UPDATE) == Err(RecvTimeoutError::Timeout) {
            told = true;
            output::error(&line(
                &what,
                bytes.0.load(Ordering::Relaxed),
                begun.elapsed(),
            ));
        }
        if told {
            // Leaves the line as it was before.
            output::error("\r\u{1b}[K");
        }
    };
    let thread = std::thread::Builder::new().name("busy".to_owned());
    Some((stop, thread.spawn(work).ok()?))
}

fn line(what: &str, bytes: u64, passed: Duration) -> String {
    let seconds = passed.as_secs();
    match bytes >> 20 {
        0 => format!("\r{what}: {seconds} s"),
        mebibytes => format!("\r{what}: {mebibytes} MiB, {seconds} s"),
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.shown.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

/// Counts what goes through.
pub(super) struct Counted<T> {
    inner: T,
    bytes: Bytes,
}

impl<T> Counted<T> {
    fn count(&self, bytes: usize) {
        self.bytes.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl<T: Read> Read for Counted<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.count(read);
        Ok(read)
    }
}

impl<T: Write> Write for Counted<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.count(written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_through_is_counted_and_told() {
        let busy = Busy::new("reading");
        let mut text = String::new();
        let mut from = busy.counted(&b"four"[..]);
        from.read_to_string(&mut text).unwrap();
        let mut to = busy.counted(Vec::new());
        to.write_all(b"fives").unwrap();
        to.flush().unwrap();
        assert_eq!(
            (text.as_str(), to.inner.as_slice()),
            ("four", &b"fives"[..])
        );
        assert_eq!(busy.bytes.0.load(Ordering::Relaxed), 9);
        let passed = Duration::from_millis(3_900);
        assert_eq!(line("reading", 9, passed), "\rreading: 3 s");
        assert_eq!(line("reading", 3 << 20, passed), "\rreading: 3 MiB, 3 s");
    }
}
