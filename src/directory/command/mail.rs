//! The mail of an invitation (A-INV-10). aobo drafts it and sends none.

/// A subject and a text.
pub(super) struct Mail {
    pub(super) subject: String,
    pub(super) text: String,
}

/// The draft, for the partner to change as it likes as long as the link stays.
pub(super) fn draft(partner: &str, customer: &str, include_dap: bool, link: &str) -> Mail {
    let privileges = match include_dap {
        true => format!(
            "Accepting also gives {partner} delegated admin privileges for your directory and \
             Office 365: its Admin Agents become Global Administrators of your tenant, its \
             Helpdesk Agents Helpdesk Administrators. You can take them away at any time and \
             keep the relationship.\n\n"
        ),
        false => "Accepting gives no delegated admin privileges.\n\n".to_owned(),
    };
    let text = format!(
        "Dear customer,\n\n\
         {partner} asks {customer} for a reseller relationship.\n\n\
         {privileges}\
         To accept, a Global Administrator of {customer} opens this link, which is personal \
         to {partner}:\n\n{link}\n"
    );
    Mail {
        subject: subject(partner),
        text,
    }
}

/// The subject, whatever the text.
pub(super) fn subject(partner: &str) -> String {
    format!("{partner} asks for a reseller relationship")
}
