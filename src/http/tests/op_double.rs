//! A scripted double of the half that writes: it holds operations and a log, filters and pages them as a store does, and
//! remembers what it was asked.

use super::LOCATION;
use crate::{
    domain::{
        ids::{ContactId, LocationId, OperationId},
        operation::{
            AuditEntry, AuditEvent, AuditFilter, Operation, OperationFilter, OperationState, Requester, Submission,
            Submitted,
        },
        problem::{Problem, ProblemKind},
        quota::{QuotaReport, QuotaSpend, QuotaWindow},
        rules::{EnrichmentPlan, EnrichmentReport, RuleOutcome, RuleVerdict},
        write::{Write, WriteKind},
    },
    enrichment::EnrichmentRequest,
    http::{
        api::Reply,
        write_api::{Listed, WriteApi},
    },
    profiles::ProfileRequest,
};
use jiff::{SignedDuration, Timestamp};
use std::{future::ready, sync::Mutex};
use tokio::time::Instant;

/// When the first entry was made; each further one a minute later.
const BEGIN: &str = "2026-11-22T08:00:00Z";

#[derive(Default)]
pub(super) struct Writes {
    pub(super) operations: Mutex<Vec<Operation>>,
    pub(super) log: Mutex<Vec<AuditEntry>>,
    pub(super) operation_filters: Mutex<Vec<OperationFilter>>,
    /// Filter, position and limit of each page of the log that was asked for.
    pub(super) audit_pages: Mutex<Vec<(AuditFilter, Option<i64>, u32)>>,
    /// Who asked for a retry or a cancel.
    pub(super) requesters: Mutex<Vec<Requester>>,
    pub(super) refusals: Mutex<Vec<AuditEntry>>,
    pub(super) enrichments: Mutex<Vec<EnrichmentRequest>>,
    pub(super) explained: Mutex<Vec<ProfileRequest>>,
    /// Entries that the log gets after each page, as a busy service does.
    pub(super) grows_by: usize,
    /// What each call from this page of the log on ends in.
    pub(super) breaks_at: Option<(usize, Problem)>,
}

pub(super) fn location(id: &str) -> LocationId {
    LocationId::parse(id).unwrap()
}

fn moment(seq: i64) -> Timestamp {
    BEGIN.parse::<Timestamp>().unwrap() + SignedDuration::from_mins(seq)
}

/// Operation `op{seq}` on contact `c{seq}`.
pub(super) fn operation(seq: i64, at: &str, state: OperationState) -> Operation {
    let contact = ContactId::parse(&format!("c{seq}")).unwrap();
    Operation {
        id: OperationId::parse(&format!("op{seq}")).unwrap(),
        seq,
        location: location(at),
        contact: Some(contact.clone()),
        write: Write::DeleteContact { contact },
        order_key: format!("{at}/c{seq}"),
        state,
        requester: Requester { key: None, request_id: format!("r{seq}") },
        idempotency_key: None,
        created_at: moment(seq),
        updated_at: moment(seq),
        due_at: moment(seq),
        attempts: 0,
        uncertain_since: None,
        settles_at: None,
        written: None,
        problem: None,
        erased_at: None,
    }
}

/// Entry `seq` of the log, about `op{seq}`; every third tells of an attempt.
pub(super) fn entry(seq: i64, at: &str) -> AuditEntry {
    AuditEntry {
        seq,
        at: moment(seq),
        event: if seq % 3 == 0 { AuditEvent::Attempt } else { AuditEvent::Accepted },
        location_id: Some(location(at)),
        contact_id: Some(ContactId::parse(&format!("c{seq}")).unwrap()),
        operation_id: Some(OperationId::parse(&format!("op{seq}")).unwrap()),
        kind: Some(WriteKind::DeleteContact),
        key: None,
        request_id: Some(format!("r{seq}")),
        attempt: None,
        outcome: "done".to_owned(),
        upstream_status: None,
        duration_ms: None,
        payload: None,
    }
}

impl Writes {
    pub(super) fn with_operations(count: i64) -> Self {
        let operations = (1..=count).map(|seq| operation(seq, LOCATION, OperationState::Pending)).collect();
        Self { operations: Mutex::new(operations), ..Self::default() }
    }

    pub(super) fn with_log(count: i64) -> Self {
        Self { log: Mutex::new((1..=count).map(|seq| entry(seq, LOCATION)).collect()), ..Self::default() }
    }

