//! The one middleware: request id, refusals that hold for every route, the final form of problems, counting, the log.
//!
//! A request's future is not boxed: the service within is actix's router (with CORS or without), whose futures are boxed
//! already and therefore `Unpin`, so no pin projection is needed either. A handler that panics is answered `internal`, counted
//! and logged; its worker lives on.

use super::{
    access_log::{self, Answered, Sampler},
    body,
    lifecycle::Phase,
    page, problem,
    request_id::{RequestIds, X_REQUEST_ID},
    route_table::Position,
    state::State,
};
use crate::domain::problem::{Problem, ProblemKind};
use actix_web::{
    Error, HttpResponse, ResponseError,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
    http::{
        ConnectionType, Method, Uri,
        header::{
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, HeaderMap, HeaderValue, X_CONTENT_TYPE_OPTIONS,
        },
    },
    web::Data,
};
use futures_util::future::LocalBoxFuture;
use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};
use tokio::time::Instant;

/// Most bytes of request line and headers; actix itself cuts off at 128 KiB, without a problem document.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Where GHL sends its webhooks.
const WEBHOOKS: &str = "/webhooks/ghl";

/// Wraps an app, and a middleware within: what `App::wrap` gives back is opaque, so that a second wrap could not know
/// the futures of the first to be `Unpin`.
pub(super) struct Observe<M> {
    state: Data<State>,
    within: M,
}

impl<M> Observe<M> {
    pub(super) fn new(state: Data<State>, within: M) -> Self {
        Self { state, within }
    }
}

impl<S, M, B> Transform<S, ServiceRequest> for Observe<M>
where
    M: Transform<S, ServiceRequest, Response = ServiceResponse<B>, Error = Error, InitError = ()>,
    M::Transform: Service<ServiceRequest, Future: Unpin>,
    M::Future: 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = Observer<M::Transform>;
    type InitError = ();
    type Future = LocalBoxFuture<'static, Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        let ids = RequestIds::new(self.state.clock.clone());
        let worker = Rc::new(Worker { state: self.state.clone(), ids, sampler: Sampler::default() });
        let within = self.within.new_transform(service);
        Box::pin(async move { Ok(Observer { service: within.await?, worker }) })
    }
}

/// What one worker keeps.
struct Worker {
    state: Data<State>,
    ids: RequestIds,
    sampler: Sampler,
}

/// A wrapped app.
pub(super) struct Observer<S> {
    service: S,
    worker: Rc<Worker>,
}

impl<S, B> Service<ServiceRequest> for Observer<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: Unpin,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Observed<S::Future>;

    actix_web::dev::forward_ready!(service);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let state = &self.worker.state;
        let started = Instant::now();
        // Kept for what a panic leaves of the request; the request itself must not be shared while it is routed.
        let uri = request.uri().clone();
        let request_id = self.worker.ids.of(request.headers());
        if request.method() == Method::HEAD {
            // Routed as GET; actix remembers to leave the body out.
            request.head_mut().method = Method::GET;
        } else if request.method() != Method::GET {
            // What changes something is logged with the id of its request, so the route must know it.
            request.headers_mut().insert(X_REQUEST_ID, request_id.clone());
        }
        let position = state.routes.find(request.method(), request.match_info().as_str());
        let run = match refusal(state, &request) {
            Some(problem) => Run::Refused(Some(request.error_response(problem))),
            // The warm path answers within the call.
            None => match catch_unwind(AssertUnwindSafe(|| self.service.call(request))) {
                Ok(future) => Run::Running(future),
                Err(_) => Run::Panicked,
            },
        };
        Observed { run, worker: Rc::clone(&self.worker), started, request_id, position, uri }
    }
}

/// What holds for every route, before any.
fn refusal(state: &State, request: &ServiceRequest) -> Option<Problem> {
    if head_bytes(request) > MAX_HEAD_BYTES {
        let detail = format!("Request line and headers exceed {MAX_HEAD_BYTES} bytes.");
        return Some(Problem::new(ProblemKind::InvalidParameter, detail));
    }
    if state.lifecycle.phase() == Phase::Stopping && !is_probe(request.path()) {
        // GHL has published policies under which it sends nothing again after a 5xx.
        let kind = if request.path() == WEBHOOKS { ProblemKind::TooManyRequests } else { ProblemKind::ShuttingDown };
        return Some(Problem::new(kind, "The service is stopping; another instance will answer."));
    }
    None
}

