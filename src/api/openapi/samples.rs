//! Values that examples are made of, of the world that the documentation tells.

use serde_json::{Value, json};

/// A value for a member of a command or of a path, by its name. `command` decides
/// where commands call different things the same.
pub(super) fn sample(command: &str, member: &str) -> Value {
    match member {
        "partner" => "fabrikam".into(),
        "customer" => "contoso".into(),
        "include_dap" => true.into(),
        "invitation" => "wingtip-draft".into(),
        "text" => "Join us: https://fabrikam.example/join/wingtip-draft".into(),
        "portal" | "channel" => "partner-center".into(),
        "subscription" => match command {
            "provision-subscription" => "contoso-new".into(),
            _ => "contoso-web".into(),
        },
        "management_group" | "parent" => "contoso-platform".into(),
        "principal" => "fabrikam/AzureManagers".into(),
        "role" if command.contains("azure") => "Contributor".into(),
        "role" => "User Administrator".into(),
        "scope" => "/subscriptions/contoso-web".into(),
        "user" => match command {
            "create-user" => "nadia@contoso.example".into(),
            _ => "mia@contoso.example".into(),
        },
        "users" => json!(["mia@contoso.example"]),
        "first_name" => "Nadia".into(),
        "last_name" => "Novak".into(),
        "display_name" => "Nadia Novak".into(),
        "csv" => "First name,Last name,Display name,Email\nNadia,Novak,Nadia Novak,nadia@contoso.example\n".into(),
        "product" => "office-e3".into(),
        "free" => 10.into(),
        "device" => "contoso-laptop-fabrikam".into(),
        "devices" => json!(["contoso-laptop-new"]),
        "profile" => match command {
            "add-autopilot-profile" => "contoso-new-kiosk".into(),
            _ => "contoso-kiosk".into(),
        },
        "name" => "Kiosk".into(),
        "settings" => json!(["skip-privacy-page"]),
        "fact" => json!({"groups": {"fabrikam/NightShift": {"member_of": ["fabrikam/AdminAgents"]}}}),
        "key" => json!({"groups": ["fabrikam/BackupTeam"]}),
        "from" => 1.into(),
        "to" => 2.into(),
        "id" => "k0123456789ab".into(),
        _ => "x".into(),
    }
}
