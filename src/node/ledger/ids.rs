//! Ids and links that nobody guesses.

use sha2::{Digest, Sha256};

use super::keys::hex;
use crate::directory::command::Ids;

/// Draws ids of 128 bits: hashes of a random seed and a count, so that there is
/// nothing to fail once it is made.
pub struct RandomIds {
    seed: [u8; 32],
    next: u64,
    /// What links begin with.
    base: String,
}

impl RandomIds {
    /// Ids, and links below a URL: `https://partners.example/invitations`.
    ///
    /// # Errors
    /// What the operating system says if it has no randomness.
    pub fn new(base: &str) -> Result<Self, getrandom::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(Self {
            seed,
            next: 0,
            base: base.trim_end_matches('/').to_owned(),
        })
    }
}

impl Ids for RandomIds {
    fn id(&mut self) -> String {
        self.next += 1;
        let drawn = Sha256::new()
            .chain_update(self.seed)
            .chain_update(self.next.to_be_bytes())
            .finalize();
        hex(drawn.get(..16).unwrap_or_default())
    }

    fn link(&mut self, partner: &str, invitation: &str) -> String {
        let secret = self.id();
        format!("{}/{partner}/{invitation}/{secret}", self.base)
    }
}

impl std::fmt::Debug for RandomIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RandomIds").finish_non_exhaustive()
    }
}
