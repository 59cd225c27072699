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

/// Whether a text holds a link whole, so that whoever follows what stands there comes
/// to where the link leads (A-INV-11): nothing before or after it is part of an address.
/// A point or a bracket at the end of a sentence is none.
pub(super) fn holds(text: &str, link: &str) -> bool {
    let of_address =
        |c: char| c.is_alphanumeric() || PUNCTUATION.contains(c) || CLOSING.contains(c);
    text.match_indices(link).any(|(at, found)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let joined = |c: char| of_address(c) && !OPENING.contains(c);
        let after = text.get(at + found.len()..).unwrap_or_default();
        let end = after.find(|c: char| !of_address(c)).unwrap_or(after.len());
        let rest = after.get(..end).unwrap_or_default();
        let rest = rest.trim_end_matches(|c: char| CLOSING.contains(c));
        !link.is_empty() && !before.is_some_and(joined) && rest.is_empty()
    })
}

/// What an address may hold besides letters and digits: what else, what also stands
/// behind one, and what of that also before it. Source: RFC 3986, section 2.
const PUNCTUATION: &str = "-_~%/#&=+@$*";
const CLOSING: &str = ".,;:!?'()[]";
const OPENING: &str = "'([";

/// The subject, whatever the text.
pub(super) fn subject(partner: &str) -> String {
    format!("{partner} asks for a reseller relationship")
}
