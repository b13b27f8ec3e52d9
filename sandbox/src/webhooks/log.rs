//! Every event that was made, and what became of it at each receiver.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Serialize, Serializer};
use serde_json::Value;
use uuid::Uuid;

use crate::clock::{Millis, iso};

/// So many are kept; older ones go, as far as they have come to an end.
const KEPT: usize = 250_000;

/// What became of an event at one receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookFate {
    /// On its way, or to be tried again.
    Pending,
    /// Answered with a 2xx.
    Delivered,
    /// Given up after the last retry.
    Failed,
    /// Not sent, because the receiver is paused or gone: until it is sent again by hand.
    Held,
}

/// An event, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookEvent {
    /// Position among all events since the start or the last reset, from 1.
    pub seq: u64,
    /// The `webhookId` of its body.
    pub webhook_id: String,
    /// `ContactUpdate`, `NoteCreate` …
    #[serde(rename = "type")]
    pub kind: String,
    /// The `locationId` of its body.
    pub location_id: Option<String>,
    /// When, by the sandbox's clock.
    pub made_at: String,
    /// One for each receiver; none if there was none.
    pub deliveries: Vec<WebhookDelivery>,
    /// The body, byte for byte as it is sent.
    #[serde(serialize_with = "as_json")]
    pub body: Bytes,
}

/// What became of an event at one receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDelivery {
    /// The receiver.
    pub url: String,
    /// How it stands.
    pub fate: WebhookFate,
    /// How often it was sent, duplicates made on purpose aside.
    pub attempts: u32,
    /// How often it was sent as a duplicate.
    pub duplicates: u32,
    /// When it was first answered with a 2xx, by the sandbox's clock.
    pub delivered_at: Option<String>,
    /// The status of the latest answer; none if there was no answer.
    pub last_status: Option<u16>,
}

fn as_json<S: Serializer>(body: &Bytes, out: S) -> Result<S::Ok, S::Error> {
    serde_json::from_slice::<Value>(body).unwrap_or_default().serialize(out)
}

#[derive(Debug)]
pub(super) struct Event {
    pub(super) webhook_id: Uuid,
    pub(super) kind: Cow<'static, str>,
    pub(super) location: Option<String>,
    pub(super) made: Millis,
    pub(super) body: Bytes,
    pub(super) deliveries: Vec<Delivery>,
}

#[derive(Debug)]
pub(super) struct Delivery {
    line: u64,
    url: Arc<str>,
    pub(super) fate: WebhookFate,
    pub(super) attempts: u32,
    pub(super) duplicates: u32,
    pub(super) delivered: Option<Millis>,
    pub(super) last_status: Option<u16>,
}

impl Delivery {
    fn new(line: u64, url: Arc<str>) -> Self {
        let fate = WebhookFate::Pending;
        Self { line, url, fate, attempts: 0, duplicates: 0, delivered: None, last_status: None }
    }
}

#[derive(Debug, Default)]
pub(super) struct Log {
    events: VecDeque<Event>,
    /// How many have gone from the front.
    gone: u64,
}

impl Log {
    /// Adds an event and returns its number.
    pub(super) fn push(&mut self, event: Event) -> u64 {
        while self.events.len() >= KEPT && self.events.front().is_some_and(Event::has_ended) {
            self.events.pop_front();
            self.gone += 1;
        }
        self.events.push_back(event);
        self.gone + self.events.len() as u64
    }

    pub(super) fn get(&self, seq: u64) -> Option<&Event> {
        self.events.get(self.place(seq)?)
    }

    /// The record of an event at a receiver.
    pub(super) fn delivery(&mut self, seq: u64, line: u64) -> Option<&mut Delivery> {
        let place = self.place(seq)?;
        self.events.get_mut(place)?.deliveries.iter_mut().find(|delivery| delivery.line == line)
    }

    /// An event goes to a receiver, or is held.
    pub(super) fn sent(&mut self, seq: u64, line: u64, url: &Arc<str>, fate: WebhookFate) {
        if let Some(delivery) = self.delivery(seq, line) {
            delivery.fate = fate;
            return;
        }
        let event = self.place(seq).and_then(|place| self.events.get_mut(place));
        event.into_iter().for_each(|event| {
            event.deliveries.push(Delivery { fate, ..Delivery::new(line, Arc::clone(url)) });
        });
    }

    fn place(&self, seq: u64) -> Option<usize> {
        usize::try_from(seq.checked_sub(self.gone + 1)?).ok()
    }

    /// The events after `seq`, with their numbers.
    pub(super) fn after(&self, seq: u64) -> impl Iterator<Item = (u64, &Event)> {
        let skipped = usize::try_from(seq.saturating_sub(self.gone)).unwrap_or(usize::MAX);
        (self.gone + 1..).zip(&self.events).skip(skipped)
    }

    pub(super) fn find(&self, webhook_id: Uuid) -> Option<u64> {
        self.after(0).find(|(_, event)| event.webhook_id == webhook_id).map(|(seq, _)| seq)
    }
}

impl Event {
    fn has_ended(&self) -> bool {
        self.deliveries.iter().all(|delivery| delivery.fate != WebhookFate::Pending)
    }

    /// Whether it is held back from a receiver.
    pub(super) fn is_held(&self, line: u64) -> bool {
        self.deliveries.iter().any(|delivery| delivery.line == line && delivery.fate == WebhookFate::Held)
    }

    /// As it is shown.
    pub(super) fn shown(&self, seq: u64) -> WebhookEvent {
        let deliveries = self.deliveries.iter().map(|delivery| WebhookDelivery {
            url: delivery.url.as_ref().to_owned(),
            fate: delivery.fate,
            attempts: delivery.attempts,
            duplicates: delivery.duplicates,
            delivered_at: delivery.delivered.map(iso),
            last_status: delivery.last_status,
        });
        WebhookEvent {
            seq,
            webhook_id: self.webhook_id.to_string(),
            kind: self.kind.to_string(),
            location_id: self.location.clone(),
            made_at: iso(self.made),
            deliveries: deliveries.collect(),
            body: self.body.clone(),
        }
    }
}
