//! GHL as far as these scenes need it: its rate limiter with the six headers (reference: "Limits"), notes that it keeps,
//! contacts that it answers with, and the ways in which it fails.

use crate::{
    clock::Clock,
    upstream::{Answer, CallError, Method, Transport, WireRequest},
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard},
    time::Duration,
};
use tokio::time::Instant;

pub(super) const WINDOW: Duration = Duration::from_secs(10);

/// A day's length for GHL; the first one may end sooner.
const DAY: Duration = Duration::from_secs(86_400);

/// How a burst window is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    /// Opens with a request and is forgotten as a whole.
    Fixed,
    /// No span of its length holds more than the limit.
    Sliding,
}

/// What is the matter with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    /// Answers 429 to everything, though its own headers say that there is room.
    Storming,
    /// Answers 429 to every third call, likewise.
    Squally,
    /// Takes no writes: a gateway's 502. Reads are well.
    HalfOut,
    /// One call in three cannot connect, one hangs, one gets a gateway's 502. Of the latter two, every other one is
    /// carried out all the same.
    Out,
}

/// What a call was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    Read,
    Write,
    Look,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Answered,
    RateLimited,
    Refused,
    Hung,
    BadGateway,
}

/// One call that came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Came {
    pub(super) at: Instant,
    pub(super) purpose: Purpose,
    pub(super) outcome: Outcome,
}

/// A note that it keeps.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    id: String,
    contact: String,
    body: String,
    made: Timestamp,
}

#[derive(Debug)]
pub(super) struct Ghl {
    kind: Window,
    pub(super) limit: u64,
    daily: u64,
    /// Of one way, on average.
    way: Duration,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    mood: Mood,
    recent: VecDeque<Instant>,
    day_ends: Instant,
    today: u64,
    random: u64,
    failures: u64,
    came: Vec<Came>,
    /// When it counted a call against the limits.
    counted: Vec<Instant>,
    notes: Vec<Kept>,
}

impl Ghl {
    pub(super) fn new(kind: Window, limit: u64, clock: Clock) -> Self {
        let state = State {
            mood: Mood::Well,
            recent: VecDeque::new(),
            day_ends: Instant::now() + DAY,
            today: 0,
            random: 42,
            failures: 0,
            came: Vec::new(),
            counted: Vec::new(),
            notes: Vec::new(),
        };
        Self { kind, limit, daily: 200_000, way: Duration::from_millis(60), clock, state: Mutex::new(state) }
    }

    /// With another time for a call there and back.
    pub(super) fn latency(self, there_and_back: Duration) -> Self {
        Self { way: there_and_back / 2, ..self }
    }

    /// With another limit of a day, which ends after so long.
    pub(super) fn daily(self, daily: u64, ends_in: Duration) -> Self {
        self.state().day_ends = Instant::now() + ends_in;
        Self { daily, ..self }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn mood(&self, mood: Mood) {
        self.state().mood = mood;
    }

    pub(super) fn came(&self) -> Vec<Came> {
        self.state().came.clone()
    }

    pub(super) fn notes(&self) -> usize {
        self.state().notes.len()
    }

    /// Bodies of each contact's notes, in the order they were made.
    pub(super) fn by_contact(&self) -> BTreeMap<String, Vec<String>> {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for note in &self.state().notes {
            all.entry(note.contact.clone()).or_default().push(note.body.clone());
        }
        all
    }

    /// When it counted calls against its limits.
    pub(super) fn counted(&self) -> Vec<Instant> {
        self.state().counted.clone()
    }

    /// The time of one way: the average, give or take a third.
    fn way(&self) -> Duration {
        let mut state = self.state();
        state.random = state.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = u32::try_from((state.random >> 33) % 1_000).unwrap();
        self.way * 2 / 3 + self.way * 2 / 3 * share / 1_000
    }

    async fn answer(&self, request: WireRequest) -> Result<Answer, CallError> {
        tokio::time::sleep(self.way()).await;
        let arrived = self.state().arrive(&Asked::of(&request), self);
        match arrived {
            Arrived::Answer(answer) => {
                tokio::time::sleep(self.way()).await;
                Ok(answer)
            }
            Arrived::Refused => Err(CallError::Connect("connection refused".into())),
            Arrived::Nothing => std::future::pending().await,
        }
    }
}

impl Transport for Ghl {
    fn send(&self, request: WireRequest) -> BoxFuture<'_, Result<Answer, CallError>> {
        Box::pin(self.answer(request))
    }
}

/// What a request asks for.
struct Asked {
    purpose: Purpose,
    contact: String,
    note: Option<String>,
    body: Option<String>,
}

impl Asked {
    fn of(request: &WireRequest) -> Self {
        let segments: Vec<&str> = request.segments.iter().map(AsRef::as_ref).collect();
        let (purpose, contact, note) = match (request.method, segments.as_slice()) {
            (Method::Get, ["contacts", contact]) => (Purpose::Read, *contact, None),
            (Method::Post, ["contacts", contact, "notes"]) => (Purpose::Write, *contact, None),
            (Method::Get, ["contacts", contact, "notes"]) => (Purpose::Look, *contact, None),
            (Method::Get, ["contacts", contact, "notes", note]) => (Purpose::Look, *contact, Some((*note).to_owned())),
            other => panic!("these scenes know no {other:?}"),
        };
        let body = request.body.as_ref().map(|body| serde_json::from_slice::<Value>(body.as_ref()).unwrap());
        let body = body.map(|body| body["body"].as_str().unwrap().to_owned());
        Self { purpose, contact: contact.to_owned(), note, body }
    }
}

