//! A bundle as the log keeps it: by text, so that a past revision decides by the
//! policies it had.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::LedgerError;
use crate::directory::Profile;
use crate::policy::{Bundle, Source};

/// A bundle that was taken into use.
///
/// Shape: `{"hash": "…", "profile": "seed", "schema": {"name": …, "text": …},
/// "policies": [{"name": …, "text": …}]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakenBundle {
    /// The bundle's hash.
    pub hash: String,
    /// The profile whose bundle it was, if it was built in.
    pub profile: Option<String>,
    schema: Text,
    policies: Vec<Text>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    name: String,
    text: String,
}

impl From<&Source> for Text {
    fn from(source: &Source) -> Self {
        Self {
            name: source.name.to_string(),
            text: source.text.to_string(),
        }
    }
}

impl TakenBundle {
    /// The bundle of a built-in profile, with the form that the log keeps.
    ///
    /// # Errors
    /// [`LedgerError::Policies`]: never, unless this program was built wrong.
    pub fn of_profile(profile: Profile) -> Result<(Self, Arc<Bundle>), LedgerError> {
        let (schema, policies) = (Profile::schema(), profile.sources());
        let bundle = Bundle::new(&schema, &policies)?;
        let taken = Self {
            hash: bundle.hash().to_string(),
            profile: Some(profile.to_string()),
            schema: Text::from(&schema),
            policies: policies.iter().map(Text::from).collect(),
        };
        Ok((taken, Arc::new(bundle)))
    }

    /// Builds it again.
    ///
    /// # Errors
    /// [`LedgerError::Policies`] if this program refuses what the one that wrote it
    /// took, and [`LedgerError::BundleHash`] if it makes another bundle of it.
    pub fn build(&self) -> Result<Arc<Bundle>, LedgerError> {
        let source = |text: &Text| Source::new(text.name.as_str(), text.text.as_str());
        let policies: Vec<Source> = self.policies.iter().map(source).collect();
        let bundle = Bundle::new(&source(&self.schema), &policies)?;
        match bundle.hash().as_str() == self.hash {
            true => Ok(Arc::new(bundle)),
            false => Err(LedgerError::BundleHash {
                wanted: self.hash.clone(),
                got: bundle.hash().to_string(),
            }),
        }
    }
}
