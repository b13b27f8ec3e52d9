//! GHL's webhooks: for each change an event in a log, signed and sent to every receiver - late, twice, out of order and
//! again, as its plan says. What is to leave is taken out under the state's lock and sent outside of it, on the sandbox's
//! own thread.

mod appointments;
mod control;
mod deliver;
pub(crate) mod events;
mod handle;
mod line;
mod log;
mod plan;
mod sign;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

pub(crate) use control::{answer, overview};
pub(crate) use deliver::deliver;
pub use handle::Refused;
pub use log::{WebhookDelivery, WebhookEvent, WebhookFate};
pub use plan::{WebhookPlan, WebhookSigning};
pub use sign::ed25519 as signature;

use crate::clock::{Millis, iso};
use crate::config::SandboxConfig;
use crate::tokens;
use line::{Due, Line, Next, Standing};
use log::{Event, Log};

/// How many events there were, and what became of their copies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookCounts {
    /// Events, whether or not there was a receiver.
    pub made: u64,
    /// Requests, all copies and retries together.
    pub sent: u64,
    /// Events that a receiver took.
    pub delivered: u64,
    /// Requests that repeated an event on purpose.
    pub duplicates: u64,
    /// Requests that repeated one which had failed.
    pub retries: u64,
    /// Events given up.
    pub failed: u64,
    /// Copies under way, waiting, or to be tried again.
    pub pending: u64,
}

/// The events of a sandbox, and the ways to their receivers.
#[derive(Debug)]
pub(crate) struct Webhooks {
    seed: u64,
    /// Wakes the sending task; outlives a reset.
    wake: Arc<Notify>,
    lines: Vec<Line>,
    opened: u64,
    log: Log,
    counts: WebhookCounts,
}

/// One copy of an event on its way.
#[derive(Debug)]
struct Job {
    line: u64,
    due: Due,
    url: Arc<str>,
    body: Bytes,
    timeout: Duration,
    signing: WebhookSigning,
}

/// Can webhooks be sent as a configuration says?
pub(crate) fn check(config: &SandboxConfig) -> Result<(), String> {
    config.webhook_plan.check()?;
    config.webhook_url.as_deref().map_or(Ok(()), check_url)
}

fn check_url(url: &str) -> Result<(), String> {
    match reqwest::Url::parse(url) {
        Ok(parsed) if ["http", "https"].contains(&parsed.scheme()) => Ok(()),
        Ok(_) => Err("a webhook's url must begin with http:// or https://".to_owned()),
        Err(error) => Err(format!("a webhook's url must be one: {error}")),
    }
}

impl Webhooks {
    /// The receiver of the configuration, which must have been checked, and no events.
    pub(crate) fn new(config: &SandboxConfig) -> Self {
        Self::waking(config, Arc::new(Notify::new()))
    }

    /// The same as it was at the start. What is under way belongs to the life that ended.
    pub(crate) fn reborn(&self, config: &SandboxConfig) -> Self {
        Self::waking(config, Arc::clone(&self.wake))
    }

    fn waking(config: &SandboxConfig, wake: Arc<Notify>) -> Self {
        let (lines, log, counts) = (Vec::new(), Log::default(), WebhookCounts::default());
        let mut webhooks = Self { seed: config.seed, wake, lines, opened: 0, log, counts };
        if let Some(url) = &config.webhook_url {
            webhooks.open(url, config.webhook_plan.clone());
        }
        webhooks
    }

    /// Sends events there from now on; a receiver that is known gets a new plan and begins anew.
    fn subscribe(&mut self, url: &str, plan: WebhookPlan) -> Result<(), String> {
        check_url(url)?;
        plan.check()?;
        self.unsubscribe(Some(url));
        self.open(url, plan);
        Ok(())
    }

    fn open(&mut self, url: &str, plan: WebhookPlan) {
        self.opened += 1;
        self.lines.push(Line::new(self.opened, url, plan, self.seed));
    }

    /// Sends no more to this receiver, or to any.
    fn unsubscribe(&mut self, url: Option<&str>) {
        let (ended, lines) =
            std::mem::take(&mut self.lines).into_iter().partition(|line| url.is_none_or(|url| url == &*line.url));
        self.lines = lines;
        for mut line in ended {
            let kept = line.pause(Standing::Paused);
            self.hold(line.id, kept);
        }
    }

    /// An event: into the log, and to every receiver that is not paused.
    fn record(&mut self, now: Millis, kind: Cow<'static, str>, members: Map<String, Value>) -> Uuid {
        // Not from the seed: a receiver that outlives the sandbox would take the next one's events for repeats.
        let webhook_id = Uuid::new_v4();
        let location = members.get("locationId").and_then(Value::as_str).map(str::to_owned);
        let mut body = Map::from_iter([("type".to_owned(), Value::from(&*kind))]);
        body.extend(members);
        body.insert("timestamp".to_owned(), iso(now).into());
        body.insert("webhookId".to_owned(), webhook_id.to_string().into());
        for (key, value) in [("appId", tokens::APP_ID), ("versionId", tokens::APP_VERSION_ID)] {
            body.entry(key).or_insert_with(|| value.into());
        }
        let body = Bytes::from(Value::Object(body).to_string());
        self.counts.made += 1;
        let seq = self.log.push(Event { webhook_id, kind, location, made: now, body, deliveries: Vec::new() });
        self.send(seq);
        webhook_id
    }

