//! What all routes that write have in common: from a request to an operation in the store, and from its outcome to a
//! response.
//!
//! A route names its change as a type ([`Change`]) and takes a [`Wanted`] of it: caller, location, body, idempotency key
//! and preference, all checked, so that what is refused is refused, and logged, before anything is stored. From
//! [`Wanted::carry_out`] on the write belongs to the store: a client that hangs up cancels nothing.

mod answer;
mod bodies;
pub(super) mod document;
mod idempotency;
mod prefer;

pub(super) use answer::{IDEMPOTENCY_REPLAYED, OPERATION_ID};
pub(super) use bodies::{
    Completion, ContactChange, ContactTags, ContactUpsert, Deleted, NewContact, NewNote, NewTask, NoteChange, TagList,
    TaskChange, Upserted,
};
pub(super) use idempotency::idempotency;

use super::{
    body::JsonBody,
    caller::{self, Caller},
    params::{FromQuery as _, LocationQuery, Pairs, in_path},
    request_id, respond,
    state::State,
};
use crate::domain::{
    ids::{ContactId, LocationId, OperationId},
    operation::{AuditEntry, AuditEvent, Operation, Submission, Submitted},
    problem::{FieldError, Problem, ProblemKind},
    write::{Write, WriteKind},
};
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, web::Data};
use futures_util::future::LocalBoxFuture;
use prefer::Preference;
use serde_json::Value;
use std::{marker::PhantomData, time::Duration};
use tokio::time::{Instant, timeout_at};

/// Time that the service has beyond the wait to say how an operation stands. What it said when the operation was accepted
/// is told otherwise.
const SAY: Duration = Duration::from_millis(500);

/// One kind of change, as the route of it takes it.
pub(super) trait Change: 'static {
    /// Which.
    const KIND: WriteKind;
    /// Whether a body comes with it; where none does, one that comes is not read.
    const BODY: bool = true;

    /// The write that the request asks for; `body` is `null` where there is none.
    ///
    /// # Errors
    /// What is wrong with path or body.
    fn write(request: &HttpRequest, body: &Value) -> Result<Write, Problem>;
}

/// A change that a caller wants and may have.
pub(super) struct Wanted<C> {
    caller: Caller<caller::Write>,
    submission: Submission,
    preference: Preference,
    change: PhantomData<C>,
}

impl<C: Change> FromRequest for Wanted<C> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = C::BODY.then(|| JsonBody::<Value>::from_request(request, payload));
        let request = request.clone();
        Box::pin(async move {
            let caller = Caller::recognise(&request).inspect_err(|problem| log_stranger(&request, C::KIND, problem))?;
            caller.admit()?;
            let mut refusal = Refusal::of(&request, caller.key_name(), C::KIND);
            match Self::submission(&request, &caller, body, &mut refusal).await {
                Ok(submission) => {
                    let preference = Preference::of(request.headers());
                    Ok(Self { caller, submission, preference, change: PhantomData })
                }
                Err(problem) => {
                    refusal.log(caller.state(), &problem);
                    Err(problem)
                }
            }
        })
    }
}

impl<C: Change> Wanted<C> {
    /// Reads all of a request, in the order in which it is refused.
    async fn submission(
        request: &HttpRequest,
        caller: &Caller<caller::Write>,
        body: Option<impl Future<Output = Result<JsonBody<Value>, Problem>>>,
        refusal: &mut Refusal,
    ) -> Result<Submission, Problem> {
        let named = LocationQuery::from_query(&Pairs::parse(request.query_string())?)?.location_id;
        // Only where the caller may see it: the log of a location says nothing of who may not.
        let location = caller.location(named)?;
        refusal.location = Some(location.clone());
        if request.match_info().get("contactId").is_some() {
            refusal.contact = Some(in_path(request)?);
        }
        // A write must not be done and then fail to be told.
        respond::require_acceptable(request)?;
        let body = match body {
            Some(body) => body.await?.0,
            None => Value::Null,
        };
        let write = C::write(request, &body)?;
        let idempotency = idempotency(request, &location, caller.key_name(), &body)?;
        Ok(Submission { location, write, requester: caller.requester(request), idempotency })
    }

    /// Has the change stored, waits for its outcome as long as the caller wants to, and answers it.
    ///
    /// # Errors
    /// Why it was not stored; what became of it afterwards is a response.
    pub(super) async fn carry_out(self, request: &HttpRequest) -> Result<HttpResponse, Problem> {
        let Self { caller, submission, preference, .. } = self;
        let state = caller.state();
        let until = Instant::now() + preference.patience(state.write_wait, state.deadline);
        let mut refusal = Refusal::of(request, caller.key_name(), C::KIND);
        refusal.location = Some(submission.location.clone());
        refusal.contact = submission.write.contact().cloned();
        let submitted = state.writes.submit(submission).await;
        let Submitted { operation, replayed } = submitted.inspect_err(|problem| refusal.log(state, problem))?;
        let operation = outcome(state, operation, until).await;
        let applied = preference.applied(!operation.state.ended(), state.deadline);
        answer::of(request, &operation, replayed, applied).await
    }
}

/// The operation at its end, or as it stands at `until`.
async fn outcome(state: &State, accepted: Operation, until: Instant) -> Operation {
    if accepted.state.ended() || until <= Instant::now() {
        return accepted;
    }
    let waited = timeout_at(until + SAY, state.writes.wait(accepted.id.clone(), until)).await;
    // It is stored whatever comes of the wait, so what was known of it then is still the truth, if not the latest.
    waited.ok().and_then(Result::ok).unwrap_or(accepted)
}

/// The problem of a body that is not what the route takes.
pub(super) fn invalid(errors: Vec<FieldError>) -> Problem {
    let detail = "The body is JSON, but GHL would not take it. Nothing was sent to it.";
    Problem { errors, ..Problem::new(ProblemKind::ValidationFailed, detail) }
}

/// What is known of a request in case it is refused.
pub(super) struct Refusal {
    kind: Option<WriteKind>,
    key: Option<String>,
    request_id: String,
    pub(super) location: Option<LocationId>,
    pub(super) contact: Option<ContactId>,
    pub(super) operation: Option<OperationId>,
}

impl Refusal {
    /// Nothing is known yet but who asks, and for which change if it is a single one.
    pub(super) fn of(request: &HttpRequest, key: Option<&str>, kind: impl Into<Option<WriteKind>>) -> Self {
        let (kind, request_id) = (kind.into(), request_id::given(request.headers()));
        Self { kind, key: key.map(str::to_owned), request_id, location: None, contact: None, operation: None }
    }

    /// Nothing of the body: it may say anything of anybody.
    pub(super) fn log(self, state: &State, problem: &Problem) {
        state.writes.log_refusal(AuditEntry {
            seq: 0,
            at: state.clock.now(),
            event: AuditEvent::Refused,
            location_id: self.location,
            contact_id: self.contact,
            operation_id: self.operation,
            kind: self.kind,
            key: self.key,
            request_id: Some(self.request_id),
            attempt: None,
            outcome: problem.kind.slug().to_owned(),
            upstream_status: None,
            duration_ms: None,
            payload: None,
        });
    }
}

/// Logs that a known key may not write. A request without a key is nobody's: it is counted, and leaves the log alone.
fn log_stranger(request: &HttpRequest, kind: WriteKind, problem: &Problem) {
    let Some(state) = request.app_data::<Data<State>>() else { return };
    if let Some(key) = state.keys.name(request.headers()) {
        Refusal::of(request, Some(&key), kind).log(state, problem);
    }
}
