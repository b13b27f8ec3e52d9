//! Sources with a store and operations of their own, over a sandbox: all but HTTP.

use crate::{
    app::AppParts,
    cli::demo::settings_for,
    domain::{
        contact::Contact,
        ids::{ContactId, LocationId, OperationId},
        note::Note,
        operation::{Operation, Requester},
        problem::Problem,
        source::{
            DryRun, ExternalId, ListedEvent, Listing, Proof, ReconcileReport, RecordKey, RecordKind, SourceEventFilter,
            SourceEventId, SourceFate, SourceName, SourceReceipt, SourceRecord,
        },
        task::Task,
    },
    ghl::Identity,
    operations::{self, Operations, ghl::GhlDelivery},
    settings::{Settings, Sources, StoreUrl},
    sources::{Feeds, GhlDirectory, Parts, Writes},
    store::{SourceStore, sqlite::SqliteStore},
    upstream::{CallContext, Lane},
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use ghl_sandbox::{QuotaProfile, Sandbox, SandboxConfig};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

pub(super) const LOCATION: &str = "sandboxLocation00001";

/// How long something that is sure to happen may take.
const BOUND: Duration = Duration::from_secs(60);

pub(super) struct Bench {
    pub(super) sandbox: Sandbox,
    pub(super) parts: AppParts,
    pub(super) feeds: Feeds,
    pub(super) operations: Operations,
    settings: Settings,
    feed_parts: Parts,
}

pub(super) fn name() -> SourceName {
    SourceName::parse("insurgo").unwrap()
}

fn context() -> CallContext {
    CallContext::new(Lane::Interactive, BOUND)
}

/// An event of Insurgo's at a second of an hour.
pub(super) fn event(id: &str, kind: &str, second: u32, data: Value) -> Value {
    let at = format!("2026-11-22T08:{:02}:{:02}Z", second / 60, second % 60);
    json!({"id": id, "type": kind, "occurredAt": at, "data": data})
}

impl Bench {
    /// With further keys of the source.
    pub(super) async fn start(more: &str) -> Self {
        Self::with(more, |operations| Arc::new(operations)).await
    }

    /// With something between it and the operations.
    pub(super) async fn with(more: &str, between: impl FnOnce(Operations) -> Arc<dyn Writes>) -> Self {
        let config = SandboxConfig { contacts: 5, quota: QuotaProfile::Unlimited, ..SandboxConfig::default() };
        let sandbox = Sandbox::start(config).await.unwrap();
        let system = format!("name = 'insurgo'\npreset = 'insurgo'\nsignature = 'api-key'\n{more}");
        let system: toml::Table = system.parse().unwrap();
        let mut flags = settings_for(sandbox.addr());
        flags.push(("sources.systems".to_owned(), toml::Value::Array(vec![toml::Value::Table(system)])));
        flags.push(("ghl.burst_limit".to_owned(), 100_000.into()));
        flags.push(("ghl.day_limit".to_owned(), 10_000_000.into()));
        let settings = Settings::load(Sources { flags, ..Sources::default() }).unwrap().settings;
        let parts = AppParts::build(&settings, None).unwrap();
        let store = Arc::new(SqliteStore::open(&StoreUrl::SqliteMemory, &parts.tasks).await.unwrap());
        let operations_parts = operations::Parts {
            store: store.clone(),
            delivery: Arc::new(GhlDelivery::new(parts.ghl.clone(), parts.clock.clone())),
            clock: parts.clock.clone(),
            tasks: parts.tasks.clone(),
            metrics: parts.metrics.clone(),
            touched: Arc::new(|_, _, _| {}),
            made: Arc::new(|_, _| {}),
        };
        let operations = Operations::start(operations_parts, &settings.operations).await.unwrap();
        let feed_parts = Parts {
            store,
            writes: between(operations.clone()),
            ghl: Arc::new(GhlDirectory::new(&parts.ghl, Lane::Operation)),
            shown: Arc::new(GhlDirectory::new(&parts.ghl, Lane::Interactive)),
            clock: parts.clock.clone(),
            tasks: parts.tasks.clone(),
            metrics: parts.metrics.clone(),
        };
        let feeds = Feeds::start(feed_parts.clone(), &settings.sources).unwrap();
        Self { sandbox, parts, feeds, operations, settings, feed_parts }
    }

    /// Another process, as it were, with what this one left.
    pub(super) fn restart(&mut self) {
        let parts = Parts { writes: Arc::new(self.operations.clone()), ..self.feed_parts.clone() };
        self.feeds = Feeds::start(parts, &self.settings.sources).unwrap();
    }

    /// What is kept.
    pub(super) fn store(&self) -> Arc<dyn SourceStore> {
        self.feed_parts.store.clone()
    }

    /// A record, as it is kept.
    pub(super) async fn record(&self, kind: RecordKind, id: &str) -> Option<SourceRecord> {
        let key = RecordKey { source: name(), kind, id: ExternalId::parse(id).unwrap() };
        self.store().records(vec![key]).await.unwrap().pop()
    }

    pub(super) async fn retry(&self, operation: &OperationId) {
        self.try_to_retry(operation).await.unwrap();
    }

    pub(super) async fn try_to_retry(&self, operation: &OperationId) -> Result<Operation, Problem> {
        let by = Requester { key: None, request_id: "r".to_owned() };
        self.operations.retry(operation.clone(), None, by).await
    }

    pub(super) async fn push(&self, events: &Value) -> SourceReceipt {
        self.feeds
            .push(name(), Proof::Key { locations: None, reads: true }, events.to_string().as_bytes())
            .await
            .unwrap()
    }

    pub(super) async fn dry_run(&self, events: &Value) -> DryRun {
        self.feeds
            .dry_run(name(), Proof::Key { locations: None, reads: true }, events.to_string().as_bytes())
            .await
            .unwrap()
    }

    pub(super) async fn reconcile(&self, lines: &[Value], change: impl FnOnce(&mut Listing)) -> ReconcileReport {
        self.try_reconcile(lines, change).await.unwrap()
    }

    pub(super) async fn try_reconcile(
        &self,
        lines: &[Value],
        change: impl FnOnce(&mut Listing),
    ) -> Result<ReconcileReport, Problem> {
        let lines: Vec<_> = lines.iter().map(|line| Ok(Bytes::from(line.to_string()))).collect();
        let mut listing = Listing {
            kind: None,
            as_of: None,
            missing_deleted: Vec::new(),
            verify: false,
            dry_run: false,
            by: Requester { key: None, request_id: "r".to_owned() },
            locations: None,
            lines: futures_util::stream::iter(lines).boxed(),
        };
        change(&mut listing);
        self.feeds.reconcile(name(), listing).await
    }

    /// An event, once it satisfies.
    pub(super) async fn event(&self, id: &str, holds: impl Fn(&ListedEvent) -> bool) -> ListedEvent {
        let until = Instant::now() + BOUND;
        loop {
            let event = self.feeds.event(name(), SourceEventId::parse(id).unwrap(), None).await.unwrap();
            if holds(&event) {
                return event;
            }
            assert!(Instant::now() < until, "{event:?}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    pub(super) async fn fate(&self, id: &str) -> (SourceFate, String) {
        let event = self.event(id, |event| event.fate != SourceFate::Pending).await;
        (event.fate, event.detail.unwrap_or_default())
    }

    /// Once no event is without a fate, or all that are left wait.
    pub(super) async fn quiet(&self) {
        let until = Instant::now() + BOUND;
        loop {
            let filter = SourceEventFilter { fates: vec![SourceFate::Pending], ..SourceEventFilter::default() };
            let left = self.feeds.events(filter, None, 10).await.unwrap().items;
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < until, "{left:?}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Once nothing is due any more.
    pub(super) async fn settled(&self) {
        let until = Instant::now() + BOUND;
        while self.store().next_lane_due(Vec::new(), Vec::new()).await.unwrap().is_some() {
            assert!(Instant::now() < until, "something is due");
            sleep(Duration::from_millis(5)).await;
        }
    }

    pub(super) fn location(&self) -> LocationId {
        LocationId::parse(LOCATION).unwrap()
    }

    pub(super) async fn contact(&self, email: &str) -> Option<Contact> {
        let found = self.parts.ghl.find_duplicate(&self.location(), Identity::Email(email), &context()).await;
        found.unwrap()
    }

    pub(super) async fn tasks(&self, contact: &ContactId) -> Vec<Task> {
        self.parts.ghl.tasks(&self.location(), contact, &context()).await.unwrap().value
    }

    pub(super) async fn notes(&self, contact: &ContactId) -> Vec<Note> {
        self.parts.ghl.notes(&self.location(), contact, &context()).await.unwrap().value
    }

    pub(super) async fn delete_contact(&self, contact: &ContactId) {
        self.parts.ghl.delete_contact(&self.location(), contact, &context()).await.unwrap();
    }
}
