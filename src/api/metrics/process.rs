//! What the operating system says of this process. Linux only: elsewhere there is
//! nothing, and the page leaves it out.

use std::fs::read_to_string;

/// Clock ticks of `/proc` in a second: `USER_HZ`, which Linux keeps at 100 on every
/// architecture that Rust serves with a standard library. Source: `proc(5)`, `time(7)`.
const TICKS_PER_SECOND: f64 = 100.0;

/// Bytes of memory that are resident.
pub(super) fn resident_bytes() -> Option<f64> {
    resident_of(&read_to_string("/proc/self/status").ok()?)
}

/// Seconds of processor time, of all threads, user and system together.
pub(super) fn cpu_seconds() -> Option<f64> {
    cpu_of(&read_to_string("/proc/self/stat").ok()?)
}

/// How many files and sockets are open.
#[expect(clippy::cast_precision_loss, reason = "nobody opens 2^53 files")]
pub(super) fn open_files() -> Option<f64> {
    let entries = std::fs::read_dir("/proc/self/fd").ok()?;
    // The folder itself is open while it is counted.
    Some(entries.count().saturating_sub(1) as f64)
}

fn resident_of(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

fn cpu_of(stat: &str) -> Option<f64> {
    // The second field is the program's name in parentheses, with whatever in it.
    let (_, rest) = stat.rsplit_once(')')?;
    // Fields 14 and 15, of which the rest begins with field 3.
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_whatever_the_program_is_called() {
        let stat = "7 (a) b ) S 1 7 7 0 -1 4194304 9 0 0 0 150 75 0 0 20 0 4 0 99 1 2";
        assert_eq!(cpu_of(stat), Some(2.25));
        assert_eq!(cpu_of("7 (a) S 1"), None);
        assert_eq!(
            resident_of("VmPeak:\t9 kB\nVmRSS:\t   12 kB\n"),
            Some(12_288.0)
        );
        assert_eq!(resident_of("VmPeak:\t9 kB\n"), None);
    }
}
