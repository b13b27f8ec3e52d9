//! Whole enrichments over a double of GHL and the store.

use super::{
    super::{Contacts, Enrichment, EnrichmentRequest, Writes},
    *,
};
use crate::{
    domain::{
        ids::{ContactId, LocationId, OperationId},
        operation::{Idempotency, Operation, OperationState, Requester, Submission, Submitted},
        problem::{Problem, ProblemKind},
        profile::{Include, Section},
        rules::EnrichmentReport,
        write::{Write, WriteKind},
    },
    profiles::{ContactKey, ProfileRequest},
    store::Reservation,
    tasks::Tasks,
};
use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;

/// One contact, the writes on it, and the keys taken.
#[derive(Debug)]
struct World {
    profile: Mutex<Value>,
    operations: Mutex<Vec<Operation>>,
    keys: Mutex<HashMap<String, (Idempotency, Option<Value>)>>,
    /// Whether a further submission is refused.
    full: Mutex<bool>,
    /// How many submissions are taken before that.
    room: Mutex<Option<usize>>,
    /// What a write ends in.
    refused: Mutex<Option<Problem>>,
}

impl World {
    fn new(profile: Value) -> Arc<Self> {
        Arc::new(Self {
            profile: Mutex::new(profile),
            operations: Mutex::default(),
            keys: Mutex::default(),
            full: Mutex::default(),
            room: Mutex::default(),
            refused: Mutex::default(),
        })
    }

    fn enrichment(self: &Arc<Self>, rules: &[RuleSettings]) -> Enrichment {
        Enrichment::new(compiled(rules), Arc::clone(self) as _, Arc::clone(self) as _, Tasks::new())
    }

    fn written(&self) -> Vec<Write> {
        self.operations.lock().unwrap().iter().map(|operation| operation.write.clone()).collect()
    }

    fn apply(&self, write: &Write) {
        let mut plan = EnrichmentPlan::default();
        match write {
            Write::AddTags { tags, .. } => plan.add_tags = tags.iter().map(ToString::to_string).collect(),
            Write::RemoveTags { tags, .. } => plan.remove_tags = tags.iter().map(ToString::to_string).collect(),
            Write::UpdateContact { fields, .. } => {
                let mut profile = self.profile.lock().unwrap();
                for (name, value) in fields.as_map() {
                    profile["contact"][name] = value.clone();
                }
            }
            other => panic!("{other:?} is none of ours"),
        }
        carry_out(&mut self.profile.lock().unwrap(), &plan);
    }
}

impl Contacts for World {
    fn current(&self, _: ContactKey, _: Include, _: Instant) -> BoxFuture<'_, Result<Bytes, Problem>> {
        let body = serde_json::to_vec(&*self.profile.lock().unwrap()).unwrap();
        Box::pin(ready(Ok(Bytes::from(body))))
    }

    fn shown(&self, request: ProfileRequest) -> BoxFuture<'_, Result<Bytes, Problem>> {
        assert!(request.include.has(Section::Ip), "what the rules read is included, whoever asks for less");
        self.current(request.key, request.include, request.deadline)
    }
}

impl Writes for World {
    fn submit(&self, new: Submission) -> BoxFuture<'_, Result<Submitted, Problem>> {
        let taken = self.operations.lock().unwrap().len();
        if *self.full.lock().unwrap() || self.room.lock().unwrap().is_some_and(|room| taken >= room) {
            return Box::pin(ready(Err(Problem::new(ProblemKind::StoreUnavailable, "full"))));
        }
        assert!(new.idempotency.is_none(), "the enrichment's key is not an operation's");
        let mut operations = self.operations.lock().unwrap();
        let operation = Operation {
            id: OperationId::parse(&format!("op{}", operations.len())).unwrap(),
            seq: 1,
            location: new.location,
            contact: new.write.contact().cloned(),
            write: new.write,
            order_key: String::new(),
            state: OperationState::Pending,
            requester: new.requester,
            idempotency_key: None,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            updated_at: jiff::Timestamp::UNIX_EPOCH,
            due_at: jiff::Timestamp::UNIX_EPOCH,
            attempts: 0,
            uncertain_since: None,
            settles_at: None,
            written: None,
            problem: None,
            erased_at: None,
        };
        operations.push(operation.clone());
        Box::pin(ready(Ok(Submitted { operation, replayed: false })))
    }

    fn wait(&self, id: OperationId, _: Instant) -> BoxFuture<'_, Result<Operation, Problem>> {
        let mut operations = self.operations.lock().unwrap();
        let operation = operations.iter_mut().find(|operation| operation.id == id).expect("it was submitted");
        operation.problem = self.refused.lock().unwrap().clone();
        if operation.problem.is_some() {
            operation.state = OperationState::Failed;
        } else {
            self.apply(&operation.write);
            operation.state = OperationState::Done;
        }
        Box::pin(ready(Ok(operation.clone())))
    }

    fn reserve(&self, key: Idempotency) -> BoxFuture<'_, Result<Reservation, Problem>> {
        let mut keys = self.keys.lock().unwrap();
        let reservation = match keys.get(&key.key) {
            None => Reservation::New,
            Some((held, _)) if held.fingerprint != key.fingerprint => Reservation::KeyReused,
            Some((_, None)) => Reservation::UnderWay,
            Some((_, Some(answer))) => Reservation::Answered(answer.clone()),
        };
        keys.entry(key.key.clone()).or_insert((key, None));
        Box::pin(ready(Ok(reservation)))
    }

    fn answer(&self, key: Idempotency, answer: Option<Value>) -> BoxFuture<'_, Result<(), Problem>> {
        let mut keys = self.keys.lock().unwrap();
        match answer {
            Some(answer) => drop(keys.insert(key.key.clone(), (key, Some(answer)))),
            None => drop(keys.remove(&key.key)),
        }
        Box::pin(ready(Ok(())))
    }
}