fn head_bytes(request: &ServiceRequest) -> usize {
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    request.path().len() + request.query_string().len() + headers.sum::<usize>()
}

/// An answer under way.
pub(super) struct Observed<F> {
    run: Run<F>,
    worker: Rc<Worker>,
    started: Instant,
    request_id: HeaderValue,
    position: Position,
    uri: Uri,
}

enum Run<F> {
    Running(F),
    Panicked,
    Refused(Option<ServiceResponse<BoxBody>>),
}

impl<F, B> Future for Observed<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>> + Unpin,
    B: MessageBody,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let outcome = match &mut this.run {
            Run::Refused(response) => {
                let Some(response) = response.take() else { return Poll::Pending };
                return Poll::Ready(Ok(this.refuse(response).map_into_right_body()));
            }
            Run::Panicked => return Poll::Ready(Err(this.panicked())),
            Run::Running(future) => catch_unwind(AssertUnwindSafe(|| Pin::new(future).poll(context))),
        };
        match outcome {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Ok(response))) => Poll::Ready(Ok(this.complete(response))),
            Ok(Poll::Ready(Err(error))) => Poll::Ready(Err(error)),
            Err(_) => Poll::Ready(Err(this.panicked())),
        }
    }
}

impl<F> Observed<F> {
    /// Any answer: problems get their final form, everything is counted and perhaps logged.
    fn complete<B: MessageBody>(&self, response: ServiceResponse<B>) -> ServiceResponse<EitherBody<B>> {
        if response.status().as_u16() >= 400
            && !(response.response().error().is_none() && is_probe(response.request().path()))
            && !page::is_one(&response)
        {
            return self.refuse(response).map_into_right_body();
        }
        self.close(response, None).map_into_left_body()
    }

    fn refuse<B: MessageBody>(&self, response: ServiceResponse<B>) -> ServiceResponse<BoxBody> {
        let problem = problem::of_response(&response);
        let response = body::ending(problem::finish(response, &problem, &self.request_id));
        self.close(response, Some(&problem))
    }

    fn close<B>(&self, mut response: ServiceResponse<B>, problem: Option<&Problem>) -> ServiceResponse<B> {
        let worker = &*self.worker;
        let took = self.started.elapsed();
        stamp(response.headers_mut(), &self.request_id);
        if worker.state.lifecycle.phase() >= Phase::Draining {
            response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
        worker.state.routes.count(self.position, response.status().as_u16(), took.as_secs_f64());
        let answered = Answered { position: self.position, request_id: &self.request_id, took, problem };
        access_log::write(&worker.state, &worker.sampler, &response, &answered);
        response
    }

    /// The request went down with the handler, so there is no response to complete; actix turns this into the answer.
    fn panicked(&self) -> Error {
        let state = &self.worker.state;
        state.routes.count(self.position, 500, self.started.elapsed().as_secs_f64());
        tracing::error!(
            http.route = state.routes.pattern(self.position),
            request.id = self.request_id.to_str().unwrap_or_default(),
            "a handler panicked"
        );
        let (path, request_id) = (self.uri.path().to_owned(), self.request_id.clone());
        Panicked { path, request_id, last: state.lifecycle.phase() >= Phase::Draining }.into()
    }
}

/// What is known of a request whose handler panicked.
#[derive(Debug)]
struct Panicked {
    path: String,
    request_id: HeaderValue,
    /// Whether its connection ends with it.
    last: bool,
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a handler panicked")
    }
}

impl ResponseError for Panicked {
    fn error_response(&self) -> HttpResponse {
        let mut response = problem::standing_alone(&problem::internal(), &self.path, &self.request_id);
        stamp(response.headers_mut(), &self.request_id);
        if self.last {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        response
    }
}

/// Probes answer in every phase, and say 503 with a body of their own.
fn is_probe(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz" | "/startupz")
}

fn stamp(headers: &mut HeaderMap, request_id: &HeaderValue) {
    headers.insert(X_REQUEST_ID, request_id.clone());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // actix-cors lists what may be read even to those who may read nothing.
    if headers.contains_key(ACCESS_CONTROL_EXPOSE_HEADERS) && !headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        headers.remove(ACCESS_CONTROL_EXPOSE_HEADERS);
    }
}
