//! A scripted double of the service: it holds one contact, fails where it is told to, and remembers what it was asked.

use crate::{
    domain::{
        appointment::Appointment,
        contact::{Attribution, Contact},
        erasure::{ErasedOperations, ErasureScope, PurgeReceipt},
        ids::{BusinessId, ContactId, LocationId, NoteId, TaskId},
        ip::{AddressOrigin, Backend, Geo, IpIntelligence, Precision, Privacy, Provider, Scope, Traits},
        note::Note,
        operation::Requester,
        problem::{Problem, ProblemKind},
        profile::Include,
        task::Task,
    },
    http::{
        api::{Api, Component, ComponentState, ContactPage, ContactSearch, Credit, LookUp, Reply, Window},
        purge_api::PurgeApi,
    },
    liveness::{Standing, WebhookReport},
    profiles::{
        AddressExplanation, CacheResult, ContactKey, Explanation, ProfileRequest, Rendered, Served, Subscription,
    },
    upstream::{CallContext, CallTiming, Service},
};
use bytes::Bytes;
use serde_json::{Map, json};
use std::{
    future::ready,
    net::IpAddr,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

/// Contact whose load panics.
pub(super) const PANICS: &str = "panics";

#[derive(Default)]
pub(super) struct Double {
    /// Whether the known contact's profile is in memory.
    pub(super) warm: bool,
    /// Whether that profile is too large to be compressed in passing.
    pub(super) large: bool,
    /// How often memory was asked for a profile and had it: each time counts as calls saved.
    pub(super) warm_hits: Mutex<usize>,
    /// Profile requests that went down the cold path.
    pub(super) requests: Mutex<Vec<ProfileRequest>>,
    pub(super) searches: Mutex<Vec<ContactSearch>>,
    pub(super) windows: Mutex<Vec<Window>>,
    pub(super) looked_up: Mutex<Vec<IpAddr>>,
    pub(super) locations: Mutex<Vec<LocationId>>,
    /// What every call ends in, if set.
    pub(super) problem: Mutex<Option<Problem>>,
    /// How many contacts there are to list.
    pub(super) contacts: usize,
    /// Whether the first record of each page cannot be passed on.
    pub(super) drops_one: bool,
}

impl Double {
    pub(super) fn warm() -> Self {
        Self { warm: true, ..Self::default() }
    }

    pub(super) fn failing(problem: Problem) -> Self {
        Self { problem: Mutex::new(Some(problem)), ..Self::default() }
    }

    fn outcome<T>(&self, value: T) -> Result<T, Problem> {
        self.problem.lock().unwrap().clone().map_or(Ok(value), Err)
    }

    /// What is passed on of a page of so many records.
    fn listed(&self, given: usize) -> Vec<Contact> {
        (usize::from(self.drops_one)..given).map(|n| contact(&format!("c{n}"))).collect()
    }

    /// The value, if the contact is the one there is.
    fn known<T>(&self, location: &LocationId, contact: &ContactId, value: T) -> Result<T, Problem> {
        self.locations.lock().unwrap().push(location.clone());
        if contact.as_str() == super::CONTACT { self.outcome(value) } else { Err(no_contact()) }
    }
}

fn no_contact() -> Problem {
    Problem::new(ProblemKind::ContactNotFound, "GHL knows no such contact in this location.").with_upstream(
        "ghl",
        Some(400),
        "status",
    )
}

fn reply<'a, T: Send + 'a>(outcome: Result<T, Problem>) -> Reply<'a, T> {
    Box::pin(ready(outcome))
}

pub(super) fn document() -> Arc<Rendered> {
    document_of(400)
}

fn document_of(words: usize) -> Arc<Rendered> {
    let notes = "word ".repeat(words);
    let body = json!({"id": super::CONTACT, "locationId": super::LOCATION, "notes": [{"body": notes}]});
    Arc::new(Rendered {
        body: Bytes::from(body.to_string()),
        etag: Bytes::from_static(b"W/\"abc\""),
        last_modified: Bytes::from_static(b"Sun, 22 Nov 2026 08:00:00 GMT"),
        modified_at: "2026-11-22T08:00:00Z".parse().unwrap(),
        cache_control: Bytes::from_static(b"private, max-age=60, stale-while-revalidate=300, stale-if-error=86400"),
        encoded: [OnceLock::new(), OnceLock::new(), OnceLock::new()],
    })
}

