//! Who calls, and what they may do. A handler names the permission it needs in its signature, as [`Caller<Read>`]; the
//! caller is its only way to the service, so a route without a permission cannot reach anything.

use super::{api::Api, host, request_id, state::State, write_api::WriteApi};
use crate::{
    domain::{
        ids::LocationId,
        operation::Requester,
        problem::{Problem, ProblemKind},
    },
    settings::Role,
    upstream::{CallContext, Lane},
};
use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::HeaderMap, web::Data};
use std::{
    fmt,
    future::{Ready, ready},
    marker::PhantomData,
    sync::Arc,
};

/// A permission, as a type.
pub trait Permission: 'static {
    /// The role that a key must carry.
    const ROLE: Role;
}

/// Reading.
#[derive(Debug)]
pub struct Read;

/// Writing.
#[derive(Debug)]
pub struct Write;

/// Administration.
#[derive(Debug)]
pub struct Admin;

impl Permission for Read {
    const ROLE: Role = Role::Read;
}

impl Permission for Write {
    const ROLE: Role = Role::Write;
}

impl Permission for Admin {
    const ROLE: Role = Role::Admin;
}

/// A caller who holds the permission `P`.
pub struct Caller<P> {
    state: Data<State>,
    /// Position among the configured keys; `None` is anonymous.
    key: Option<usize>,
    permission: PhantomData<P>,
}

impl<P> fmt::Debug for Caller<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("key", &self.key).finish_non_exhaustive()
    }
}

impl<P> Caller<P> {
    /// The service.
    #[must_use]
    pub fn api(&self) -> &Arc<dyn Api> {
        &self.state.api
    }

    /// The half of the service that writes.
    #[must_use]
    pub fn writes(&self) -> &Arc<dyn WriteApi> {
        &self.state.writes
    }

    /// The locations the caller may see; `None` is all.
    #[must_use]
    pub fn allowed_locations(&self) -> Option<Vec<LocationId>> {
        let allowed = self.key.and_then(|key| self.state.keys.locations(key))?;
        Some(allowed.iter().cloned().collect())
    }

    /// Counts this request against the caller's rate.
    ///
    /// # Errors
    /// `too-many-requests`.
    pub(super) fn admit(&self) -> Result<(), Problem> {
        self.state.limits.admit(self.key)
    }

    /// Bounds and settings of this layer.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// The location a request is about: the one it names, else the key's only one, else the configured one.
    ///
    /// # Errors
    /// `forbidden` for one the key may not see, `invalid-parameter` where none can be told.
    pub fn location(&self, named: Option<LocationId>) -> Result<LocationId, Problem> {
        let allowed = self.key.and_then(|key| self.state.keys.locations(key));
        let fallback = self.state.default_location.as_ref();
        match (named, allowed) {
            (Some(named), None) => Ok(named),
            (Some(named), Some(allowed)) if allowed.contains(&named) => Ok(named),
            (Some(_), Some(_)) => Err(Problem::new(ProblemKind::Forbidden, "This key may not see that location.")),
            (None, Some(allowed)) if allowed.len() == 1 => allowed.first().cloned().ok_or_else(location_missing),
            (None, Some(allowed)) => fallback.filter(|id| allowed.contains(*id)).cloned().ok_or_else(location_missing),
            (None, None) => fallback.cloned().ok_or_else(location_missing),
        }
    }

    /// Who asks, for the log of writes.
    pub(super) fn requester(&self, request: &HttpRequest) -> Requester {
        Requester { key: self.key_name().map(str::to_owned), request_id: request_id::given(request.headers()) }
    }

    /// The name of the caller's key; none is anonymous.
    pub(super) fn key_name(&self) -> Option<&str> {
        self.key.and_then(|key| self.state.keys.name_at(key))
    }

    /// What this request's upstream calls bring along.
    pub(super) fn context(&self, request: &HttpRequest) -> CallContext {
        let mut context = CallContext::new(Lane::Interactive, self.state.deadline);
        context.traceparent = traceparent(request.headers());
        context
    }
}

fn location_missing() -> Problem {
    Problem::parameter("locationId", "name the location: neither the key nor the settings single one out")
}

impl<P: Permission> FromRequest for Caller<P> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::recognise(request).and_then(|caller| caller.admit().map(|()| caller)))
    }
}

impl<P: Permission> Caller<P> {
    /// Who calls, without counting the request against a rate.
    pub(super) fn recognise(request: &HttpRequest) -> Result<Self, Problem> {
        recognise(request, P::ROLE).map(|(state, key)| Self { state, key, permission: PhantomData })
    }
}

fn recognise(request: &HttpRequest, role: Role) -> Result<(Data<State>, Option<usize>), Problem> {
    let state = request.app_data::<Data<State>>().ok_or_else(super::problem::internal)?;
    let key = state.keys.identify(request.headers())?;
    if key.is_none() && !state.allow_anonymous {
        host::require_known(request.headers(), &state.hosts)?;
    }
    if let Some(key) = key
        && !state.keys.may(key, role)
    {
        return Err(Problem::new(ProblemKind::Forbidden, format!("This key lacks the role '{}'.", role.as_str())));
    }
    Ok((state.clone(), key))
}

/// A well-formed W3C `traceparent`; anything else is as if it were not there.
pub(super) fn traceparent(headers: &HeaderMap) -> Option<Arc<str>> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    let formed = version == "00" && hex(trace, 32) && hex(parent, 16) && hex(flags, 2) && parts.next().is_none();
    (formed && !zero(trace) && !zero(parent)).then(|| Arc::from(text))
}
