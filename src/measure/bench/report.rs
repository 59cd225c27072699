//! What came out of a measurement.

/// In what a figure is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// So many times as much, or as long.
    Ratio,
    /// So many things.
    Count,
    /// Nanoseconds for one.
    Nanoseconds,
    /// Microseconds for one.
    Microseconds,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Bytes for one.
    Bytes,
}

impl Unit {
    /// As it stands behind a number: `µs`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ratio => "×",
            Self::Count => "",
            Self::Nanoseconds => "ns",
            Self::Microseconds => "µs",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Bytes => "B",
        }
    }
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Its name in reports: `decide_ns`.
    pub name: &'static str,
    /// None where it is not measured at this size.
    pub value: Option<f64>,
    /// In what it is counted.
    pub unit: Unit,
    /// What it is, in words.
    pub says: &'static str,
}

/// All figures, in the order in which they were measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// The figures; every name stands once.
    pub figures: Vec<Figure>,
}

impl Report {
    pub(super) fn add(
        &mut self,
        name: &'static str,
        value: impl Into<Option<f64>>,
        unit: Unit,
        says: &'static str,
    ) {
        self.figures.push(Figure {
            name,
            value: value.into(),
            unit,
            says,
        });
    }

    pub(super) fn count(&mut self, name: &'static str, count: usize, says: &'static str) {
        self.add(name, count as f64, Unit::Count, says);
    }

    /// Adds how many times as much one figure is as another, if there are both.
    pub(super) fn ratio(&mut self, name: &'static str, of: &str, to: &str, says: &'static str) {
        let (of, to) = (self.value(of), self.value(to));
        let ratio = of.zip(to).map(|(of, to)| of / to);
        self.add(name, ratio, Unit::Ratio, says);
    }

    /// A figure by name, if it was measured.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|f| f.name == name)?.value
    }
}
