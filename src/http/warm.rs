//! The warm path, answered before actix routes it: its router runs a regular expression over the path, which costs more
//! than all that we do. Whatever is not plainly a warm profile goes on to the routes, and nothing is decided here that the
//! route would decide otherwise: the same caller, the same parsing, the same response.

use super::{
    caller::{Caller, ReadContact},
    params::{FromQuery as _, Pairs},
    respond,
    routes::ProfileQuery,
};
use crate::{
    domain::ids::ContactId,
    domain::problem::Problem,
    profiles::{ContactKey, Served},
};
use actix_web::{
    Error, HttpMessage as _, HttpRequest, HttpResponse,
    body::{BoxBody, EitherBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
    http::Method,
};
use futures_util::future::{Either, MapOk, Ready, TryFutureExt as _, ready};
use std::task::{Context, Poll};

/// Puts the warm path between a middleware and the service it wraps.
pub(super) struct WarmFirst<M>(pub(super) M);

impl<S, M, B> Transform<S, ServiceRequest> for WarmFirst<M>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    M: Transform<Warm<S>, ServiceRequest>,
{
    type Response = M::Response;
    type Error = M::Error;
    type Transform = M::Transform;
    type InitError = M::InitError;
    type Future = M::Future;

    fn new_transform(&self, service: S) -> Self::Future {
        self.0.new_transform(Warm(service))
    }
}

/// A service with the warm path before it.
pub(super) struct Warm<S>(S);

type EitherResponse<B> = ServiceResponse<EitherBody<B, BoxBody>>;
type Routed<F, B> = MapOk<F, fn(ServiceResponse<B>) -> EitherResponse<B>>;

impl<S, B> Service<ServiceRequest> for Warm<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = EitherResponse<B>;
    type Error = Error;
    type Future = Either<Ready<Result<EitherResponse<B>, Error>>, Routed<S::Future, B>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        match answer(request.request()) {
            Some(Ok(response)) => Either::Left(ready(Ok(request.into_response(response).map_into_right_body()))),
            Some(Err(problem)) => Either::Left(ready(Ok(request.error_response(problem).map_into_right_body()))),
            None => Either::Right(self.0.call(request).map_ok(ServiceResponse::map_into_left_body)),
        }
    }
}

/// A profile out of memory on its way to the route, which compresses it: asked for again, it would be counted twice.
pub(super) struct HandedOn(Served);

impl HandedOn {
    /// What the warm path left for the route of this request.
    pub(super) fn of(request: &HttpRequest) -> Option<Served> {
        request.extensions_mut().remove::<Self>().map(|handed| handed.0)
    }
}

/// The answer to a request for a profile that memory holds fresh. A request that is refused before memory is asked goes
/// to the route, which refuses it the same way; so does one whose answer is still to be compressed at length, together
/// with the profile.
fn answer(request: &HttpRequest) -> Option<Result<HttpResponse, Problem>> {
    let contact = contact(request)?;
    let asked = ProfileQuery::from_query(&Pairs::parse(request.query_string()).ok()?).ok()?;
    if !asked.plain_for(request) {
        return None;
    }
    let caller = Caller::<ReadContact>::recognise(request).ok()?;
    let key = ContactKey { location: caller.location_of(&contact, asked.location_id).ok()?, contact };
    let warm = caller.api().warm_profile(&key, asked.include)?;
    match respond::profile_at_once(request, &warm) {
        Some(answer) => Some(caller.admit().and(answer)),
        None => {
            request.extensions_mut().insert(HandedOn(warm));
            None
        }
    }
}

/// The contact whose profile is asked for, where the path is spelt plainly.
fn contact(request: &HttpRequest) -> Option<ContactId> {
    let id = request.path().strip_prefix("/v1/contacts/")?.strip_suffix("/profile")?;
    (request.method() == Method::GET).then(|| ContactId::parse(id).ok()).flatten()
}
