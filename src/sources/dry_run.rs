//! A test run: what pushing a request would come to, event by event, each as if those before it had been carried out.

use super::{
    facade::{Known, unreadable},
    forecast::{Course, Forecast, fresh, is_new, is_shared},
    intake::{Item, Read, parsed, read_all, subjects},
    laying::says_the_same,
    mapping::Mapped,
    seams::Directory,
    shown::restrict,
    stored::told,
    systems::System,
};
use crate::domain::{
    ids::ContactId,
    problem::Problem,
    source::{
        DryRun, EventPlan, ExternalId, PlanOutcome, QuotaCost, RecordKey, RecordKind, SourceEvent, SourceEventId,
        SourceRecord,
    },
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A request that is tried out.
pub(super) struct Request<'a> {
    pub(super) system: &'a System,
    pub(super) header_id: Option<&'a str>,
    pub(super) most: usize,
    pub(super) now: Timestamp,
    pub(super) body: &'a [u8],
    /// Whether who asks may see what GHL holds.
    pub(super) shows_held: bool,
}

/// Tries a request out.
///
/// # Errors
/// As pushing it, or where the store or GHL cannot be asked.
pub(super) async fn run(request: &Request<'_>, known: &dyn Known, ghl: &dyn Directory) -> Result<DryRun, Problem> {
    let (system, body) = (request.system, parsed(request.body)?);
    let items = read_all(system, &body, request.header_id, request.most, request.now)?;
    let mut rehearsal = Rehearsal {
        system,
        known,
        now: request.now,
        forecast: Forecast { mapping: &system.mapping, ghl: Some(ghl), names: request.shows_held, made: 0 },
        records: BTreeMap::new(),
        seen: BTreeSet::new(),
        quota: QuotaCost::default(),
    };
    let mut events = Vec::with_capacity(items.len());
    for item in &items {
        events.push(rehearsal.item(item).await?);
    }
    let (source, location_id) = (system.settings.name.clone(), system.settings.location.clone());
    let mut run = DryRun { source, location_id, events, quota: rehearsal.quota };
    restrict(&mut run, ghl.redaction(), request.shows_held);
    Ok(run)
}

struct Rehearsal<'a> {
    system: &'a System,
    known: &'a dyn Known,
    now: Timestamp,
    forecast: Forecast<'a>,
    /// Records as they would be by now, and whether something is still to be done for each.
    records: BTreeMap<RecordKey, (SourceRecord, bool)>,
    seen: BTreeSet<SourceEventId>,
    quota: QuotaCost,
}

fn plain(event_id: SourceEventId, outcome: PlanOutcome, reason: String) -> EventPlan {
    EventPlan {
        event_id,
        kind: None,
        event_at: None,
        contact_external_id: None,
        contact_id: None,
        found_by: None,
        outcome,
        reason: Some(reason),
        calls: Vec::new(),
        fields: Vec::new(),
    }
}