    /// Sends an event to every receiver that is not paused.
    fn send(&mut self, seq: u64) {
        for line in &mut self.lines {
            let fate = if line.push(seq) { WebhookFate::Pending } else { WebhookFate::Held };
            self.log.sent(seq, line.id, &line.url, fate);
        }
        self.wake.notify_one();
    }

    /// Sends the event with this id again, to every receiver; false if there is none.
    fn resend(&mut self, webhook_id: Uuid) -> bool {
        let found = self.log.find(webhook_id);
        found.into_iter().for_each(|seq| self.send(seq));
        found.is_some()
    }

    /// Sends to each open receiver what was held back from it; returns how many events.
    fn resend_held(&mut self) -> usize {
        let mut resent = 0;
        for line in self.lines.iter_mut().filter(|line| line.standing == Standing::Open) {
            let held = self.log.after(0).filter(|(_, event)| event.is_held(line.id));
            for seq in held.map(|(seq, _)| seq).collect::<Vec<_>>() {
                line.push(seq);
                self.log.sent(seq, line.id, &line.url, WebhookFate::Pending);
                resent += 1;
            }
        }
        self.wake.notify_one();
        resent
    }

    fn pause(&mut self) {
        let kept: Vec<(u64, Vec<u64>)> =
            self.lines.iter_mut().map(|line| (line.id, line.pause(Standing::Paused))).collect();
        kept.into_iter().for_each(|(line, kept)| self.hold(line, kept));
    }

    fn resume(&mut self) {
        self.lines.iter_mut().for_each(Line::resume);
    }

    fn hold(&mut self, line: u64, kept: Vec<u64>) {
        for seq in kept {
            if let Some(delivery) = self.log.delivery(seq, line) {
                delivery.fate = if delivery.delivered.is_some() { WebhookFate::Delivered } else { WebhookFate::Held };
            }
        }
    }

    fn pending(&self) -> usize {
        self.lines.iter().map(Line::pending).sum()
    }

    fn counts(&self) -> WebhookCounts {
        WebhookCounts { pending: self.pending() as u64, ..self.counts }
    }

    /// The events after a number, as they are shown.
    fn shown(&self, after: u64, limit: usize) -> Vec<WebhookEvent> {
        self.log.after(after).take(limit).map(|(seq, event)| event.shown(seq)).collect()
    }

    /// What is to leave now, and when to ask again if nothing happens before.
    fn take(&mut self, now: Instant) -> (Vec<Job>, Option<Instant>) {
        let (mut jobs, mut next) = (Vec::new(), None);
        for line in &mut self.lines {
            let (leaving, later) = line.take(now);
            next = [next, later].into_iter().flatten().min();
            for due in leaving {
                let Some(body) = self.log.get(due.seq).map(|event| event.body.clone()) else {
                    line.gone();
                    continue;
                };
                let (url, timeout) = (Arc::clone(&line.url), Duration::from_millis(line.plan.timeout_ms));
                jobs.push(Job { line: line.id, due, url, body, timeout, signing: line.plan.signing });
            }
        }
        (jobs, next)
    }

    /// A copy has come back with a status, or without one.
    fn ended(&mut self, job: &Job, status: Option<u16>, now: Instant, stamp: Millis) {
        let (due, success) = (job.due, status.is_some_and(|status| (200..300).contains(&status)));
        self.counts.sent += 1;
        self.counts.duplicates += u64::from(due.duplicate);
        self.counts.retries += u64::from(due.attempt > 1);
        let line = self.lines.iter_mut().find(|line| line.id == job.line);
        let (next, kept) = match line {
            Some(line) => line.ended(due, success, now),
            None => ((!success && !due.duplicate).then_some(Next::Held), Vec::new()),
        };
        if let Some(delivery) = self.log.delivery(due.seq, job.line) {
            delivery.attempts += u32::from(!due.duplicate);
            delivery.duplicates += u32::from(due.duplicate);
            delivery.last_status = status;
            let first = success && delivery.delivered.is_none();
            if first {
                delivery.delivered = Some(stamp);
            }
            self.counts.delivered += u64::from(first);
            self.counts.failed += u64::from(next == Some(Next::GivenUp));
            delivery.fate = match next {
                _ if delivery.delivered.is_some() => WebhookFate::Delivered,
                Some(Next::GivenUp) => WebhookFate::Failed,
                Some(Next::Held) => WebhookFate::Held,
                Some(Next::Again) | None => delivery.fate,
            };
        }
        self.hold(job.line, kept);
        self.wake.notify_one();
    }
}
