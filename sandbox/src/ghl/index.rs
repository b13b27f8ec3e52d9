//! The search index that trails the truth. After a write a search goes on showing the old record, then drops it for a
//! while, then shows the new one; a read by id is right at once. With no lag the index is the truth.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Millis;
use crate::model::Contact;

#[derive(Clone, Debug)]
pub(crate) struct SearchIndex {
    lag: Millis,
    pending: BTreeMap<String, Pending>,
}

#[derive(Clone, Debug)]
struct Pending {
    /// The record before the first write that is not indexed yet; `None` if there was none.
    old: Option<Contact>,
    written: Millis,
}

/// What a search sees of one contact.
pub(crate) enum Seen<'a> {
    Live,
    Old(&'a Contact),
    Nothing,
}

impl SearchIndex {
    pub(crate) fn new(lag: Duration) -> Self {
        Self { lag: Millis::try_from(lag.as_millis()).unwrap_or(Millis::MAX), pending: BTreeMap::new() }
    }

    pub(crate) fn lags(&self) -> bool {
        self.lag > 0
    }

    /// A write to `id` is about to happen; `old` is the record as it stands.
    pub(crate) fn writing(&mut self, id: &str, old: Option<Contact>, now: Millis) {
        if !self.lags() {
            return;
        }
        self.settle(now);
        self.pending.entry(id.to_owned()).or_insert(Pending { old, written: now }).written = now;
    }

    /// Forgets what has been indexed by now.
    pub(crate) fn settle(&mut self, now: Millis) {
        let lag = self.lag;
        self.pending.retain(|_, pending| now.saturating_sub(pending.written) < lag);
    }

    /// This one is indexed.
    pub(crate) fn forget(&mut self, id: &str) {
        self.pending.remove(id);
    }

    /// Everything is indexed.
    pub(crate) fn settle_all(&mut self) {
        self.pending.clear();
    }

    pub(crate) fn see(&self, id: &str, now: Millis) -> Seen<'_> {
        let Some(pending) = self.pending.get(id) else { return Seen::Live };
        let age = now.saturating_sub(pending.written);
        match &pending.old {
            _ if age >= self.lag => Seen::Live,
            Some(old) if age < self.lag.saturating_mul(4) / 10 => Seen::Old(old),
            _ => Seen::Nothing,
        }
    }

    /// Records that are gone from the truth and still shown.
    pub(crate) fn ghosts(&self, now: Millis) -> impl Iterator<Item = &Contact> {
        self.pending.keys().filter_map(move |id| match self.see(id, now) {
            Seen::Old(old) => Some(old),
            Seen::Live | Seen::Nothing => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_then_nothing_then_new() {
        let mut index = SearchIndex::new(Duration::from_secs(10));
        let old = Contact { id: "a".to_owned(), ..Contact::default() };
        index.writing("a", Some(old), 1_000);
        assert!(matches!(index.see("a", 4_999), Seen::Old(_)));
        assert!(matches!(index.see("a", 5_000), Seen::Nothing));
        assert!(matches!(index.see("a", 11_000), Seen::Live));
        index.writing("b", None, 1_000);
        assert!(matches!(index.see("b", 1_000), Seen::Nothing), "a new contact is not found at once");
    }
}
