//! Events and records of sources in `SQLite`.

mod events;
mod forget;
mod lanes;
mod lay;
mod lists;
mod rows;
mod step;
mod unreadable;

use super::{SqliteStore, prune::BATCH};
use crate::{
    domain::{
        erasure::ErasureScope,
        ids::{ContactId, LocationId},
        source::{
            ExternalId, ListedEvent, NewSourceEvent, RecordKey, RecordKind, SourceEventFilter, SourceEventId,
            SourceName, SourceRecord,
        },
    },
    store::{
        ArrivedSourceEvents, LaidOver, Lane, Page, RecordStep, ReplayedSource, SourceCounts, SourceMark, SourceStore,
        StoreError, Stored, TakenIn,
    },
};
use jiff::Timestamp;

impl SourceStore for SqliteStore {
    fn take_in(&self, events: Vec<NewSourceEvent>, most: u64) -> Stored<'_, TakenIn> {
        Box::pin(self.writer.call(events::TakeIn { events, most }))
    }

    fn arrived_from_sources(&self, limit: u32) -> Stored<'_, ArrivedSourceEvents> {
        Box::pin(async move {
            let events::Found { arrived, unreadable } = self.read(events::Arrived { limit }).await?;
            if !unreadable.is_empty() {
                self.writer.call(unreadable::Events(unreadable)).await?;
            }
            Ok(arrived)
        })
    }

    fn records(&self, keys: Vec<RecordKey>) -> Stored<'_, Vec<SourceRecord>> {
        Box::pin(self.read(lists::Records(keys)))
    }

    fn lay(&self, records: Vec<LaidOver>, marks: Vec<SourceMark>, now: Timestamp) -> Stored<'_, ()> {
        Box::pin(self.writer.call(lay::Lay { records, marks, now }))
    }

    fn due_lanes(
        &self,
        now: Timestamp,
        limit: u32,
        in_hand: Vec<Lane>,
        busy: Vec<SourceName>,
    ) -> Stored<'_, Vec<Lane>> {
        Box::pin(self.read(lanes::Due { now, limit, in_hand, busy }))
    }

    fn next_lane_due(&self, in_hand: Vec<Lane>, busy: Vec<SourceName>) -> Stored<'_, Option<Timestamp>> {
        Box::pin(self.read(lanes::NextDue { in_hand, busy }))
    }

    fn lane(&self, lane: Lane, now: Timestamp) -> Stored<'_, Vec<SourceRecord>> {
        Box::pin(async move {
            let lanes::Found { records, unreadable } = self.read(lanes::Records { lane, now }).await?;
            if !unreadable.is_empty() {
                self.writer.call(unreadable::Records(unreadable)).await?;
            }
            Ok(records)
        })
    }

    fn step(&self, steps: Vec<RecordStep>, now: Timestamp) -> Stored<'_, Vec<bool>> {
        Box::pin(self.writer.call(step::Steps { steps, now }))
    }

    fn stir(&self, now: Timestamp) -> Stored<'_, u64> {
        Box::pin(async move {
            let mut sum = 0;
            // A look beside the writer first: as a rule there is nothing.
            loop {
                let stuck = self.read(step::Stuck).await?;
                let found = stuck.len();
                if found > 0 {
                    sum += self.writer.call(step::Stir { stuck, now }).await?;
                }
                if found < BATCH as usize {
                    return Ok(sum);
                }
            }
        })
    }

    fn source_events(
        &self,
        filter: SourceEventFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Stored<'_, Page<ListedEvent>> {
        Box::pin(self.read(lists::Events { filter, before, limit }))
    }

    fn source_event(&self, source: SourceName, id: SourceEventId) -> Stored<'_, Option<ListedEvent>> {
        Box::pin(self.read(lists::One { source, id }))
    }

    fn replay_source_event(&self, source: SourceName, id: SourceEventId, _: Timestamp) -> Stored<'_, ReplayedSource> {
        Box::pin(self.writer.call(events::Replay { source, id }))
    }

    fn source_counts(&self) -> Stored<'_, Vec<SourceCounts>> {
        Box::pin(self.read(lists::Counts))
    }

    fn record_ids(
        &self,
        source: SourceName,
        kind: RecordKind,
        after: Option<ExternalId>,
        limit: u32,
    ) -> Stored<'_, Vec<ExternalId>> {
        Box::pin(self.read(lists::Ids { source, kind, after, limit }))
    }

    fn is_shared(&self, record: RecordKey, location: LocationId, contact: ContactId) -> Stored<'_, bool> {
        Box::pin(self.read(lists::Shared { record, location, contact }))
    }

    fn forget_sources(&self, scope: ErasureScope, now: Timestamp) -> Stored<'_, u64> {
        Box::pin(self.forget_all(scope, now))
    }

    fn prune_sources(&self, events: Timestamp, bodies: Timestamp) -> Stored<'_, u64> {
        Box::pin(async move {
            let mut sum = 0;
            for (statement, before) in [(events::FORGET, events), (events::DROP_BODIES, bodies)] {
                loop {
                    let changed = self.writer.call(events::Prune { statement, before }).await?;
                    sum += changed;
                    if changed < u64::from(BATCH) {
                        break;
                    }
                }
            }
            Ok(sum)
        })
    }
}

impl SqliteStore {
    async fn forget_all(&self, scope: ErasureScope, now: Timestamp) -> Result<u64, StoreError> {
        let mut so_far = forget::Progress::default();
        while !so_far.done {
            so_far = self.writer.call(forget::Forget { scope: scope.clone(), now, so_far }).await?;
        }
        Ok(so_far.forgotten)
    }
}

#[cfg(test)]
pub(super) mod costly {
    //! Statements whose cost is tried.
    pub(in crate::store::sqlite) use super::{
        events::{ARRIVED, DROP_BODIES, FORGET, OPEN as WAITING},
        lanes::{FIRST_DUE, LANES, OPEN},
        lists::{RECORDS, SHARED, TIMES, list},
        step::{GIVEN_UP, STUCK, WAKE},
    };
}
