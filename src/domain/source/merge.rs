//! Laying a change over what is known of a record.

use super::{Change, ExternalId, RecordState, Register, TagChange, Version};
use crate::domain::write::Tag;
use serde_json::Value;
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
};

#[cfg(test)]
mod tests;

impl RecordState {
    /// Lays a change over it: of each field, tag and so on the newer one stays. Says whether anything is different now.
    ///
    /// In any order, and any number of times, the same changes give the same state.
    pub fn merge(&mut self, change: &Change) -> bool {
        let version = change.version;
        let mut differs = false;
        for (name, value) in &change.fields {
            differs |= lay(self.fields.entry(name.clone()), value, version);
        }
        for (tag, has) in told(&change.tags) {
            differs |= lay(self.tags.entry(tag.clone()), &has, version);
        }
        if change.tags.all.is_some() && self.all_tags_at < Some(version) {
            self.all_tags_at = Some(version);
            differs = true;
        }
        differs |= lay_over(&mut self.deleted, &change.deleted, version);
        if let Some(parent) = &change.parent {
            differs |= lay_over(&mut self.parent, parent, version);
        }
        differs
    }

    /// The same without what it says: since when each field is as it is, so that nothing older comes back, and whether it
    /// is deleted.
    #[must_use]
    pub fn bare(&self) -> Self {
        let since = |said: &Register<Value>| Register { value: Value::Null, version: said.version };
        let tags_at = self.tags.values().map(|has| has.version).max();
        Self {
            fields: self.fields.iter().map(|(name, said)| (name.clone(), since(said))).collect(),
            tags: BTreeMap::new(),
            all_tags_at: self.all_tags_at.max(tags_at),
            deleted: self.deleted.clone(),
            parent: self.parent.clone(),
        }
    }

    /// Whether it is deleted in the source.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.deleted.as_ref().is_some_and(|deleted| deleted.value)
    }

    /// What the source says stands in a field: `null` is that nothing does, `None` that the source never told.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).map(|register| &register.value)
    }

    /// The contact that a task or note belongs to, where the source told.
    #[must_use]
    pub fn parent(&self) -> Option<&ExternalId> {
        self.parent.as_ref().map(|register| &register.value)
    }

    /// The tags that the contact has on the source's word.
    #[must_use]
    pub fn wanted_tags(&self) -> BTreeSet<Tag> {
        self.tags_that(true)
    }

    /// The tags that the source told of and that the contact does not have on its word: taken away, or not among all
    /// there are.
    #[must_use]
    pub fn unwanted_tags(&self) -> BTreeSet<Tag> {
        self.tags_that(false)
    }

    fn tags_that(&self, wanted: bool) -> BTreeSet<Tag> {
        let counts = |has: &Register<bool>| has.value && Some(has.version) >= self.all_tags_at;
        self.tags.iter().filter(|(_, has)| counts(has) == wanted).map(|(tag, _)| tag.clone()).collect()
    }
}

/// What a change says of each tag. Where it contradicts itself, that a tag is gone counts: it is said of that one alone.
fn told(tags: &TagChange) -> BTreeMap<&Tag, bool> {
    let there = tags.all.iter().flatten().chain(&tags.added).map(|tag| (tag, true));
    there.chain(tags.removed.iter().map(|tag| (tag, false))).collect()
}

/// A value that can be put in an order, for the case that two bear the same version: the outcome must not depend on which
/// of them came first.
trait Ranked: Clone {
    fn rank(&self, other: &Self) -> Ordering;
}

impl Ranked for bool {
    fn rank(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

impl Ranked for ExternalId {
    fn rank(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

impl Ranked for Value {
    fn rank(&self, other: &Self) -> Ordering {
        // Equal ones may spell the names of an object in another order.
        if self == other { Ordering::Equal } else { canonical(self).to_string().cmp(&canonical(other).to_string()) }
    }
}

/// JSON with its names in alphabetical order.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<String, Value> =
                map.iter().map(|(name, value)| (name.clone(), canonical(value))).collect();
            Value::Object(sorted.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        plain => plain.clone(),
    }
}

fn newer<T: Ranked>(value: &T, version: Version, than: &Register<T>) -> bool {
    version.cmp(&than.version).then_with(|| value.rank(&than.value)).is_gt()
}

fn lay<K: Ord, T: Ranked>(slot: Entry<'_, K, Register<T>>, value: &T, version: Version) -> bool {
    match slot {
        Entry::Vacant(empty) => {
            empty.insert(Register { value: value.clone(), version });
            true
        }
        Entry::Occupied(mut held) if newer(value, version, held.get()) => {
            held.insert(Register { value: value.clone(), version });
            true
        }
        Entry::Occupied(_) => false,
    }
}

fn lay_over<T: Ranked>(slot: &mut Option<Register<T>>, value: &T, version: Version) -> bool {
    if slot.as_ref().is_some_and(|held| !newer(value, version, held)) {
        return false;
    }
    *slot = Some(Register { value: value.clone(), version });
    true
}
