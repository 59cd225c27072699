//! What partner roles do: Windows Autopilot, and the pages of Partner Center.

use aobo::directory::Profile;
use serde_json::json;

use crate::support::{self, Table, decide};

/// Partner Center roles as tables write them, and as facts do.
const PARTNER_ROLES: [(&str, &str); 14] = [
    ("Global admin", "GlobalAdmin"),
    ("User management admin", "UserManagementAdmin"),
    ("Billing admin", "BillingAdmin"),
    ("Admin agent", "AdminAgent"),
    ("Sales agent", "SalesAgent"),
    ("Helpdesk agent", "HelpdeskAgent"),
    ("Account admin", "AccountAdmin"),
    ("MPN partner admin", "MpnPartnerAdmin"),
    ("Referrals admin", "ReferralsAdmin"),
    ("Referrals user", "ReferralsUser"),
    ("Incentives admin", "IncentivesAdmin"),
    ("Incentives user", "IncentivesUser"),
    ("Executive report viewer", "ExecutiveReportViewer"),
    ("Report viewer", "ReportViewer"),
];

/// The customers that a row may be about: `-` in a column stands for each.
const CUSTOMERS: [(&str, &str, &str); 6] = [
    ("with", "yes", "yes"),
    ("without", "yes", "no"),
    ("taken", "yes", "no"),
    ("pending", "no", "no"),
    ("ended", "no", "no"),
    ("nothing", "no", "no"),
];

fn autopilot_world() -> serde_json::Value {
    let place = json!({"country": "FR", "market": "Europe", "cloud": "public"});
    let link = |customer: &str, status: &str, dap: &str| json!({"partner": "p", "customer": customer, "status": status, "dap": dap});
    let mut world = json!({
        "partners": {"p": place, "q": place},
        "customers": {},
        "partner_users": {},
        "devices": {},
        "autopilot_profiles": {},
        "relationships": [
            link("with", "active", "active"),
            link("without", "active", "none"),
            link("taken", "active", "removed"),
            link("pending", "pending", "none"),
            // A record that contradicts itself grants nothing.
            link("ended", "removed", "active"),
        ],
    });
    for (_, role) in PARTNER_ROLES {
        world["partner_users"][role] = json!({"partner": "p", "roles": [role]});
    }
    for (customer, ..) in CUSTOMERS {
        world["customers"][customer] = place.clone();
        world["autopilot_profiles"][customer] = json!({"customer": customer});
        for (written, added_by, channel) in DEVICES {
            let device = json!({"customer": customer, "added_by": added_by, "channel": channel});
            world["devices"][format!("{customer} {written}")] = device;
        }
    }
    world
}

/// How a table writes who added a device, and how facts do.
const DEVICES: [(&str, &str, &str); 5] = [
    ("same partner", "p", "partner-center"),
    ("other partner", "q", "partner-center"),
    (
        "customer via Microsoft Store for Business",
        "customer",
        "microsoft-store-for-business",
    ),
    (
        "customer via Microsoft Store for Education",
        "customer",
        "microsoft-store-for-education",
    ),
    ("customer via Intune portal", "customer", "intune-portal"),
];

/// The questions that a row asks about one customer: action, resource, context.
fn autopilot_questions(
    operation: &str,
    customer: &str,
    device: &str,
) -> Vec<(&'static str, (&'static str, String), String)> {
    let (action, kind) = match operation {
        "add profile" => ("AddAutopilotProfile", "Customer"),
        "update profile" => ("UpdateAutopilotProfile", "AutopilotProfile"),
        "delete profile" => ("DeleteAutopilotProfile", "AutopilotProfile"),
        "apply profile to device" => ("ApplyAutopilotProfile", "Device"),
        "remove profile from device" => ("RemoveAutopilotProfile", "Device"),
        "delete device" => ("DeleteDevice", "Device"),
        "add devices" => ("AddDevices", "Customer"),
        other => panic!("{other:?} is no operation known here"),
    };
    let context = match action {
        "ApplyAutopilotProfile" | "RemoveAutopilotProfile" => json!({"profile": customer}),
        _ => json!({}),
    };
    let ids: Vec<String> = match (kind, device) {
        ("Device", "-") => DEVICES
            .iter()
            .map(|(d, ..)| format!("{customer} {d}"))
            .collect(),
        ("Device", device) => vec![format!("{customer} {device}")],
        _ => vec![customer.to_owned()],
    };
    let ids = ids.into_iter();
    ids.map(|id| (action, (kind, id), context.to_string()))
        .collect()
}

