//! Users from a CSV file: every row, or a report of each bad cell (A-USR-06).
//!
//! The file is what a spreadsheet saves as CSV: commas, quotes, any line ends, a
//! byte order mark or none, and a header that names the columns, in any order.

use std::collections::BTreeSet;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::plan::Planner;
use super::{BadCell, CommandError, Output};
use crate::directory::facts::UserNames;
use crate::directory::{Key, World};
use crate::policy::check_id;

/// Rows of one file, the header not counted. Source: B-PC-14.
pub const IMPORT_ROWS_MAX: usize = 100;
/// Characters of a name. Source: `user-bulk-import-columns`.
pub const IMPORT_NAME_CHARS_MAX: usize = 50;
/// Bytes of an address, which is the user's id. Source: contract, section 3.
const EMAIL_BYTES_MAX: usize = 256;

const FIRST: &str = "First name";
const LAST: &str = "Last name";
const DISPLAY: &str = "Display name";
const EMAIL: &str = "Email";
const STATUS: &str = "Status update";

/// The columns there are, and whether a file must have them. Source:
/// `user-bulk-import-columns`.
const COLUMNS: [(&str, bool); 5] = [
    (FIRST, false),
    (LAST, false),
    (DISPLAY, true),
    (EMAIL, true),
    (STATUS, false),
];

/// The rows of a file, the header not counted; of one that cannot be read, none.
pub(super) fn row_count(text: &str) -> usize {
    let read = read(text);
    read.map_or(0, |file| file.rows.len())
}

impl Planner {
    pub(super) fn import_users(
        &mut self,
        customer: &str,
        text: &str,
    ) -> Result<Output, CommandError> {
        let key = Key::Customer(customer.to_owned());
        let Some(fact) = self.world.customers.get(customer) else {
            return Err(CommandError::not_found(&key));
        };
        if fact.domains.is_empty() {
            return Err(CommandError::Refused {
                rules: &["B-PC-14"],
                message: format!(
                    "no domain of `{customer}` is known to hold the addresses against"
                ),
                remedy: "have the operator put the customer with its `domains` first",
            });
        }
        let domains = fact.domains.clone();
        let file = read(text).map_err(|bad| CommandError::Import(vec![bad]))?;
        let rows = file.rows.len();
        if rows == 0 || rows > IMPORT_ROWS_MAX {
            return Err(CommandError::Invalid {
                field: "csv",
                message: format!("a file has 1 to {IMPORT_ROWS_MAX} rows; this one has {rows}"),
                remedy: "split the file",
            });
        }
        let mut check = Check {
            world: &self.world,
            domains: &domains,
            seen: BTreeSet::new(),
            bad: Vec::new(),
        };
        let users: Vec<(String, UserNames)> = file
            .rows
            .iter()
            .map(|row| check.row(&file.header, row))
            .collect();
        let bad = check.bad;
        if !bad.is_empty() {
            return Err(CommandError::Import(bad));
        }
        let mut ids = Vec::new();
        for (id, names) in users {
            self.create_user(customer, &id, names)?;
            ids.push(id);
        }
        self.say_password();
        self.advise(
            "A-USR-10",
            "Mailing or printing the names and passwords may wait until the set is complete.",
        );
        Ok(Output::Users { users: ids })
    }
}

struct File {
    header: StringRecord,
    /// Each with its line.
    rows: Vec<Row>,
}

struct Row {
    line: usize,
    cells: StringRecord,
}

fn read(text: &str) -> Result<File, BadCell> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let unreadable = |error: csv::Error| bad(1, "", error.to_string(), "save the file as CSV");
    let header = reader.headers().map_err(unreadable)?.clone();
    check_header(&header)?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let cells = record.map_err(unreadable)?;
        let at = cells.position().map_or(0, csv::Position::byte);
        let line = line_of(text, usize::try_from(at).unwrap_or(usize::MAX));
        // A spreadsheet saves rows that were emptied as rows of commas.
        if cells.iter().any(|cell| !cell.is_empty()) {
            rows.push(Row { line, cells });
        }
    }
    Ok(File { header, rows })
}

/// The line, from 1, of the first byte from `at` on that is no line end.
fn line_of(text: &str, at: usize) -> usize {
    let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let bytes = text.as_bytes();
    let rest = bytes.get(at..).unwrap_or_default();
    let start = at + rest.iter().take_while(|byte| is_end(byte)).count();
    let before = text.get(..start).unwrap_or(text);
    1 + before.replace("\r\n", "\n").matches(['\n', '\r']).count()
}

