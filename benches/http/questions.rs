//! What is asked, and the known answers.

use serde_json::{Value, json};

/// A question about `tests/corpus/worlds/fabrikam.json`.
pub(crate) struct Asked {
    /// The body of an evaluation.
    pub(crate) body: Value,
    /// Whether it is allowed.
    pub(crate) allowed: bool,
}

fn asked(principal: [&str; 2], action: &str, resource: [&str; 2], allowed: bool) -> Asked {
    let body = json!({
        "subject": {"type": principal[0], "id": principal[1]},
        "action": {"name": action},
        "resource": {"type": resource[0], "id": resource[1]},
    });
    Asked { body, allowed }
}

/// Partner users and a customer's own, tenants and subscriptions; half of them
/// allowed, none of which advice or duty makes an answer longer.
pub(crate) fn all() -> Vec<Asked> {
    let (ada, hugo) = (
        ["PartnerUser", "ada@fabrikam.example"],
        ["PartnerUser", "hugo@fabrikam.example"],
    );
    let (contoso, tailspin) = (["Customer", "contoso"], ["Customer", "tailspin"]);
    let erp = ["Subscription", "/subscriptions/tailspin-erp"];
    let mut all = vec![
        asked(ada, "SignInToCustomerTenant", contoso, true),
        asked(ada, "SignInToCustomerTenant", tailspin, false),
        asked(
            hugo,
            "DeleteUser",
            ["CustomerUser", "mia@contoso.example"],
            false,
        ),
    ];
    for (operation, allowed) in [
        ("Microsoft.Compute/virtualMachines/write", true),
        ("Microsoft.Compute/virtualMachines/start/action", true),
        ("Microsoft.Storage/storageAccounts/delete", true),
    ] {
        for (who, allowed) in [(ada, allowed), (hugo, false)] {
            let mut question = asked(who, "AzureOperation", erp, allowed);
            question.body["context"] = json!({"operation": operation});
            all.push(question);
        }
    }
    all
}