#[test]
fn autopilot_follows_the_table_today_and_announced() {
    let table = Table::read("autopilot-matrix.csv");
    let world = autopilot_world().to_string();
    let columns = [
        (Profile::Seed, "today"),
        (Profile::AutopilotAnnounced, "announced"),
    ];
    let points = columns.map(|(profile, column)| (support::point(profile, &world), column));
    let mut asked = 0;
    for row in &table.rows {
        let cell = |column| table.cell(row, column);
        let fits = |wanted: &str, is: &str| wanted == "-" || wanted == is;
        let customers = CUSTOMERS.iter().filter(|(_, relationship, dap)| {
            fits(cell("reseller_relationship"), relationship) && fits(cell("dap"), dap)
        });
        for (customer, ..) in customers {
            let questions =
                autopilot_questions(cell("operation"), customer, cell("device_added_by"));
            for (action, (kind, id), context) in &questions {
                for (written, role) in PARTNER_ROLES {
                    for (point, column) in &points {
                        // In brackets the table says why a role is listed.
                        let listed = cell("partner_role_needed").split('(').next();
                        let listed = listed.unwrap_or_default().split('|').map(str::trim);
                        let may = listed.into_iter().any(|name| name == written);
                        let wanted = may && cell(column) == "allow";
                        let ask = support::ask(("PartnerUser", role), action, (kind, id), context);
                        let got = decide(point, ask).allows();
                        assert_eq!(got, wanted, "{role} {action} {id}, {column}, {row:?}");
                        asked += 1;
                    }
                }
            }
        }
    }
    assert!(asked > 41 * 14 * 2, "{asked}");
}

/// The tasks of the matrix whose cells answer a question of the seed profile.
/// Users and licences follow the seed page's own role list, invitations the
/// union of two lists; the suites have those.
const TASKS: [(&str, &[&str], &str); 6] = [
    (
        "view customer list / search customer",
        &["ViewCustomerRecord"],
        "{}",
    ),
    ("add device list", &["AddDevices"], "{}"),
    (
        "create and apply Autopilot profile",
        &["AddAutopilotProfile"],
        "{}",
    ),
    (
        "provision subscription / subscription management",
        &[
            "PurchaseSubscription",
            "RenewSubscription",
            "ProvisionAzureSubscription",
        ],
        "{}",
    ),
    (
        "open service request for customer",
        &["OpenServiceRequestOnBehalf"],
        r#"{"channel": "partner-center"}"#,
    ),
    (
        "remove reseller relationship",
        &["RemoveResellerRelationship"],
        "{}",
    ),
];

#[test]
fn partner_roles_open_the_pages_of_the_matrix() {
    let table = Table::read("partner-center-role-matrix.csv");
    let mut world = autopilot_world();
    // Everybody is nested under both groups: delegation is not what decides.
    world["groups"] = json!({"p/all": {"member_of": ["p/AdminAgents", "p/HelpdeskAgents"]}});
    for (_, role) in PARTNER_ROLES {
        world["partner_users"][role]["groups"] = json!(["p/all"]);
    }
    let point = support::point(Profile::Seed, &world.to_string());
    for (task, actions, context) in TASKS {
        let row = table.rows.iter().find(|row| row[0] == task);
        let row = row.unwrap_or_else(|| panic!("no row {task}"));
        for (written, role) in PARTNER_ROLES {
            let column = table.columns(1).iter().any(|column| column == written);
            let wanted = column && table.cell(row, written).starts_with("yes");
            for action in actions {
                let ask =
                    support::ask(("PartnerUser", role), action, ("Customer", "with"), context);
                assert_eq!(decide(&point, ask).allows(), wanted, "{action} by {role}");
            }
        }
    }
}
