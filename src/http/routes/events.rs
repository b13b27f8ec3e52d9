//! What changes of a profile, as it changes.

use super::super::{
    caller::{Caller, ReadContact},
    lifecycle::Phase,
    live::{Feed, Opening},
    params::{Asked, ContactPath, FromQuery, InPath, Pairs},
};
use crate::{
    domain::{
        ids::{ContactId, LocationId},
        problem::{Problem, ProblemKind},
        profile::Include,
    },
    profiles::{ContactKey, ProfileRequest},
};
use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
};
use jiff::SignedDuration;
use tokio::time::Instant;
use utoipa::IntoParams;

/// What a caller asks of a stream.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// Parts wanted, as of the profile; its entity tags are those of the profile with the same parts.
    #[param(value_type = Option<String>,
        pattern = "^ *(contact|notes|tasks|appointments|ip|insights)?( *, *(contact|notes|tasks|appointments|ip|insights)?)* *$")]
    include: Include,
    /// The location (sub-account). Without it: the key's only location, else the configured one.
    #[param(rename = "locationId", value_type = Option<LocationId>)]
    location_id: Option<LocationId>,
}

impl FromQuery for EventsQuery {
    fn from_query(query: &Pairs) -> Result<Self, Problem> {
        Ok(Self {
            include: query.get("include", Include::parse)?.unwrap_or(Include::DEFAULT),
            location_id: query.location()?,
        })
    }
}

/// Changes of a profile
///
/// Server-sent events. `profile`: the profile changed; its data holds the new `etag`, which `sections` are not as they were
/// (`insights` among them), and `at`. The first one comes at once and names all sections, unless `Last-Event-ID` says that
/// the client has this content; fetch the profile then. `gone`: there is no such contact any more; the stream ends. A comment
/// comes now and then so that nobody takes the stream for dead. It ends after a while (`live.max_minutes`), with its token,
/// and when the service stops: connect again with `Last-Event-ID`.
#[utoipa::path(
    tag = "profiles",
    params(
        ContactPath, EventsQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "`id` of the last event received"),
    ),
    responses((status = 200, description = "Events, until the stream ends",
        content((String = "text/event-stream"))))
)]
#[get("/v1/contacts/{contactId}/profile/events")]
pub(super) async fn stream_profile_events(
    request: HttpRequest,
    caller: Caller<ReadContact>,
    InPath(contact): InPath<ContactId>,
    Asked(asked): Asked<EventsQuery>,
) -> Result<HttpResponse, Problem> {
    let key = ContactKey { location: caller.location_of(&contact, asked.location_id)?, contact };
    let state = caller.state();
    if state.lifecycle.phase() >= Phase::Draining {
        return Err(Problem::new(ProblemKind::ShuttingDown, "The service is stopping; another instance will answer."));
    }
    let permit = caller.admit_stream()?;
    let changes = caller.api().profile_changes(&key);
    let context = caller.context(&request);
    let wanted = ProfileRequest {
        key,
        include: asked.include,
        require: Vec::new(),
        ip: None,
        max_age: None,
        deadline: context.deadline,
        traceparent: None,
    };
    let first = ProfileRequest { traceparent: context.traceparent, ..wanted.clone() };
    let served = caller.api().profile(first).await?;
    let opening = Opening {
        api: caller.api().clone(),
        request: wanted,
        deadline: state.deadline,
        changes,
        heartbeat: state.live.heartbeat,
        ends: ends(&caller),
        draining: Box::pin(state.lifecycle.draining()),
        clock: state.clock.clone(),
        metrics: state.metrics.live().clone(),
        permit,
    };
    let known = request.headers().get("last-event-id").and_then(|id| id.to_str().ok());
    let feed = Feed::open(opening, &served, known).await?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        // nginx and its like would else gather what is meant to arrive at once.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(feed.events()))
}

/// When a stream of this caller ends by itself: no later than what lets him in.
fn ends(caller: &Caller<ReadContact>) -> Instant {
    let state = caller.state();
    let longest = state.live.max_time;
    let left = caller.expires_at().map(|at| at.duration_since(state.clock.now()).max(SignedDuration::ZERO));
    Instant::now() + left.map_or(longest, |left| longest.min(left.unsigned_abs()))
}
