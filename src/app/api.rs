//! What the routes ask, answered by the real parts.

use super::{AppParts, connecting, sources, webhooks, writes::Writing};
use crate::{
    domain::{
        appointment::Appointment,
        contact::Contact,
        ids::{BusinessId, ContactId, LocationId, NoteId, TaskId},
        ip::{AddressOrigin, IpIntelligence},
        note::Note,
        problem::Problem,
        profile::Include,
        task::Task,
    },
    ghl::{BusinessQuery, Direction, GhlError, Loaded, SearchAfter, SearchPage, SearchQuery, Sort},
    http::api::{Api, Component, ComponentState, ContactPage, ContactSearch, Credit, LookUp, Reply, Window},
    ipinfo::BackendStatus,
    liveness::{Standing, WebhookReport},
    profiles::{CacheResult, ContactKey, Explanation, ProfileRequest, Served, Subscription},
    sources::Feeds,
    telemetry::metrics::ProfileResult,
    upstream::CallContext,
    webhooks::Webhooks,
};
use std::{net::IpAddr, sync::Arc};

/// The parts, behind the routes.
#[derive(Debug, Clone)]
pub(super) struct Service {
    parts: AppParts,
    writing: Option<Writing>,
    webhooks: Option<Webhooks>,
    feeds: Option<Feeds>,
}

impl Service {
    pub(super) fn new(
        parts: &AppParts,
        writing: Option<&Writing>,
        webhooks: Option<&Webhooks>,
        feeds: Option<&Feeds>,
    ) -> Self {
        let (writing, webhooks, feeds) = (writing.cloned(), webhooks.cloned(), feeds.cloned());
        Self { parts: parts.clone(), writing, webhooks, feeds }
    }
}

/// The value of a GHL answer, or its problem.
fn value<T>(result: Result<Loaded<T>, GhlError>) -> Result<T, Problem> {
    result.map(|loaded| loaded.value).map_err(|error| error.to_problem())
}

impl Service {
    /// The same of what belongs to a contact. One of another location is as if there were none.
    async fn of_contact<T>(
        &self,
        location: &LocationId,
        result: Result<Loaded<T>, GhlError>,
        context: &CallContext,
    ) -> Result<T, Problem> {
        match result {
            Err(error) if error.wrong_location() && self.parts.ghl.is_let_in(location, context).await => {
                Err(GhlError::ContactNotFound.to_problem())
            }
            result => value(result),
        }
    }
}

fn page(result: Result<SearchPage, GhlError>) -> Result<ContactPage, Problem> {
    let page = result.map_err(|error| error.to_problem())?;
    let search_after = page.next.map(Vec::from);
    Ok(ContactPage { contacts: page.contacts, given: page.given, total: page.total, search_after })
}

fn search_query(search: &ContactSearch) -> Result<SearchQuery, Problem> {
    let after = search.search_after.clone().map(SearchAfter::try_from).transpose();
    Ok(SearchQuery {
        query: search.query.clone(),
        filters: search.filters.clone().into(),
        sort: search.sort.iter().map(sort_key).collect(),
        page_limit: search.limit,
        search_after: after.map_err(|_| Problem::parameter("cursor", "is not a cursor of this list"))?,
        page: None,
    })
}

/// A sort key the door has checked: `{field, direction: asc | desc}`.
fn sort_key(key: &serde_json::Value) -> Sort {
    let word = |name: &str| key.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    let direction = if word("direction") == "desc" { Direction::Descending } else { Direction::Ascending };
    Sort { field: word("field"), direction }
}

/// What the metrics call it.
const fn counted(cache: CacheResult) -> ProfileResult {
    match cache {
        CacheResult::Hit => ProfileResult::Hit,
        CacheResult::Stale => ProfileResult::Stale,
        CacheResult::Miss { collapsed: true } | CacheResult::Revalidated { collapsed: true } => {
            ProfileResult::Collapsed
        }
        CacheResult::Miss { collapsed: false } => ProfileResult::Miss,
        CacheResult::Revalidated { collapsed: false } => ProfileResult::Revalidated,
        CacheResult::Request => ProfileResult::Request,
    }
}

/// How a backend of IP intelligence stands, as readiness shows it.
fn component(status: BackendStatus) -> Component {
    let state = match (status.configured, status.circuit_open || status.last_error.is_some()) {
        (false, _) => ComponentState::Off,
        (true, true) => ComponentState::Degraded,
        (true, false) => ComponentState::Ok,
    };
    let database = status.database_type.map(|kind| match status.database_built_at {
        Some(built_at) => format!("{kind}, built {built_at}"),
        None => kind,
    });
    Component { name: format!("ip.{}", status.backend.as_str()), state, detail: status.last_error.or(database) }
}

/// How far webhooks are relied upon, as readiness shows it.
fn trust(all: &[(LocationId, WebhookReport)]) -> Component {
    let count = |holds: &dyn Fn(&WebhookReport) -> bool| all.iter().filter(|(_, report)| holds(report)).count();
    let silent = count(&|report| report.standing == Standing::Silent);
    let (shortened, heard) = (count(&|report| report.shortened), count(&|report| report.last_event_at.is_some()));
    let (state, detail) = match (heard, silent + shortened) {
        (0, _) => (ComponentState::Off, None),
        (_, 0) => (ComponentState::Ok, None),
        _ => {
            let detail = format!(
                "of {heard} locations with webhooks {silent} are silent, and {shortened} differ from GHL too often"
            );
            (ComponentState::Degraded, Some(detail))
        }
    };
    Component { name: "drift".to_owned(), state, detail }
}

