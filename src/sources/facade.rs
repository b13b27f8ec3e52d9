//! What the rest of the service asks of sources.

use super::{
    Core, Feeds, dry_run, intake,
    mapping::Mapped,
    of_source, reconcile,
    seams::Directory,
    systems::{System, Systems, no_source},
};
use crate::{
    domain::{
        ids::{ContactId, LocationId},
        problem::{FieldError, Problem, ProblemKind},
        source::{
            DryRun, ListedEvent, Listing, Proof, ReconcileReport, RecordCounts, RecordKey, SourceEventFilter,
            SourceEventId, SourceName, SourceReceipt, SourceRecord, SourceReport,
        },
    },
    settings::SourceSettings,
    store::{Page, ReplayedSource, SourceCounts, StoreError, Stored},
};
use futures_util::future::ready;
use jiff::Timestamp;
use std::{collections::BTreeMap, fmt, sync::PoisonError};

/// How sources stand, as last counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Events without a fate, those that wait included.
    pub pending: u64,
    /// Dead letters.
    pub failed: u64,
    /// Source by source.
    pub counts: Vec<SourceCounts>,
}

/// What a dry run asks of the store.
pub(super) trait Known: fmt::Debug + Send + Sync {
    /// Those of these records that are known.
    fn records(&self, keys: Vec<RecordKey>) -> Stored<'_, Vec<SourceRecord>>;

    /// Whether an event came before, and another one of its id changes nothing.
    fn came_before(&self, source: SourceName, id: SourceEventId) -> Stored<'_, bool>;

    /// As [`SourceStore::is_shared`](crate::store::SourceStore::is_shared).
    fn is_shared(&self, record: RecordKey, location: LocationId, contact: ContactId) -> Stored<'_, bool>;
}

/// Nothing is known: for a dry run without a store.
#[derive(Debug, Clone, Copy)]
struct Unknown;

impl Known for Unknown {
    fn records(&self, _: Vec<RecordKey>) -> Stored<'_, Vec<SourceRecord>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn came_before(&self, _: SourceName, _: SourceEventId) -> Stored<'_, bool> {
        Box::pin(ready(Ok(false)))
    }

    fn is_shared(&self, _: RecordKey, _: LocationId, _: ContactId) -> Stored<'_, bool> {
        Box::pin(ready(Ok(false)))
    }
}

/// What the service's store knows.
impl Known for Core {
    fn records(&self, keys: Vec<RecordKey>) -> Stored<'_, Vec<SourceRecord>> {
        self.parts.store.records(keys)
    }

    fn came_before(&self, source: SourceName, id: SourceEventId) -> Stored<'_, bool> {
        Box::pin(async move {
            let event = self.parts.store.source_event(source, id).await?;
            Ok(event.is_some_and(|event| !event.makes_way()))
        })
    }

    fn is_shared(&self, record: RecordKey, location: LocationId, contact: ContactId) -> Stored<'_, bool> {
        self.parts.store.is_shared(record, location, contact)
    }
}

/// Says what pushing a body would come to if nothing were known yet of what it tells of: for whoever has no service at hand.
/// Asks GHL, and changes nothing.
///
/// # Errors
/// As [`Feeds::dry_run`]; `not-found` where there is no such source, `internal` where a mapping does not compile.
pub async fn try_out(
    settings: &SourceSettings,
    source: &SourceName,
    ghl: &dyn Directory,
    now: Timestamp,
    body: &[u8],
) -> Result<DryRun, Problem> {
    let systems = compiled(settings)?;
    let system = systems.within(source, None)?;
    let request = dry_run::Request { system, header_id: None, most: settings.max_events, now, body, shows_held: true };
    dry_run::run(&request, &Unknown, ghl).await
}

/// What the mapping makes of each event of a body: what it means, or what is wrong with it by pointers into the body. As
/// the service reads it, for whoever has none at hand.
///
/// # Errors
/// What is wrong with the body as a whole; else as [`try_out`].
pub fn understood(
    settings: &SourceSettings,
    source: &SourceName,
    now: Timestamp,
    body: &[u8],
) -> Result<Vec<Result<Mapped, Vec<FieldError>>>, Problem> {
    let systems = compiled(settings)?;
    let body = intake::parsed(body)?;
    let items = intake::read_each(systems.within(source, None)?, &body, None, settings.max_events, now)?;
    let read = |item: intake::Item<'_>| match item.read {
        intake::Read::Mapped(mapped) => Ok(mapped),
        intake::Read::Bad(_, errors) => Err(errors.iter().map(|error| intake::below(&item.at, error)).collect()),
    };
    Ok(items.into_iter().map(read).collect())
}

fn compiled(settings: &SourceSettings) -> Result<Systems, Problem> {
    Systems::compile(settings).map_err(|errors| {
        Problem::new(ProblemKind::Internal, "A mapping does not compile.").with_cause(errors.to_string())
    })
}

impl Feeds {
    /// The largest body that any source takes, in bytes.
    #[must_use]
    pub fn max_body_bytes(&self) -> usize {
        self.core.settings.max_body_bytes
    }

    /// Whether a request with these headers may be signed by a source; `None` where there is no such source, or it does not
    /// sign. Verifies nothing.
    #[must_use]
    pub fn signing(&self, source: &SourceName, headers: &BTreeMap<String, String>) -> Option<bool> {
        let verifier = self.core.systems.of(source)?.verifier.as_ref()?;
        Some(verifier.admits(headers, self.core.now()).is_ok())
    }