fn served(cache: CacheResult) -> Served {
    let call =
        CallTiming { service: Service::Ghl, endpoint: "contact", outcome: "ok", took: Duration::from_millis(80) };
    let timings = if cache == CacheResult::Hit { Vec::new() } else { vec![call] };
    Served { document: document(), cache, age: Duration::from_secs(23), ttl_seconds: 37, timings }
}

fn contact(id: &str) -> Contact {
    Contact {
        id: ContactId::parse(id).unwrap(),
        location_id: None,
        kind: None,
        name: Some("Rosa Exemplar".into()),
        first_name: None,
        last_name: None,
        email: None,
        phone: None,
        additional_emails: Vec::new(),
        additional_phones: Vec::new(),
        company_name: None,
        business_id: None,
        address1: None,
        city: None,
        state: None,
        postal_code: None,
        country: None,
        timezone: None,
        website: None,
        date_of_birth: None,
        source: None,
        followers: Vec::new(),
        assigned_to: None,
        dnd: None,
        tags: Vec::new(),
        custom_fields: Vec::new(),
        attribution: Attribution::default(),
        date_added: None,
        date_updated: None,
        last_activity: None,
        extra: Map::new(),
    }
}

fn task(id: &TaskId) -> Task {
    let (title, extra) = (Some("Call back".into()), Map::new());
    Task {
        id: id.clone(),
        contact_id: None,
        title,
        body: None,
        assigned_to: None,
        due_date: None,
        completed: false,
        extra,
    }
}

fn intelligence(ip: IpAddr) -> Arc<IpIntelligence> {
    Arc::new(IpIntelligence {
        address: ip,
        origin: AddressOrigin::Request,
        version: 4,
        scope: Scope::Global,
        network: None,
        geo: Geo { country_code: Some("AU".into()), ..Geo::default() },
        asn: None,
        company: None,
        carrier: None,
        privacy: Privacy::default(),
        traits: Traits::default(),
        usable: true,
        unusable_because: Vec::new(),
        provider: Provider {
            backend: Backend::Embedded,
            plan: None,
            precision: Precision::Country,
            database_built_at: None,
            degraded: false,
        },
    })
}

impl Api for Double {
    fn warm_profile(&self, key: &ContactKey, _: Include) -> Option<Served> {
        assert!(!self.warm || key.contact.as_str() != PANICS, "as planned");
        if !self.warm || key.contact.as_str() != super::CONTACT {
            return None;
        }
        *self.warm_hits.lock().unwrap() += 1;
        let document = if self.large { document_of(14_000) } else { document() };
        Some(Served { document, ..served(CacheResult::Hit) })
    }

