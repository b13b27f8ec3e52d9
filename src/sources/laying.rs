//! The loop that lays what arrived over what is known of each record, in the order of arrival and in batches. What that
//! leaves to be done at GHL, `carrying` does.

use super::{
    Core,
    stored::{Meaning, understand},
};
use crate::{
    domain::ids::LocationId,
    domain::source::{Change, RecordKey, RecordState, RecordStatus, SourceEvent, SourceFate, SourceRecord},
    store::{ArrivedSourceEvents, LaidOver, PendingSourceEvent, SourceMark, StoreError},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Events laid together.
const BATCH: u32 = 256;

/// Longest sleep: a replay in another process rings no bell here.
const IDLE: Duration = Duration::from_secs(10);

/// Pause after the store failed.
pub(super) const STORE_PAUSE: Duration = Duration::from_millis(500);

/// Works until `stop`.
pub(super) async fn run(core: Arc<Core>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let pause = match round(&core).await {
            Ok(true) => continue,
            Ok(false) => IDLE,
            Err(StoreError::Closed) => return,
            Err(failure) => {
                Core::report(&failure);
                STORE_PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = core.arrived.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Lays a batch. Says whether more may be there.
async fn round(core: &Core) -> Result<bool, StoreError> {
    let ArrivedSourceEvents { events, more } = core.parts.store.arrived_from_sources(BATCH).await?;
    if events.is_empty() {
        return Ok(more);
    }
    let meant: Vec<(&PendingSourceEvent, Option<Meaning>)> = events
        .iter()
        .map(|event| (event, core.systems.of(&event.source).map(|system| understand(system, event))))
        .collect();
    let keys = meant.iter().flat_map(|(event, meaning)| match meaning {
        Some(Meaning::Event(told, _)) => keys(event, told),
        _ => Vec::new(),
    });
    let keys: BTreeSet<RecordKey> = keys.collect();
    let records = core.parts.store.records(keys.into_iter().collect()).await?;
    let mut batch = Batch::over(records);
    let marks = meant
        .iter()
        .map(|(event, meaning)| {
            let location = core.systems.of(&event.source).map(|system| &system.settings.location);
            match (meaning, location) {
                (Some(meaning), Some(location)) => batch.lay(event, meaning, location),
                _ => fated(event, SourceFate::Failed, "its source is not configured any more".to_owned()),
            }
        })
        .collect();
    core.parts.store.lay(batch.laid(), marks, core.now()).await?;
    core.note_change();
    core.due.notify_one();
    core.laid.notify_waiters();
    Ok(more)
}

fn keys(event: &PendingSourceEvent, told: &SourceEvent) -> Vec<RecordKey> {
    told.changes.iter().map(|change| key(event, change)).collect()
}

fn key(event: &PendingSourceEvent, change: &Change) -> RecordKey {
    RecordKey { source: event.source.clone(), kind: change.kind, id: change.id.clone() }
}

fn fated(event: &PendingSourceEvent, fate: SourceFate, why: String) -> SourceMark {
    SourceMark { seq: event.seq, settled_by: None, fate: Some((fate, why)) }
}

/// The records of a batch, as they come to be.
pub(super) struct Batch {
    records: BTreeMap<RecordKey, Laying>,
}

struct Laying {
    failed: bool,
    /// Position of the last event laid over it; a replayed one may be older.
    merged_seq: i64,
    laid: Option<LaidOver>,
    state: RecordState,
}

impl Batch {
    pub(super) fn over(records: Vec<SourceRecord>) -> Self {
        let laying = |record: SourceRecord| {
            let failed = record.status == RecordStatus::Failed;
            (record.key, Laying { failed, merged_seq: record.merged_seq, laid: None, state: record.state })
        };
        Self { records: records.into_iter().map(laying).collect() }
    }

    /// Lays an event over its records, and says what becomes of it.
    pub(super) fn lay(&mut self, event: &PendingSourceEvent, meaning: &Meaning, location: &LocationId) -> SourceMark {
        let (told, verify) = match meaning {
            Meaning::Event(told, verify) => (told, *verify),
            Meaning::PassedOver(why) => return fated(event, SourceFate::Ignored, why.clone()),
            Meaning::Unclear(why) => return fated(event, SourceFate::Failed, why.clone()),
        };
        let mut settled_by = None;
        for change in &told.changes {
            let key = key(event, change);
            let known = self.records.contains_key(&key);
            let laying = self.records.entry(key.clone()).or_insert_with(|| Laying {
                failed: false,
                merged_seq: event.seq,
                laid: None,
                state: RecordState::default(),
            });
            laying.merged_seq = laying.merged_seq.max(event.seq);
            let before = laying.state.clone();
            let newer = laying.state.merge(change);
            let due = !known || event.replayed || verify || laying.failed || !says_the_same(&before, &laying.state);
            if due {
                settled_by = Some((change.kind, change.id.clone()));
            }
            if due || newer {
                let earlier = laying.laid.take();
                let was = |of: fn(&LaidOver) -> bool| earlier.as_ref().is_some_and(of);
                laying.laid = Some(LaidOver {
                    key,
                    location: location.clone(),
                    state: laying.state.clone(),
                    merged_seq: laying.merged_seq,
                    due: due || was(|laid| laid.due),
                    verify: verify || was(|laid| laid.verify),
                });
            }
        }
        match settled_by {
            Some(record) => SourceMark { seq: event.seq, settled_by: Some(record), fate: None },
            None => fated(event, SourceFate::Ignored, "what it says was known, or something newer".to_owned()),
        }
    }

    /// What is to be kept.
    pub(super) fn laid(self) -> Vec<LaidOver> {
        self.records.into_values().filter_map(|laying| laying.laid).collect()
    }
}

/// Whether two states ask for the same, whichever event said so last.
pub(super) fn says_the_same(one: &RecordState, other: &RecordState) -> bool {
    one.fields.len() == other.fields.len()
        && one.fields.iter().all(|(name, said)| other.field(name) == Some(&said.value))
        && one.is_deleted() == other.is_deleted()
        && one.parent() == other.parent()
        && one.wanted_tags() == other.wanted_tags()
        && one.unwanted_tags() == other.unwanted_tags()
}