    /// A name, if there is such a source: who counts must not count by whatever anybody names.
    #[must_use]
    pub fn named<'a>(&self, source: &'a SourceName) -> Option<&'a SourceName> {
        self.core.systems.of(source).map(|_| source)
    }

    /// Refuses what need not be read.
    ///
    /// # Errors
    /// `unauthenticated`; with a key `not-found`.
    pub fn screen(&self, source: &SourceName, proof: &Proof) -> Result<(), Problem> {
        self.core.systems.screened(source, proof, self.core.now())
    }

    /// Verifies and stores events: once this answers, none is lost.
    ///
    /// # Errors
    /// `unauthenticated`, `malformed-body`, `validation-failed` with pointers, `too-many-requests`: nothing was taken then.
    pub async fn push(&self, source: SourceName, proof: Proof, body: &[u8]) -> Result<SourceReceipt, Problem> {
        intake::push(&self.core, &source, &proof, body).await
    }

    /// Says what pushing this would come to. Asks GHL, and changes nothing.
    ///
    /// # Errors
    /// As with [`Self::push`], or where the store or GHL cannot be asked.
    pub async fn dry_run(&self, source: SourceName, proof: Proof, body: &[u8]) -> Result<DryRun, Problem> {
        let core = &self.core;
        let proven = core.systems.proven(&source, &proof, body, core.now())?;
        let request = dry_run::Request {
            system: proven.system,
            header_id: proven.header_id.as_deref(),
            most: core.settings.max_events,
            now: core.now(),
            body,
            shows_held: matches!(proof, Proof::Key { reads: true, .. }),
        };
        dry_run::run(&request, &**core, &*core.parts.shown).await
    }

    /// Takes a full listing and carries out the differences alone.
    ///
    /// # Errors
    /// `not-found`; what ended the listing; `too-many-requests` where the differences cannot be stored.
    pub async fn reconcile(&self, source: SourceName, listing: Listing) -> Result<ReconcileReport, Problem> {
        reconcile::run(&self.core, &source, listing).await
    }

    /// The sources whose records go to these locations (`None` is all).
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn sources(&self, locations: Option<&[LocationId]>) -> Result<Vec<SourceReport>, Problem> {
        let counts = self.core.parts.store.source_counts().await.map_err(|failure| unreadable(&failure))?;
        let systems = self.core.systems.all_within(locations);
        Ok(systems.into_iter().map(|system| report(system, of_source(&system.settings.name, &counts))).collect())
    }

    /// Events, newest first, those before a position.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn events(
        &self,
        filter: SourceEventFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<ListedEvent>, Problem> {
        self.core.parts.store.source_events(filter, before, limit).await.map_err(|failure| unreadable(&failure))
    }

    /// One event; `not-found` where there is none in these locations (`None` is all).
    ///
    /// # Errors
    /// That, or where the store cannot be read.
    pub async fn event(
        &self,
        source: SourceName,
        id: SourceEventId,
        locations: Option<&[LocationId]>,
    ) -> Result<ListedEvent, Problem> {
        let event = self.core.parts.store.source_event(source, id).await.map_err(|failure| unreadable(&failure))?;
        let seen = |event: &ListedEvent| locations.is_none_or(|locations| locations.contains(&event.location_id));
        event.filter(seen).ok_or_else(not_found)
    }

    /// Has an event carried out again; `operation-conflict` where it has no fate yet, or its body is gone.
    ///
    /// # Errors
    /// That, or as [`Self::event`].
    pub async fn replay(
        &self,
        source: SourceName,
        id: SourceEventId,
        locations: Option<&[LocationId]>,
    ) -> Result<ListedEvent, Problem> {
        self.event(source.clone(), id.clone(), locations).await?;
        if self.core.systems.of(&source).is_none() {
            return Err(no_source());
        }
        let replayed = self.core.parts.store.replay_source_event(source, id, self.core.now()).await;
        match replayed.map_err(|failure| failure.to_problem())? {
            ReplayedSource::Yes(event) => {
                self.core.note_change();
                self.core.arrived.notify_one();
                Ok(event)
            }
            ReplayedSource::No(event) if event.fate_at.is_none() => {
                Err(Problem::new(ProblemKind::OperationConflict, "The event has no fate yet: it is still carried out."))
            }
            ReplayedSource::No(_) => Err(Problem::new(
                ProblemKind::OperationConflict,
                "The event's body is gone (sources.keep_bodies_hours), so it cannot be replayed.",
            )),
            ReplayedSource::Unknown => Err(not_found()),
        }
    }

    /// How sources stand. Asks nobody.
    #[must_use]
    pub fn status(&self) -> Status {
        let counts = self.core.counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sum = |of: fn(&SourceCounts) -> u64| counts.iter().map(of).sum();
        Status { pending: sum(|counts| counts.pending + counts.waiting), failed: sum(|counts| counts.failed), counts }
    }
}

fn report(system: &System, counts: Option<SourceCounts>) -> SourceReport {
    let settings = &system.settings;
    let number = |of: fn(&SourceCounts) -> u64| counts.as_ref().map_or(0, of);
    SourceReport {
        name: settings.name.clone(),
        location_id: settings.location.clone(),
        preset: settings.preset.clone(),
        pending: number(|counts| counts.pending),
        waiting: number(|counts| counts.waiting),
        failed: number(|counts| counts.failed),
        oldest_pending_at: counts.as_ref().and_then(|counts| counts.oldest_pending_at),
        last_received_at: counts.as_ref().and_then(|counts| counts.last_received_at),
        records: counts.map_or(RecordCounts::default(), |counts| counts.records),
    }
}

fn not_found() -> Problem {
    Problem::new(ProblemKind::NotFound, "There is no such event.")
}

/// A store that cannot be read says nothing of what was accepted.
pub(super) fn unreadable(failure: &StoreError) -> Problem {
    Problem { detail: "The store that events are kept in cannot be read at present.".into(), ..failure.to_problem() }
}
