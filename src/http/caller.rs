//! Who calls, and what they may do. A handler names the permission it needs in its signature, as [`Caller<Read>`]; the
//! caller is its only way to the service, so a route without a permission cannot reach anything. A token that is bound to
//! contacts is admitted by [`Caller<ReadContact>`] alone, which gives no location without a contact to check.

use super::{
    api::Api,
    connect_api::ConnectApi,
    host,
    keys::Identity,
    live::Permit,
    purge_api::PurgeApi,
    request_id,
    source_api::SourceApi,
    state::State,
    tokens::{Minted, Wanted},
    webhook_api::WebhookApi,
    write_api::WriteApi,
};
use crate::{
    domain::{
        ids::{ContactId, LocationId},
        operation::Requester,
        problem::{Problem, ProblemKind},
    },
    settings::Role,
    upstream::{CallContext, Lane},
};
use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::HeaderMap, web::Data};
use jiff::Timestamp;
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
    /// Whether who may see some contacts only is admitted.
    const OF_CONTACT: bool = false;
}

/// A permission that reaches all of a location.
pub trait WholeLocation: Permission {}

impl WholeLocation for Read {}
impl WholeLocation for Write {}
impl WholeLocation for Admin {}

/// Reading.
#[derive(Debug)]
pub struct Read;

/// Reading what belongs to one contact.
#[derive(Debug)]
pub struct ReadContact;

/// Writing.
#[derive(Debug)]
pub struct Write;

/// Administration.
#[derive(Debug)]
pub struct Admin;

impl Permission for Read {
    const ROLE: Role = Role::Read;
}

impl Permission for ReadContact {
    const ROLE: Role = Role::Read;
    const OF_CONTACT: bool = true;
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
    identity: Identity,
    permission: PhantomData<P>,
}

impl<P> fmt::Debug for Caller<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("identity", &self.identity).finish_non_exhaustive()
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

    /// The part that forgets.
    #[must_use]
    pub fn purging(&self) -> &Arc<dyn PurgeApi> {
        &self.state.purging
    }

    /// GHL's webhooks.
    #[must_use]
    pub fn webhooks(&self) -> &Arc<dyn WebhookApi> {
        &self.state.webhooks
    }

    /// What outside systems push.
    #[must_use]
    pub fn sources(&self) -> &Arc<dyn SourceApi> {
        &self.state.sources
    }

    /// The part of the service that connects locations.
    #[must_use]
    pub fn connect(&self) -> &Arc<dyn ConnectApi> {
        &self.state.connect
    }

    /// Counts this request against the caller's rate.
    ///
    /// # Errors
    /// `too-many-requests`.
    pub(super) fn admit(&self) -> Result<(), Problem> {
        self.state.limits.admit(self.identity.key())
    }

    /// A place for one more stream, until the permit is dropped.
    ///
    /// # Errors
    /// `too-many-requests`.
    pub(super) fn admit_stream(&self) -> Result<Permit, Problem> {
        self.state.streams.admit(self.identity.key())
    }

    /// When what lets the caller in ends; a key does not.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        self.identity.expires_at()
    }

    /// Bounds and settings of this layer.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    fn locate(&self, named: Option<LocationId>) -> Result<LocationId, Problem> {
        let allowed = self.state.keys.locations(&self.identity);
        let fallback = self.state.default_location.as_ref();
        match (named, allowed) {
            (Some(named), None) => Ok(named),
            (Some(named), Some(allowed)) if allowed.contains(&named) => Ok(named),
            (Some(_), Some(_)) => Err(self.refusal("may not see that location.")),
            (None, Some(allowed)) if allowed.len() == 1 => allowed.first().cloned().ok_or_else(location_missing),
            (None, Some(allowed)) => fallback.filter(|id| allowed.contains(*id)).cloned().ok_or_else(location_missing),
            (None, None) => fallback.cloned().ok_or_else(location_missing),
        }
    }

    fn refusal(&self, what: &str) -> Problem {
        forbidden(&self.identity, what)
    }

    /// Who asks, for the log of writes.
    pub(super) fn requester(&self, request: &HttpRequest) -> Requester {
        Requester { key: self.key_name().map(str::to_owned), request_id: request_id::given(request.headers()) }
    }

    /// The name of the caller's key; none is anonymous.
    pub(super) fn key_name(&self) -> Option<&str> {
        self.state.keys.name_of(&self.identity)
    }

    /// Whether the caller may read, besides.
    pub(super) fn also_reads(&self) -> bool {
        self.state.keys.may(&self.identity, Role::Read)
    }

    /// What this request's upstream calls bring along.
    pub(super) fn context(&self, request: &HttpRequest) -> CallContext {
        let mut context = CallContext::new(Lane::Interactive, self.state.deadline);
        context.traceparent = traceparent(request.headers());
        context
    }
}

