//! A bundle as the log keeps it: by text, so that a past revision decides by the
//! policies it had.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::LedgerError;
use crate::directory::Profile;
use crate::policy::{Bundle, Refused, Source};

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

impl Text {
    fn source(&self) -> Source {
        Source::new(self.name.as_str(), self.text.as_str())
    }
}

impl TakenBundle {
    /// The bundle of a built-in profile, with the form that the log keeps.
    ///
    /// # Errors
    /// [`LedgerError::Policies`]: never, unless this program was built wrong.
    pub fn of_profile(profile: Profile) -> Result<(Self, Arc<Bundle>), LedgerError> {
        let (mut taken, bundle) = Self::of_texts(&Profile::schema(), &profile.sources())?;
        taken.profile = Some(profile.to_string());
        Ok((taken, bundle))
    }

    /// The bundle of an author's texts, with the form that the log keeps.
    ///
    /// # Errors
    /// [`Refused`] with everything that stands against them.
    pub fn of_texts(schema: &Source, policies: &[Source]) -> Result<(Self, Arc<Bundle>), Refused> {
        let bundle = Bundle::new(schema, policies)?;
        let taken = Self {
            hash: bundle.hash().to_string(),
            profile: None,
            schema: Text::from(schema),
            policies: policies.iter().map(Text::from).collect(),
        };
        Ok((taken, Arc::new(bundle)))
    }

    /// The text of its schema.
    #[must_use]
    pub fn schema(&self) -> Source {
        self.schema.source()
    }

    /// The texts of its policies, in order.
    #[must_use]
    pub fn policies(&self) -> Vec<Source> {
        self.policies.iter().map(Text::source).collect()
    }

    /// Builds it again.
    ///
    /// # Errors
    /// [`LedgerError::Policies`] if this program refuses what the one that wrote it
    /// took, and [`LedgerError::BundleHash`] if it makes another bundle of it.
    pub fn build(&self) -> Result<Arc<Bundle>, LedgerError> {
        let bundle = Bundle::new(&self.schema(), &self.policies())?;
        match bundle.hash().as_str() == self.hash {
            true => Ok(Arc::new(bundle)),
            false => Err(LedgerError::BundleHash {
                wanted: self.hash.clone(),
                got: bundle.hash().to_string(),
            }),
        }
    }
}
