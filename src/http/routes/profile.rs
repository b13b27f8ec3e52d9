//! One contact's profile, and how it came about.

use super::super::{
    caller::{Caller, ReadContact},
    params::{Asked, ContactPath, FromQuery, InPath, Pairs, parse_ip, parse_number},
    respond,
    warm::HandedOn,
};
use crate::{
    domain::{
        ids::{ContactId, LocationId},
        problem::Problem,
        profile::{Include, Profile, Section},
        rules::RuleOutcome,
    },
    profiles::{ContactKey, Explanation, ProfileRequest},
};
use actix_web::{HttpRequest, HttpResponse, get, http::header::CACHE_CONTROL};
use serde::Serialize;
use std::{net::IpAddr, time::Duration};
use utoipa::{IntoParams, ToSchema};

/// Longest `maxAge`: a year.
const MAX_MAX_AGE_SECONDS: u32 = 31_536_000;

/// What a caller asks of a profile.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ProfileQuery {
    /// Parts wanted, comma separated: `notes`, `tasks`, `appointments`, `ip`, `insights`. The contact is always there.
    #[param(value_type = Option<String>, example = "notes,tasks,ip,insights",
        pattern = "^ *(contact|notes|tasks|appointments|ip|insights)?( *, *(contact|notes|tasks|appointments|ip|insights)?)* *$")]
    pub(in crate::http) include: Include,
    /// Sections without which the answer is their problem, comma separated: `notes`, `tasks`, `appointments`, `ip`.
    #[param(value_type = Option<String>,
        pattern = "^ *(contact|notes|tasks|appointments|ip)?( *, *(contact|notes|tasks|appointments|ip)?)* *$")]
    require: Vec<Section>,
    /// Look this address up in place of the contact's own, e.g. `58.111.106.198`.
    #[param(value_type = Option<String>)]
    ip: Option<IpAddr>,
    /// The location (sub-account). Without it: the key's only location, else the configured one.
    #[param(rename = "locationId", value_type = Option<LocationId>)]
    pub(in crate::http) location_id: Option<LocationId>,
    /// Oldest data acceptable, seconds; 0 fetches anew, as `Cache-Control: no-cache` on the request does.
    #[param(rename = "maxAge", value_type = Option<u32>, minimum = 0, maximum = 31_536_000)]
    max_age: Option<Duration>,
}

impl FromQuery for ProfileQuery {
    fn from_query(query: &Pairs) -> Result<Self, Problem> {
        let max_age = query.get("maxAge", |text| parse_number(text, 0..=MAX_MAX_AGE_SECONDS))?;
        Ok(Self {
            include: query.get("include", Include::parse)?.unwrap_or(Include::DEFAULT),
            require: query.get("require", parse_require)?.unwrap_or_default(),
            ip: query.get("ip", parse_ip)?,
            location_id: query.location()?,
            max_age: max_age.map(|seconds| Duration::from_secs(seconds.into())),
        })
    }
}

/// Sections that must be there.
pub(super) fn parse_require(text: &str) -> Result<Vec<Section>, String> {
    let parts = Include::parse(text).map_err(|error| error.to_string())?;
    if parts.insights() {
        return Err("'insights' is no section; require the sections it is made of".to_owned());
    }
    Ok(parts.sections().filter(|section| *section != Section::Contact).collect())
}

impl ProfileQuery {
    /// Whether memory alone may answer this request.
    pub(in crate::http) fn plain_for(&self, request: &HttpRequest) -> bool {
        self.require.is_empty() && self.ip.is_none() && self.max_age.is_none() && !no_cache(request)
    }

    /// Whose profile is asked for, if the caller may see it. Looking up an address of one's choice is about no contact.
    fn key(&mut self, contact: ContactId, caller: &Caller<ReadContact>) -> Result<ContactKey, Problem> {
        if self.ip.is_some() {
            caller.require_unbound()?;
        }
        Ok(ContactKey { location: caller.location_of(&contact, self.location_id.take())?, contact })
    }

