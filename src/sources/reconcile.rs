//! A full listing, line by line: what differs from what is known is taken in as events of its own, the rest is passed over.

use super::{
    Core,
    facade::unreadable,
    forecast::{Course, Forecast, fresh},
    hashed,
    intake::{subjects, take_in},
    later_than_full,
    laying::says_the_same,
    mapping::{MAX_AHEAD, Mapped, is_made},
    stored::{ListedBody, Missing},
    systems::System,
};
use crate::{
    domain::{
        ids::ContactId,
        json_guard::{self, pointer},
        problem::{FieldError, Problem, ProblemKind},
        source::{
            ExternalId, Listing, MAX_LINE_BYTES, NewSourceEvent, ReconcileReport, RecordKey, RecordKind, RecordState,
            RefusedLine, SourceEvent, SourceEventId, SourceName, SourceRecord, Version,
        },
    },
    store::TakenIn,
};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Lines compared together.
const CHUNK: u64 = 256;

/// Ids asked for together.
const PAGE: u32 = 1_000;

/// Lines that are told of one by one, of those that cannot be understood.
const TOLD: usize = 100;

/// How long a listing waits for room before it is ended.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it looks whether there is room.
const LOOK: Duration = Duration::from_millis(250);

/// Compares a listing with what is known and takes in the differences.
///
/// # Errors
/// `not-found`; `invalid-parameter` for one of the future; what ended the listing; `validation-failed` for one that would
/// have everything of a kind deleted;
/// `too-many-requests` where the differences cannot be stored.
pub(super) async fn run(core: &Arc<Core>, source: &SourceName, listing: Listing) -> Result<ReconcileReport, Problem> {
    let system = core.systems.within(source, listing.locations.as_deref())?;
    let now = core.now();
    if listing.as_of.is_some_and(|as_of| as_of.duration_since(now) > MAX_AHEAD) {
        let message = "is more than 24 hours ahead: it would outweigh all that comes until then";
        return Err(Problem::parameter("asOf", message));
    }
    let mut comparison = Comparison {
        core,
        system,
        as_of: listing.as_of.unwrap_or(now),
        now,
        listed: BTreeMap::new(),
        position: 0,
        report: ReconcileReport { dry_run: listing.dry_run, ..ReconcileReport::default() },
        listing: &listing.kind,
        verify: listing.verify,
    };
    tracing::info!(%source, key = listing.by.key, dry_run = listing.dry_run, "a listing of a source is compared");
    let mut lines = listing.lines.chunks(usize::try_from(CHUNK.min(core.settings.max_pending).max(1)).unwrap_or(1));
    while let Some(chunk) = lines.next().await {
        let mut understood = Vec::with_capacity(chunk.len());
        for line in chunk {
            understood.extend(comparison.line(&line?));
        }
        comparison.compare(understood).await?;
    }
    comparison.missing(&listing.missing_deleted).await?;
    Ok(comparison.report)
}

struct Comparison<'a> {
    core: &'a Arc<Core>,
    system: &'a System,
    /// What lines without a type of their own are.
    listing: &'a Option<String>,
    as_of: Timestamp,
    now: Timestamp,
    verify: bool,
    listed: BTreeMap<RecordKind, HashSet<ExternalId>>,
    /// Lines so far, empty ones included.
    position: u64,
    report: ReconcileReport,
}

