//! Users from CSV files: all rows, or a report of each bad cell.

use aobo::directory::command::{BadCell, CommandError, IMPORT_ROWS_MAX, Output};
use aobo::directory::{Fact, Key};
use serde_json::json;

use super::authorization::stage;
use super::{Stage, rules};

fn import(csv: &str) -> serde_json::Value {
    json!({"command": "import-users", "customer": "contoso", "csv": csv})
}

/// The file is taken, and these users are made.
#[track_caller]
fn taken(csv: &str, users: &[&str]) -> Stage {
    let mut stage = stage();
    let planned = stage.done(import(csv));
    assert_eq!(rules(&planned), ["A-USR-08", "A-USR-10"]);
    let Output::Users { users: made } = planned.output else {
        panic!("users");
    };
    assert_eq!(made, users);
    stage
}

/// The file is not taken; each bad cell by line, column and a part of the words.
#[track_caller]
fn bad(csv: &str, expected: &[(usize, &str, &str)]) {
    match stage().refused(import(csv)) {
        CommandError::Import(cells) => {
            let told: Vec<(usize, &str)> =
                cells.iter().map(|c| (c.line, c.column.as_str())).collect();
            let wanted: Vec<(usize, &str)> = expected.iter().map(|(l, c, _)| (*l, *c)).collect();
            assert_eq!(told, wanted, "{cells:#?}");
            for (
                BadCell {
                    message, remedy, ..
                },
                (.., part),
            ) in cells.iter().zip(expected)
            {
                assert!(message.contains(part) && !remedy.is_empty(), "{message}");
            }
        }
        other => panic!("{other:?}"),
    }
}

const HEADER: &str = "First name,Last name,Display name,Email,Status update";

#[test]
fn good_files() {
    let stage = taken(
        &format!(
            "{HEADER}\nAna,Alves,Ana Alves,ana@contoso.example,\n,,\"Bo, the second\",bo2@CONTOSO.example,\n"
        ),
        &["ana@contoso.example", "bo2@CONTOSO.example"],
    );
    let user = |id: &str| match stage.world().fact(&Key::CustomerUser(id.to_owned())) {
        Some(Fact::CustomerUser(user)) => user,
        other => panic!("{other:?}"),
    };
    let ana = user("ana@contoso.example").names;
    assert_eq!(ana.first.as_deref(), Some("Ana"));
    assert_eq!(ana.last.as_deref(), Some("Alves"));
    let bo = user("bo2@CONTOSO.example").names;
    assert_eq!(
        (bo.first, bo.display.as_deref()),
        (None, Some("Bo, the second"))
    );
    // What spreadsheets write: a byte order mark, any line ends, rows of commas.
    let bom = format!("\u{feff}{HEADER}\r\nAna,Alves,Ana,ana@contoso.example,\r\n,,,,\r\n");
    taken(&bom, &["ana@contoso.example"]);
    taken(
        "Email,Display name\rana@contoso.example,Ana\r",
        &["ana@contoso.example"],
    );
    // Fifty characters, not bytes.
    let name = "é".repeat(50);
    taken(
        &format!("Display name,Email\n{name},ana@contoso.example"),
        &["ana@contoso.example"],
    );
}

