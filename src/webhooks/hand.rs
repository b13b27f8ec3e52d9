//! What is in hand: each subject by one at a time, different ones side by side, and never so many that wait for GHL that
//! nothing is left for what does not.

use super::{Core, worker::STORE_PAUSE};
use crate::{
    domain::{ids::LocationId, webhook::EventKind},
    profiles::ContactKey,
    store::{PassedOver, PendingEvent},
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// What is done side by side.
const SLOTS: usize = 8;

/// How many of them rules and look-ups may have, which wait for GHL.
const SLOW_SLOTS: usize = SLOTS - 2;

/// What asks GHL for nothing.
const QUICK: &[EventKind] = &[EventKind::ContactDelete, EventKind::Install, EventKind::Uninstall];

/// Longest pause while the store fails.
const LONGEST_STORE_PAUSE: Duration = Duration::from_secs(30);

/// What is done by one at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    Contact(ContactKey),
    Tasks(LocationId),
    Installation(String),
}

/// What is in hand.
#[derive(Debug, Default)]
pub(super) struct Hand {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// Each with whether it is slow.
    subjects: HashMap<Subject, bool>,
    seqs: HashSet<i64>,
    /// Since when nothing could be noted.
    ailing_since: Option<Instant>,
}

impl Held {
    fn has_slow_room(&self) -> bool {
        self.subjects.values().filter(|slow| **slow).count() < SLOW_SLOTS
    }
}

impl Hand {
    pub(super) fn has_room(&self) -> bool {
        self.lock().subjects.len() < SLOTS
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().subjects.is_empty()
    }

    /// What could not be taken now.
    pub(super) fn passed_over(&self) -> PassedOver {
        let held = self.lock();
        let (mut contacts, mut tasks_of) = (Vec::new(), Vec::new());
        for subject in held.subjects.keys() {
            match subject {
                Subject::Contact(key) => contacts.push(key.contact.clone()),
                Subject::Tasks(location) => tasks_of.push(location.clone()),
                // Few, and so passed over one by one.
                Subject::Installation(_) => {}
            }
        }
        let all_but = (!held.has_slow_room()).then_some(QUICK);
        PassedOver { seqs: held.seqs.iter().copied().collect(), contacts, tasks_of, all_but }
    }

    /// Takes events about a subject, if nobody has it and there is room.
    pub(super) fn take(&self, subject: &Subject, events: &[PendingEvent]) -> bool {
        let slow = events.iter().any(|pending| EventKind::parse(&pending.event.kind).is_none_or(is_slow));
        let mut held = self.lock();
        if held.subjects.len() >= SLOTS || (slow && !held.has_slow_room()) || held.subjects.contains_key(subject) {
            return false;
        }
        held.subjects.insert(subject.clone(), slow);
        held.seqs.extend(events.iter().map(|event| event.event.seq));
        true
    }

    /// Something was noted.
    pub(super) fn store_works(&self) {
        self.lock().ailing_since = None;
    }

    /// Nothing could be noted: how long to leave it. As long as that has lasted, so that an outage of hours costs few tries
    /// and one of a moment is over soon.
    pub(super) fn store_fails(&self, now: Instant) -> Duration {
        let since = *self.lock().ailing_since.get_or_insert(now);
        now.duration_since(since).clamp(STORE_PAUSE, LONGEST_STORE_PAUSE)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_slow(kind: EventKind) -> bool {
    !QUICK.contains(&kind)
}

/// Lays out of hand, also where the work breaks down: the events are taken up again then.
pub(super) struct Grip {
    pub core: Arc<Core>,
    pub subject: Subject,
    pub seqs: Vec<i64>,
}

impl Drop for Grip {
    fn drop(&mut self) {
        {
            let mut held = self.core.hand.lock();
            held.subjects.remove(&self.subject);
            for seq in &self.seqs {
                held.seqs.remove(seq);
            }
        }
        self.core.waiting.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        ids::{ContactId, WebhookId},
        webhook::{EventFate, WebhookEvent},
    };

    fn location() -> LocationId {
        LocationId::parse("loc").unwrap()
    }

    fn contact(number: usize) -> Subject {
        let contact = ContactId::parse(&format!("c{number}")).unwrap();
        Subject::Contact(ContactKey { location: location(), contact })
    }

    fn about(seq: i64, kind: EventKind) -> Vec<PendingEvent> {
        let event = WebhookEvent {
            seq,
            webhook_id: WebhookId::parse("w1").unwrap(),
            kind: kind.as_str().to_owned(),
            location_id: Some(location()),
            contact_id: None,
            subject_id: None,
            event_at: None,
            received_at: jiff::Timestamp::UNIX_EPOCH,
            fate: EventFate::Pending,
            fate_at: None,
            detail: None,
            attempts: 0,
            duplicates: 0,
            replays: 0,
            replayable: false,
        };
        vec![PendingEvent { event, body: Vec::new() }]
    }

    #[test]
    fn what_waits_for_ghl_leaves_room_for_what_does_not() {
        let hand = Hand::default();
        for number in 0..SLOW_SLOTS {
            assert_eq!(hand.passed_over().all_but, None);
            assert!(hand.take(&contact(number), &about(1, EventKind::ContactUpdate)));
        }
        assert!(!hand.take(&contact(90), &about(2, EventKind::ContactUpdate)), "no more of those");
        assert_eq!(hand.passed_over().all_but, Some(QUICK));
        assert!(hand.take(&contact(91), &about(3, EventKind::ContactDelete)));
        assert!(hand.take(&Subject::Installation(String::new()), &about(4, EventKind::Install)));
        assert!(!hand.has_room());
    }

    #[test]
    fn what_is_in_hand_is_not_asked_for() {
        let hand = Hand::default();
        assert!(hand.take(&Subject::Tasks(location()), &about(7, EventKind::TaskCreate)));
        assert!(!hand.take(&Subject::Tasks(location()), &about(8, EventKind::TaskCreate)), "one at a time");
        assert!(hand.take(&contact(1), &about(9, EventKind::ContactDelete)));
        let passed = hand.passed_over();
        assert_eq!((passed.tasks_of, passed.contacts.len(), passed.seqs.len()), (vec![location()], 1, 2));
    }

    #[test]
    fn a_store_that_fails_for_long_is_left_for_long() {
        let (hand, start) = (Hand::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(hand.store_fails(start), STORE_PAUSE);
        assert_eq!(hand.store_fails(after(4)), Duration::from_secs(4));
        assert_eq!(hand.store_fails(after(4000)), LONGEST_STORE_PAUSE);
        hand.store_works();
        assert_eq!(hand.store_fails(after(4001)), STORE_PAUSE);
    }
}
