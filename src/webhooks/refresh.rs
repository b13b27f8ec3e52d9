//! Fetching behind an event what somebody is reading: after a short pause, in which further events about the contact
//! arrive, and a few at a time. A reader who comes first does it instead. What does not fit is left to the readers.

use super::Core;
use crate::{domain::profile::Section, profiles::ContactKey};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// Contacts that may wait.
const MAX_WAITING: usize = 10_000;

/// Contacts whose sections are to be fetched.
#[derive(Debug)]
pub(super) struct Refresher {
    after: Duration,
    queue: Mutex<Queue>,
    wake: Notify,
}

/// Each pause is as long as the others, so those that came first are due first.
#[derive(Debug, Default)]
struct Queue {
    order: VecDeque<(Instant, ContactKey)>,
    sections: HashMap<ContactKey, Vec<Section>>,
}

impl Refresher {
    pub(super) fn new(after: Duration) -> Self {
        Self { after, queue: Mutex::default(), wake: Notify::new() }
    }

    /// Has sections of a contact fetched, together with those that are to be already.
    pub(super) fn schedule(&self, key: &ContactKey, sections: &[Section]) {
        let mut queue = self.lock();
        if let Some(known) = queue.sections.get_mut(key) {
            known.extend(sections.iter().filter(|section| !known.contains(section)).copied().collect::<Vec<_>>());
            return;
        }
        if queue.sections.len() >= MAX_WAITING {
            return;
        }
        queue.sections.insert(key.clone(), sections.to_vec());
        queue.order.push_back((Instant::now() + self.after, key.clone()));
        drop(queue);
        self.wake.notify_one();
    }

    /// When the next is due.
    fn next(&self) -> Option<Instant> {
        self.lock().order.front().map(|(due, _)| *due)
    }

    /// The next, if it is due.
    fn take(&self, now: Instant) -> Option<(ContactKey, Vec<Section>)> {
        let mut queue = self.lock();
        queue.order.front().filter(|(due, _)| *due <= now)?;
        let (_, key) = queue.order.pop_front()?;
        let sections = queue.sections.remove(&key)?;
        Some((key, sections))
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fetches until `stop`.
pub(super) async fn run(core: Arc<Core>, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(core.settings.refresh_concurrency));
    loop {
        let next = core.refresher.next();
        let due = async {
            match next {
                Some(due) => tokio::time::sleep_until(due).await,
                None => core.refresher.wake.notified().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = due => {}
        }
        while let Some((key, sections)) = core.refresher.take(Instant::now()) {
            let slot = tokio::select! {
                () = stop.cancelled() => return,
                slot = Arc::clone(&slots).acquire_owned() => slot,
            };
            let core_of_load = Arc::clone(&core);
            core.parts.tasks.spawn_load("webhook-refresh", async move {
                let _slot = slot;
                let spare = core_of_load.pace.spare_percent;
                let fetched = core_of_load.parts.profiles.refresh(&key, &sections, spare).await;
                core_of_load.metrics().refreshed(fetched);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ContactId, LocationId};

    fn key(contact: &str) -> ContactKey {
        ContactKey { location: LocationId::parse("loc").unwrap(), contact: ContactId::parse(contact).unwrap() }
    }

    #[tokio::test(start_paused = true)]
    async fn events_about_one_contact_are_one_refresh() {
        let refresher = Refresher::new(Duration::from_millis(250));
        refresher.schedule(&key("a"), &[Section::Contact]);
        refresher.schedule(&key("b"), &[Section::Notes]);
        refresher.schedule(&key("a"), &[Section::Contact, Section::Tasks]);
        assert_eq!(refresher.take(Instant::now()), None);
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!(refresher.take(Instant::now()), Some((key("a"), vec![Section::Contact, Section::Tasks])));
        assert_eq!(refresher.take(Instant::now()), Some((key("b"), vec![Section::Notes])));
        assert_eq!((refresher.take(Instant::now()), refresher.next()), (None, None));
    }
}
