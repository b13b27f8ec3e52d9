//! The demo's rules on the sandbox's contacts: what GHL makes of the writes, and what reading anew costs.

use super::{
    super::{Contacts, Enrichment, EnrichmentRequest, Writes, fields},
    *,
};
use crate::{
    app::AppParts,
    cli::demo::settings_for,
    domain::{
        ids::{ContactId, LocationId, OperationId},
        operation::{Idempotency, Operation, OperationState, Requester, Submission, Submitted},
        problem::{Problem, ProblemKind},
        profile::{Include, Section},
        write::Write,
    },
    profiles::{ContactKey, Profiles, TouchedBy},
    settings::{Settings, Sources},
    store::Reservation,
};
use futures_util::future::{BoxFuture, ready};
use ghl_sandbox::{Sandbox, SandboxConfig};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;

const LOCATION: &str = "sandboxLocation00001";

/// Sends each write to the sandbox as soon as it is submitted.
#[derive(Debug)]
struct Direct {
    sandbox: String,
    profiles: Profiles,
    client: reqwest::Client,
    done: Mutex<Vec<Operation>>,
}

impl Direct {
    async fn send(&self, write: &Write) {
        let contact = format!("{}/contacts/{}", self.sandbox, write.contact().expect("one"));
        let request = match write {
            Write::AddTags { tags, .. } => self.client.post(format!("{contact}/tags")).json(&json!({ "tags": tags })),
            Write::RemoveTags { tags, .. } => {
                self.client.delete(format!("{contact}/tags")).json(&json!({ "tags": tags }))
            }
            Write::UpdateContact { fields, .. } => self.client.put(contact).json(fields),
            other => panic!("{other:?} is none of ours"),
        };
        let token = "pit-00000000-0000-4000-8000-000000000001";
        let answer = request.bearer_auth(token).header("version", "2021-07-28").send().await.expect("an answer");
        let status = answer.status();
        assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap_or_default());
    }
}

impl Writes for Direct {
    fn submit(&self, new: Submission) -> BoxFuture<'_, Result<Submitted, Problem>> {
        Box::pin(async move {
            self.send(&new.write).await;
            let contact = new.write.contact().cloned().expect("one");
            let key = ContactKey { location: new.location.clone(), contact: contact.clone() };
            self.profiles.touch(&key, new.write.touches(), TouchedBy::Write);
            let mut done = self.done.lock().unwrap();
            let operation = Operation {
                id: OperationId::parse(&format!("op{}", done.len())).unwrap(),
                seq: 1,
                location: new.location,
                contact: Some(contact),
                write: new.write,
                order_key: String::new(),
                state: OperationState::Done,
                requester: new.requester,
                idempotency_key: None,
                created_at: jiff::Timestamp::UNIX_EPOCH,
                updated_at: jiff::Timestamp::UNIX_EPOCH,
                due_at: jiff::Timestamp::UNIX_EPOCH,
                attempts: 1,
                uncertain_since: None,
                settles_at: None,
                written: None,
                problem: None,
                erased_at: None,
            };
            done.push(operation.clone());
            Ok(Submitted { operation, replayed: false })
        })
    }

    fn wait(&self, id: OperationId, _: Instant) -> BoxFuture<'_, Result<Operation, Problem>> {
        let done = self.done.lock().unwrap();
        Box::pin(ready(Ok(done.iter().find(|operation| operation.id == id).cloned().expect("it was submitted"))))
    }

    fn reserve(&self, _: Idempotency) -> BoxFuture<'_, Result<Reservation, Problem>> {
        Box::pin(ready(Ok(Reservation::New)))
    }

    fn answer(&self, _: Idempotency, _: Option<Value>) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(ready(Ok(())))
    }
}

struct Bench {
    sandbox: Sandbox,
    parts: AppParts,
    direct: Arc<Direct>,
    enrichment: Enrichment,
}

/// A service over a sandbox; the demo's rules, and a field to fill.
async fn bench() -> Bench {
    let bind = "127.0.0.1:0".parse().unwrap();
    let sandbox = Sandbox::start(SandboxConfig { bind, ..SandboxConfig::default() }).await.unwrap();
    let flags = settings_for(sandbox.addr());
    let mut settings = Settings::load(Sources { flags, ..Sources::default() }).unwrap().settings;
    settings.enrichment.rules.push(filling("zone", "ip.usable", "timezone", "{{ ip.geo.timezone }}"));
    let parts = AppParts::build(&settings, None).unwrap();
    let direct = Arc::new(Direct {
        sandbox: sandbox.base_url(),
        profiles: parts.profiles.clone(),
        client: reqwest::Client::new(),
        done: Mutex::default(),
    });
    let profiles = Arc::new(parts.profiles.clone());
    let enrichment = Enrichment::new(parts.rules.clone(), profiles, Arc::clone(&direct) as _, parts.tasks.clone());
    Bench { sandbox, parts, direct, enrichment }
}