impl Rehearsal<'_> {
    async fn item(&mut self, item: &Item<'_>) -> Result<EventPlan, Problem> {
        match &item.read {
            Read::Bad(id, errors) => Ok(plain(id.clone(), PlanOutcome::Fail, told(errors))),
            Read::Mapped(Mapped::PassedOver { id, why }) => Ok(plain(id.clone(), PlanOutcome::Nothing, why.clone())),
            Read::Mapped(Mapped::Event(event)) => self.event(event).await,
        }
    }

    async fn event(&mut self, event: &SourceEvent) -> Result<EventPlan, Problem> {
        let (_, contact_external_id) = subjects(event);
        let mut plan = plain(event.id.clone(), PlanOutcome::Nothing, String::new());
        (plan.kind, plan.event_at) = (Some(event.kind), Some(event.at));
        plan.contact_external_id = contact_external_id.clone();
        let name = self.system.settings.name.clone();
        let came_before =
            self.known.came_before(name, event.id.clone()).await.map_err(|failure| unreadable(&failure))?;
        if !self.seen.insert(event.id.clone()) || came_before {
            plan.reason = Some("an event of this id came before: it changes nothing".to_owned());
            return Ok(plan);
        }
        let due = self.lay(event).await?;
        if due.is_empty() {
            plan.reason = Some("what it says was known, or something newer".to_owned());
            return Ok(plan);
        }
        let mut course = Course::default();
        for key in due {
            self.follow(&key, &mut course).await?;
        }
        self.quota.reads += course.cost.reads;
        self.quota.writes += course.cost.writes;
        (plan.outcome, plan.reason) = course.outcome();
        plan.contact_id = self.contact(contact_external_id.as_ref()).filter(|id| !is_new(id)).cloned();
        let known = plan.contact_id.as_ref().map(|_| "known");
        plan.found_by = course.found_by.or(known).map(str::to_owned);
        (plan.calls, plan.fields) = (course.calls, course.fields);
        Ok(plan)
    }

    /// Lays an event over its records. Says in which of them that leaves something to be done.
    async fn lay(&mut self, event: &SourceEvent) -> Result<Vec<RecordKey>, Problem> {
        let mut due = Vec::new();
        for change in &event.changes {
            let key = self.key(change.kind, &change.id);
            let is_new = self.load(&key).await?;
            if let Some(parent) = &change.parent {
                let parent = self.key(RecordKind::Contact, parent);
                self.load(&parent).await?;
            }
            let Some((record, waits)) = self.records.get_mut(&key) else { continue };
            let before = record.state.clone();
            record.state.merge(change);
            if is_new || !says_the_same(&before, &record.state) {
                *waits = true;
                due.push(key);
            }
        }
        Ok(due)
    }

    fn key(&self, kind: RecordKind, id: &ExternalId) -> RecordKey {
        RecordKey { source: self.system.settings.name.clone(), kind, id: id.clone() }
    }

    /// Makes sure that a record is at hand. Says whether nothing was known of it.
    async fn load(&mut self, key: &RecordKey) -> Result<bool, Problem> {
        if let Some((record, _)) = self.records.get(key) {
            return Ok(record.state == Default::default());
        }
        let found = self.known.records(vec![key.clone()]).await.map_err(|failure| unreadable(&failure))?;
        let is_new = found.is_empty();
        let location = self.system.settings.location.clone();
        let record = found.into_iter().next().unwrap_or_else(|| fresh(key.clone(), location, self.now));
        self.records.insert(key.clone(), (record, false));
        Ok(is_new)
    }

    fn contact(&self, id: Option<&ExternalId>) -> Option<&ContactId> {
        self.records.get(&self.key(RecordKind::Contact, id?))?.0.ghl_contact.as_ref()
    }

    async fn follow(&mut self, key: &RecordKey, course: &mut Course) -> Result<(), Problem> {
        self.follow_one(key, course).await?;
        let has_come = key.kind == RecordKind::Contact && self.contact(Some(&key.id)).is_some();
        if has_come {
            // What waited for it goes on.
            let waiting = |(record, waits): &(SourceRecord, bool)| *waits && record.state.parent() == Some(&key.id);
            let keys: Vec<RecordKey> =
                self.records.iter().filter(|(_, one)| waiting(one)).map(|(key, _)| key.clone()).collect();
            for key in keys {
                self.follow_one(&key, course).await?;
            }
        }
        Ok(())
    }

    async fn follow_one(&mut self, key: &RecordKey, course: &mut Course) -> Result<(), Problem> {
        let Some((mut record, _)) = self.records.remove(key) else { return Ok(()) };
        let home = self.contact(record.state.parent()).cloned();
        let why = match record.state.parent() {
            Some(_) => "it waits for its contact, of which no event has told yet",
            None => "no event has told yet whose contact's it is",
        };
        let (waited, failed) = (course.wait.take(), course.fail.take());
        let shared = is_shared(self.known, &record).await.map_err(|failure| unreadable(&failure))?;
        let followed = self.forecast.follow(&mut record, home.as_ref().ok_or(why), shared, course).await;
        let waits = course.wait.is_some();
        // Of several records the first that cannot go on is told of.
        course.wait = waited.or(course.wait.take());
        course.fail = failed.or(course.fail.take());
        self.records.insert(key.clone(), (record, waits));
        followed.map_err(|error| error.to_problem())
    }
}
