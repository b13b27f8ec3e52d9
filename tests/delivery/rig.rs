//! The worker's rules in a few lines, without store or clockwork: try, look where it is not known, try again.

use crate::support::{LOCATION, TOKEN, eventually, settings};
use ghl_enrich::{
    clock::Clock,
    domain::{
        ids::{ContactId, LocationId, OperationId},
        operation::{Operation, OperationState, Requester, Written},
        problem::Problem,
        write::{Fields, Tag, Write, WriteKind},
    },
    ghl::{Client, Redaction},
    operations::{Attempted, Delivery, Looked, ghl::GhlDelivery},
    telemetry::metrics::Metrics,
    upstream::{CallContext, HttpTransport, Lane, Service, TransportLimits, Upstream},
};
use ghl_sandbox::{AppliedWrite, ContactSeed, QuotaProfile, Sandbox, SandboxConfig, TaskSeed};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// When to look again where the delivery does not say.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Attempts and looks that one write may cost here.
const MAX_TURNS: usize = 12;

pub struct Rig {
    pub sandbox: Sandbox,
    pub client: Client,
    pub delivery: GhlDelivery,
    pub clock: Clock,
    /// A contact with the note and the task below, tagged `old`.
    pub contact: ContactId,
    pub note: String,
    pub task: String,
    /// Ids that operations were told are theirs.
    pub taken: Vec<String>,
    /// Whether what GHL leaves open is done late.
    pub late: bool,
}

impl Rig {
    pub async fn start() -> Self {
        Self::with(&[], SandboxConfig::default()).await
    }

    pub async fn with(changes: &[(&str, &str)], config: SandboxConfig) -> Self {
        let config = SandboxConfig { quota: QuotaProfile::Unlimited, contacts: 5, ..config };
        let sandbox = Sandbox::start(config).await.expect("sandbox starts");
        let clock = Clock::system();
        let (client, delivery) = over(&sandbox, &clock, changes);
        let nobody = ContactId::parse("nobody").expect("an id");
        let (note, task) = (String::new(), String::new());
        let (taken, late) = (Vec::new(), false);
        let mut rig = Self { sandbox, client, delivery, clock, contact: nobody, note, task, taken, late };
        rig.renew().await;
        rig
    }

    /// Everything at GHL as it was in the beginning.
    pub async fn renew(&mut self) {
        self.sandbox.reset();
        self.taken.clear();
        let seed = ContactSeed::new().name("Dana", "Ortiz").email("dana@example.test").tags(["old"]);
        let seed = seed.note("as it was").task(TaskSeed::due_in_hours("Call", 5)).age(Duration::from_secs(86_400));
        self.contact = ContactId::parse(&self.sandbox.add_contact(seed)).expect("an id");
        let (loc, ctx) = (location(), context());
        self.note = self.client.notes(&loc, &self.contact, &ctx).await.expect("notes").value[0].id.to_string();
        self.task = self.client.tasks(&loc, &self.contact, &ctx).await.expect("tasks").value[0].id.to_string();
    }

    /// One attempt at a write.
    pub async fn attempt(&self, write: Write) -> Attempted {
        self.delivery.attempt(&operation(write), deadline()).await
    }

    /// One attempt at a write, by a service with other settings.
    pub async fn attempt_with(&self, changes: &[(&str, &str)], write: Write) -> Attempted {
        let (_, delivery) = over(&self.sandbox, &self.clock, changes);
        delivery.attempt(&operation(write), deadline()).await
    }

    /// One attempt at a write of which an earlier one left open what became of it.
    pub async fn attempt_uncertain(&self, write: Write) -> Attempted {
        self.delivery.attempt(&self.uncertain(write), deadline()).await
    }

    /// A write of which an attempt just now left open what became of it.
    pub fn uncertain(&self, write: Write) -> Operation {
        Operation { uncertain_since: Some(self.clock.now()), ..operation(write) }
    }

    /// Tries until the write has ended.
    pub async fn deliver(&mut self, write: Write) -> Result<Written, Problem> {
        let result = self.end_of(operation(write)).await;
        self.taken.extend(result.iter().filter_map(|written| written.id.clone()));
        result
    }

    async fn end_of(&self, mut operation: Operation) -> Result<Written, Problem> {
        let mut doubted = None;
        for _ in 0..MAX_TURNS {
            if operation.uncertain_since.is_some() && needs_look(operation.write.kind()) {
                match self.delivery.look(&operation, &self.taken, deadline()).await {
                    Looked::Found(written) => return Ok(written),
                    Looked::Absent => {}
                    Looked::NotNow { retry_after, .. } => {
                        self.advance(retry_after.unwrap_or(LOOK_AGAIN));
                        continue;
                    }
                }
                if let Some(problem) = doubted.take() {
                    return Err(problem);
                }
            }
            let (begun, before) = (self.clock.now(), self.sandbox.writes().len());
            match self.delivery.attempt(&operation, deadline()).await {
                Attempted::Done { written, .. } => return Ok(written),
                Attempted::Refused { problem, doubtful: false, .. } => return Err(problem),
                Attempted::Refused { problem, .. } => {
                    operation.uncertain_since.get_or_insert(begun);
                    doubted = Some(problem);
                }
                Attempted::Unknown { .. } => {
                    operation.uncertain_since.get_or_insert(begun);
                    operation.settles_at = Some(self.clock.now());
                    self.settle(before).await;
                }
                Attempted::Deferred { retry_after, .. } | Attempted::NotSent { retry_after, .. } => {
                    self.advance(retry_after.unwrap_or_default());
                }
            }
        }
        panic!("{:?} does not come to an end", operation.write);
    }