impl Comparison<'_> {
    fn line(&mut self, line: &[u8]) -> Option<(SourceEvent, Value)> {
        self.position += 1;
        if line.trim_ascii().is_empty() {
            return None;
        }
        self.report.lines += 1;
        match self.understand(line) {
            Ok(understood) => Some(understood),
            Err(errors) => {
                self.report.refused_count += 1;
                if self.report.refused.len() < TOLD {
                    self.report.refused.push(RefusedLine { line: self.position, errors });
                }
                None
            }
        }
    }

    fn understand(&self, line: &[u8]) -> Result<(SourceEvent, Value), Vec<FieldError>> {
        let one = |pointer: String, message: String| vec![FieldError { pointer, message }];
        if line.len() > MAX_LINE_BYTES {
            return Err(one(String::new(), format!("is longer than {MAX_LINE_BYTES} bytes")));
        }
        json_guard::check(line).map_err(|fault| one(pointer(&fault.path), fault.message))?;
        let value: Value =
            serde_json::from_slice(line).map_err(|_| one(String::new(), "is not well-formed JSON".to_owned()))?;
        match self.system.mapping.read_listed(&value, self.listing.as_deref(), self.as_of, self.now)? {
            Mapped::Event(event) => Ok((event, value)),
            Mapped::PassedOver { why, .. } => Err(one(String::new(), why)),
        }
    }

    fn key(&self, kind: RecordKind, id: &ExternalId) -> RecordKey {
        RecordKey { source: self.system.settings.name.clone(), kind, id: id.clone() }
    }

    async fn compare(&mut self, lines: Vec<(SourceEvent, Value)>) -> Result<(), Problem> {
        let changes = lines.iter().flat_map(|(event, _)| &event.changes);
        let keys: BTreeSet<RecordKey> = changes.map(|change| self.key(change.kind, &change.id)).collect();
        let mut known = self.records(keys.into_iter().collect()).await?;
        let mut new = Vec::new();
        for (event, line) in lines {
            let mut differs = false;
            for change in &event.changes {
                if !is_made(&change.id) {
                    self.listed.entry(change.kind).or_default().insert(change.id.clone());
                }
                let key = self.key(change.kind, &change.id);
                let location = self.system.settings.location.clone();
                let is_new = !known.contains_key(&key);
                let record = known.entry(key.clone()).or_insert_with(|| fresh(key, location, self.now));
                let before = record.state.clone();
                record.state.merge(change);
                differs |= is_new || !says_the_same(&before, &record.state);
            }
            if differs {
                self.report.differing += 1;
            } else {
                self.report.unchanged += 1;
            }
            if differs || self.verify {
                for change in &event.changes {
                    if let Some(record) = known.get_mut(&self.key(change.kind, &change.id)) {
                        record.verify |= self.verify;
                        self.count(record).await?;
                    }
                }
                let body = ListedBody {
                    as_of: self.as_of,
                    kind: self.listing.clone(),
                    verify: self.verify,
                    line: Some(line),
                    missing: None,
                };
                new.extend(self.stored(&event, &body));
            }
        }
        self.take(new).await
    }

    async fn records(&self, keys: Vec<RecordKey>) -> Result<BTreeMap<RecordKey, SourceRecord>, Problem> {
        let records = self.core.parts.store.records(keys).await.map_err(|failure| unreadable(&failure))?;
        Ok(records.into_iter().map(|record| (record.key.clone(), record)).collect())
    }

    /// Adds what carrying a record out takes at most; GHL is not asked.
    async fn count(&mut self, record: &mut SourceRecord) -> Result<(), Problem> {
        let mut forecast = Forecast { mapping: &self.system.mapping, ghl: None, names: false, made: 0 };
        let mut course = Course::default();
        // Whose contact is not known yet counts as if it were: it will be.
        let home = record.ghl_contact.clone().or_else(|| ContactId::parse("any").ok());
        let home = home.as_ref().ok_or("its contact is not known");
        // Other records at its contact may be deleted by the same listing.
        let shared = false;
        forecast.follow(record, home, shared, &mut course).await.map_err(|error| error.to_problem())?;
        self.report.calls.reads += course.cost.reads;
        self.report.calls.writes += course.cost.writes;
        Ok(())
    }

    /// The same listing again is the same event; one that is to be compared with GHL is another each time.
    fn stored(&self, event: &SourceEvent, body: &ListedBody) -> Option<NewSourceEvent> {
        let orders: String = event.changes.iter().map(|change| format!("{}.", change.version.order)).collect();
        let run = if body.verify { self.now.to_string() } else { String::new() };
        let id = hashed(&[event.id.as_str(), &orders, &run]);
        let (external_id, contact_external_id) = subjects(event);
        let is_missing_note = body.missing.as_ref().is_some_and(|missing| missing.kind == RecordKind::Note);
        Some(NewSourceEvent {
            source: self.system.settings.name.clone(),
            event_id: SourceEventId::parse(&format!("list-{id}")).ok()?,
            kind: (!is_missing_note).then_some(event.kind),
            location: self.system.settings.location.clone(),
            external_id,
            contact_external_id,
            event_at: Some(event.at),
            received_at: self.now,
            body: serde_json::to_vec(body).ok()?,
            listed: true,
            fate: None,
        })
    }

    /// Takes events in. Where as many wait as may, it waits for room, but not for ever.
    async fn take(&self, events: Vec<NewSourceEvent>) -> Result<(), Problem> {
        if self.report.dry_run || events.is_empty() {
            return Ok(());
        }
        let until = Instant::now() + PATIENCE;
        loop {
            let taken = take_in(self.core, events.clone()).await.map_err(|failure| {
                let detail = "Not all of the listing could be stored. Send it again: what was taken is known by then.";
                Problem { detail: detail.into(), ..failure.to_problem() }
            })?;
            match taken {
                TakenIn::Yes(_) => return Ok(()),
                TakenIn::Full if Instant::now() >= until => {
                    let detail = "As many events of the source wait as may (sources.max_pending). The listing was taken in \
                                  part; send it again: what was taken is known by then.";
                    return Err(Problem { detail: detail.into(), ..later_than_full() });
                }
                TakenIn::Full => sleep(LOOK).await,
            }
        }
    }

    /// Records that were not listed, those aside that no listing can name: their ids are ours. Where a line could not be
    /// understood, it may have been theirs: then none is deleted.
    async fn missing(&mut self, deleted: &[RecordKind]) -> Result<(), Problem> {
        if self.report.lines == 0 && !deleted.is_empty() {
            let detail = "The listing holds no line: all records would count as deleted. Nothing was changed.";
            return Err(Problem::new(ProblemKind::ValidationFailed, detail));
        }
        let unlisted = deleted.iter().find(|kind| !self.listed.contains_key(kind));
        if let (Some(kind), 0) = (unlisted, self.report.refused_count) {
            let detail = format!(
                "The listing names no {}: all that are known would count as deleted. Nothing was deleted; what differs was \
                 taken in.",
                kind.as_str()
            );
            return Err(Problem::new(ProblemKind::ValidationFailed, detail));
        }
        let kinds: BTreeSet<RecordKind> = self.listed.keys().chain(deleted).copied().collect();
        for kind in kinds {
            let deletes = deleted.contains(&kind) && self.report.refused_count == 0;
            let mut after = None;
            loop {
                let name = self.system.settings.name.clone();
                let page = self.core.parts.store.record_ids(name, kind, after, PAGE).await;
                let page = page.map_err(|failure| unreadable(&failure))?;
                let Some(last) = page.last().cloned() else { break };
                let listed = self.listed.get(&kind);
                let is_listed = |id: &ExternalId| listed.is_some_and(|listed| listed.contains(id));
                let missing: Vec<ExternalId> = page.into_iter().filter(|id| !is_made(id) && !is_listed(id)).collect();
                self.report.missing += missing.len() as u64;
                if deletes {
                    self.delete(kind, missing).await?;
                }
                after = Some(last);
            }
        }
        Ok(())
    }

    async fn delete(&mut self, kind: RecordKind, ids: Vec<ExternalId>) -> Result<(), Problem> {
        let chunk = usize::try_from(CHUNK.min(self.core.settings.max_pending).max(1)).unwrap_or(1);
        for ids in ids.chunks(chunk) {
            let keys = ids.iter().map(|id| self.key(kind, id)).collect();
            let mut new = Vec::new();
            for (key, mut record) in self.records(keys).await? {
                // What was told of it since is newer than the listing.
                let Some(version) = gone_since(&record.state, self.as_of, &key) else { continue };
                let missing = Missing { kind, id: key.id.clone(), version };
                let id = hashed(&[kind.as_str(), key.id.as_str(), "missing"]);
                let Ok(id) = SourceEventId::parse(&id) else { continue };
                let event = missing.event(id, self.as_of);
                for change in &event.changes {
                    record.state.merge(change);
                }
                self.count(&mut record).await?;
                let body =
                    ListedBody { as_of: self.as_of, kind: None, verify: false, line: None, missing: Some(missing) };
                new.extend(self.stored(&event, &body));
            }
            self.take(new).await?;
        }
        Ok(())
    }
}

/// The version of a record's deletion; none where something newer than the listing is known of it. Where the source counts
/// its changes and tells no order in time, it is the one after the last.
fn gone_since(state: &RecordState, as_of: Timestamp, key: &RecordKey) -> Option<Version> {
    let fields = state.fields.values().map(|said| said.version);
    let tags = state.tags.values().map(|said| said.version);
    let others = [
        state.all_tags_at,
        state.deleted.as_ref().map(|said| said.version),
        state.parent.as_ref().map(|said| said.version),
    ];
    let newest = fields.chain(tags).chain(others.into_iter().flatten()).max();
    let at_ms = as_of.as_millisecond();
    let tie = key.id.as_str().bytes().fold(0_u64, |tie, byte| tie.wrapping_mul(31).wrapping_add(byte.into()));
    match newest {
        Some(newest) if newest.at_ms > at_ms => None,
        Some(newest) if newest.order.div_euclid(1_000) != newest.at_ms => {
            Some(Version { order: newest.order.saturating_add(1), tie, at_ms })
        }
        Some(_) | None => Some(Version { order: as_of.as_microsecond(), tie, at_ms }),
    }
}
