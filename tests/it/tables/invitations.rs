//! Where an invitation is accepted, by cloud and time of sending.

use aobo::directory::Profile;
use aobo::node::Point;
use serde_json::json;

use super::user;
use crate::support::{self, Table, decide};

/// Portals as the table writes them, and as a context does.
const PORTALS: [(&str, &str); 4] = [
    ("Office admin portal", "office-admin-portal"),
    (
        "Microsoft Store for Business",
        "microsoft-store-for-business",
    ),
    ("Microsoft 365 admin center", "microsoft-365-admin-center"),
    ("Partner Center", "partner-center"),
];

#[test]
fn invitations_are_accepted_where_the_table_says() {
    let table = Table::read("invitation-acceptance-place.csv");
    let mut seen = 0;
    for row in &table.rows {
        let sent: &[&str] = match table.cell(row, "invitation_sent") {
            "before 2018-11-01" => &["2017-01-01T00:00:00Z", "2018-10-31T23:59:59Z"],
            "on or after 2018-11-01" => &["2018-11-01T00:00:00Z", "2020-08-31T00:00:00Z"],
            // Rows of a later page: they belong to a profile that is not built,
            // and contradict those of 2018-10-29, which the seed follows.
            "from page date 2020-01-28" => continue,
            other => panic!("{other:?} is no time known here"),
        };
        for sent in sent {
            let point = invitation(table.cell(row, "cloud"), sent);
            for (written, portal) in PORTALS {
                let context = json!({"portal": portal}).to_string();
                let resource = ("Invitation", "i");
                let ask = support::ask(
                    ("CustomerUser", "ga"),
                    "AcceptInvitation",
                    resource,
                    &context,
                );
                let wanted = table.cell(row, "where_accepted") == written;
                assert_eq!(
                    decide(&point, ask).allows(),
                    wanted,
                    "{portal} {sent} {row:?}"
                );
                let ask = support::ask(
                    ("CustomerUser", "no"),
                    "AcceptInvitation",
                    resource,
                    &context,
                );
                assert!(!decide(&point, ask).allows(), "{portal} {sent} {row:?}");
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 6);
}

fn invitation(cloud: &str, sent: &str) -> Point {
    let place = json!({"country": "FR", "market": "Europe", "cloud": cloud});
    let invitation = json!({
        "partner": "p", "customer": "c", "sent_at": sent, "include_dap": true, "status": "sent",
    });
    let world = json!({
        "partners": {"p": place},
        "customers": {"c": place},
        "customer_users": {
            "ga": user(&["Global Administrator"]),
            "no": user(&["User Administrator"]),
        },
        "invitations": {"i": invitation},
    });
    support::point(Profile::Seed, &world.to_string())
}