impl Bench {
    fn key(contact: &str) -> ContactKey {
        ContactKey { location: LocationId::parse(LOCATION).unwrap(), contact: ContactId::parse(contact).unwrap() }
    }

    fn request(contact: &str, dry_run: bool) -> EnrichmentRequest {
        let ContactKey { location, contact } = Self::key(contact);
        EnrichmentRequest {
            location,
            contact,
            dry_run,
            rules: None,
            requester: Requester { key: None, request_id: "r1".to_owned() },
            idempotency: None,
            deadline: Instant::now() + Duration::from_secs(30),
        }
    }

    /// The contact as GHL has it now.
    async fn contact(&self, id: &str) -> Value {
        let until = Instant::now() + Duration::from_secs(30);
        let body = self.parts.profiles.current(Self::key(id), Include::NOTHING, until).await.unwrap();
        serde_json::from_slice::<Value>(&body).unwrap()["contact"].take()
    }
}

#[tokio::test]
async fn a_dry_run_on_the_demos_contacts_plans_what_is_then_written_and_a_second_run_writes_nothing() {
    let bench = bench().await;
    let (mut added, mut removed, mut filled) = (0, 0, 0);
    for contact in bench.sandbox.contact_ids(LOCATION).into_iter().take(15) {
        let tags = ["geo:country:zz", "net:hosting:no", "Geo:Country Fan", "geography"].map(to_tag);
        let ContactKey { contact: id, .. } = Bench::key(&contact);
        bench.direct.send(&Write::AddTags { contact: id, tags: tags.to_vec() }).await;
        let before = bench.contact(&contact).await;
        let dry = bench.enrichment.run(Bench::request(&contact, true)).await.unwrap();
        assert_eq!(bench.contact(&contact).await["tags"], before["tags"], "a dry run writes nothing");
        let report = bench.enrichment.run(Bench::request(&contact, false)).await.unwrap();
        assert_eq!((&report.plan, &report.rules), (&dry.plan, &dry.rules));
        let after = bench.contact(&contact).await;
        assert_eq!(held(&after), expected(&before, &report.plan), "{contact}");
        for set in &report.plan.set_fields {
            assert!(fields::Field::parse(&set.field).unwrap().is_empty_in(&before) && after[&set.field] == set.value);
        }
        let second = bench.enrichment.run(Bench::request(&contact, false)).await.unwrap();
        assert!(is_empty(&second.plan) && second.operations.is_empty(), "{contact}: {:?}", second.plan);
        added += report.plan.add_tags.len();
        removed += report.plan.remove_tags.len();
        filled += report.plan.set_fields.len();
        // Fifteen contacts take more calls than GHL grants in ten seconds.
        bench.sandbox.advance_clock(Duration::from_secs(10));
    }
    assert!(added > 5 && removed > 5 && filled > 0, "{added} added, {removed} removed, {filled} filled");
}

fn to_tag(tag: &str) -> crate::domain::write::Tag {
    crate::domain::write::Tag::parse(tag).unwrap()
}

fn held(contact: &Value) -> std::collections::BTreeSet<String> {
    contact["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()).collect()
}

fn expected(before: &Value, plan: &EnrichmentPlan) -> std::collections::BTreeSet<String> {
    let kept = held(before).into_iter().filter(|tag| !plan.remove_tags.contains(tag));
    kept.chain(plan.add_tags.iter().cloned()).collect()
}

#[tokio::test]
async fn an_enrichment_reads_the_contact_anew_and_nothing_else() {
    let bench = bench().await;
    let contact = "seD4PfOuKoVMLkEZqohJ";
    bench.enrichment.run(Bench::request(contact, true)).await.unwrap();
    let before = bench.sandbox.calls();
    assert_eq!((before.count("ghl.*"), before.count("ipinfo.*")), (1, 1), "{:?}", before.by_endpoint());
    bench.enrichment.run(Bench::request(contact, true)).await.unwrap();
    let after = bench.sandbox.calls();
    assert_eq!((after.count("ghl.*"), after.count("ipinfo.*")), (2, 1), "{:?}", after.by_endpoint());
    assert!(bench.parts.rules.include().has(Section::Ip) && !bench.parts.rules.include().has(Section::Notes));
}

#[tokio::test]
async fn a_contact_that_ghl_does_not_give_is_not_enriched_from_memory() {
    let bench = bench().await;
    let contact = "seD4PfOuKoVMLkEZqohJ";
    bench.enrichment.run(Bench::request(contact, true)).await.unwrap();
    bench.sandbox.stop().await;
    let problem = bench.enrichment.run(Bench::request(contact, false)).await.unwrap_err();
    assert_eq!(problem.kind, ProblemKind::UpstreamUnavailable);
    assert!(bench.direct.done.lock().unwrap().is_empty());
}
