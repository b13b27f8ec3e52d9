//! Refused requests for writes that are no operation of their own (the rules, a retry, a cancel) go into the audit log as
//! those of the routes that write do.

use super::super::{
    params::{FromQuery as _, LocationQuery, Pairs},
    state::State,
    writing::Refusal,
};
use crate::domain::{
    ids::{ContactId, OperationId},
    problem::{Problem, ProblemKind},
};
use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Data};
use futures_util::future::LocalBoxFuture;

/// What a route takes; where that is refused, the log says so.
pub(super) struct Noted<T>(pub(super) T);

impl<T: FromRequest + 'static> FromRequest for Noted<T> {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let taken = T::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let taken = taken.await.map_err(Into::into);
            taken.map(Self).inspect_err(|error: &actix_web::Error| {
                if let Some(problem) = error.as_error::<Problem>() {
                    log(&request, problem);
                }
            })
        })
    }
}

/// Logs that a request was refused, with what path and query say of it and nothing of its body. Who cannot be told, and who
/// asks too often, is counted and leaves the log alone.
pub(super) fn log(request: &HttpRequest, problem: &Problem) {
    let Some(state) = request.app_data::<Data<State>>() else { return };
    let key = state.keys.name(request.headers());
    // Nobody without a key lacks a role or a location: it is the `Host` that was refused, and with it the caller.
    let stranger =
        problem.kind == ProblemKind::Unauthenticated || problem.kind == ProblemKind::Forbidden && key.is_none();
    if stranger || problem.kind == ProblemKind::TooManyRequests {
        return;
    }
    let named = |name: &str| request.match_info().get(name);
    let query = Pairs::parse(request.query_string()).and_then(|pairs| LocationQuery::from_query(&pairs));
    let mut refusal = Refusal::of(request, key.as_deref(), None);
    // The log of a location says nothing of who may not see it.
    let location = query.ok().and_then(|query| query.location_id);
    refusal.location = location.filter(|location| state.keys.may_see(request.headers(), location));
    refusal.contact = named("contactId").and_then(|id| ContactId::parse(id).ok());
    refusal.operation = named("operationId").and_then(|id| OperationId::parse(id).ok());
    refusal.log(state, problem);
}
