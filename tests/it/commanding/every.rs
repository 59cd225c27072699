//! One command of each kind, for whoever must miss none.

use std::collections::BTreeSet;

use aobo::directory::command::Command;
use serde_json::{Value, json};

use super::read;

/// How many kinds there are. A new variant comes with a sample and this number.
const KINDS: usize = 38;

/// A sample of each, over the example world after [`super::authorization`] added
/// its own facts.
pub(super) fn samples() -> Vec<Value> {
    vec![
        json!({"command": "prepare-invitation", "partner": "fabrikam", "customer": "margies", "include_dap": true}),
        json!({"command": "edit-invitation", "invitation": "draft", "text": "come: https://fabrikam.example/join/draft"}),
        json!({"command": "send-invitation", "invitation": "draft"}),
        json!({"command": "accept-invitation", "invitation": "wingtip-2020", "portal": "microsoft-store-for-business"}),
        json!({"command": "remove-delegated-admin", "partner": "fabrikam", "customer": "contoso"}),
        json!({"command": "remove-relationship", "partner": "fabrikam", "customer": "contoso"}),
        json!({"command": "renegotiate-contract", "partner": "fabrikam", "customer": "contoso"}),
        json!({"command": "open-service-request", "partner": "fabrikam", "customer": "tailspin", "channel": "microsoft-support"}),
        json!({"command": "provision-subscription", "partner": "fabrikam", "customer": "contoso", "subscription": "contoso-new"}),
        json!({"command": "suspend-subscription", "subscription": "contoso-web"}),
        json!({"command": "resume-subscription", "subscription": "contoso-lab"}),
        json!({"command": "cancel-subscription", "subscription": "contoso-web"}),
        json!({"command": "move-subscription", "subscription": "contoso-core", "management_group": "contoso-network"}),
        json!({"command": "put-management-group", "management_group": "Contoso-New", "parent": "contoso-platform"}),
        json!({"command": "remove-management-group", "management_group": "contoso-empty"}),
        json!({"command": "assign-azure-role", "principal": "mia@contoso.example", "role": "Reader", "scope": "/subscriptions/contoso-web/resourceGroups/RG"}),
        json!({"command": "remove-azure-role", "principal": "carl@contoso.example", "role": "Contributor", "scope": "/subscriptions/contoso-web"}),
        json!({"command": "create-user", "customer": "contoso", "user": "new@contoso.example", "display_name": "New"}),
        json!({"command": "import-users", "customer": "contoso", "csv": "Display name,Email\nNew,new@contoso.example\n"}),
        json!({"command": "assign-directory-role", "user": "mia@contoso.example", "role": "Reports Reader"}),
        json!({"command": "remove-directory-role", "user": "rhea@contoso.example", "role": "Reports Reader"}),
        json!({"command": "assign-license", "users": ["mia@contoso.example", "mark@contoso.example"], "product": "office-e3"}),
        json!({"command": "remove-license", "users": ["lia@contoso.example"], "product": "office-e3"}),
        json!({"command": "set-seats", "customer": "contoso", "product": "office-e3", "free": 9}),
        json!({"command": "activate-product", "customer": "contoso", "product": "firewall-vm"}),
        json!({"command": "reset-password", "user": "mia@contoso.example"}),
        json!({"command": "delete-user", "user": "mia@contoso.example"}),
        json!({"command": "restore-users", "users": ["dave@contoso.example", "dan@contoso.example"]}),
        json!({"command": "purge-user", "user": "dina@contoso.example"}),
        json!({"command": "add-devices", "customer": "contoso", "partner": "fabrikam", "channel": "partner-center", "devices": ["n1", "n2"]}),
        json!({"command": "delete-device", "device": "contoso-laptop-fabrikam"}),
        json!({"command": "add-autopilot-profile", "customer": "contoso", "partner": "fabrikam", "profile": "new", "settings": ["skip-eula"]}),
        json!({"command": "update-autopilot-profile", "profile": "contoso-kiosk", "name": "Kiosk"}),
        json!({"command": "delete-autopilot-profile", "profile": "contoso-kiosk"}),
        json!({"command": "apply-autopilot-profile", "profile": "contoso-kiosk", "device": "contoso-laptop-fabrikam"}),
        json!({"command": "remove-autopilot-profile", "profile": "contoso-showroom", "device": "contoso-laptop-northwind"}),
        json!({"command": "put", "fact": {"partner_users": {"zoe": {"partner": "fabrikam", "roles": ["SalesAgent"]}}}}),
        json!({"command": "remove", "key": {"partner_users": ["nora@fabrikam.example"]}}),
    ]
}

#[test]
fn there_is_a_sample_of_each_kind_and_it_reads_back() {
    let commands: Vec<Command> = samples().into_iter().map(read).collect();
    let kinds: BTreeSet<&str> = commands.iter().map(Command::kind).collect();
    assert_eq!((commands.len(), kinds.len()), (KINDS, KINDS));
    // The compiler counts the variants for us: the names that a wrong one lists.
    let wrong = serde_json::from_value::<Command>(json!({"command": "no"})).expect_err("none");
    assert_eq!(
        wrong.to_string().matches('`').count() / 2 - 1,
        KINDS,
        "{wrong}"
    );
    for command in commands {
        let json = serde_json::to_string(&command).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Command>(&json).expect("a command"),
            command
        );
    }
}

#[test]
fn what_is_no_command_is_not_read() {
    for (json, part) in [
        (json!({"command": "delete-user"}), "missing field `user`"),
        (
            json!({"command": "delete-user", "user": "a", "now": 1}),
            "unknown field `now`",
        ),
        (json!({"command": "put", "fact": {}}), "one fact is wanted"),
        (
            json!({"command": "put", "fact": {"groups": {"p/a": {}, "p/b": {}}}}),
            "one fact is wanted",
        ),
        (
            json!({"command": "remove", "key": {"group": ["p/a"]}}),
            "unknown field `group`",
        ),
        (json!("delete-user"), "an object with `command`"),
    ] {
        let error = serde_json::from_value::<Command>(json).expect_err("it is none");
        assert!(error.to_string().contains(part), "{error}");
    }
}