impl<P: WholeLocation> Caller<P> {
    /// The locations the caller may see; `None` is all.
    #[must_use]
    pub fn allowed_locations(&self) -> Option<Vec<LocationId>> {
        let allowed = self.state.keys.locations(&self.identity)?;
        Some(allowed.iter().cloned().collect())
    }

    /// The location a request is about: the one it names, else the key's only one, else the configured one.
    ///
    /// # Errors
    /// `forbidden` for one the caller may not see, `invalid-parameter` where none can be told.
    pub fn location(&self, named: Option<LocationId>) -> Result<LocationId, Problem> {
        self.locate(named)
    }
}

impl Caller<ReadContact> {
    /// The location of the contact that a request is about.
    ///
    /// # Errors
    /// As of [`Caller::location`]; `forbidden` for a contact that the caller may not see, be there one or not.
    pub fn location_of(&self, contact: &ContactId, named: Option<LocationId>) -> Result<LocationId, Problem> {
        let location = self.locate(named)?;
        match self.identity.contacts() {
            Some(allowed) if !allowed.contains(contact) => Err(self.refusal("may not see that contact.")),
            Some(_) | None => Ok(location),
        }
    }

    /// Whether the caller may see more than some contacts.
    ///
    /// # Errors
    /// `forbidden`.
    pub(super) fn require_unbound(&self) -> Result<(), Problem> {
        require_unbound(&self.identity)
    }
}

impl Caller<Admin> {
    /// A token that this caller makes.
    ///
    /// # Errors
    /// `internal` where there is nothing to sign with.
    pub(super) fn mint(&self, wanted: Wanted) -> Result<Minted, Problem> {
        self.state.keys.mint(&self.identity, wanted)
    }
}

fn require_unbound(identity: &Identity) -> Result<(), Problem> {
    match identity.contacts() {
        None => Ok(()),
        Some(_) => Err(forbidden(identity, "may see some contacts only, and this is not about one of them.")),
    }
}

fn forbidden(identity: &Identity, what: &str) -> Problem {
    let who = match identity {
        Identity::Token(_) => "token",
        Identity::Anonymous | Identity::Key(_) => "key",
    };
    Problem::new(ProblemKind::Forbidden, format!("This {who} {what}"))
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

impl<P: WholeLocation> Caller<P> {
    /// Who calls, counted against their rate: for a route that admits others besides.
    ///
    /// # Errors
    /// `unauthenticated`, `forbidden`, `too-many-requests`.
    pub(super) fn admitted(request: &HttpRequest) -> Result<Self, Problem> {
        Self::recognise(request).and_then(|caller| caller.admit().map(|()| caller))
    }
}

impl<P: Permission> Caller<P> {
    /// Who calls, without counting the request against a rate.
    pub(super) fn recognise(request: &HttpRequest) -> Result<Self, Problem> {
        let (state, identity) = recognise(request, P::ROLE)?;
        if !P::OF_CONTACT {
            require_unbound(&identity)?;
        }
        Ok(Self { state, identity, permission: PhantomData })
    }
}

fn recognise(request: &HttpRequest, role: Role) -> Result<(Data<State>, Identity), Problem> {
    let state = request.app_data::<Data<State>>().ok_or_else(super::problem::internal)?;
    let identity = state.keys.identify(request.headers())?;
    if identity == Identity::Anonymous && !state.allow_anonymous {
        host::require_known(request.headers(), &state.hosts)?;
    }
    if !state.keys.may(&identity, role) {
        return Err(forbidden(&identity, &format!("lacks the role '{}'.", role.as_str())));
    }
    Ok((state.clone(), identity))
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
