//! The seam between HTTP and the service: what the routes ask, and nothing of how it is answered.
//!
//! Handlers hold an `Arc<dyn Api>`; `app.rs` implements it for the real graph and the tests for a scripted double, so
//! this layer knows neither `ghl` nor `ipinfo`. Futures are boxed, which a warm profile must not pay for: it is asked for
//! by the synchronous [`Api::warm_profile`] first.

use crate::{
    domain::{
        appointment::Appointment,
        contact::Contact,
        ids::{BusinessId, ContactId, LocationId, NoteId, TaskId},
        ip::IpIntelligence,
        note::Note,
        problem::Problem,
        profile::Include,
        task::Task,
    },
    profiles::{ContactKey, Explanation, ProfileRequest, Served, Subscription},
    upstream::CallContext,
};
use serde::Serialize;
use serde_json::Value;
use std::{future::Future, net::IpAddr, pin::Pin, sync::Arc};
use utoipa::ToSchema;

/// A boxed answer.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, Problem>> + Send + 'a>>;

/// Everything the routes need. Dropping a returned future must leave nothing half-done.
pub trait Api: Send + Sync + 'static {
    /// A profile that can be served from memory at once, fresh or within its stale time; `None` sends the request down
    /// [`Api::profile`]. Must neither wait nor call anybody.
    fn warm_profile(&self, key: &ContactKey, include: Include) -> Option<Served>;

    /// A profile, fetched where memory does not hold it.
    fn profile(&self, request: ProfileRequest) -> Reply<'_, Served>;

    /// The profile as memory holds it, however old; `None` where something of it would have to be fetched.
    fn held_profile<'a>(&'a self, request: &'a ProfileRequest) -> Reply<'a, Option<Served>>;

    /// What happens to that contact from now on.
    fn profile_changes(&self, key: &ContactKey) -> Subscription;

    /// How that profile came about.
    fn explain(&self, request: ProfileRequest) -> Reply<'_, Explanation>;

    /// A contact as GHL has it now.
    fn contact<'a>(
        &'a self,
        location: &'a LocationId,
        contact: &'a ContactId,
        context: &'a CallContext,
    ) -> Reply<'a, Contact>;

    /// Its tasks.
    fn tasks<'a>(
        &'a self,
        location: &'a LocationId,
        contact: &'a ContactId,
        context: &'a CallContext,
    ) -> Reply<'a, Vec<Task>>;

    /// One task.
    fn task<'a>(
        &'a self,
        location: &'a LocationId,
        contact: &'a ContactId,
        task: &'a TaskId,
        context: &'a CallContext,
    ) -> Reply<'a, Task>;

    /// Its notes.
    fn notes<'a>(
        &'a self,
        location: &'a LocationId,
        contact: &'a ContactId,
        context: &'a CallContext,
    ) -> Reply<'a, Vec<Note>>;

    /// One note.
    fn note<'a>(
        &'a self,
        location: &'a LocationId,
        contact: &'a ContactId,
        note: &'a NoteId,
        context: &'a CallContext,
    ) -> Reply<'a, Note>;

    /// Its appointments.
    fn appointments<'a>(
        &'a self,
        location: &'a LocationId,
        contact: &'a ContactId,
        context: &'a CallContext,
    ) -> Reply<'a, Vec<Appointment>>;

    /// One page of a search, or of all contacts.
    fn search_contacts<'a>(
        &'a self,
        location: &'a LocationId,
        search: &'a ContactSearch,
        context: &'a CallContext,
    ) -> Reply<'a, ContactPage>;

    /// Contacts of a business, `skip` of them left out.
    fn business_contacts<'a>(
        &'a self,
        location: &'a LocationId,
        business: &'a BusinessId,
        window: Window,
        context: &'a CallContext,
    ) -> Reply<'a, ContactPage>;

    /// What is known of an address.
    fn look_up_ip<'a>(&'a self, ip: IpAddr, context: &'a CallContext) -> Reply<'a, Arc<IpIntelligence>>;

    /// The same for many: one result an address, in their order. Addresses are distinct.
    fn look_up_ips<'a>(&'a self, ips: &'a [IpAddr], context: &'a CallContext) -> Reply<'a, Vec<LookUp>>;

    /// Credits that the data's licences ask for.
    fn attribution(&self) -> Vec<Credit>;

    /// How the parts stand, for readiness detail. Must not call an upstream.
    fn components(&self) -> Vec<Component>;

    /// Empties the caches; says how many entries went.
    fn flush_caches(&self) -> u64;
}

/// One address's outcome.
pub type LookUp = Result<Arc<IpIntelligence>, Problem>;

/// A search, checked; `filters` keep GHL's own shape.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContactSearch {
    /// Free text, at most 75 characters.
    pub query: Option<String>,
    /// GHL's filters, all of which must hold.
    pub filters: Vec<Value>,
    /// GHL's sort keys, at most two: field and direction.
    pub sort: Vec<Value>,
    /// Page size.
    pub limit: u32,
    /// `searchAfter` of the last contact seen.
    pub search_after: Option<Vec<Value>>,
}

/// A part of a list that is addressed by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Page size.
    pub limit: u32,
    /// How many come before it.
    pub skip: u32,
}

/// One page of contacts.
#[derive(Debug, Clone, Default)]
pub struct ContactPage {
    /// The contacts.
    pub contacts: Vec<Contact>,
    /// How many records the upstream gave, those that could not be passed on included: pages are counted by them.
    pub given: usize,
    /// How many there are in all, where the upstream says so.
    pub total: Option<u64>,
    /// `searchAfter` of the last one, where more may follow it.
    pub search_after: Option<Vec<Value>>,
}

/// A credit that a data licence asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Credit {
    /// Whose data.
    #[schema(example = "IPinfo")]
    pub source: String,
    /// The text to show.
    #[schema(example = "IP address data is powered by IPinfo")]
    pub text: String,
    /// Where that text must point.
    #[schema(example = "https://ipinfo.io")]
    pub url: Option<String>,
    /// SPDX identifier of the licence, where it has one.
    #[schema(example = "CC-BY-SA-4.0")]
    pub licence: Option<String>,
}

/// How a part of the service stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Which part.
    pub name: String,
    /// How it stands.
    pub state: ComponentState,
    /// A sentence for an operator; never a secret.
    pub detail: Option<String>,
}

/// How a part stands. None of these makes the service unready: it serves what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ComponentState {
    /// Works.
    Ok,
    /// Works with less than configured.
    Degraded,
    /// Switched off by the settings.
    Off,
}