fn check_header(header: &StringRecord) -> Result<(), BadCell> {
    let known = |name: &str| COLUMNS.iter().any(|(column, _)| *column == name);
    if let [only] = header.iter().collect::<Vec<_>>().as_slice()
        && only.contains(';')
    {
        let message = "the cells are separated by semicolons".to_owned();
        return Err(bad(1, "", message, "save the file with commas"));
    }
    let mut seen = BTreeSet::new();
    for name in header {
        if !known(name) {
            let message = format!("there is no column `{name}`");
            let remedy = "there are: First name, Last name, Display name, Email, Status update";
            return Err(bad(1, name, message, remedy));
        }
        if !seen.insert(name) {
            let message = "the column comes twice".to_owned();
            return Err(bad(1, name, message, "keep one of the two"));
        }
    }
    let missing = COLUMNS
        .iter()
        .find(|(name, required)| *required && !seen.contains(name));
    match missing {
        None => Ok(()),
        Some((name, _)) => {
            let message = "the column is missing".to_owned();
            Err(bad(1, name, message, "add it; it is required"))
        }
    }
}

/// Rows against each other, the world and the limits.
struct Check<'a> {
    world: &'a World,
    domains: &'a BTreeSet<String>,
    seen: BTreeSet<String>,
    bad: Vec<BadCell>,
}

impl Check<'_> {
    /// The user of a row; what is wrong with it is noted.
    fn row(&mut self, header: &StringRecord, row: &Row) -> (String, UserNames) {
        if row.cells.len() != header.len() {
            let (got, wanted) = (row.cells.len(), header.len());
            let message = format!("the row has {got} cells; the header has {wanted}");
            self.bad.push(bad(
                row.line,
                "",
                message,
                "give every row a cell for each column; put a cell that holds a comma in quotes",
            ));
        }
        let cell = |column: &str| {
            let at = header.iter().position(|name| name == column);
            at.and_then(|at| row.cells.get(at)).unwrap_or_default()
        };
        let names = UserNames {
            first: self.name(row.line, FIRST, cell(FIRST)),
            last: self.name(row.line, LAST, cell(LAST)),
            display: self.name(row.line, DISPLAY, cell(DISPLAY)),
        };
        if names.display.is_none() {
            let message = "the cell is empty".to_owned();
            let remedy = "write the name that lists show";
            self.bad.push(bad(row.line, DISPLAY, message, remedy));
        }
        if !cell(STATUS).is_empty() {
            let message = "the cell must be empty".to_owned();
            self.bad.push(bad(row.line, STATUS, message, "empty it"));
        }
        let email = cell(EMAIL);
        if let Err((message, remedy)) = self.email(email) {
            self.bad.push(bad(row.line, EMAIL, message, &remedy));
        }
        (email.to_owned(), names)
    }

    fn name(&mut self, line: usize, column: &str, cell: &str) -> Option<String> {
        if cell.is_empty() {
            return None;
        }
        let length = cell.chars().count();
        if length > IMPORT_NAME_CHARS_MAX {
            let message = format!(
                "a name has at most {IMPORT_NAME_CHARS_MAX} characters; this one has {length}"
            );
            self.bad.push(bad(line, column, message, "shorten it"));
        } else if check_id(cell, IMPORT_NAME_CHARS_MAX * 4).is_err() {
            let message = "the name holds an invisible character or a line end".to_owned();
            self.bad.push(bad(line, column, message, "type it anew"));
        }
        Some(cell.to_owned())
    }

    /// An address is new, and in one of the customer's domains; the letter case of a
    /// domain does not matter for either.
    fn email(&mut self, email: &str) -> Result<(), (String, String)> {
        if email.is_empty() {
            return Err((
                "the cell is empty".to_owned(),
                "write the user's address".to_owned(),
            ));
        }
        check_id(email, EMAIL_BYTES_MAX).map_err(|message| (message, "correct it".to_owned()))?;
        let domain = match email.split_once('@') {
            Some((local, domain)) if !local.is_empty() && !domain.contains('@') => domain,
            _ => {
                return Err((
                    format!("`{email}` is not an address"),
                    "write it as NAME@DOMAIN".to_owned(),
                ));
            }
        };
        if !self.domains.iter().any(|d| d.eq_ignore_ascii_case(domain)) {
            let domains: Vec<&str> = self.domains.iter().map(String::as_str).collect();
            return Err((
                format!("`{domain}` is not a domain of the customer"),
                format!("use one of: {}", domains.join(", ")),
            ));
        }
        let folded = match email.split_once('@') {
            Some((local, domain)) => format!("{local}@{}", domain.to_ascii_lowercase()),
            None => email.to_owned(),
        };
        if !self.seen.insert(folded) {
            return Err((
                format!("`{email}` comes twice in the file"),
                "keep one of the two rows".to_owned(),
            ));
        }
        if let Some(user) = self.world.user_at(email) {
            return Err((
                format!("there is already a user `{user}`"),
                "leave the row out; a deleted user is restored".to_owned(),
            ));
        }
        Ok(())
    }
}

fn bad(line: usize, column: &str, message: String, remedy: &str) -> BadCell {
    BadCell {
        line,
        column: column.to_owned(),
        message,
        remedy: remedy.to_owned(),
    }
}