#[test]
fn every_bad_cell_is_told() {
    let long = "x".repeat(51);
    let rows = [
        format!("{long},{long},{long},ok1@contoso.example,"),
        "a,b,,mia@contoso.example,".to_owned(),
        "a,b,c,,".to_owned(),
        "a,b,c,nobody,".to_owned(),
        "a,b,c,a@b@contoso.example,".to_owned(),
        "a,b,c,ana@tailspin.example,".to_owned(),
        "a,b,c,dave@contoso.example,added".to_owned(),
        "a,b,c,twice@contoso.example,".to_owned(),
        "a,b,c,twice@contoso.example,".to_owned(),
        "a,b,c".to_owned(),
        "a,b,\"c\nd\",fine@contoso.example,".to_owned(),
        "a,b,c,last@contoso.example,x".to_owned(),
    ];
    let expected = [
        (2, "First name", "51"),
        (2, "Last name", "51"),
        (2, "Display name", "51"),
        (3, "Display name", "empty"),
        (3, "Email", "already a user"),
        (4, "Email", "empty"),
        (5, "Email", "not an address"),
        (6, "Email", "not an address"),
        (7, "Email", "`tailspin.example` is not a domain"),
        (8, "Status update", "must be empty"),
        (8, "Email", "already a user"),
        (10, "Email", "comes twice"),
        (11, "", "3 cells"),
        (11, "Email", "empty"),
        (12, "Display name", "line end"),
        (14, "Status update", "must be empty"),
    ];
    for end in ["\n", "\r\n"] {
        let text = format!("{HEADER}\n\n{}", rows.join("\n"));
        // A blank line counts as a line.
        let moved: Vec<_> = expected.iter().map(|(l, c, p)| (l + 1, *c, *p)).collect();
        bad(&text.replace('\n', end), &moved);
        bad(
            &format!("{HEADER}\n{}", rows.join("\n")).replace('\n', end),
            &expected,
        );
    }
}

/// The letter case of a domain makes no other address; that of the name before it does
/// (D 8).
#[test]
fn an_address_is_one_in_any_letter_case_of_its_domain() {
    bad(
        "Display name,Email\na,ann@contoso.example\nb,ann@CONTOSO.example\n",
        &[(3, "Email", "`ann@CONTOSO.example` comes twice")],
    );
    bad(
        "Display name,Email\na,mia@Contoso.Example\nb,dave@contoso.EXAMPLE\n",
        &[
            (2, "Email", "already a user `mia@contoso.example`"),
            (3, "Email", "already a user `dave@contoso.example`"),
        ],
    );
    let mut stage = taken(
        "Display name,Email\na,Mia@contoso.example\nb,bo2@CONTOSO.example\n",
        &["Mia@contoso.example", "bo2@CONTOSO.example"],
    );
    let create = |user: &str| json!({"command": "create-user", "customer": "contoso", "user": user, "display_name": "x"});
    for (user, there) in [
        ("bo2@contoso.example", "bo2@CONTOSO.example"),
        ("bo2@conTOSO.example", "bo2@CONTOSO.example"),
        ("mark@contoso.EXAMPLE", "mark@contoso.example"),
        ("dave@Contoso.example", "dave@contoso.example"),
    ] {
        let error = stage.refused(create(user));
        let words = format!("there is already a customer user `{there}`");
        assert_eq!((error.code(), error.to_string()), ("exists", words));
    }
    stage.done(create("BO2@contoso.example"));
    assert_eq!(stage.world().user_at("bO2@contoso.example"), None);
}

#[test]
fn headers() {
    bad("Display name;Email\na;b\n", &[(1, "", "semicolons")]);
    bad("Display name,E-mail\n", &[(1, "E-mail", "no column")]);
    bad("Display name,Email,Email\n", &[(1, "Email", "twice")]);
    bad("First name,Email\n", &[(1, "Display name", "missing")]);
    bad("", &[(1, "Display name", "missing")]);
    bad("display name,email\n", &[(1, "display name", "no column")]);
}

#[test]
fn a_file_has_1_to_100_rows() {
    let of = |rows: usize| {
        let rows = (0..rows).map(|n| format!("N,n{n}@contoso.example\n"));
        format!("Display name,Email\n{}", rows.collect::<String>())
    };
    let planned = stage().done(import(&of(IMPORT_ROWS_MAX)));
    assert_eq!(planned.changes.len(), 100);
    for rows in [0, IMPORT_ROWS_MAX + 1] {
        let error = stage().refused(import(&of(rows)));
        assert!(
            error.to_string().contains(&format!("this one has {rows}")),
            "{error}"
        );
    }
}

/// The example world knows no domains: then no address can be held against them.
#[test]
fn without_domains_nothing_is_imported() {
    let error = Stage::fabrikam().refused(import("Display name,Email\na,a@contoso.example\n"));
    assert_eq!(error.rules(), ["B-PC-14"]);
}
