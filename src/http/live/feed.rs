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
use xxhash_rust::xxh3::xxh3_64;

/// How long more changes are waited for after one: they come in bursts.
const GATHER: Duration = Duration::from_millis(50);
/// When a client that lost its stream may connect again, milliseconds.
const RECONNECT_MS: u32 = 3_000;
/// When what was touched is looked at again, where it could not be had; then as after the last.
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
        let tried = self.again.take().map_or(0, |(at, tried)| if Instant::now() >= at { tried + 1 } else { 0 });
        self.again = look_again(looked, tried, self.shown.id()).map(|wait| (Instant::now() + wait, tried));
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

/// When to look again, if at all. What is known to be old is looked for until it is had; what is not there at all may never
/// be, and is left to readers in the end.
fn look_again(looked: &Looked, tried: usize, id: &str) -> Option<Duration> {
    let for_ever = match looked {
        Looked::Gone => return None,
        Looked::Profile(now) if now.stale => true,
        Looked::Profile(now) if now.lacking => false,
        Looked::Profile(_) => return None,
        Looked::Nothing => true,
    };
    let longest = AGAIN.last().filter(|_| for_ever);
    // Streams that an outage has brought into step shall not stay in it.
    let spread = |wait: &Duration| *wait + wait.mul_f64(f64::from(xxh3_64(id.as_bytes()) as u8) / 512.0);
    AGAIN.get(tried).copied().or_else(|| longest.map(spread))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_is_looked_for_until_it_is_had_and_what_is_not_there_is_not() {
        let looked = |stale, lacking| Looked::Profile(Shown::bare(stale, lacking));
        for tried in 0..AGAIN.len() {
            for open in [looked(true, false), looked(true, true), looked(false, true), Looked::Nothing] {
                assert_eq!(look_again(&open, tried, "id"), AGAIN.get(tried).copied());
            }
        }
        for tried in [AGAIN.len(), 1_000] {
            assert_eq!(look_again(&looked(false, true), tried, "id"), None);
            for open in [looked(true, false), looked(true, true), Looked::Nothing] {
                let wait = look_again(&open, tried, "id").expect("never given up");
                assert!((60..=90).contains(&wait.as_secs()), "{wait:?}");
            }
        }
        assert_eq!(look_again(&looked(false, false), 0, "id"), None);
        assert_eq!(look_again(&Looked::Gone, 0, "id"), None);
    }
}
