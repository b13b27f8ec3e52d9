//! The half of the service that writes: store, worker and rules, wired, and what the routes ask of them.

use super::{AppParts, store::Store};
use crate::{
    domain::{
        erasure::{ErasureScope, PurgeReceipt},
        ids::{ContactId, LocationId, OperationId},
        operation::{
            AuditEntry, AuditFilter, Idempotency, Operation, OperationFilter, Requester, Submission, Submitted,
        },
        problem::Problem,
        profile::Section,
        quota::QuotaReport,
        rules::{EnrichmentReport, RuleOutcome},
    },
    enrichment::{self, Enrichment, EnrichmentRequest},
    ghl,
    http::{
        api::{Component, ComponentState, Reply},
        purge_api::PurgeApi,
        write_api::{Listed, NoWrites, WriteApi},
    },
    liveness::Liveness,
    operations::{self, Operations, ghl::GhlDelivery},
    profiles::{ContactKey, ProfileRequest, Profiles, TouchedBy},
    purging::Purging,
    settings::Settings,
    store::{OperationStore, Page, Reservation},
};
use anyhow::Context as _;
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::sync::Arc;
use tokio::time::Instant;

/// What writing consists of. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Writing {
    pub(super) operations: Operations,
    enrichment: Enrichment,
    profiles: Profiles,
    ghl: ghl::Client,
}

impl Writing {
    /// Takes up what an earlier process left in the store.
    pub(super) async fn start(settings: &Settings, parts: &AppParts, store: &Store) -> anyhow::Result<Self> {
        let store: Arc<dyn OperationStore> = store.sqlite.clone();
        let operations_parts = operations::Parts {
            store,
            delivery: Arc::new(delivery(settings, parts)),
            clock: parts.clock.clone(),
            tasks: parts.tasks.clone(),
            metrics: parts.metrics.clone(),
            touched: touched(&parts.profiles),
            made: made(&parts.liveness),
        };
        let operations = Operations::start(operations_parts, &settings.operations).await.context("store.url")?;
        let enrichment = Enrichment::new(
            parts.rules.clone(),
            Arc::new(parts.profiles.clone()),
            Arc::new(operations.clone()),
            parts.tasks.clone(),
        );
        let (profiles, ghl) = (parts.profiles.clone(), parts.ghl.clone());
        Ok(Self { operations, enrichment, profiles, ghl })
    }

    /// How the store stands, as readiness shows it.
    pub(super) fn component(&self) -> Component {
        let failed = self.operations.health().err().map(|error| error.to_string());
        let state = if failed.is_some() { ComponentState::Degraded } else { ComponentState::Ok };
        Component { name: "store".to_owned(), state, detail: failed }
    }

    /// The rules.
    pub(super) fn enrichment(&self) -> Enrichment {
        self.enrichment.clone()
    }
}

fn delivery(settings: &Settings, parts: &AppParts) -> GhlDelivery {
    GhlDelivery::new(parts.ghl.clone(), parts.clock.clone()).with_search_lag(settings.ghl.search_lag)
}

/// The next read shows what a write changed.
fn touched(profiles: &Profiles) -> operations::Touched {
    let profiles = profiles.clone();
    Arc::new(move |location, contact, sections: &'static [Section]| {
        let key = ContactKey { location: location.clone(), contact: contact.clone() };
        profiles.touch(&key, sections, TouchedBy::Write);
    })
}

/// GHL's events must tell of what we had it make.
fn made(liveness: &Liveness) -> operations::Made {
    let liveness = liveness.clone();
    Arc::new(move |location, began_at| liveness.write_done(location, began_at))
}

