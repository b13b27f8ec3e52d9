//! The operations against the real store in memory, with a delivery that does as it is told (`flow`, `requests`,
//! `bounds`), against a model of GHL that loses answers while the process dies again and again (`model`), and with the whole
//! chain below HTTP through storms and outages (`storms`).

mod bounds;
mod clocks;
mod double;
mod flow;
mod model;
mod requests;
#[expect(clippy::print_stdout, reason = "the figures are what they are run for")]
mod storms;

use super::*;
use crate::domain::{
    ids::OperationId,
    operation::{AuditEntry, AuditFilter, Operation, OperationState, Requester, Submission},
    problem::{Problem, ProblemKind},
    write::{Fields, Tag, Write},
};
use double::{Mortal, Script};
use jiff::Timestamp;
use serde_json::json;
use std::{sync::Mutex, time::Duration};
use tokio::time::Instant;

/// However slow the machine, nothing here takes so long.
const BOUND: Duration = Duration::from_secs(20);

/// Which sections of which contact were said to have changed.
type Touch = (ContactId, &'static [Section]);

/// Everything, and what it was told.
struct House {
    operations: Operations,
    store: Arc<Mortal>,
    script: Arc<Script>,
    tasks: Tasks,
    metrics: Metrics,
    clock: Clock,
    touched: Arc<Mutex<Vec<Touch>>>,
}

fn settings() -> OperationSettings {
    OperationSettings {
        wait: Duration::from_secs(1),
        workers: 4,
        attempt_timeout: Duration::from_secs(5),
        settle: Duration::from_millis(30),
        max_attempts: 4,
        retry_base: Duration::from_millis(2),
        retry_cap: Duration::from_millis(20),
        retention: Duration::from_secs(86_400),
        idempotency_key: Duration::from_secs(86_400),
        audit_retention: Duration::from_secs(86_400),
        audit_payloads: false,
    }
}

impl House {
    async fn new() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: OperationSettings) -> Self {
        Self::on(double::memory(&Tasks::new()).await, Script::new(), settings).await
    }

    async fn on(inner: Arc<dyn OperationStore>, script: Arc<Script>, settings: OperationSettings) -> Self {
        let (store, tasks) = (Mortal::new(inner), Tasks::new());
        let (metrics, clock) = (Metrics::new(), Clock::system());
        let touched = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&touched);
        let parts = Parts {
            store: Arc::clone(&store) as Arc<dyn OperationStore>,
            delivery: Arc::clone(&script) as Arc<dyn Delivery>,
            clock: clock.clone(),
            tasks: tasks.clone(),
            metrics: metrics.clone(),
            touched: Arc::new(move |_, contact, sections| told.lock().unwrap().push((contact.clone(), sections))),
            made: Arc::new(|_, _| ()),
        };
        let operations = Operations::start(parts, &settings).await.unwrap();
        Self { operations, store, script, tasks, metrics, clock, touched }
    }

    async fn submit(&self, write: Write) -> OperationId {
        self.submit_to("loc1", write).await
    }

    async fn submit_to(&self, location: &str, write: Write) -> OperationId {
        self.operations.submit(submission(location, write)).await.unwrap().operation.id
    }

    async fn end_of(&self, id: &OperationId) -> Operation {
        let operation = self.operations.wait(id.clone(), Instant::now() + BOUND).await.unwrap();
        assert!(operation.state.ended(), "{operation:?}");
        operation
    }

    /// The log of an operation, oldest first: event and outcome.
    async fn log(&self, id: &OperationId) -> Vec<String> {
        let entries = self.entries(id).await;
        entries.iter().map(|entry| format!("{} {}", entry.event.as_str(), entry.outcome)).collect()
    }

    async fn entries(&self, id: &OperationId) -> Vec<AuditEntry> {
        let filter = AuditFilter { operation: Some(id.clone()), ..AuditFilter::default() };
        let mut entries = self.operations.audit(filter, None, 100).await.unwrap().items;
        entries.reverse();
        entries
    }
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let bound = Instant::now() + BOUND;
    while !holds().await {
        assert!(Instant::now() < bound, "{what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn location(name: &str) -> LocationId {
    LocationId::parse(name).unwrap()
}

fn contact(name: &str) -> ContactId {
    ContactId::parse(name).unwrap()
}

fn requester() -> Requester {
    Requester { key: Some("backend".to_owned()), request_id: "r1".to_owned() }
}

fn submission(place: &str, write: Write) -> Submission {
    Submission { location: location(place), write, requester: requester(), idempotency: None }
}

fn fields(value: serde_json::Value) -> Fields {
    serde_json::from_value(value).unwrap()
}

fn note(of: &str, body: &str) -> Write {
    Write::CreateNote { contact: contact(of), fields: fields(json!({"body": body})) }
}

fn task(of: &str, title: &str) -> Write {
    Write::CreateTask { contact: contact(of), fields: fields(json!({ "title": title })) }
}

fn tags(of: &str, tag: &str) -> Write {
    Write::AddTags { contact: contact(of), tags: vec![Tag::parse(tag).unwrap()] }
}

fn new_contact(email: &str) -> Write {
    Write::CreateContact { fields: fields(json!({"email": email})) }
}

fn refusal(status: u16) -> Problem {
    Problem::new(ProblemKind::ValidationFailed, "GHL: email must be an email").with_upstream("ghl", Some(status), "4xx")
}

fn broken() -> Attempted {
    let problem = Problem::new(ProblemKind::UpstreamTimeout, "slow").with_upstream("ghl", None, "timeout");
    Attempted::Unknown { problem, upstream_status: None }
}

fn refused(doubtful: bool) -> Attempted {
    Attempted::Refused { problem: refusal(422), upstream_status: Some(422), doubtful }
}

fn not_sent(retry_after: Option<Duration>) -> Attempted {
    let problem = Problem::new(ProblemKind::QuotaExhausted, "The day is spent.");
    Attempted::NotSent { problem, retry_after }
}

/// A pending operation that no store knows.
pub(super) fn operation(place: &str, number: i64) -> Operation {
    let write = tags("c1", "a");
    Operation {
        id: OperationId::parse(&format!("op{number}")).unwrap(),
        seq: number,
        location: location(place),
        contact: write.contact().cloned(),
        order_key: write.order_key(&location(place), ""),
        write,
        state: OperationState::Running,
        requester: requester(),
        idempotency_key: None,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        due_at: Timestamp::UNIX_EPOCH,
        attempts: 0,
        uncertain_since: None,
        settles_at: None,
        written: None,
        problem: None,
        erased_at: None,
    }
}
