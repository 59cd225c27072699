//! The built-in directory roles of Microsoft Entra, by name.
//!
//! Source: the table of role definitions as Microsoft Graph shows it (domain.md,
//! part E, `entra-builtin-roles`), reduced to what facts need: that a name
//! exists, and whether the role inherits Directory Readers (most do, B-ENT-02). Which role may do what is policy.

use std::collections::BTreeMap;
use std::sync::OnceLock;

const TABLE: &str = include_str!("entra_roles.csv");

/// What the directory knows of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectoryRoleInfo {
    /// Display name: `User Administrator`.
    pub name: &'static str,
    /// Template id, the same in every tenant.
    pub template_id: &'static str,
    /// Whether Entra marks it as privileged.
    pub privileged: bool,
    /// Whether it is Directory Readers or inherits it (B-ENT-02).
    pub reads_directory: bool,
}

/// All built-in roles, by name.
pub fn directory_roles() -> &'static BTreeMap<&'static str, DirectoryRoleInfo> {
    static ROLES: OnceLock<BTreeMap<&'static str, DirectoryRoleInfo>> = OnceLock::new();
    ROLES.get_or_init(|| {
        let rows = TABLE.lines().skip(1);
        rows.filter_map(|row| {
            let mut cells = row.split(',');
            let info = DirectoryRoleInfo {
                name: cells.next()?,
                template_id: cells.next()?,
                privileged: cells.next()? == "yes",
                reads_directory: cells.next()? == "yes",
            };
            Some((info.name, info))
        })
        .collect()
    })
}

/// One role by its display name.
#[must_use]
pub fn directory_role(name: &str) -> Option<DirectoryRoleInfo> {
    directory_roles().get(name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        assert_eq!(directory_roles().len(), 145);
        let helpdesk = directory_role("Helpdesk Administrator").unwrap();
        assert!(helpdesk.reads_directory && helpdesk.privileged);
        assert!(!directory_role("Guest User").unwrap().reads_directory);
        assert!(directory_role("helpdesk administrator").is_none());
    }
}