impl Api for Service {
    fn warm_profile(&self, key: &ContactKey, include: Include) -> Option<Served> {
        let served = self.parts.profiles.warm(key, include)?;
        self.parts.metrics.profile_result(counted(served.cache));
        Some(served)
    }

    fn profile(&self, request: ProfileRequest) -> Reply<'_, Served> {
        Box::pin(async move {
            let served = self.parts.profiles.get(&request).await?;
            self.parts.metrics.profile_result(counted(served.cache));
            Ok(served)
        })
    }

    fn held_profile<'a>(&'a self, request: &'a ProfileRequest) -> Reply<'a, Option<Served>> {
        Box::pin(self.parts.profiles.peek(request))
    }

    fn profile_changes(&self, key: &ContactKey) -> Subscription {
        self.parts.profiles.subscribe(key)
    }

    fn explain(&self, request: ProfileRequest) -> Reply<'_, Explanation> {
        Box::pin(async move { self.parts.profiles.explain(&request).await })
    }

    fn contact<'a>(
        &'a self,
        location: &'a LocationId,
        contact: &'a ContactId,
        context: &'a CallContext,
    ) -> Reply<'a, Contact> {
        Box::pin(async {
            self.of_contact(location, self.parts.ghl.contact(location, contact, context).await, context).await
        })
    }

    fn tasks<'a>(
        &'a self,
        location: &'a LocationId,
        contact: &'a ContactId,
        context: &'a CallContext,
    ) -> Reply<'a, Vec<Task>> {
        Box::pin(async {
            self.of_contact(location, self.parts.ghl.tasks(location, contact, context).await, context).await
        })
    }

    fn task<'a>(
        &'a self,
        location: &'a LocationId,
        contact: &'a ContactId,
        task: &'a TaskId,
        context: &'a CallContext,
    ) -> Reply<'a, Task> {
        Box::pin(async {
            self.of_contact(location, self.parts.ghl.task(location, contact, task, context).await, context).await
        })
    }

    fn notes<'a>(
        &'a self,
        location: &'a LocationId,
        contact: &'a ContactId,
        context: &'a CallContext,
    ) -> Reply<'a, Vec<Note>> {
        Box::pin(async {
            self.of_contact(location, self.parts.ghl.notes(location, contact, context).await, context).await
        })
    }

    fn note<'a>(
        &'a self,
        location: &'a LocationId,
        contact: &'a ContactId,
        note: &'a NoteId,
        context: &'a CallContext,
    ) -> Reply<'a, Note> {
        Box::pin(async {
            self.of_contact(location, self.parts.ghl.note(location, contact, note, context).await, context).await
        })
    }

    fn appointments<'a>(
        &'a self,
        location: &'a LocationId,
        contact: &'a ContactId,
        context: &'a CallContext,
    ) -> Reply<'a, Vec<Appointment>> {
        Box::pin(async {
            self.of_contact(location, self.parts.ghl.appointments(location, contact, context).await, context).await
        })
    }

    fn search_contacts<'a>(
        &'a self,
        location: &'a LocationId,
        search: &'a ContactSearch,
        context: &'a CallContext,
    ) -> Reply<'a, ContactPage> {
        Box::pin(async { page(self.parts.ghl.search(location, search_query(search)?, context).await) })
    }

    fn business_contacts<'a>(
        &'a self,
        location: &'a LocationId,
        business: &'a BusinessId,
        window: Window,
        context: &'a CallContext,
    ) -> Reply<'a, ContactPage> {
        Box::pin(async move {
            let query = BusinessQuery { limit: Some(window.limit), skip: Some(window.skip), query: None };
            page(self.parts.ghl.business_contacts(location, business, query, context).await)
        })
    }

    fn look_up_ip<'a>(&'a self, ip: IpAddr, context: &'a CallContext) -> Reply<'a, Arc<IpIntelligence>> {
        Box::pin(async move {
            let looked = self.parts.ip.look_up(ip, AddressOrigin::Request, context).await;
            looked.map(|looked| looked.intelligence).map_err(|error| error.to_problem())
        })
    }

    fn look_up_ips<'a>(&'a self, ips: &'a [IpAddr], context: &'a CallContext) -> Reply<'a, Vec<LookUp>> {
        Box::pin(async move {
            let looked = self.parts.ip.look_up_many(ips, context).await;
            let one = |result: Result<crate::ipinfo::Looked, _>| match result {
                Ok(looked) => Ok(looked.intelligence),
                Err(error) => Err(crate::ipinfo::LookupError::to_problem(&error)),
            };
            Ok(looked.into_iter().map(one).collect())
        })
    }

    fn attribution(&self) -> Vec<Credit> {
        let credit = |credit: crate::ipinfo::Credit| Credit {
            source: credit.name.to_owned(),
            text: credit.text.to_owned(),
            url: Some(credit.url.to_owned()),
            licence: Some(credit.licence.to_owned()),
        };
        self.parts.ip.attribution().into_iter().map(credit).collect()
    }

    fn components(&self) -> Vec<Component> {
        let backends = self.parts.ip.status().into_iter().map(component);
        let connections = self.parts.connections.as_ref().map(connecting::component);
        let store = self.writing.as_ref().map(Writing::component);
        let events = self.webhooks.as_ref().map(webhooks::component);
        let feeds = self.feeds.as_ref().map(sources::component);
        let trust = trust(&self.parts.liveness.all(self.parts.clock.now()));
        backends.chain(store).chain(connections).chain(events).chain(feeds).chain([trust]).collect()
    }

    fn flush_caches(&self) -> u64 {
        let (entries, _) = self.parts.profiles.held();
        // First the answers that a profile fetched right after would be made of.
        let answers = self.parts.ip.flush();
        self.parts.profiles.flush();
        entries + answers
    }
}
