//! Outside systems that push, wired, and what the routes ask of them.

use super::{AppParts, Store, writes::Writing};
use crate::{
    domain::{
        ids::LocationId,
        problem::{Problem, ProblemKind},
        source::{
            DryRun, ListedEvent, Listing, Proof, ReconcileReport, SourceEventFilter, SourceEventId, SourceName,
            SourceReceipt, SourceReport,
        },
    },
    http::{
        api::{Component, ComponentState, Reply},
        source_api::{NoSources, Signing, SourceApi},
        write_api::Listed,
    },
    settings::Settings,
    sources::{self, Feeds, GhlDirectory, Parts},
    telemetry::metrics::{Metrics, SourceOutcome},
    upstream::Lane,
};
use bytes::Bytes;
use std::{collections::BTreeMap, sync::Arc};

/// Starts to take what is pushed; `None` where no source is configured, or nothing could be stored.
///
/// # Errors
/// Where a mapping does not compile.
pub(super) fn start(
    settings: &Settings,
    parts: &AppParts,
    store: Option<&Store>,
    writing: Option<&Writing>,
) -> anyhow::Result<Option<Feeds>> {
    if settings.sources.systems.is_empty() {
        if let Some(store) = store {
            sources::forget(store.sqlite.clone(), parts.clock.clone(), &settings.sources, &parts.tasks);
        }
        return Ok(None);
    }
    let (Some(store), Some(writing)) = (store, writing) else {
        // What is wrong with a mapping is told all the same.
        sources::mapping::compile(&settings.sources.systems)?;
        tracing::warn!(
            "sources are configured, and nothing is taken from them: this service keeps no store (store.url)"
        );
        return Ok(None);
    };
    let parts = Parts {
        store: store.sqlite.clone(),
        writes: Arc::new(writing.operations.clone()),
        ghl: Arc::new(GhlDirectory::new(&parts.ghl, Lane::Operation)),
        shown: Arc::new(GhlDirectory::new(&parts.ghl, Lane::Interactive)),
        clock: parts.clock.clone(),
        tasks: parts.tasks.clone(),
        metrics: parts.metrics.clone(),
    };
    Ok(Some(Feeds::start(parts, &settings.sources)?))
}

/// What the routes hold.
pub(super) fn api(feeds: Option<&Feeds>, metrics: &Metrics) -> Arc<dyn SourceApi> {
    match feeds {
        Some(feeds) => Arc::new(Counted { feeds: feeds.clone(), metrics: metrics.clone() }),
        None => Arc::new(NoSources),
    }
}

/// How sources stand, as readiness shows it.
pub(super) fn component(feeds: &Feeds) -> Component {
    let sources::Status { pending, failed, .. } = feeds.status();
    let detail = format!("{pending} events wait, {failed} failed");
    Component { name: "sources".to_owned(), state: ComponentState::Ok, detail: Some(detail) }
}

/// Sources behind the routes: what is pushed is counted.
#[derive(Debug)]
struct Counted {
    feeds: Feeds,
    metrics: Metrics,
}

impl Counted {
    fn count<T>(&self, source: &SourceName, outcome: &Result<T, Problem>) {
        let Err(problem) = outcome else { return };
        let met = match problem.kind {
            ProblemKind::TooManyRequests => SourceOutcome::Unstored,
            _ => SourceOutcome::Refused,
        };
        self.metrics.sources().received(self.feeds.named(source), met, 1);
    }
}

impl SourceApi for Counted {
    fn max_body_bytes(&self) -> usize {
        self.feeds.max_body_bytes()
    }

    fn signing(&self, source: &SourceName, headers: &BTreeMap<String, String>) -> Signing {
        match self.feeds.signing(source, headers) {
            None => Signing::Unsigned,
            Some(false) => Signing::Missing,
            Some(true) => Signing::Present,
        }
    }

    fn screen(&self, source: &SourceName, proof: &Proof) -> Result<(), Problem> {
        let screened = self.feeds.screen(source, proof);
        self.count(source, &screened);
        screened
    }

    fn push(&self, source: SourceName, proof: Proof, body: Bytes) -> Reply<'_, SourceReceipt> {
        Box::pin(async move {
            let pushed = self.feeds.push(source.clone(), proof, &body).await;
            self.count(&source, &pushed);
            if let Ok(receipt) = &pushed {
                let metrics = self.metrics.sources();
                metrics.received(Some(&source), SourceOutcome::Accepted, receipt.accepted);
                metrics.received(Some(&source), SourceOutcome::Duplicate, receipt.duplicates);
            }
            pushed
        })
    }

    fn dry_run(&self, source: SourceName, proof: Proof, body: Bytes) -> Reply<'_, DryRun> {
        Box::pin(async move { self.feeds.dry_run(source, proof, &body).await })
    }

    fn sources(&self, locations: Option<Vec<LocationId>>) -> Reply<'_, Vec<SourceReport>> {
        Box::pin(async move { self.feeds.sources(locations.as_deref()).await })
    }

    fn events(&self, filter: SourceEventFilter, before: Option<i64>, limit: u32) -> Reply<'_, Listed<ListedEvent>> {
        Box::pin(async move {
            let page = self.feeds.events(filter, before, limit).await?;
            Ok(Listed { items: page.items, next: page.next })
        })
    }

    fn event(
        &self,
        source: SourceName,
        id: SourceEventId,
        locations: Option<Vec<LocationId>>,
    ) -> Reply<'_, ListedEvent> {
        Box::pin(async move { self.feeds.event(source, id, locations.as_deref()).await })
    }

    fn replay(
        &self,
        source: SourceName,
        id: SourceEventId,
        locations: Option<Vec<LocationId>>,
    ) -> Reply<'_, ListedEvent> {
        Box::pin(async move { self.feeds.replay(source, id, locations.as_deref()).await })
    }

    fn reconcile(&self, source: SourceName, listing: Listing) -> Reply<'_, ReconcileReport> {
        Box::pin(async move { self.feeds.reconcile(source, listing).await })
    }
}