    /// Waits until the sandbox did late what it does late: so long does a worker leave GHL to itself.
    async fn settle(&self, before: usize) {
        if self.late {
            eventually("the late write", || self.sandbox.writes().len() > before).await;
        }
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(SignedDuration::try_from(by).expect("a short time"));
        self.sandbox.advance_clock(by);
    }

    /// The journal's entries of one endpoint.
    pub fn journal(&self, endpoint: &str) -> Vec<AppliedWrite> {
        self.sandbox.writes().into_iter().filter(|write| write.endpoint == endpoint).collect()
    }

    /// The contact as GHL holds it.
    pub async fn held(&self) -> Value {
        let contact = self.client.contact(&location(), &self.contact, &context()).await.expect("the contact").value;
        serde_json::to_value(contact).expect("JSON")
    }
}

/// A service's way to a sandbox.
fn over(sandbox: &Sandbox, clock: &Clock, changes: &[(&str, &str)]) -> (Client, GhlDelivery) {
    let mut flags = vec![
        ("ghl.base_url", sandbox.base_url()),
        ("ghl.location_id", LOCATION.to_owned()),
        ("ghl.token", TOKEN.to_owned()),
        ("ghl.timeout_ms", "300".to_owned()),
    ];
    for (key, value) in changes {
        flags.retain(|(set, _)| set != key);
        flags.push((key, (*value).to_owned()));
    }
    let settings = settings(&flags);
    let ghl = &settings.ghl;
    let limits =
        TransportLimits { connect: ghl.connect_timeout, read: ghl.read_timeout, max_body_bytes: ghl.max_body_bytes };
    let transport = HttpTransport::new(&ghl.base_url, limits).expect("a transport");
    let upstream = Upstream::new(Service::Ghl, Arc::new(transport), ghl.timeout, Metrics::new());
    let client = Client::new(upstream, ghl, Redaction::new(&settings.profile.redact));
    let delivery = GhlDelivery::new(client.clone(), clock.clone());
    (client, delivery)
}

/// How late a late write is, in these tests.
pub const LATE: Duration = Duration::from_millis(40);

pub fn location() -> LocationId {
    LocationId::parse(LOCATION).expect("an id")
}

pub fn context() -> CallContext {
    CallContext::new(Lane::Operation, Duration::from_secs(10))
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

pub fn fields(value: Value) -> Fields {
    serde_json::from_value(value).expect("fields")
}

pub fn tags(value: Value) -> Vec<Tag> {
    serde_json::from_value(value).expect("tags")
}

pub fn upsert(value: Value) -> Write {
    Write::UpsertContact { fields: fields(value) }
}

pub fn create(value: Value) -> Write {
    Write::CreateContact { fields: fields(value) }
}

fn needs_look(kind: WriteKind) -> bool {
    use WriteKind::{CreateContact, CreateNote, CreateTask, UpsertContact};
    matches!(kind, CreateContact | UpsertContact | CreateNote | CreateTask)
}

fn operation(write: Write) -> Operation {
    let now = Clock::system().now();
    Operation {
        id: OperationId::parse("op1").expect("an id"),
        seq: 1,
        location: location(),
        contact: write.contact().cloned(),
        order_key: write.order_key(&location(), "op1"),
        write,
        state: OperationState::Running,
        requester: Requester { key: None, request_id: "r1".into() },
        idempotency_key: None,
        created_at: now,
        updated_at: now,
        due_at: now,
        attempts: 0,
        uncertain_since: None,
        settles_at: None,
        written: None,
        problem: None,
        erased_at: None,
    }
}

/// A write that GHL takes, of each kind.
pub fn one_of_each(rig: &Rig) -> Vec<Write> {
    let contact = rig.contact.clone();
    let note = || rig.note.parse_id();
    let task = || rig.task.parse_id();
    let due =
        json!({"title": "Mail", "dueDate": "2027-01-01T09:00:00+01:00", "completed": false, "body": "a <b>b</b>"});
    vec![
        create(json!({"firstName": "New", "email": "new@example.test", "phone": "+14155550177"})),
        create(json!({"firstName": "Mail", "email": "mail@example.test"})),
        create(json!({"firstName": "Nameless", "lastName": "One"})),
        upsert(json!({"firstName": "Up", "email": "up@example.test", "phone": "+14155550178"})),
        upsert(json!({"email": "dana@example.test", "city": "Reno", "tags": ["added"]})),
        Write::UpdateContact { contact: contact.clone(), fields: fields(json!({"city": "Sparks"})) },
        Write::CreateNote { contact: contact.clone(), fields: fields(json!({"body": "<p>Left &amp; said</p>"})) },
        Write::UpdateNote { contact: contact.clone(), note: note(), fields: fields(json!({"body": "as it is"})) },
        Write::CreateTask { contact: contact.clone(), fields: fields(due) },
        Write::UpdateTask { contact: contact.clone(), task: task(), fields: fields(json!({"title": "Call now"})) },
        Write::CompleteTask { contact: contact.clone(), task: task(), completed: true },
        Write::AddTags { contact: contact.clone(), tags: tags(json!(["vip"])) },
        Write::RemoveTags { contact: contact.clone(), tags: tags(json!(["old"])) },
        Write::DeleteNote { contact: contact.clone(), note: note() },
        Write::DeleteTask { contact: contact.clone(), task: task() },
        Write::DeleteContact { contact },
    ]
}

/// Texts as the ids they are.
pub trait ParseId {
    fn parse_id<T: for<'de> serde::Deserialize<'de>>(&self) -> T;
}

impl ParseId for String {
    fn parse_id<T: for<'de> serde::Deserialize<'de>>(&self) -> T {
        serde_json::from_value(json!(self)).expect("an id")
    }
}
