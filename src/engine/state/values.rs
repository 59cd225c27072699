//! Texts and compound values of attributes, each kept once.

use std::sync::Arc;

use foldhash::quality::RandomState;
use imbl::shared_ptr::DefaultSharedPtr;
use imbl::{GenericHashMap, Vector};

use crate::engine::canonical::Canonical;

type Numbers<K> = GenericHashMap<K, u32, RandomState, DefaultSharedPtr>;

/// Texts and values by number. Both only grow within one line of snapshots.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values {
    texts: Vector<Arc<str>>,
    text_numbers: Numbers<Arc<str>>,
    values: Vector<Canonical>,
    value_numbers: Numbers<Canonical>,
}

/// A place that can number texts and values: the state, or one query.
pub(crate) trait Texts {
    /// The number of a text.
    fn text_number(&mut self, text: &Arc<str>) -> u32;
    /// The number of a value.
    fn value_number(&mut self, value: Canonical) -> u32;
}

impl Texts for Values {
    fn text_number(&mut self, text: &Arc<str>) -> u32 {
        if let Some(number) = self.text_numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push_back(Arc::clone(text));
        self.text_numbers.insert(Arc::clone(text), number);
        number
    }

    fn value_number(&mut self, value: Canonical) -> u32 {
        if let Some(number) = self.value_numbers.get(&value) {
            return *number;
        }
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.push_back(value.clone());
        self.value_numbers.insert(value, number);
        number
    }
}

impl Values {
    pub(crate) fn text(&self, number: u32) -> Option<&Arc<str>> {
        self.texts.get(number as usize)
    }

    pub(crate) fn value(&self, number: u32) -> Option<&Canonical> {
        self.values.get(number as usize)
    }

    pub(super) fn bytes(&self) -> usize {
        let texts: usize = self.texts.iter().map(|text| text.len() + 100).sum();
        texts + self.values.len() * 200
    }
}
