//! The built-in schema and policies, and the profiles that choose among them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::policy::{Bundle, Refused, Source};

macro_rules! built_in {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../", $path)))),*]
    };
}

const SCHEMA: (&str, &str) = (
    "schemas/csp.cedarschema",
    include_str!("../../schemas/csp.cedarschema"),
);

/// Policies of every profile.
const COMMON: &[(&str, &str)] = built_in![
    "policies/azure-roles.cedar",
    "policies/commerce.cedar",
    "policies/devices.cedar",
    "policies/guardrails.cedar",
    "policies/licences.cedar",
    "policies/privileges.cedar",
    "policies/relationships.cedar",
    "policies/support.cedar",
    "policies/tenant.cedar",
    "policies/users-own.cedar",
    "policies/users.cedar",
];
/// Autopilot as it is in force.
const AUTOPILOT: &[(&str, &str)] = built_in!["policies/autopilot.cedar"];
/// Autopilot as it was announced.
const ANNOUNCED: &[(&str, &str)] = built_in!["policies/autopilot-announced.cedar"];

/// Which of the built-in policies apply: a choice of files, never a flag that a
/// policy tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Profile {
    /// The rules of domain.md, part A.
    #[default]
    Seed,
    /// Part A with the announced Autopilot rules (A-AP-04, A-AP-05) in force.
    AutopilotAnnounced,
}

impl Profile {
    /// All profiles there are.
    pub const ALL: [Self; 2] = [Self::Seed, Self::AutopilotAnnounced];
    /// Profiles that the contract names and that are not built yet.
    pub const PLANNED: [&'static str; 1] = ["public"];

    /// Its name: `seed`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seed => "seed",
            Self::AutopilotAnnounced => "autopilot-announced",
        }
    }

    /// Its policy files.
    #[must_use]
    pub fn sources(self) -> Vec<Source> {
        let own = match self {
            Self::Seed => AUTOPILOT,
            Self::AutopilotAnnounced => ANNOUNCED,
        };
        let all = COMMON.iter().chain(own);
        all.map(|(name, text)| Source::new(*name, *text)).collect()
    }

    /// The built-in schema.
    #[must_use]
    pub fn schema() -> Source {
        Source::new(SCHEMA.0, SCHEMA.1)
    }

    /// Its bundle.
    ///
    /// # Errors
    /// Never for the policies as they stand; a test holds every profile to it.
    pub fn bundle(self) -> Result<Bundle, Refused> {
        Bundle::new(&Self::schema(), &self.sources())
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|p| p.as_str() == name);
        found.ok_or_else(|| match Self::PLANNED.contains(&name) {
            true => format!(
                "the profile `{name}` does not exist yet; there are seed and autopilot-announced"
            ),
            false => {
                format!("there is no profile `{name}`; there are seed and autopilot-announced")
            }
        })
    }
}

/// Azure roles that a bundle has a template for: role name to template id.
///
/// A policy template says which role it is by `@azure_role("Owner")`; a further
/// role needs a template and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AzureRoles {
    templates: BTreeMap<String, String>,
}

impl AzureRoles {
    /// Reads the annotations of a bundle's templates.
    #[must_use]
    pub fn of(bundle: &Bundle) -> Self {
        let templates = bundle.infos().filter(|info| info.is_template);
        Self {
            templates: templates
                .filter_map(|info| {
                    let role = info.annotations.get("azure_role")?;
                    Some((role.clone(), info.id.clone()))
                })
                .collect(),
        }
    }

    /// The template of a role, by the role's name.
    #[must_use]
    pub fn template(&self, role: &str) -> Option<&str> {
        self.templates.get(role).map(String::as_str)
    }

    /// The names of the roles there are.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.templates.keys().map(String::as_str)
    }
}