/// What the routes hold: the real parts, or a refusal where there is no store.
pub(super) fn api(parts: &AppParts, writing: Option<&Writing>) -> Arc<dyn WriteApi> {
    match writing {
        Some(writing) => Arc::new(writing.clone()),
        None => {
            let (ghl, rules, profiles) = (parts.ghl.clone(), parts.rules.clone(), parts.profiles.clone());
            Arc::new(NoWrites {
                quota: move |location: &LocationId| ghl.quota(location),
                explain: move |request| -> Reply<'static, _> {
                    let (rules, profiles) = (rules.clone(), profiles.clone());
                    Box::pin(async move { rules.explain(&profiles, request).await })
                },
            })
        }
    }
}

fn listed<T>(page: Page<T>) -> Listed<T> {
    Listed { items: page.items, next: page.next }
}

impl WriteApi for Writing {
    fn submit(&self, submission: Submission) -> Reply<'_, Submitted> {
        Box::pin(async move {
            // A token that GHL rejects may be mended while the write waits; for a location without any, nobody waits.
            self.ghl.serves(&submission.location).map_err(|error| error.to_problem())?;
            self.operations.submit(submission).await
        })
    }

    fn wait(&self, id: OperationId, until: Instant) -> Reply<'_, Operation> {
        Box::pin(self.operations.wait(id, until))
    }

    fn operation(&self, id: OperationId, locations: Option<Vec<LocationId>>) -> Reply<'_, Operation> {
        Box::pin(self.operations.operation(id, locations))
    }

    fn operations(&self, filter: OperationFilter, before: Option<i64>, limit: u32) -> Reply<'_, Listed<Operation>> {
        Box::pin(async move { self.operations.operations(filter, before, limit).await.map(listed) })
    }

    fn retry(&self, id: OperationId, locations: Option<Vec<LocationId>>, by: Requester) -> Reply<'_, Operation> {
        Box::pin(self.operations.retry(id, locations, by))
    }

    fn resolve(
        &self,
        id: OperationId,
        meant: ContactId,
        locations: Option<Vec<LocationId>>,
        by: Requester,
    ) -> Reply<'_, Operation> {
        Box::pin(self.operations.resolve(id, meant, locations, by))
    }

    fn cancel(&self, id: OperationId, locations: Option<Vec<LocationId>>, by: Requester) -> Reply<'_, Operation> {
        Box::pin(self.operations.cancel(id, locations, by))
    }

    fn audit(&self, filter: AuditFilter, before: Option<i64>, limit: u32) -> Reply<'_, Listed<AuditEntry>> {
        Box::pin(async move { self.operations.audit(filter, before, limit).await.map(listed) })
    }

    fn log_refusal(&self, entry: AuditEntry) {
        self.operations.log_refusal(entry);
    }

    fn enrich(&self, request: EnrichmentRequest) -> Reply<'_, EnrichmentReport> {
        Box::pin(self.enrichment.run(request))
    }

    fn explain_rules(&self, request: ProfileRequest) -> Reply<'_, Vec<RuleOutcome>> {
        Box::pin(self.enrichment.rules().explain(&self.profiles, request))
    }

    fn quota(&self, location: &LocationId) -> Option<QuotaReport> {
        self.ghl.quota(location)
    }
}

impl enrichment::Writes for Operations {
    fn submit(&self, submission: Submission) -> BoxFuture<'_, Result<Submitted, Problem>> {
        Box::pin(Self::submit(self, submission))
    }

    fn wait(&self, id: OperationId, until: Instant) -> BoxFuture<'_, Result<Operation, Problem>> {
        Box::pin(Self::wait(self, id, until))
    }

    fn reserve(&self, key: Idempotency) -> BoxFuture<'_, Result<Reservation, Problem>> {
        Box::pin(Self::reserve(self, key))
    }

    fn answer(&self, key: Idempotency, answer: Option<Value>) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(Self::answer(self, key, answer))
    }
}

impl PurgeApi for Purging {
    fn purge(&self, scope: ErasureScope, by: Requester) -> Reply<'_, PurgeReceipt> {
        Box::pin(Self::purge(self, scope, by))
    }
}
