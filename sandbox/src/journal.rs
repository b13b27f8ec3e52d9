//! Every write that took effect, in the order in which it did: what a test of a client's retries is held to. A request
//! that was refused, reset or never reached its route is not here; one whose answer was lost is.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::Value;

use crate::clock::{Millis, iso};
use crate::wire::{Reply, Request};

/// So many are kept; older ones go.
const KEPT: usize = 100_000;

/// A write that took effect.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppliedWrite {
    /// Position among all writes since the start or the last reset, from 1.
    pub seq: u64,
    /// When, by the sandbox's clock.
    pub at: String,
    /// Endpoint name, such as `ghl.note_create`.
    pub endpoint: &'static str,
    /// The location of the token.
    pub location_id: String,
    /// The contact that was changed or made; none for bulk routes.
    pub contact_id: Option<String>,
    /// The note, task or contact that was changed or made.
    pub record_id: Option<String>,
    /// The body of the request.
    pub content: Value,
}

/// The writes so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    entries: VecDeque<AppliedWrite>,
    last: u64,
}

impl Journal {
    /// Notes a write, if the answer says that it took effect.
    pub(crate) fn add(&mut self, now: Millis, endpoint: &'static str, location: &str, subject: Subject<'_>) {
        let Subject { contact, item, req, reply } = subject;
        if !(200..300).contains(&reply.status) {
            return;
        }
        let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let made = ["note", "task", "contact"].iter().find_map(|key| answer.get(key)?.get("id")?.as_str());
        let record = made.or(item).or(contact).map(str::to_owned);
        let contact_id = contact.map_or_else(|| made.map(str::to_owned), |id| Some(id.to_owned()));
        self.last += 1;
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(AppliedWrite {
            seq: self.last,
            at: iso(now),
            endpoint,
            location_id: location.to_owned(),
            contact_id,
            record_id: record,
            content: req.json().unwrap_or_default(),
        });
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &AppliedWrite> {
        self.entries.iter()
    }
}

/// What a write was about: the ids of its path, its request and its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) contact: Option<&'a str>,
    pub(crate) item: Option<&'a str>,
    pub(crate) req: &'a Request,
    pub(crate) reply: &'a Reply,
}