    fn profile(&self, request: ProfileRequest) -> Reply<'_, Served> {
        assert_ne!(request.key.contact.as_str(), PANICS, "as planned");
        let cache =
            if request.max_age.is_some() { CacheResult::Request } else { CacheResult::Miss { collapsed: false } };
        let outcome = self.known(&request.key.location, &request.key.contact, served(cache));
        self.requests.lock().unwrap().push(request);
        reply(outcome)
    }

    fn held_profile<'a>(&'a self, _: &'a ProfileRequest) -> Reply<'a, Option<Served>> {
        reply(Ok(None))
    }

    /// Nothing ever happens here: a stream ends with its first event.
    fn profile_changes(&self, _: &ContactKey) -> Subscription {
        Subscription::ended()
    }

    fn explain(&self, request: ProfileRequest) -> Reply<'_, Explanation> {
        // Only what is in memory has something to explain here.
        let explanation = self.warm.then(|| Explanation {
            id: request.key.contact.clone(),
            location_id: request.key.location.clone(),
            generated_at: "2026-11-22T08:00:00Z".parse().unwrap(),
            address: AddressExplanation { outcome: "missing", candidates: Vec::new() },
            webhooks: WebhookReport {
                standing: Standing::None,
                last_event_at: None,
                last_echo_at: None,
                echo_due_since: None,
                checked: 0,
                drifted: 0,
                drift_percent: None,
                shortened: false,
            },
            look_up: Vec::new(),
            sections: Vec::new(),
            insights: None,
        });
        self.requests.lock().unwrap().push(request);
        reply(explanation.ok_or_else(no_contact))
    }

    fn contact<'a>(&'a self, l: &'a LocationId, c: &'a ContactId, context: &'a CallContext) -> Reply<'a, Contact> {
        context.timings.record(served(CacheResult::Request).timings[0]);
        reply(self.known(l, c, contact(c.as_str())))
    }

    fn tasks<'a>(&'a self, l: &'a LocationId, c: &'a ContactId, _: &'a CallContext) -> Reply<'a, Vec<Task>> {
        reply(self.known(l, c, vec![task(&TaskId::parse("task-1").unwrap())]))
    }

    fn task<'a>(&'a self, l: &'a LocationId, c: &'a ContactId, id: &'a TaskId, _: &'a CallContext) -> Reply<'a, Task> {
        reply(self.known(l, c, task(id)))
    }

    fn notes<'a>(&'a self, l: &'a LocationId, c: &'a ContactId, _: &'a CallContext) -> Reply<'a, Vec<Note>> {
        reply(self.known(l, c, Vec::new()))
    }

    fn note<'a>(&'a self, l: &'a LocationId, c: &'a ContactId, _: &'a NoteId, _: &'a CallContext) -> Reply<'a, Note> {
        let missing = Problem::new(ProblemKind::NotFound, "GHL knows no such note.");
        reply(self.known(l, c, ()).and(Err(missing)))
    }

    fn appointments<'a>(
        &'a self,
        l: &'a LocationId,
        c: &'a ContactId,
        _: &'a CallContext,
    ) -> Reply<'a, Vec<Appointment>> {
        reply(self.known(l, c, Vec::new()))
    }

    fn search_contacts<'a>(
        &'a self,
        _: &'a LocationId,
        search: &'a ContactSearch,
        _: &'a CallContext,
    ) -> Reply<'a, ContactPage> {
        self.searches.lock().unwrap().push(search.clone());
        let done = search.search_after.as_ref().and_then(|after| after[0].as_u64()).unwrap_or(0);
        let left = self.contacts.saturating_sub(usize::try_from(done).unwrap());
        let (limit, total) = (search.limit as usize, Some(self.contacts as u64));
        let given = left.min(limit);
        let contacts: Vec<Contact> = self.listed(given);
        let last = contacts.last().filter(|_| given == limit);
        let search_after = last.map(|last| vec![json!(done + given as u64), json!(last.id)]);
        reply(self.outcome(ContactPage { contacts, given, total, search_after }))
    }

    fn business_contacts<'a>(
        &'a self,
        _: &'a LocationId,
        _: &'a BusinessId,
        window: Window,
        _: &'a CallContext,
    ) -> Reply<'a, ContactPage> {
        self.windows.lock().unwrap().push(window);
        let given = self.contacts.saturating_sub(window.skip as usize).min(window.limit as usize);
        let (contacts, total) = (self.listed(given), Some(self.contacts as u64));
        reply(self.outcome(ContactPage { contacts, given, total, search_after: None }))
    }

    fn look_up_ip<'a>(&'a self, ip: IpAddr, _: &'a CallContext) -> Reply<'a, Arc<IpIntelligence>> {
        reply(self.outcome(intelligence(ip)))
    }

    fn look_up_ips<'a>(&'a self, ips: &'a [IpAddr], _: &'a CallContext) -> Reply<'a, Vec<LookUp>> {
        self.looked_up.lock().unwrap().extend(ips);
        let one = |ip: &IpAddr| {
            let down = Problem::new(ProblemKind::UpstreamTimeout, "IPinfo did not answer in time.");
            if ip.is_ipv6() { Err(down) } else { Ok(intelligence(*ip)) }
        };
        reply(Ok(ips.iter().map(one).collect()))
    }

    fn attribution(&self) -> Vec<Credit> {
        vec![Credit { source: "IPinfo".into(), text: "Powered by IPinfo".into(), url: None, licence: None }]
    }

    fn components(&self) -> Vec<Component> {
        vec![Component {
            name: "ip.api".into(),
            state: ComponentState::Degraded,
            detail: Some("token rejected".into()),
        }]
    }

    fn flush_caches(&self) -> u64 {
        7
    }
}

impl PurgeApi for Double {
    fn purge(&self, scope: ErasureScope, _: Requester) -> Reply<'_, PurgeReceipt> {
        Box::pin(ready(Ok(PurgeReceipt {
            location_id: scope.location,
            contact_id: scope.contact,
            purged_at: "2026-11-22T08:00:00Z".parse().unwrap(),
            cache_entries: 1,
            operations: ErasedOperations { erased: 3, cancelled: 1, running: 0 },
            idempotency_keys: 2,
            audit_payloads: 0,
            webhook_bodies: 0,
            source_records: 0,
            task_ids: 0,
            tokens: 0,
        })))
    }
}
