//! GHL's rate limiter, scripted: counts a request at some moment between its sending and its answer, in a window that is
//! fixed or sliding, and tells the six headers.

use super::*;
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
};

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
    /// Answers with this status, without a header.
    Failing(u16),
    /// Never answers.
    Silent,
    /// Cannot be reached.
    Unreachable,
}

#[derive(Debug)]
pub(super) struct Ghl {
    pub(super) kind: Window,
    pub(super) limit: u64,
    pub(super) window: Duration,
    pub(super) daily: u64,
    /// Bounds of the way there and of the way back, ms.
    pub(super) latency_ms: (u64, u64),
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    mood: Mood,
    recent: VecDeque<Instant>,
    day_ends: Instant,
    today: u64,
    random: u64,
    admitted: Vec<Instant>,
    refused: u64,
    received: u64,
    /// First path segments in the order of sending.
    sent: Vec<String>,
}

impl Ghl {
    pub(super) fn new(kind: Window, limit: u64) -> Self {
        let state = State {
            mood: Mood::Well,
            recent: VecDeque::new(),
            day_ends: Instant::now() + Duration::from_secs(3_600 * 5),
            today: 0,
            random: 42,
            admitted: Vec::new(),
            refused: 0,
            received: 0,
            sent: Vec::new(),
        };
        let window = Duration::from_secs(10);
        Self { kind, limit, window, daily: 200_000, latency_ms: (20, 60), state: Mutex::new(state) }
    }

    pub(super) fn latency(self, least_ms: u64, most_ms: u64) -> Self {
        Self { latency_ms: (least_ms, most_ms), ..self }
    }

    pub(super) fn daily(self, daily: u64) -> Self {
        Self { daily, ..self }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn mood(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// 429s given.
    pub(super) fn refused(&self) -> u64 {
        self.state().refused
    }

    /// Requests that came, in whatever mood.
    pub(super) fn received(&self) -> u64 {
        self.state().received
    }

    /// First path segments of requests, in the order of sending.
    pub(super) fn sent(&self) -> Vec<String> {
        self.state().sent.clone()
    }

    /// Requests answered as asked.
    pub(super) fn admitted(&self) -> usize {
        self.state().admitted.len()
    }

    /// Of them, those before a moment.
    pub(super) fn admitted_until(&self, end: Instant) -> usize {
        self.state().admitted.partition_point(|at| *at < end)
    }

    /// The most requests of any span as long as the window.
    pub(super) fn densest(&self) -> usize {
        let state = self.state();
        let times = &state.admitted;
        (0..times.len())
            .map(|first| times.partition_point(|at| *at < times[first] + self.window) - first)
            .max()
            .unwrap_or_default()
    }

    /// One request of somebody else, who is there at once.
    pub(super) fn somebody_elses(&self) {
        self.take(Instant::now());
    }

    fn way(&self) -> Duration {
        let mut state = self.state();
        state.random = state.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (least, most) = self.latency_ms;
        Duration::from_millis(least + (state.random >> 33) % (most - least + 1))
    }

    /// Counts one request; the status and the headers.
    fn take(&self, now: Instant) -> (u16, Vec<(String, String)>) {
        let mut state = self.state();
        match self.kind {
            Window::Fixed if state.recent.front().is_some_and(|first| *first + self.window <= now) => {
                state.recent.clear();
            }
            Window::Fixed => {}
            Window::Sliding => {
                while state.recent.front().is_some_and(|first| *first + self.window <= now) {
                    state.recent.pop_front();
                }
            }
        }
        if state.day_ends <= now {
            state.day_ends += Duration::from_secs(86_400);
            state.today = 0;
        }
        let allowed = (state.recent.len() as u64) < self.limit && state.today < self.daily;
        if allowed {
            state.recent.push_back(now);
            state.today += 1;
            state.admitted.push(now);
        } else {
            state.refused += 1;
        }
        let headers = [
            ("x-ratelimit-max", self.limit),
            ("x-ratelimit-remaining", self.limit - state.recent.len() as u64),
            ("x-ratelimit-interval-milliseconds", self.window.as_millis() as u64),
            ("x-ratelimit-limit-daily", self.daily),
            ("x-ratelimit-daily-remaining", self.daily - state.today),
            ("x-ratelimit-daily-reset", (state.day_ends - now).as_millis() as u64 + 1),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_string())).to_vec();
        (if allowed { 200 } else { 429 }, headers)
    }

    async fn answer(&self) -> Result<Answer, CallError> {
        tokio::time::sleep(self.way()).await;
        let mood = {
            let mut state = self.state();
            state.received += 1;
            state.mood
        };
        let (status, headers) = match mood {
            Mood::Well => self.take(Instant::now()),
            Mood::Failing(status) => (status, Vec::new()),
            Mood::Silent => std::future::pending().await,
            Mood::Unreachable => return Err(CallError::Connect("refused".into())),
        };
        tokio::time::sleep(self.way()).await;
        Ok(Answer { status, headers, body: Bytes::new() })
    }
}

impl Transport for Ghl {
    fn send(&self, request: WireRequest) -> BoxFuture<'_, Result<Answer, CallError>> {
        self.state().sent.extend(request.segments.first().map(ToString::to_string));
        Box::pin(self.answer())
    }
}
