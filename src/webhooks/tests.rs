//! What GHL is told where the store cannot take an event, and that many at once are taken.

use super::*;
use crate::{
    app::AppParts,
    domain::{
        hex::hex,
        ids::OperationId,
        operation::{AuditEvent, Idempotency, Operation, Submission, Submitted},
        webhook::NewEvent,
    },
    enrichment::Writes,
    settings::Sources,
    store::{
        OperationStore as _, Reservation,
        sqlite::{Fault, SqliteStore},
        tests::{Rig, entry, location},
    },
};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{FutureExt as _, future::ready};
use serde_json::Value;
use std::sync::atomic::AtomicU32;
use tokio::sync::Semaphore;

/// Nothing is written here.
#[derive(Debug)]
struct Unwritten;

fn refused<T: Send + 'static>() -> BoxFuture<'static, Result<T, Problem>> {
    Box::pin(ready(Err(Problem::new(ProblemKind::StoreUnavailable, "Nothing is written here."))))
}

impl Writes for Unwritten {
    fn submit(&self, _: Submission) -> BoxFuture<'_, Result<Submitted, Problem>> {
        refused()
    }

    fn wait(&self, _: OperationId, _: Instant) -> BoxFuture<'_, Result<Operation, Problem>> {
        refused()
    }

    fn reserve(&self, _: Idempotency) -> BoxFuture<'_, Result<Reservation, Problem>> {
        refused()
    }

    fn answer(&self, _: Idempotency, _: Option<Value>) -> BoxFuture<'_, Result<(), Problem>> {
        refused()
    }
}

/// Lets installations in "held" wait for a turn.
#[derive(Debug)]
struct Nobody {
    installed: AtomicU32,
    turns: Semaphore,
}

impl Installations for Nobody {
    fn installed(&self, told: Installation) -> BoxFuture<'_, Result<bool, Problem>> {
        self.installed.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            if told.location.is_some_and(|location| location.as_str() == "held") {
                self.turns.acquire().await.unwrap().forget();
            }
            Ok(true)
        })
    }

    fn uninstalled(&self, _: Installation) -> BoxFuture<'_, Result<bool, Problem>> {
        refused()
    }
}

impl Purge for Nobody {
    fn purge(&self, contact: ContactKey, _: Requester) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(async move {
            assert_ne!(contact.contact.as_str(), "poison", "a defect");
            Ok(())
        })
    }
}

struct Service {
    webhooks: Webhooks,
    store: Arc<SqliteStore>,
    pair: Ed25519KeyPair,
    parts: AppParts,
    nobody: Arc<Nobody>,
    _rig: (Tasks, Option<crate::store::tests::Folder>),
}

