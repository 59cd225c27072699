//! The files that policies are read from, and their texts at one moment.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::node::files::{read_policies, read_source, read_world};
use crate::node::{Choice, Refusal};
use crate::policy::Source;

/// Where policies come from, and the entities of generic mode.
#[derive(Debug, Clone)]
pub struct PolicyFiles {
    /// The schema.
    pub schema: PathBuf,
    /// A file of policies, or a folder of such.
    pub policies: PathBuf,
    /// Entities in Cedar's JSON form.
    pub entities: Option<PathBuf>,
}

/// What the files held when they were read.
#[derive(Debug, Clone)]
pub struct Texts {
    /// The schema.
    pub schema: Source,
    /// The policies, in order of their paths.
    pub policies: Vec<Source>,
    /// The entities, if there is a file of them.
    pub entities: Option<Source>,
}

impl PolicyFiles {
    /// Reads them.
    ///
    /// # Errors
    /// [`Refusal::Unreadable`] for the first that cannot be read.
    pub fn read(&self) -> Result<Texts, Refusal> {
        let entities = self.entities.as_deref().map(read_world).transpose()?;
        Ok(Texts {
            schema: read_source(&self.schema)?,
            policies: read_policies(&self.policies)?,
            entities,
        })
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let all = [
            Some(&self.schema),
            Some(&self.policies),
            self.entities.as_ref(),
        ];
        all.into_iter().flatten().map(PathBuf::as_path)
    }
}

/// SHA-256 over texts and their names.
pub(super) type Seen = [u8; 32];

impl Texts {
    /// The policies, as a ledger starts with them.
    #[must_use]
    pub fn choice(&self) -> Choice {
        Choice::Texts {
            schema: self.schema.clone(),
            policies: self.policies.clone(),
        }
    }

    /// The same for the same texts under the same names.
    pub(super) fn seen(&self) -> Seen {
        let mut hasher = Sha256::new();
        let schema = std::iter::once(&self.schema);
        for source in schema.chain(&self.policies).chain(&self.entities) {
            for part in [&source.name, &source.text] {
                hasher.update((part.len() as u64).to_le_bytes());
                hasher.update(part.as_bytes());
            }
        }
        hasher.finalize().into()
    }
}