    /// Outcome, key, location, contact and operation of each refusal that was logged.
    pub(super) fn refused(&self) -> Vec<[String; 5]> {
        let refusals = self.refusals.lock().unwrap();
        let told = refusals.iter().inspect(|entry| {
            assert_eq!((entry.event, entry.payload.as_ref()), (AuditEvent::Refused, None));
            assert!(entry.request_id.as_deref().is_some_and(|id| !id.is_empty()), "{entry:?}");
        });
        told.map(|entry| {
            let shown = |value: Option<&str>| value.unwrap_or("-").to_owned();
            let (location, contact) = (entry.location_id.as_ref(), entry.contact_id.as_ref());
            [
                entry.outcome.clone(),
                shown(entry.key.as_deref()),
                shown(location.map(LocationId::as_str)),
                shown(contact.map(ContactId::as_str)),
                shown(entry.operation_id.as_ref().map(OperationId::as_str)),
            ]
        })
        .collect()
    }

    /// Changes an operation's state where `from` admits it.
    fn change(
        &self,
        id: &OperationId,
        locations: Option<&[LocationId]>,
        by: Requester,
        from: &[OperationState],
        to: OperationState,
    ) -> Result<Operation, Problem> {
        let mut operations = self.operations.lock().unwrap();
        let known = operations.iter_mut().find(|one| one.id == *id && seen(locations, Some(&one.location)));
        let operation = known.ok_or_else(unknown)?;
        if !from.contains(&operation.state) {
            return Err(Problem::new(ProblemKind::OperationConflict, "Its state does not admit that."));
        }
        self.requesters.lock().unwrap().push(by);
        operation.state = to;
        Ok(operation.clone())
    }

    fn audit_page(&self, filter: AuditFilter, before: Option<i64>, limit: u32) -> Result<Listed<AuditEntry>, Problem> {
        let mut pages = self.audit_pages.lock().unwrap();
        if let Some((at, problem)) = &self.breaks_at
            && pages.len() >= *at
        {
            return Err(problem.clone());
        }
        pages.push((filter.clone(), before, limit));
        let mut log = self.log.lock().unwrap();
        let found = log.iter().filter(|entry| admits(&filter, entry)).cloned().collect();
        let length = i64::try_from(log.len()).unwrap();
        log.extend((1..=i64::try_from(self.grows_by).unwrap()).map(|more| entry(length + more, LOCATION)));
        Ok(page(found, |entry| entry.seq, before, limit))
    }
}

fn unknown() -> Problem {
    Problem::new(ProblemKind::NotFound, "There is no such operation.")
}

fn seen(locations: Option<&[LocationId]>, location: Option<&LocationId>) -> bool {
    locations.is_none_or(|all| location.is_some_and(|location| all.contains(location)))
}

fn admits(filter: &AuditFilter, entry: &AuditEntry) -> bool {
    seen(filter.locations.as_deref(), entry.location_id.as_ref())
        && (filter.contact.is_none() || filter.contact == entry.contact_id)
        && (filter.operation.is_none() || filter.operation == entry.operation_id)
        && filter.event.is_none_or(|event| event == entry.event)
        && filter.since.is_none_or(|since| since <= entry.at)
        && filter.until.is_none_or(|until| entry.at < until)
}

/// A page, newest first.
fn page<T>(mut found: Vec<T>, seq: impl Fn(&T) -> i64, before: Option<i64>, limit: u32) -> Listed<T> {
    found.retain(|one| before.is_none_or(|before| seq(one) < before));
    found.sort_by_key(|one| -seq(one));
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().map(&seq).filter(|_| more);
    Listed { items: found, next }
}

fn reply<'a, T: Send + 'a>(outcome: Result<T, Problem>) -> Reply<'a, T> {
    Box::pin(ready(outcome))
}

fn not_of_these_tests<'a, T: Send + 'a>() -> Reply<'a, T> {
    reply(Err(Problem::new(ProblemKind::Internal, "This double takes no writes.")))
}

/// What rule `eu` comes to for every contact.
pub(super) fn outcome() -> RuleOutcome {
    let (name, why) = ("eu".to_owned(), "ip.geo.inEu is true".to_owned());
    RuleOutcome { name, verdict: RuleVerdict::Matched, tags: vec!["geo:eu".to_owned()], why }
}

