//! Rows read again.

use std::borrow::Cow;
use std::io::BufRead;

use jiff::Timestamp;

use super::DecisionLogError;
use super::question::Place;
use super::row::{ERROR_MODES, ROW_VERSION};
use crate::engine::intake::{Ask, Party};
use crate::engine::{ErrorMode, Input, Member};

/// Bytes of a line. Our choice: the largest question that a row holds, with room
/// for very many policies.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// A row.
#[derive(Debug, Clone)]
pub struct LoggedRow {
    /// The name of the file that it stands in.
    pub file: std::sync::Arc<str>,
    /// Its line, from 1.
    pub line: u64,
    /// The decision's id.
    pub decision_id: String,
    /// The question, without what was masked.
    pub ask: Ask<'static>,
    /// The names of what was masked.
    pub masked: Vec<(Place, String)>,
    /// Why it does not decide the same again, if it says so.
    pub unreplayable: Option<String>,
    /// The `now` of the decision.
    pub now: Timestamp,
    /// What was answered.
    pub judgement: super::Judgement,
    /// How failing policies counted.
    pub mode: ErrorMode,
    /// The hash of the bundle that decided.
    pub bundle: String,
    /// The revision that it was decided at.
    pub revision: u64,
}

/// The rows of one file, in order.
///
/// A last line that does not end, and is no row, is torn: a process was killed while
/// it wrote. It is passed over and told; any other line must be a row.
#[derive(Debug)]
pub struct Rows<R> {
    from: R,
    file: std::sync::Arc<str>,
    line: u64,
    torn: bool,
    text: Vec<u8>,
}

impl<R: BufRead> Rows<R> {
    /// Reads rows. `file` names them in messages.
    pub fn new(from: R, file: &str) -> Self {
        Self {
            from,
            file: file.into(),
            line: 0,
            torn: false,
            text: Vec::new(),
        }
    }

    /// Whether the last line was torn; known at the end.
    pub fn torn(&self) -> bool {
        self.torn
    }

    fn read(&mut self) -> Result<Option<LoggedRow>, DecisionLogError> {
        self.text.clear();
        let most = LINE_BYTES_MAX as u64 + 1;
        let mut bounded = std::io::Read::take(&mut self.from, most);
        let read = bounded.read_until(b'\n', &mut self.text);
        read.map_err(|error| DecisionLogError::Read {
            file: self.file.to_string(),
            error,
        })?;
        if self.text.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        let bad = |what: String| DecisionLogError::Line {
            file: self.file.to_string(),
            line: self.line,
            what,
        };
        let ended = self.text.ends_with(b"\n");
        if !ended && self.text.len() > LINE_BYTES_MAX {
            return Err(bad(format!(
                "the line is longer than {LINE_BYTES_MAX} bytes"
            )));
        }
        let text = std::str::from_utf8(&self.text).map_err(|error| error.to_string());
        match text.and_then(|text| row(text, (&self.file, self.line))) {
            Ok(row) => Ok(Some(row)),
            Err(_) if !ended => {
                self.torn = true;
                Ok(None)
            }
            Err(what) => Err(bad(what)),
        }
    }
}

