//! A scripted double of what takes events of sources: two sources, of which each goes to a location of its own, and
//! everything that it was asked.

use crate::{
    domain::{
        ids::LocationId,
        problem::{Problem, ProblemKind},
        source::{
            DryRun, ListedEvent, Listing, Proof, QuotaCost, ReconcileReport, RecordCounts, SourceEventFilter,
            SourceEventId, SourceEventKind, SourceFate, SourceName, SourceReceipt, SourceReport, TakenEvent,
        },
    },
    http::{
        api::Reply,
        source_api::{Signing, SourceApi},
        write_api::Listed,
    },
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use std::{
    collections::BTreeMap,
    future::ready,
    sync::{Mutex, MutexGuard},
};

/// Signs; its records go to [`super::LOCATION`].
pub(super) const SIGNED: &str = "insurgo";
/// Does not sign; its records go elsewhere.
pub(super) const UNSIGNED: &str = "paper";
/// Where those of [`UNSIGNED`] go.
pub(super) const ELSEWHERE: &str = "otherLocation";
/// The signature that holds.
pub(super) const SIGNATURE: &str = "v1,good";
/// How large a body may be.
pub(super) const MAX_BODY_BYTES: usize = 1000;

/// What a listing was said to be, and the lines that came of it.
#[derive(Debug, Default)]
pub(super) struct Reconciled {
    pub(super) kind: Option<String>,
    pub(super) as_of: Option<String>,
    pub(super) missing: usize,
    pub(super) flags: [bool; 2],
    pub(super) key: Option<String>,
    pub(super) lines: Vec<Bytes>,
    pub(super) ended: Option<ProblemKind>,
}

#[derive(Default)]
pub(super) struct Sources {
    /// Bodies that were taken in.
    pub(super) pushed: Mutex<Vec<Bytes>>,
    /// Bodies that were only tried.
    pub(super) tried: Mutex<Vec<Bytes>>,
    pub(super) filters: Mutex<Vec<(SourceEventFilter, Option<i64>, u32)>>,
    pub(super) asked: Mutex<Vec<String>>,
    pub(super) reconciled: Mutex<Reconciled>,
    /// What pushing ends in, if set.
    pub(super) problem: Option<Problem>,
    /// After how many lines a listing is given up on.
    pub(super) enough: Option<usize>,
}

fn location_of(source: &SourceName) -> Option<LocationId> {
    let id = match source.as_str() {
        SIGNED => super::LOCATION,
        UNSIGNED => ELSEWHERE,
        _ => return None,
    };
    LocationId::parse(id).ok()
}

fn visible(source: &SourceName, locations: Option<&[LocationId]>) -> Result<LocationId, Problem> {
    let there = location_of(source).filter(|at| locations.is_none_or(|seen| seen.contains(at)));
    there.ok_or_else(|| Problem::new(ProblemKind::NotFound, "There is no such source."))
}

fn unproven() -> Problem {
    Problem::new(ProblemKind::Unauthenticated, "The request bears no valid signature of the source.")
}

pub(super) fn event(id: &SourceEventId, source: &SourceName) -> ListedEvent {
    ListedEvent {
        seq: 7,
        source: source.clone(),
        event_id: id.clone(),
        kind: Some(SourceEventKind::ContactCreated),
        location_id: location_of(source).unwrap(),
        external_id: None,
        contact_external_id: None,
        event_at: None,
        received_at: "2026-11-22T08:00:00Z".parse().unwrap(),
        fate: SourceFate::Applied,
        fate_at: None,
        detail: None,
        operations: Vec::new(),
        duplicates: 0,
        replays: 0,
        replayable: true,
    }
}

impl Sources {
    fn note<T>(list: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
        list.lock().unwrap()
    }

    fn prove(source: &SourceName, proof: &Proof) -> Result<LocationId, Problem> {
        match proof {
            Proof::Key { locations, .. } => visible(source, locations.as_deref()),
            Proof::Signature(headers) => {
                let good = headers.get("webhook-signature").is_some_and(|signature| signature == SIGNATURE);
                location_of(source).filter(|_| good && source.as_str() == SIGNED).ok_or_else(unproven)
            }
        }
    }

    async fn listed(&self, mut listing: Listing) -> Result<ReconcileReport, Problem> {
        let mut heard = Reconciled {
            kind: listing.kind,
            as_of: listing.as_of.map(|at| at.to_string()),
            missing: listing.missing_deleted.len(),
            flags: [listing.verify, listing.dry_run],
            key: listing.by.key,
            ..Reconciled::default()
        };
        let mut outcome = Ok(());
        while let Some(line) = listing.lines.next().await {
            match line {
                Ok(line) => heard.lines.push(line),
                Err(problem) => {
                    heard.ended = Some(problem.kind);
                    outcome = Err(problem);
                }
            }
            if self.enough.is_some_and(|enough| heard.lines.len() >= enough) {
                outcome = Err(Problem::new(ProblemKind::TooManyRequests, "Enough."));
                break;
            }
        }
        let lines = heard.lines.len() as u64;
        *self.reconciled.lock().unwrap() = heard;
        outcome.map(|()| ReconcileReport { lines, dry_run: listing.dry_run, ..ReconcileReport::default() })
    }
}

impl SourceApi for Sources {
    fn max_body_bytes(&self) -> usize {
        MAX_BODY_BYTES
    }

    fn signing(&self, source: &SourceName, headers: &BTreeMap<String, String>) -> Signing {
        match source.as_str() {
            SIGNED if headers.contains_key("webhook-signature") => Signing::Present,
            SIGNED => Signing::Missing,
            _ => Signing::Unsigned,
        }
    }

    fn screen(&self, source: &SourceName, proof: &Proof) -> Result<(), Problem> {
        match proof {
            Proof::Signature(headers) if source.as_str() == SIGNED && headers.contains_key("webhook-signature") => {
                Ok(())
            }
            Proof::Signature(_) => Err(unproven()),
            Proof::Key { .. } => Self::prove(source, proof).map(drop),
        }
    }

    fn push(&self, source: SourceName, proof: Proof, body: Bytes) -> Reply<'_, SourceReceipt> {
        Box::pin(async move {
            Self::prove(&source, &proof)?;
            self.problem.clone().map_or(Ok(()), Err)?;
            Self::note(&self.pushed).push(body);
            let event_id = SourceEventId::parse("e1").unwrap();
            let taken = TakenEvent { event_id, kind: Some(SourceEventKind::ContactCreated), duplicate: false };
            Ok(SourceReceipt { accepted: 1, duplicates: 0, events: vec![taken] })
        })
    }

    fn dry_run(&self, source: SourceName, proof: Proof, body: Bytes) -> Reply<'_, DryRun> {
        Box::pin(async move {
            let location_id = Self::prove(&source, &proof)?;
            Self::note(&self.tried).push(body);
            Ok(DryRun { source, location_id, events: Vec::new(), quota: QuotaCost { reads: 1, writes: 0 } })
        })
    }

    fn sources(&self, locations: Option<Vec<LocationId>>) -> Reply<'_, Vec<SourceReport>> {
        let seen = [SIGNED, UNSIGNED].into_iter().filter_map(|name| {
            let name = SourceName::parse(name).ok()?;
            let location_id = visible(&name, locations.as_deref()).ok()?;
            Some(SourceReport {
                name,
                location_id,
                preset: None,
                pending: 1,
                waiting: 0,
                failed: 0,
                oldest_pending_at: None,
                last_received_at: None,
                records: RecordCounts::default(),
            })
        });
        Box::pin(ready(Ok(seen.collect())))
    }

    fn events(&self, filter: SourceEventFilter, before: Option<i64>, limit: u32) -> Reply<'_, Listed<ListedEvent>> {
        let source = filter.source.clone().unwrap();
        let seen = visible(&source, filter.locations.as_deref());
        Self::note(&self.filters).push((filter, before, limit));
        let page =
            seen.map(|_| Listed { items: vec![event(&SourceEventId::parse("e1").unwrap(), &source)], next: Some(7) });
        Box::pin(ready(page))
    }

    fn event(
        &self,
        source: SourceName,
        id: SourceEventId,
        locations: Option<Vec<LocationId>>,
    ) -> Reply<'_, ListedEvent> {
        Self::note(&self.asked).push(id.to_string());
        Box::pin(ready(visible(&source, locations.as_deref()).map(|_| event(&id, &source))))
    }

    fn replay(
        &self,
        source: SourceName,
        id: SourceEventId,
        locations: Option<Vec<LocationId>>,
    ) -> Reply<'_, ListedEvent> {
        Self::note(&self.asked).push(format!("replay {id}"));
        let again = |_| ListedEvent { fate: SourceFate::Pending, replays: 1, ..event(&id, &source) };
        Box::pin(ready(visible(&source, locations.as_deref()).map(again)))
    }

    fn reconcile(&self, source: SourceName, listing: Listing) -> Reply<'_, ReconcileReport> {
        Box::pin(async move {
            visible(&source, listing.locations.as_deref())?;
            self.listed(listing).await
        })
    }
}