    fn into_request(self, key: ContactKey, request: &HttpRequest, caller: &Caller<ReadContact>) -> ProfileRequest {
        let context = caller.context(request);
        let required = self.require.iter().map(|section| section.as_str()).collect::<Vec<_>>().join(",");
        let include = Include::parse(&required).map_or(self.include, |required| self.include.and(required));
        ProfileRequest {
            key,
            include,
            require: self.require,
            ip: self.ip,
            max_age: self.max_age,
            deadline: context.deadline,
            traceparent: context.traceparent,
        }
    }
}

/// Whether the request forbids an answer out of memory.
fn no_cache(request: &HttpRequest) -> bool {
    request.headers().get_all(CACHE_CONTROL).any(|value| {
        let mut directives = value.as_bytes().split(|byte| *byte == b',');
        directives.any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-cache"))
    })
}

/// The combined profile of a contact
///
/// The contact with its notes, tasks and appointments, where its IP address is and who runs that network, and what
/// follows from them. Served from memory where it can be. The contact section decides the answer; any other section that
/// cannot be had is `null`, and `sections` says why.
#[utoipa::path(
    tag = "profiles",
    params(ContactPath, ProfileQuery),
    responses(
        (status = 200, description = "The profile", body = Profile<'static>,
            headers(
                ("ETag" = String, description = "Weak tag over the content without its timestamps"),
                ("Last-Modified" = String, description = "When this content was first seen"),
                ("Cache-Control" = String, description = "private, max-age, stale-while-revalidate, stale-if-error"),
                ("Age" = u64, description = "Seconds since the oldest part was fetched"),
                ("Cache-Status" = String, description = "RFC 9211: hit, fwd=miss, fwd=stale, collapsed, ttl"),
                ("Server-Timing" = String, description = "Each upstream call made for this answer"),
            ),
            links(
                ("explainProfile" = (operation_id = "explain_profile", parameters(("contactId" = "$response.body#/id")))),
                ("getContact" = (operation_id = "get_contact", parameters(("contactId" = "$response.body#/id")))),
            )),
        (status = 304, description = "The client has this content already (If-None-Match, If-Modified-Since)"),
    )
)]
#[get("/v1/contacts/{contactId}/profile")]
pub(super) async fn get_profile(
    request: HttpRequest,
    caller: Caller<ReadContact>,
    InPath(contact): InPath<ContactId>,
    Asked(mut asked): Asked<ProfileQuery>,
) -> Result<HttpResponse, Problem> {
    let key = asked.key(contact, &caller)?;
    if no_cache(&request) {
        asked.max_age = Some(Duration::ZERO);
    }
    let warm = HandedOn::of(&request)
        .or_else(|| asked.plain_for(&request).then(|| caller.api().warm_profile(&key, asked.include)).flatten());
    if let Some(warm) = warm {
        return respond::profile(&request, &warm).await;
    }
    let served = caller.api().profile(asked.into_request(key, &request, &caller)).await?;
    respond::profile(&request, &served).await
}

/// The explanation with what the rules make of the profile.
#[derive(Serialize, ToSchema)]
pub(super) struct Explained {
    #[serde(flatten)]
    profile: Explanation,
    /// Each rule and what it came to; nothing is written.
    rules: Vec<RuleOutcome>,
}

/// Why a profile looks as it does
///
/// Every address candidate and why it was taken or not, each backend tried with time and outcome, the cache state of each
/// section and what last touched it, and each rule with why it matched or not. Personal values are masked.
#[utoipa::path(
    tag = "profiles",
    params(ContactPath, ProfileQuery),
    responses((status = 200, description = "The explanation", body = Explained))
)]
#[get("/v1/contacts/{contactId}/explain")]
pub(super) async fn explain_profile(
    request: HttpRequest,
    caller: Caller<ReadContact>,
    InPath(contact): InPath<ContactId>,
    Asked(mut asked): Asked<ProfileQuery>,
) -> Result<HttpResponse, Problem> {
    let key = asked.key(contact, &caller)?;
    let asked = asked.into_request(key, &request, &caller);
    // What was just fetched for the explanation, the rules need not fetch anew.
    let again = ProfileRequest { max_age: None, ..asked.clone() };
    let profile = caller.api().explain(asked).await?;
    let rules = caller.writes().explain_rules(again).await?;
    respond::json(&request, &Explained { profile, rules }, &[]).await
}