impl WriteApi for Writes {
    fn submit(&self, _: Submission) -> Reply<'_, Submitted> {
        not_of_these_tests()
    }

    fn wait(&self, _: OperationId, _: Instant) -> Reply<'_, Operation> {
        not_of_these_tests()
    }

    fn operation(&self, id: OperationId, locations: Option<Vec<LocationId>>) -> Reply<'_, Operation> {
        let operations = self.operations.lock().unwrap();
        let found = operations.iter().find(|one| one.id == id && seen(locations.as_deref(), Some(&one.location)));
        reply(found.cloned().ok_or_else(unknown))
    }

    fn operations(&self, filter: OperationFilter, before: Option<i64>, limit: u32) -> Reply<'_, Listed<Operation>> {
        let mut found = self.operations.lock().unwrap().clone();
        found.retain(|one| {
            seen(filter.locations.as_deref(), Some(&one.location))
                && (filter.contact.is_none() || filter.contact == one.contact)
                && (filter.states.is_empty() || filter.states.contains(&one.state))
                && filter.kind.is_none_or(|kind| kind == one.write.kind())
        });
        self.operation_filters.lock().unwrap().push(filter);
        reply(Ok(page(found, |one| one.seq, before, limit)))
    }

    fn retry(&self, id: OperationId, locations: Option<Vec<LocationId>>, by: Requester) -> Reply<'_, Operation> {
        let from = [OperationState::Failed, OperationState::Dead];
        reply(self.change(&id, locations.as_deref(), by, &from, OperationState::Pending))
    }

    fn resolve(
        &self,
        id: OperationId,
        meant: ContactId,
        locations: Option<Vec<LocationId>>,
        by: Requester,
    ) -> Reply<'_, Operation> {
        if ContactId::parse("c9") == Ok(meant) {
            let neither =
                Problem::new(ProblemKind::ValidationFailed, "Neither.").with_error("/contactId", "is neither");
            return reply(Err(neither));
        }
        let from = [OperationState::Failed];
        reply(self.change(&id, locations.as_deref(), by, &from, OperationState::Pending))
    }

    fn cancel(&self, id: OperationId, locations: Option<Vec<LocationId>>, by: Requester) -> Reply<'_, Operation> {
        let from = [OperationState::Pending];
        reply(self.change(&id, locations.as_deref(), by, &from, OperationState::Cancelled))
    }

    fn audit(&self, filter: AuditFilter, before: Option<i64>, limit: u32) -> Reply<'_, Listed<AuditEntry>> {
        reply(self.audit_page(filter, before, limit))
    }

    fn log_refusal(&self, entry: AuditEntry) {
        self.refusals.lock().unwrap().push(entry);
    }

    fn enrich(&self, request: EnrichmentRequest) -> Reply<'_, EnrichmentReport> {
        let report = EnrichmentReport {
            location_id: request.location.clone(),
            contact_id: request.contact.clone(),
            dry_run: request.dry_run,
            plan: EnrichmentPlan { add_tags: vec!["geo:eu".to_owned()], ..EnrichmentPlan::default() },
            rules: vec![outcome()],
            operations: Vec::new(),
            replayed: request.idempotency.as_ref().is_some_and(|idempotency| idempotency.key == "before"),
        };
        let strange = request.rules.as_ref().and_then(|names| names.iter().position(|name| name != "eu"));
        self.enrichments.lock().unwrap().push(request);
        reply(strange.map_or(Ok(report), |at| {
            Err(Problem::new(ProblemKind::ValidationFailed, "There is no such rule.")
                .with_error(format!("/rules/{at}"), "is no rule's name"))
        }))
    }

    fn explain_rules(&self, request: ProfileRequest) -> Reply<'_, Vec<RuleOutcome>> {
        self.explained.lock().unwrap().push(request);
        reply(Ok(vec![outcome()]))
    }

    fn quota(&self, location: &LocationId) -> Option<QuotaReport> {
        let window =
            |limit, used, window_ms| QuotaWindow { limit, used, left: limit - used, window_ms, resets_at: moment(10) };
        Some(QuotaReport {
            location_id: location.clone(),
            learned: true,
            burst: window(100, 40, 10_000),
            day: window(200_000, 50_000, 86_400_000),
            day_runs_out_at: Some(moment(60)),
            by_lane: vec![QuotaSpend { name: "interactive", calls: 12 }],
            by_endpoint: Vec::new(),
            saved_by_cache: 0,
            waiting: 0,
            rate_limited: 0,
            breaker: "closed",
        })
    }
}
