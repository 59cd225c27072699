//! State machines as data: a table of (state, step, next state). What is not in
//! the table is illegal, and the table says what would be legal.

/// A state or a step, with the name that people read.
pub trait Named: Copy + Eq + 'static {
    /// All there are.
    const ALL: &'static [Self];

    /// Its name: `pending`, `send-invitation`.
    fn name(self) -> &'static str;
}

/// One machine.
#[derive(Debug)]
pub struct Machine<S: 'static, E: 'static> {
    rows: &'static [(S, E, S)],
}

/// A step that the machine does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Illegal {
    /// The state it is in.
    pub state: &'static str,
    /// The step that was wanted.
    pub step: &'static str,
    /// The steps that it takes from there.
    pub legal: Vec<&'static str>,
}

impl<S: Named, E: Named> Machine<S, E> {
    pub(super) const fn new(rows: &'static [(S, E, S)]) -> Self {
        Self { rows }
    }

    /// The state after a step.
    ///
    /// # Errors
    /// [`Illegal`] if the table has no such row.
    pub fn next(&self, state: S, step: E) -> Result<S, Illegal> {
        let row = self.rows.iter().find(|(s, e, _)| *s == state && *e == step);
        row.map(|(_, _, next)| *next).ok_or_else(|| Illegal {
            state: state.name(),
            step: step.name(),
            legal: self.legal(state),
        })
    }

    /// The names of the steps that it takes from a state.
    #[must_use]
    pub fn legal(&self, state: S) -> Vec<&'static str> {
        let rows = self.rows.iter().filter(|(s, _, _)| *s == state);
        rows.map(|(_, step, _)| step.name()).collect()
    }
}

/// An enum whose variants have names.
macro_rules! named {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $(
                #[doc = concat!("`", $text, "`.")]
                $variant,
            )*
        }

        impl $crate::directory::command::machine::Named for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),*];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

pub(super) use named;
