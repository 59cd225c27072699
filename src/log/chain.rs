//! Records one after the other: that each follows the one before it, and making
//! those that follow.

use std::collections::HashSet;

use super::{Draft, Head, LogError, Record};

/// Walks along records and takes only what follows.
#[derive(Debug)]
pub(super) struct Chain {
    head: Head,
}

impl Chain {
    pub(super) fn after(head: Head) -> Self {
        Self { head }
    }

    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// Takes the next record: its number, what it names as the one before it, and
    /// its own hash must be right.
    pub(super) fn take(&mut self, record: &Record) -> Result<(), LogError> {
        self.link(record)?;
        let seq = record.seq;
        match record.computed_hash() == record.hash {
            true => Ok(()),
            false => Err(LogError::Corrupt {
                seq,
                what: "its hash is not that of its content".to_owned(),
            }),
        }
    }

    /// Takes the next record as [`Chain::take`] does, but for its own hash, which
    /// was verified before and costs more than reading it.
    pub(super) fn link(&mut self, record: &Record) -> Result<(), LogError> {
        let seq = self.head.seq.saturating_add(1);
        let corrupt = |what: String| LogError::Corrupt { seq, what };
        if record.seq != seq {
            return Err(corrupt(format!(
                "record {} stands in its place",
                record.seq
            )));
        }
        if record.previous != self.head.hash {
            return Err(corrupt(
                "it does not follow the record before it".to_owned(),
            ));
        }
        self.head = record.head();
        Ok(())
    }
}

/// The records that drafts become.
///
/// # Errors
/// [`LogError::Draft`], or [`LogError::Repeated`] if two have the same key.
pub(super) fn extend(head: Head, drafts: &[Draft]) -> Result<Vec<Record>, LogError> {
    let mut keys = HashSet::new();
    for (index, draft) in drafts.iter().enumerate() {
        if let Some(what) = draft.problem() {
            return Err(LogError::Draft { index, what });
        }
        if let Some(key) = draft.idempotency_key.as_ref()
            && !keys.insert(key)
        {
            let key = key.clone();
            return Err(LogError::Repeated { key, seq: None });
        }
    }
    let mut head = head;
    let follow = |draft: &Draft| {
        let record = Record::after(head, draft.clone());
        head = record.head();
        record
    };
    Ok(drafts.iter().map(follow).collect())
}
