//! `aobo bench`: a seeded synthetic world, measured.
//!
//! What is measured, and that every answer is asserted, is `measure::bench`; here
//! it is only asked for and printed.

use std::process::ExitCode;

use super::output::{self, Format, Style};
use crate::measure::bench::{Figure, Measurement, Report, Unit};

/// Exit code of a measurement in which something was wrong.
const FAILED: u8 = 1;

/// Measures the engine on a synthetic partner channel, with cedar-policy beside
/// it. Every answer is compared with the one that it must be.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Customers of the synthetic world.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1_000,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    customers: u32,
    /// What the world and the questions follow from.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// How to print the figures.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let measurement = Measurement {
        customers: args.customers,
        seed: args.seed,
    };
    let mut progress = |part: &str| output::error(&format!("measuring: {part}\n"));
    let report = match measurement.run(&mut progress) {
        Ok(report) => report,
        Err(error) => {
            output::error(&format!("the measurement failed: {error}\n"));
            return FAILED.into();
        }
    };
    output::data(&match args.format {
        Format::Json => format!("{:#}\n", json(args.seed, &report)),
        Format::Human => human(&report),
    });
    ExitCode::SUCCESS
}

/// One object, a member for each figure.
fn json(seed: u64, report: &Report) -> serde_json::Value {
    let mut members = serde_json::Map::new();
    members.insert("seed".to_owned(), seed.into());
    members.insert("optimised".to_owned(), OPTIMISED.into());
    for figure in &report.figures {
        let value = match (figure.value, figure.unit) {
            (None, _) => serde_json::Value::Null,
            (Some(value), Unit::Count) => (value as u64).into(),
            (Some(value), _) => rounded(value).into(),
        };
        members.insert(figure.name.to_owned(), value);
    }
    members.into()
}

/// Whether this is a release build; others are slower.
const OPTIMISED: bool = !cfg!(debug_assertions);

/// Three digits behind the point, more than any figure is worth; behind its zeros, of
/// one that is less than 1.
fn rounded(value: f64) -> f64 {
    let zeros = match value.abs() {
        small if 0.0 < small && small < 1.0 => -small.log10().floor(),
        _ => 0.0,
    };
    let scale = 10_f64.powf(3.0 + zeros);
    (value * scale).round() / scale
}

/// Ratios first.
fn human(report: &Report) -> String {
    let style = Style::stdout();
    let (ratios, others): (Vec<&Figure>, Vec<&Figure>) = report
        .figures
        .iter()
        .partition(|figure| figure.unit == Unit::Ratio);
    let names = report.figures.iter().map(|figure| figure.name.len());
    let width = names.max().unwrap_or(0);
    let mut text = String::new();
    if !OPTIMISED {
        text += "This is no release build; in one, figures are better.\n";
    }
    for figure in ratios.into_iter().chain(others) {
        let (value, unit) = (value(figure), figure.unit.as_str());
        let line = format!("{:width$}  {value:>14} {unit:<2}", figure.name);
        text += &match figure.unit {
            Unit::Ratio => style.strong(&line),
            _ => line,
        };
        text += &style.faint(&format!("  {}\n", figure.says));
    }
    text
}

fn value(figure: &Figure) -> String {
    match (figure.value, figure.unit) {
        (None, _) => "-".to_owned(),
        (Some(value), Unit::Count) => grouped(value as u64),
        (Some(value), _) if value >= 1e4 => grouped(value.round() as u64),
        (Some(value), _) => format!("{value:.2}"),
    }
}

/// `1,234,567`.
fn grouped(number: u64) -> String {
    match (number / 1_000, number % 1_000) {
        (0, rest) => rest.to_string(),
        (more, rest) => format!("{},{rest:03}", grouped(more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_rounded() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_067, "1,234,067"),
        ] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(rounded(1.234_56), 1.235);
        assert_eq!(rounded(0.000_412_34), 0.000_412_3);
        assert_eq!(rounded(0.0), 0.0);
    }
}