fn request() -> EnrichmentRequest {
    EnrichmentRequest {
        location: LocationId::parse("ve9EPM428h8vShlRW1KT").unwrap(),
        contact: ContactId::parse("seD4PfOuKoVMLkEZqohJ").unwrap(),
        dry_run: false,
        rules: None,
        requester: Requester { key: None, request_id: "r1".to_owned() },
        idempotency: None,
        deadline: Instant::now() + Duration::from_secs(5),
    }
}

fn keyed(fingerprint: u8) -> EnrichmentRequest {
    let key = Idempotency { scope: "s".to_owned(), key: "k".to_owned(), fingerprint: [fingerprint; 32] };
    EnrichmentRequest { idempotency: Some(key), ..request() }
}

/// A contact that moved, and rules that add, remove and fill.
fn moved() -> (Arc<World>, Vec<RuleSettings>) {
    let profile = with(profile(), "/contact/tags", json!(["geo:de", "friend"]));
    (World::new(profile), vec![country(), filling("zone", "", "timezone", "{{ ip.geo.timezone }}")])
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_plans_what_is_then_written_and_a_second_run_writes_nothing() {
    let (world, rules) = moved();
    let enrichment = world.enrichment(&rules);
    let dry = enrichment.run(EnrichmentRequest { dry_run: true, ..keyed(1) }).await.unwrap();
    assert!(dry.dry_run && dry.operations.is_empty() && world.written().is_empty());
    assert!(world.keys.lock().unwrap().is_empty(), "a dry run takes no key");

    let report = enrichment.run(request()).await.unwrap();
    assert_eq!((&report.plan, &report.rules), (&dry.plan, &dry.rules));
    let kinds: Vec<_> = world.written().iter().map(Write::kind).collect();
    assert_eq!(kinds, [WriteKind::UpdateContact, WriteKind::RemoveTags, WriteKind::AddTags]);
    assert!(report.operations.iter().all(|operation| operation.state == OperationState::Done));
    assert_eq!(report.operations.len(), 3);
    assert_eq!(world.profile.lock().unwrap()["contact"]["tags"], json!(["friend", "geo:au"]));
    assert_eq!(world.profile.lock().unwrap()["contact"]["timezone"], "Australia/Sydney");

    let second = enrichment.run(request()).await.unwrap();
    assert!(is_empty(&second.plan) && second.operations.is_empty());
    assert_eq!(world.written().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn fields_are_sent_as_ghl_takes_them() {
    let world = World::new(profile());
    let rules = [
        filling("zone", "", "timezone", "{{ ip.geo.timezone }}"),
        filling("operator", "", "c1XyZ0aBcDeFgHiJkLmN", "{{ ip.asn.name }}"),
    ];
    world.enrichment(&rules).run(request()).await.unwrap();
    let Some(Write::UpdateContact { fields, .. }) = world.written().pop() else { panic!("one update") };
    assert_eq!(
        Value::Object(fields.as_map().clone()),
        json!({
            "timezone": "Australia/Sydney",
            "customFields": [{ "id": "c1XyZ0aBcDeFgHiJkLmN", "field_value": "Microplex PTY LTD" }],
        })
    );
}

#[tokio::test(start_paused = true)]
async fn only_the_rules_asked_for_are_evaluated() {
    let (world, rules) = moved();
    let enrichment = world.enrichment(&rules);
    let some = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
    let problem =
        enrichment.run(EnrichmentRequest { rules: some(&["zone", "nope", "no"]), ..request() }).await.unwrap_err();
    assert_eq!(problem.kind, ProblemKind::ValidationFailed);
    let pointers: Vec<_> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/rules/1", "/rules/2"]);
    let report = enrichment.run(EnrichmentRequest { rules: some(&["zone"]), ..request() }).await.unwrap();
    assert_eq!(report.rules.iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>(), ["zone"]);
    assert!(report.plan.add_tags.is_empty() && report.plan.remove_tags.is_empty());
    assert_eq!(report.plan.set_fields.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_gives_the_first_answer_again() {
    let (world, rules) = moved();
    let enrichment = world.enrichment(&rules);
    let first = enrichment.run(keyed(1)).await.unwrap();
    assert_eq!(first.operations.len(), 3);
    assert!(!first.replayed);
    assert_eq!(enrichment.run(keyed(1)).await.unwrap(), EnrichmentReport { replayed: true, ..first });
    assert_eq!(world.written().len(), 3, "and nothing is written again");
    assert_eq!(enrichment.run(keyed(2)).await.unwrap_err().kind, ProblemKind::IdempotencyKeyReused);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_given_back_where_nothing_came_of_it() {
    let (world, rules) = moved();
    let enrichment = world.enrichment(&rules);
    *world.full.lock().unwrap() = true;
    assert_eq!(enrichment.run(keyed(1)).await.unwrap_err().kind, ProblemKind::StoreUnavailable);
    *world.full.lock().unwrap() = false;
    assert_eq!(enrichment.run(keyed(1)).await.unwrap().operations.len(), 3);
    let key = Idempotency { key: "other".to_owned(), ..keyed(1).idempotency.unwrap() };
    assert_eq!(world.reserve(key.clone()).await.unwrap(), Reservation::New);
    let again = EnrichmentRequest { idempotency: Some(key), ..request() };
    assert_eq!(enrichment.run(again).await.unwrap_err().kind, ProblemKind::IdempotencyConflict);
}

#[tokio::test(start_paused = true)]
async fn a_contact_that_could_not_be_read_anew_is_not_compared_with() {
    let problem = json!({
        "type": "/problems/upstream-timeout", "title": "", "detail": "GHL is slow.",
        "upstream": { "service": "ghl", "status": null, "code": "timeout" }, "retryAfterSeconds": 3,
    });
    let report = json!({ "status": "stale", "problem": problem });
    let (world, rules) = moved();
    *world.profile.lock().unwrap() = with(profile(), "/sections/contact", report);
    let problem = world.enrichment(&rules).run(request()).await.unwrap_err();
    assert_eq!(problem.kind, ProblemKind::UpstreamTimeout);
    assert_eq!(problem.upstream.unwrap().code, "timeout");
    assert_eq!(problem.retry_after, Some(Duration::from_secs(3)));
    assert!(world.written().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_explanation_says_why_and_writes_nothing() {
    let (world, rules) = moved();
    let EnrichmentRequest { location, contact, deadline, .. } = request();
    let request = ProfileRequest {
        key: ContactKey { location, contact },
        include: Include::NOTHING,
        require: Vec::new(),
        ip: None,
        max_age: None,
        deadline,
        traceparent: None,
    };
    let explained = compiled(&rules).explain(&*world, request.clone()).await.unwrap();
    assert_eq!(explained[0].why, "It holds: ip.usable is true.");
    assert_eq!(
        (explained[0].verdict, explained[0].tags.as_slice()),
        (RuleVerdict::Matched, &["geo:au".to_owned()][..])
    );
    assert!(world.written().is_empty());
    assert_eq!(compiled(&[]).explain(&*world, request).await.unwrap(), [], "without rules nothing is fetched");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_failed_says_why_also_when_it_is_asked_for_again() {
    let (world, rules) = moved();
    let enrichment = world.enrichment(&rules);
    let refusal = Problem::new(ProblemKind::ValidationFailed, "GHL refuses it.").with_error("/city", "is odd");
    *world.refused.lock().unwrap() = Some(refusal.with_cause("inside"));
    let first = serde_json::to_value(enrichment.run(keyed(1)).await.unwrap()).unwrap();
    for operation in first["operations"].as_array().unwrap() {
        assert_eq!(operation["state"], "failed");
        assert_eq!(
            operation["problem"],
            json!({
                "type": "/problems/validation-failed", "title": "Validation failed", "detail": "GHL refuses it.",
                "errors": [{ "pointer": "/city", "message": "is odd" }],
            })
        );
    }
    assert_eq!(serde_json::to_value(enrichment.run(keyed(1)).await.unwrap()).unwrap(), first);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_in_the_middle_does_not_hide_what_it_took_before() {
    let (world, rules) = moved();
    let enrichment = world.enrichment(&rules);
    *world.room.lock().unwrap() = Some(0);
    let nothing = enrichment.run(keyed(1)).await.unwrap_err();
    assert_eq!((nothing.kind, nothing.detail.as_ref()), (ProblemKind::StoreUnavailable, "full"));
    *world.room.lock().unwrap() = Some(2);
    let problem = enrichment.run(keyed(1)).await.unwrap_err();
    assert_eq!(problem.kind, ProblemKind::StoreUnavailable);
    assert_eq!(problem.detail, "full Of this enrichment's 3 writes 2 had been accepted and go on: op0, op1.");
    assert_eq!(world.written().len(), 2);
    *world.room.lock().unwrap() = None;
    assert!(enrichment.run(keyed(1)).await.is_ok(), "the key was given back");
}
