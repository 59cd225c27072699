//! Where rows go.

use std::io::{self, Write};

/// Where rows go. One thread writes, and waits for it.
pub trait Sink: Send {
    /// Takes the rows of one request, which stay together; each ends its line.
    ///
    /// # Errors
    /// What keeps them, or rows that were taken before, from being written. What was
    /// taken since the last flush is then not there, or only in part.
    fn put(&mut self, rows: &[u8]) -> io::Result<()>;

    /// Writes what was taken, and if it is to be durable waits for the disk.
    ///
    /// # Errors
    /// As [`Sink::put`].
    fn flush(&mut self, durable: bool) -> io::Result<()>;

    /// Tries whether rows could be written, after they could not.
    ///
    /// # Errors
    /// As [`Sink::put`].
    fn probe(&mut self) -> io::Result<()>;
}

/// The process's standard output. There is nothing to wait for beyond it.
#[derive(Debug, Default)]
pub struct Stdout;

impl Sink for Stdout {
    fn put(&mut self, rows: &[u8]) -> io::Result<()> {
        io::stdout().lock().write_all(rows)
    }

    fn flush(&mut self, _: bool) -> io::Result<()> {
        io::stdout().lock().flush()
    }

    fn probe(&mut self) -> io::Result<()> {
        self.flush(false)
    }
}
