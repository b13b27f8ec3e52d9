//! Whose a task is: learned from every task that GHL shows, since its webhooks may not say (reference: "Webhooks", live
//! `TaskCreate` without `contactId`). In memory and bounded: what is not known is looked up.

use crate::domain::{
    ids::{ContactId, LocationId, TaskId},
    task::Task,
};
use std::fmt;

/// Tasks remembered, of all locations. Some 150 bytes each.
const MAX_TASKS: u64 = 100_000;

/// From a task to its contact. Cheap to clone.
#[derive(Clone)]
pub(super) struct TaskIndex {
    owners: moka::sync::Cache<(LocationId, TaskId), ContactId>,
}

impl fmt::Debug for TaskIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskIndex").field("tasks", &self.owners.entry_count()).finish()
    }
}

impl Default for TaskIndex {
    fn default() -> Self {
        Self { owners: moka::sync::Cache::new(MAX_TASKS) }
    }
}

impl TaskIndex {
    /// Remembers whose these are: what a task says itself, else the contact it was asked of.
    pub(super) fn learn<'t>(
        &self,
        location: &LocationId,
        contact: Option<&ContactId>,
        tasks: impl IntoIterator<Item = &'t Task>,
    ) {
        for task in tasks {
            let Some(owner) = task.contact_id.as_ref().or(contact) else { continue };
            let key = (location.clone(), task.id.clone());
            // Most are known: a read must not wait for the bookkeeping of a write.
            if self.owners.get(&key).as_ref() != Some(owner) {
                self.owners.insert(key, owner.clone());
            }
        }
    }

    /// Forgets whose the tasks of a contact, or of a whole location, are. Says of how many. Goes through all.
    pub(super) fn forget(&self, location: &LocationId, contact: Option<&ContactId>) -> u64 {
        let theirs = self
            .owners
            .iter()
            .filter(|(key, owner)| key.0 == *location && contact.is_none_or(|contact| contact == owner));
        let theirs: Vec<_> = theirs.map(|(key, _)| key).collect();
        theirs.iter().map(|key| u64::from(self.owners.remove(&**key).is_some())).sum()
    }

    /// Whose a task is, where that is known.
    pub(super) fn owner(&self, location: &LocationId, task: &TaskId) -> Option<ContactId> {
        self.owners.get(&(location.clone(), task.clone()))
    }
}