enum Arrived {
    Answer(Answer),
    Refused,
    Nothing,
}

impl State {
    /// A call reaches GHL, or what stands in its place.
    fn arrive(&mut self, asked: &Asked, ghl: &Ghl) -> Arrived {
        let (outcome, arrived) = match self.mood {
            Mood::Well => self.serve(asked, ghl),
            Mood::Storming => (Outcome::RateLimited, Arrived::Answer(too_many(self.headers(ghl)))),
            Mood::Squally => self.squall(asked, ghl),
            Mood::Out => self.fail(asked, ghl),
            Mood::HalfOut if asked.purpose == Purpose::Write => (Outcome::BadGateway, bad_gateway()),
            Mood::HalfOut => self.serve(asked, ghl),
        };
        self.came.push(Came { at: Instant::now(), purpose: asked.purpose, outcome });
        arrived
    }

    fn serve(&mut self, asked: &Asked, ghl: &Ghl) -> (Outcome, Arrived) {
        if !self.count(ghl) {
            return (Outcome::RateLimited, Arrived::Answer(too_many(self.headers(ghl))));
        }
        let (status, body) = self.carry_out(asked, ghl);
        (Outcome::Answered, Arrived::Answer(answer(status, self.headers(ghl), body.to_string())))
    }

    fn fail(&mut self, asked: &Asked, ghl: &Ghl) -> (Outcome, Arrived) {
        self.failures += 1;
        if self.failures % 3 == 1 {
            return (Outcome::Refused, Arrived::Refused);
        }
        if self.failures.is_multiple_of(2) && self.count(ghl) {
            self.carry_out(asked, ghl);
        }
        if self.failures % 3 == 2 {
            return (Outcome::Hung, Arrived::Nothing);
        }
        (Outcome::BadGateway, bad_gateway())
    }

    fn squall(&mut self, asked: &Asked, ghl: &Ghl) -> (Outcome, Arrived) {
        self.failures += 1;
        if self.failures.is_multiple_of(3) {
            return (Outcome::RateLimited, Arrived::Answer(too_many(self.headers(ghl))));
        }
        self.serve(asked, ghl)
    }

    fn carry_out(&mut self, asked: &Asked, ghl: &Ghl) -> (u16, Value) {
        let contact = &asked.contact;
        match (asked.purpose, &asked.body, &asked.note) {
            (Purpose::Write, Some(body), _) => {
                let (id, made) = (format!("note{}", self.notes.len()), ghl.clock.now());
                self.notes.push(Kept { id, contact: contact.clone(), body: body.clone(), made });
                (201, json!({"note": self.notes.last().unwrap().shown()}))
            }
            (Purpose::Look, _, Some(id)) => {
                let note = self.notes.iter().find(|note| note.id == *id).unwrap();
                (200, json!({"note": note.shown()}))
            }
            (Purpose::Look, _, None) => {
                let held = self.notes.iter().rev().filter(|note| note.contact == *contact).map(Kept::shown);
                (200, json!({"notes": held.collect::<Vec<_>>()}))
            }
            _ => (200, json!({"contact": {"id": contact, "locationId": "loc1"}})),
        }
    }

    /// Counts one call against the limits; `false` where it has none left.
    fn count(&mut self, ghl: &Ghl) -> bool {
        let now = Instant::now();
        self.pass(ghl.kind, now);
        let admitted = (self.recent.len() as u64) < ghl.limit && self.today < ghl.daily;
        if admitted {
            self.recent.push_back(now);
            self.today += 1;
            self.counted.push(now);
        }
        admitted
    }

    fn pass(&mut self, kind: Window, now: Instant) {
        match kind {
            Window::Fixed if self.recent.front().is_some_and(|first| *first + WINDOW <= now) => self.recent.clear(),
            Window::Fixed => {}
            Window::Sliding => {
                while self.recent.front().is_some_and(|first| *first + WINDOW <= now) {
                    self.recent.pop_front();
                }
            }
        }
        if self.day_ends <= now {
            self.day_ends += DAY;
            self.today = 0;
        }
    }

    fn headers(&mut self, ghl: &Ghl) -> Vec<(String, String)> {
        let now = Instant::now();
        self.pass(ghl.kind, now);
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap();
        let headers = [
            ("x-ratelimit-max", ghl.limit),
            ("x-ratelimit-remaining", ghl.limit - self.recent.len() as u64),
            ("x-ratelimit-interval-milliseconds", millis(WINDOW)),
            ("x-ratelimit-limit-daily", ghl.daily),
            ("x-ratelimit-daily-remaining", ghl.daily - self.today),
            ("x-ratelimit-daily-reset", millis(self.day_ends - now) + 1),
        ];
        headers.map(|(name, value)| (name.to_owned(), value.to_string())).to_vec()
    }
}

impl Kept {
    fn shown(&self) -> Value {
        json!({"id": self.id, "contactId": self.contact, "body": self.body, "dateAdded": self.made.to_string()})
    }
}

fn answer(status: u16, headers: Vec<(String, String)>, body: String) -> Answer {
    Answer { status, headers, body: body.into() }
}

fn bad_gateway() -> Arrived {
    let page = "<html><head><title>502 Bad Gateway</title></head></html>";
    Arrived::Answer(answer(502, Vec::new(), page.to_owned()))
}

fn too_many(headers: Vec<(String, String)>) -> Answer {
    answer(429, headers, r#"{"statusCode":429,"message":"Too Many Requests"}"#.to_owned())
}