impl Service {
    fn new(rig: Rig) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        // The DER form of an Ed25519 key is its bytes behind a prefix that is always the same (RFC 8410).
        let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        der.extend(pair.public_key().as_ref());
        let sources = Sources::default()
            .with("webhooks.public_keys", format!("[\"{}\"]", STANDARD.encode(der)))
            .with("webhooks.window_seconds", 3600)
            .with("operations.max_attempts", 2)
            .with("operations.retry_base_ms", 1)
            .with("operations.retry_cap_ms", 1)
            .with("ipinfo.backends", "[\"embedded\"]");
        let settings = Settings::load(sources).unwrap().settings;
        let parts = AppParts::build(&settings, None).unwrap();
        let store = Arc::new(rig.store);
        let contacts = Arc::new(parts.profiles.clone());
        let nobody = Arc::new(Nobody { installed: AtomicU32::new(0), turns: Semaphore::new(0) });
        let made_of = Parts {
            inbox: Arc::clone(&store) as _,
            profiles: parts.profiles.clone(),
            liveness: parts.liveness.clone(),
            ghl: parts.ghl.clone(),
            enrichment: Enrichment::new(parts.rules.clone(), contacts, Arc::new(Unwritten), parts.tasks.clone()),
            serves: Arc::new(|id| *id != location()),
            installations: Arc::clone(&nobody) as _,
            purge: Arc::clone(&nobody) as _,
            clock: parts.clock.clone(),
            tasks: parts.tasks.clone(),
            metrics: parts.metrics.clone(),
        };
        let webhooks = Webhooks::start(made_of, &settings);
        Self { webhooks, store, pair, parts, nobody, _rig: (rig.tasks, rig.folder) }
    }

    async fn send(&self, body: &str) -> Result<Received, Refused> {
        let signature = STANDARD.encode(self.pair.sign(body.as_bytes()));
        self.webhooks.accept(&Signatures { ed25519: Some(signature), rsa: None }, body.as_bytes()).await
    }

    async fn installed(&self, times: u32) {
        let bound = Instant::now() + Duration::from_secs(10);
        while self.nobody.installed.load(Ordering::Relaxed) < times {
            assert!(Instant::now() < bound, "never asked {times} times");
            tokio::task::yield_now().await;
        }
    }

    /// The event once it has its fate.
    async fn fate(&self, id: &str) -> WebhookEvent {
        let bound = Instant::now() + Duration::from_secs(10);
        loop {
            let event = self.webhooks.event(WebhookId::parse(id).unwrap(), None).await.unwrap();
            if event.fate_at.is_some() {
                return event;
            }
            assert!(Instant::now() < bound, "never: {event:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

#[tokio::test]
async fn what_a_full_disk_does_not_take_is_to_be_sent_again() {
    let service = Service::new(Rig::file().await);
    let body = r#"{"type":"INSTALL","webhookId":"w1"}"#;
    service.store.inject(Some(Fault::Full)).await.unwrap();
    let large = format!("{{\"type\":\"INSTALL\",\"webhookId\":\"w0\",\"x\":\"{}\"}}", "x".repeat(300_000));
    let problem = service.send(&large).await.unwrap_err().to_problem();
    assert_eq!((problem.kind, problem.retry_after), (ProblemKind::TooManyRequests, Some(TRY_AGAIN)));
    service.store.inject(None).await.unwrap();
    assert_eq!(service.send(body).await, Ok(Received::New));
    assert_eq!(service.send(body).await, Ok(Received::Before));
    assert_eq!(service.fate("w1").await.fate, crate::domain::webhook::EventFate::Applied);
    service.store.close().await;
    assert!(matches!(service.send(body).await, Err(Refused::Unstored(StoreError::Closed))));
}

#[tokio::test]
async fn those_that_cannot_be_read_hold_up_nobody() {
    let rig = Rig::file().await;
    for number in 0..600 {
        let event = NewEvent {
            webhook_id: WebhookId::parse(&format!("w{number}")).unwrap(),
            kind: "PLAN_CHANGE".to_owned(),
            location: None,
            contact: None,
            subject: None,
            event_at: None,
            received_at: Clock::system().now(),
            body: b"{}".to_vec(),
        };
        rig.store.receive(event).await.unwrap();
    }
    // One at the head of the first batch, and all of the second.
    rig.damage("UPDATE inbox SET location = 'no id' WHERE seq = 1 OR seq BETWEEN 257 AND 512").await;
    let began = Instant::now();
    let service = Service::new(rig);
    for id in ["w1", "w255", "w599"] {
        assert_eq!(service.fate(id).await.detail.as_deref(), Some("no-effect"));
    }
    // Sooner than the worker looks again without being told.
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    assert_eq!(service.store.inbox_depth().await.unwrap().pending, 0);
}

#[tokio::test]
async fn an_installation_that_fails_is_tried_again_and_then_failed() {
    let service = Service::new(Rig::memory().await);
    service.send(r#"{"type":"UNINSTALL","webhookId":"w1","locationId":"l1"}"#).await.unwrap();
    let event = service.fate("w1").await;
    assert_eq!((event.fate.as_str(), event.replayable), ("failed", true));
    assert!(event.detail.is_some_and(|detail| detail.starts_with("store-unavailable")));
    assert!(service.parts.tasks.shut_down(Duration::from_secs(5)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_events_a_second_are_acknowledged_and_applied() {
    let service = Service::new(Rig::file().await);
    let sent = (0..500).map(|number| {
        let service = &service;
        async move {
            let id = hex(&u32::to_be_bytes(number));
            let body =
                format!("{{\"type\":\"NoteCreate\",\"webhookId\":\"{id}\",\"locationId\":\"l\",\"contactId\":\"c\"}}");
            service.send(&body).await
        }
    });
    let answers = futures_util::future::join_all(sent).await;
    assert!(answers.iter().all(|answer| *answer == Ok(Received::New)));
    for number in [0, 250, 499] {
        assert_eq!(service.fate(&hex(&u32::to_be_bytes(number))).await.detail.as_deref(), Some("nothing-held"));
    }
    let location = LocationId::parse("l").unwrap();
    let status = service.webhooks.status();
    assert!(status.last_received.iter().any(|(heard, _)| *heard == location));
}

#[tokio::test]
async fn what_breaks_down_is_an_attempt_and_failed_in_the_end() {
    let service = Service::new(Rig::memory().await);
    service.send(r#"{"type":"ContactDelete","webhookId":"w1","locationId":"l","id":"poison"}"#).await.unwrap();
    let event = service.fate("w1").await;
    assert_eq!((event.fate.as_str(), event.attempts), ("failed", 1), "the second was the last");
    assert!(event.detail.is_some_and(|detail| detail.starts_with("internal")));
}

#[tokio::test]
async fn what_cannot_be_noted_is_not_done_over_and_over() {
    let service = Service::new(Rig::file().await);
    service.send(r#"{"type":"INSTALL","webhookId":"w1","locationId":"held"}"#).await.unwrap();
    service.installed(1).await;
    service.store.inject(Some(Fault::ReadOnly)).await.unwrap();
    service.nobody.turns.add_permits(100);
    // Each of these is a round of the writer, in which a loop without a pause would have come round many times.
    for _ in 0..50 {
        assert!(matches!(service.send(r#"{"type":"INSTALL","webhookId":"w2"}"#).await, Err(Refused::Unstored(_))));
    }
    service.store.inject(None).await.unwrap();
    assert_eq!(service.fate("w1").await.fate, crate::domain::webhook::EventFate::Applied);
    assert_eq!(service.nobody.installed.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn who_hangs_up_is_rung_for_all_the_same() {
    let service = Service::new(Rig::file().await);
    assert!(service.parts.tasks.shut_down(Duration::from_secs(5)).await, "nobody answers the bell");
    let mut taken = Box::pin(service.send(r#"{"type":"INSTALL","webhookId":"w1"}"#));
    assert!(taken.as_mut().now_or_never().is_none());
    drop(taken);
    let rung = tokio::time::timeout(Duration::from_secs(10), service.webhooks.core.arrived.notified()).await;
    assert!(rung.is_ok());
    assert_eq!(
        service.store.arrived(service.webhooks.core.now(), 10).await.unwrap().events.len(),
        1,
        "and not before it is there"
    );
}

#[tokio::test]
async fn how_long_an_event_lay_here_does_not_make_it_old() {
    let service = Service::new(Rig::memory().await);
    let at = service.parts.clock.now() - Duration::from_secs(86_400);
    for (id, said) in [("late", at), ("old", at - Duration::from_secs(7200))] {
        let body = format!(
            r#"{{"type":"NoteCreate","webhookId":"{id}","locationId":"l","contactId":"c","timestamp":"{said}"}}"#
        );
        service.store.receive(hear(body.as_bytes(), at)).await.unwrap();
    }
    service.webhooks.core.arrived.notify_one();
    assert_eq!(service.fate("late").await.detail.as_deref(), Some("nothing-held"));
    assert_eq!(service.fate("old").await.fate.as_str(), "expired");
}

#[tokio::test]
async fn what_is_kept_of_a_location_that_is_served_no_more_goes_with_its_contacts() {
    let service = Service::new(Rig::memory().await);
    let deleted = |id: &str| {
        format!(
            r#"{{"type":"ContactDelete","webhookId":"{id}","locationId":"{}","id":"c","timestamp":"2020-01-01T00:00:00Z"}}"#,
            location()
        )
    };
    service.send(&deleted("w1")).await.unwrap();
    assert_eq!(service.fate("w1").await.detail.as_deref(), Some("unknown-location"));
    service.store.append(entry("o", AuditEvent::Accepted)).await.unwrap();
    service.send(&deleted("w2")).await.unwrap();
    assert_eq!(service.fate("w2").await.fate.as_str(), "applied", "however long ago it was");
}
