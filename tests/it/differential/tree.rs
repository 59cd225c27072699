//! Expressions as uniform trees, which print, are walked and are cut smaller in
//! one way. What stands here is syntax; what fits where is `expr.rs`.

use aobo::engine::{EntityUid, display_uid};

/// An expression: what is done, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expr {
    pub(super) op: Op,
    pub(super) args: Vec<Expr>,
}

/// What a node does with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Op {
    Bool(bool),
    Long(i64),
    Text(String),
    Uid(EntityUid),
    /// `principal`, `action`, `resource`, `context`.
    Var(&'static str),
    /// `==`, `in`, `+` …, written between their arguments.
    Infix(&'static str),
    Not,
    Neg,
    If,
    /// An attribute of an entity, a record or the context.
    Get(String),
    /// A chain of attributes, one at least.
    Has(Vec<String>),
    /// A pattern as it is written between the quotes.
    Like(String),
    /// By the full name of the entity type.
    Is(String),
    /// The same with an entity to be in.
    IsIn(String),
    Set,
    /// The names of its fields, in the order of the arguments.
    Record(Vec<String>),
    /// `contains`, `lessThan`, `getTag` …: the first argument is the receiver.
    Method(&'static str),
    /// `ip`, `decimal` …
    Function(&'static str),
}

impl Expr {
    pub(super) fn new(op: Op, args: Vec<Self>) -> Self {
        Self { op, args }
    }

    pub(super) fn leaf(op: Op) -> Self {
        Self::new(op, Vec::new())
    }

    pub(super) fn bool(value: bool) -> Self {
        Self::leaf(Op::Bool(value))
    }

    pub(super) fn text(value: &str) -> Self {
        Self::leaf(Op::Text(value.to_owned()))
    }

    pub(super) fn infix(op: &'static str, left: Self, right: Self) -> Self {
        Self::new(Op::Infix(op), vec![left, right])
    }

    pub(super) fn method(
        name: &'static str,
        of: Self,
        args: impl IntoIterator<Item = Self>,
    ) -> Self {
        let args = std::iter::once(of).chain(args).collect();
        Self::new(Op::Method(name), args)
    }

    pub(super) fn get(self, name: &str) -> Self {
        Self::new(Op::Get(name.to_owned()), vec![self])
    }

    pub(super) fn has(self, names: &[String]) -> Self {
        Self::new(Op::Has(names.to_vec()), vec![self])
    }

    /// As Cedar writes it. Every node brings its own parentheses, so that no
    /// precedence is relied upon.
    pub(super) fn spelled(&self) -> String {
        let arg = |n: usize| self.args[n].spelled();
        match &self.op {
            Op::Bool(value) => value.to_string(),
            Op::Long(value) if *value < 0 => format!("({value})"),
            Op::Long(value) => value.to_string(),
            Op::Text(text) => quoted(text),
            Op::Uid(uid) => display_uid(uid),
            Op::Var(var) => (*var).to_owned(),
            Op::Infix(op) => format!("({} {op} {})", arg(0), arg(1)),
            Op::Not => format!("(!{})", arg(0)),
            Op::Neg => format!("(-{})", arg(0)),
            Op::If => format!("(if {} then {} else {})", arg(0), arg(1), arg(2)),
            Op::Get(key) if is_identifier(key) => format!("{}.{key}", arg(0)),
            Op::Get(key) => format!("{}[{}]", arg(0), quoted(key)),
            Op::Has(names) => match &names[..] {
                [one] => format!("({} has {})", arg(0), name(one)),
                many => format!("({} has {})", arg(0), many.join(".")),
            },
            Op::Like(pattern) => format!("({} like \"{pattern}\")", arg(0)),
            Op::Is(ty) => format!("({} is {ty})", arg(0)),
            Op::IsIn(ty) => format!("({} is {ty} in {})", arg(0), arg(1)),
            Op::Set => format!("[{}]", listed(&self.args)),
            Op::Record(names) => {
                let fields = names.iter().zip(&self.args);
                let fields = fields.map(|(key, arg)| format!("{}: {}", name(key), arg.spelled()));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
            }
            Op::Method(method) => format!("{}.{method}({})", arg(0), listed(&self.args[1..])),
            Op::Function(function) => format!("{function}({})", listed(&self.args)),
        }
    }

    /// How many nodes it has.
    pub(super) fn size(&self) -> usize {
        1 + self.args.iter().map(Self::size).sum::<usize>()
    }

    /// The node at a place in depth-first order, itself being 0.
    pub(super) fn node_mut(&mut self, at: usize) -> Option<&mut Self> {
        if at == 0 {
            return Some(self);
        }
        let mut left = at - 1;
        for arg in &mut self.args {
            let size = arg.size();
            if left < size {
                return arg.node_mut(left);
            }
            left -= size;
        }
        None
    }
}

fn listed(args: &[Expr]) -> String {
    args.iter()
        .map(Expr::spelled)
        .collect::<Vec<_>>()
        .join(", ")
}

/// A Cedar string. Line ends and tabs are escaped, all other text stands.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A name in a record or after `has`: quoted where Cedar asks for it.
pub(super) fn name(name: &str) -> String {
    match is_identifier(name) {
        true => name.to_owned(),
        false => quoted(name),
    }
}

pub(super) fn is_identifier(name: &str) -> bool {
    const RESERVED: [&str; 9] = [
        "true", "false", "if", "then", "else", "in", "is", "like", "has",
    ];
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.all(|c| c.is_ascii_alphanumeric())
        && !RESERVED.contains(&name)
}
