//! One stream: waits until something happens to its contact, looks, and tells what it saw if that is something else.
//!
//! A touch is answered by a fetch, which everybody who wants that profile shares; what another's fetch brought is only looked
//! at. So an open stream costs no call unless somebody said that something changed, and its data may age unread.

use super::{Permit, shown::Shown};
use crate::{
    clock::Clock,
    domain::problem::{Problem, ProblemKind},
    http::{api::Api, problem},
    profiles::{Change, ProfileRequest, Served, Subscription},
    telemetry::metrics::LiveMetrics,
};
use actix_web::web;
use bytes::Bytes;
use futures_util::{Stream, stream};
use serde_json::json;
use std::{convert::Infallible, pin::Pin, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, sleep_until};

/// How long more changes are waited for after one: they come in bursts.
const GATHER: Duration = Duration::from_millis(50);
/// When a client that lost its stream may connect again, milliseconds.
const RECONNECT_MS: u32 = 3_000;
/// When what was touched is looked at again, where it could not be had.
const AGAIN: [Duration; 5] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
    Duration::from_secs(60),
];

/// What a stream is opened with.
pub(in crate::http) struct Opening {
    pub(in crate::http) api: Arc<dyn Api>,
    pub(in crate::http) request: ProfileRequest,
    /// Time that each look has.
    pub(in crate::http) deadline: Duration,
    /// The watch, begun before the profile was read.
    pub(in crate::http) changes: Subscription,
    pub(in crate::http) heartbeat: Duration,
    /// When it ends by itself.
    pub(in crate::http) ends: Instant,
    /// Resolves when the process is to stop.
    pub(in crate::http) draining: Pin<Box<dyn Future<Output = ()>>>,
    pub(in crate::http) clock: Clock,
    pub(in crate::http) metrics: LiveMetrics,
    #[expect(dead_code, reason = "only kept, as long as the stream is open")]
    pub(in crate::http) permit: Permit,
}

/// An open stream.
pub(in crate::http) struct Feed {
    with: Opening,
    shown: Shown,
    /// What is sent before anything happens.
    first: Option<Bytes>,
    beat: Instant,
    /// When to look again, and how often that was done.
    again: Option<(Instant, usize)>,
}

/// What comes next on a stream.
enum Step {
    Send(Bytes),
    Last(Bytes),
}

/// What a look found.
enum Looked {
    Profile(Shown),
    Gone,
    /// Nothing that can be told now.
    Nothing,
}

impl Feed {
    /// A stream that begins with the profile as it is, unless the client has it.
    ///
    /// # Errors
    /// `internal`, where the document could not be read.
    pub(in crate::http) async fn open(with: Opening, served: &Served, known: Option<&str>) -> Result<Self, Problem> {
        let shown = read(served).await?;
        let mut first = format!("retry: {RECONNECT_MS}\n");
        if known == Some(shown.id()) {
            first.push_str(": unchanged\n\n");
        } else {
            with.metrics.sent("profile");
            first.push_str(&event(&shown, None, &with.clock));
        }
        let beat = Instant::now() + with.heartbeat;
        Ok(Self { with, shown, first: Some(Bytes::from(first)), beat, again: None })
    }

    /// What is sent, until the end.
    pub(in crate::http) fn events(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(Some(Box::new(self)), async |feed: Option<Box<Self>>| {
            let mut feed = feed?;
            Some(match feed.next().await {
                Step::Send(bytes) => (Ok(bytes), Some(feed)),
                Step::Last(bytes) => (Ok(bytes), None),
            })
        })
    }

    async fn next(&mut self) -> Step {
        if let Some(first) = self.first.take() {
            return Step::Send(first);
        }
        loop {
            let again_at = self.again.map_or(self.with.ends, |(at, _)| at);
            let woken = tokio::select! {
                biased;
                () = &mut self.with.draining => return stopping(),
                () = sleep_until(self.with.ends) => return last(": time is up, connect again\n\n"),
                change = self.with.changes.next() => change,
                () = sleep_until(again_at), if self.again.is_some() => Some(Change::Touched),
                () = sleep_until(self.beat) => {
                    self.beat = Instant::now() + self.with.heartbeat;
                    return Step::Send(Bytes::from_static(b":\n\n"));
                }
            };
            let change = match woken {
                None => return last(": over\n\n"),
                Some(Change::Forgotten) => return self.gone(),
                Some(change) => change,
            };
            let looked = tokio::select! {
                biased;
                () = &mut self.with.draining => return stopping(),
                looked = look(&self.with.api, &self.with.request, self.with.deadline, change) => looked,
            };
            if change == Change::Touched {
                self.plan_another(&looked);
            }
            match looked {
                Looked::Gone => return self.gone(),
                Looked::Profile(now) if now.etag != self.shown.etag => return Step::Send(self.tell(now)),
                Looked::Profile(_) | Looked::Nothing => {}
            }
        }
    }

    /// A touch whose sections could not be fetched would else be told of only when somebody reads them.
    fn plan_another(&mut self, looked: &Looked) {
        let settled = match looked {
            Looked::Profile(now) => now.settled,
            Looked::Gone => true,
            Looked::Nothing => false,
        };
        let tried = self.again.take().map_or(0, |(at, tried)| if Instant::now() >= at { tried + 1 } else { 0 });
        if !settled && let Some(wait) = AGAIN.get(tried) {
            self.again = Some((Instant::now() + *wait, tried));
        }
    }

    fn tell(&mut self, now: Shown) -> Bytes {
        let text = event(&now, Some(&self.shown), &self.with.clock);
        self.shown = now;
        self.beat = Instant::now() + self.with.heartbeat;
        self.with.metrics.sent("profile");
        Bytes::from(text)
    }

    fn gone(&self) -> Step {
        self.with.metrics.sent("gone");
        let data = json!({"at": self.with.clock.now()});
        Step::Last(Bytes::from(format!("event: gone\ndata: {data}\n\n")))
    }
}

fn last(text: &'static str) -> Step {
    Step::Last(Bytes::from_static(text.as_bytes()))
}

fn stopping() -> Step {
    last(": the service is stopping, connect again\n\n")
}

/// The event that tells of a profile.
fn event(now: &Shown, before: Option<&Shown>, clock: &Clock) -> String {
    let etag = String::from_utf8_lossy(&now.etag);
    let data = json!({"etag": etag, "sections": now.changed_since(before), "at": clock.now()});
    format!("event: profile\nid: {}\ndata: {data}\n\n", now.id())
}

async fn look(api: &Arc<dyn Api>, request: &ProfileRequest, deadline: Duration, change: Change) -> Looked {
    sleep(GATHER).await;
    let looked = if change == Change::Touched {
        let request = ProfileRequest { deadline: Instant::now() + deadline, ..request.clone() };
        api.profile(request).await.map(Some)
    } else {
        api.held_profile(request).await
    };
    match looked {
        Ok(Some(served)) => read(&served).await.map_or(Looked::Nothing, Looked::Profile),
        Err(problem) if problem.kind == ProblemKind::ContactNotFound => Looked::Gone,
        Ok(None) | Err(_) => Looked::Nothing,
    }
}

/// Off the worker, which has other requests to serve.
async fn read(served: &Served) -> Result<Shown, Problem> {
    let document = Arc::clone(&served.document);
    let read = web::block(move || Shown::of(&document)).await;
    read.map_err(|error| problem::internal().with_cause(error.to_string()))
}
