//! Addresses of users: which are the same to whoever sends a mail.
//!
//! Ids are compared byte for byte (D 8), and so are users wherever something is
//! decided. Only when one is made must its address be nobody else's.

use std::ops::Bound;

use crate::directory::World;

impl World {
    /// The customer's user whose address is the same, letter case of its domain aside:
    /// `mia@contoso.example` for `mia@Contoso.example`. It costs a few look-ups for
    /// each letter of the domain, whatever the world holds.
    #[must_use]
    pub fn user_at(&self, address: &str) -> Option<&str> {
        let Some((local, domain)) = address.split_once('@') else {
            let same = self.customer_users.get_key_value(address);
            return same.map(|(id, _)| id.as_ref());
        };
        let mut starts = vec![format!("{local}@")];
        for letter in domain.chars() {
            let (lower, upper) = (letter.to_ascii_lowercase(), letter.to_ascii_uppercase());
            let spellings = [Some(lower), (upper != lower).then_some(upper)];
            let longer = starts.iter().flat_map(|start| {
                let letters = spellings.into_iter().flatten();
                letters.map(move |letter| format!("{start}{letter}"))
            });
            starts = longer.filter(|start| self.user_starts(start)).collect();
        }
        let mut found = starts.iter();
        found.find_map(|id| Some(self.customer_users.get_key_value(id.as_str())?.0.as_ref()))
    }

    /// Whether the id of a customer's user begins so.
    fn user_starts(&self, start: &str) -> bool {
        let from = (Bound::Included(start), Bound::Unbounded);
        let next = self.customer_users.range::<_, str>(from).next();
        next.is_some_and(|(id, _)| id.starts_with(start))
    }
}