impl<R: BufRead> Iterator for Rows<R> {
    type Item = Result<LoggedRow, DecisionLogError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// Reads one line.
fn row(text: &str, (file, line): (&std::sync::Arc<str>, u64)) -> Result<LoggedRow, String> {
    let input = Input::parse(text).map_err(|error| format!("the line is no row: {error}"))?;
    let top = Object {
        place: "the row",
        input: &input,
    };
    let version = top.number("version")?;
    if version != u64::from(ROW_VERSION) {
        return Err(format!(
            "the row is of version {version}, and this program reads {ROW_VERSION}"
        ));
    }
    let action = top.object("action", "`action`")?;
    let mode = top.text("error_mode")?;
    let mode = ERROR_MODES.iter().find(|(name, _)| *name == mode);
    let now: Timestamp = top
        .text("now")?
        .parse()
        .map_err(|_| "`now` is no time".to_owned())?;
    Ok(LoggedRow {
        file: std::sync::Arc::clone(file),
        line,
        decision_id: top.text("decision_id")?.to_owned(),
        ask: Ask {
            principal: party(&top.object("principal", "`principal`")?)?,
            action: owned(action.text("name")?),
            action_type: action.optional_text("type")?.map(owned),
            action_properties: action.members("properties")?,
            resource: party(&top.object("resource", "`resource`")?)?,
            context: top.members("context")?,
        },
        masked: masked(&top)?,
        unreplayable: top.optional_text("unreplayable")?.map(str::to_owned),
        now,
        judgement: judgement(&top)?,
        mode: mode.ok_or("`error_mode` is not known")?.1,
        bundle: top.text("bundle")?.to_owned(),
        revision: top.number("revision")?,
    })
}

fn party(object: &Object<'_, '_>) -> Result<Party<'static>, String> {
    Ok(Party {
        ty: owned(object.text("type")?),
        id: owned(object.text("id")?),
        properties: object.members("properties")?,
    })
}

fn judgement(top: &Object<'_, '_>) -> Result<super::Judgement, String> {
    Ok(super::Judgement {
        allows: match top.text("decision")? {
            "allow" => true,
            "deny" => false,
            other => return Err(format!("`decision` is `{other}`, neither allow nor deny")),
        },
        determining: top.texts("determining")?,
        erroring: top.texts("erroring")?,
        problem: top.optional_text("problem")?.map(str::to_owned),
    })
}

fn masked(top: &Object<'_, '_>) -> Result<Vec<(Place, String)>, String> {
    let mut masked = Vec::new();
    let Some(input) = top.input.get("masked") else {
        return Ok(masked);
    };
    for (name, place) in Place::ALL {
        let object = Object {
            place: "`masked`",
            input,
        };
        let members = object.members(name)?;
        masked.extend(members.into_iter().map(|m| (place, m.name.into_owned())));
    }
    Ok(masked)
}

fn owned(text: &str) -> Cow<'static, str> {
    Cow::Owned(text.to_owned())
}

/// An object of which members are wanted; `place` is what messages call it.
struct Object<'i, 'a> {
    place: &'static str,
    input: &'i Input<'a>,
}

impl<'i, 'a> Object<'i, 'a> {
    fn wanted(&self, name: &str, what: &str) -> String {
        format!("`{name}` of {} must be {what}", self.place)
    }

    fn object(&self, name: &str, place: &'static str) -> Result<Object<'i, 'a>, String> {
        match self.input.get(name) {
            Some(input @ Input::Map(_)) => Ok(Object { place, input }),
            _ => Err(self.wanted(name, "an object")),
        }
    }

    fn text(&self, name: &str) -> Result<&'i str, String> {
        self.optional_text(name)?
            .ok_or_else(|| self.wanted(name, "a text"))
    }

    fn optional_text(&self, name: &str) -> Result<Option<&'i str>, String> {
        match self.input.get(name) {
            None => Ok(None),
            Some(Input::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wanted(name, "a text")),
        }
    }

    fn number(&self, name: &str) -> Result<u64, String> {
        match self.input.get(name) {
            Some(Input::Long(number)) => u64::try_from(*number).ok(),
            _ => None,
        }
        .ok_or_else(|| self.wanted(name, "a whole number"))
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, String> {
        let wanted = || self.wanted(name, "a list of texts");
        let Some(Input::List(items)) = self.input.get(name) else {
            return Err(wanted());
        };
        let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
        texts.collect::<Option<_>>().ok_or_else(wanted)
    }

    fn members(&self, name: &str) -> Result<Vec<Member<'static>>, String> {
        match self.input.get(name) {
            None => Ok(Vec::new()),
            Some(Input::Map(members)) => Ok(members.iter().map(Member::to_owned_member).collect()),
            Some(_) => Err(self.wanted(name, "an object")),
        }
    }
}
