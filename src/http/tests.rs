//! The layer as a whole, over a scripted double of the service.

mod answers;
mod audit;
mod batches;
mod document;
mod double;
mod enrichment;
mod keys;
mod lists;
mod op_double;
mod operations;
mod permissions;
mod ports;
mod refusals;
mod source_double;
mod sources;
mod write_double;
mod write_refusals;
mod writes;

use super::{
    Lifecycle, Parts, Phase,
    connect_api::NoConnect,
    server::{admin_app, public_app},
    source_api::NoSources,
    state::State,
    write_api::NoWrites,
};
use crate::{
    clock::Clock,
    domain::{ids::LocationId, rules::RuleOutcome},
    settings::{ApiKey, Role, Settings, Sources, secret::sha256},
    telemetry::metrics::Metrics,
};
use actix_web::{
    body::{MessageBody as _, to_bytes},
    http::{Method, StatusCode, header::HeaderMap},
    test::{TestRequest, call_service, init_service},
    web::{Bytes, Data},
};
use double::Double;
use serde_json::Value;
use std::{collections::BTreeSet, future::ready, sync::Arc};

/// A contact that the double knows.
const CONTACT: &str = "seD4PfOuKoVMLkEZqohJ";
const LOCATION: &str = "sandboxLocation00001";

/// What one test serves with.
struct Setup {
    settings: Settings,
    api: Arc<Double>,
    writes: Arc<dyn super::write_api::WriteApi>,
    sources: Arc<dyn super::source_api::SourceApi>,
    lifecycle: Lifecycle,
    metrics: Metrics,
}

impl Setup {
    fn new() -> Self {
        let mut settings = Settings::load(Sources::default()).unwrap().settings;
        settings.ghl.location_id = Some(LocationId::parse(LOCATION).unwrap());
        let lifecycle = Lifecycle::new();
        lifecycle.set(Phase::Ready);
        let no_rules = |_| -> super::api::Reply<'static, Vec<RuleOutcome>> { Box::pin(ready(Ok(Vec::new()))) };
        let writes = Arc::new(NoWrites { quota: |_: &LocationId| None, explain: no_rules });
        let (api, sources) = (Arc::new(Double::default()), Arc::new(NoSources));
        Self { settings, api, writes, sources, lifecycle, metrics: Metrics::new() }
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// One more API key; its secret is its name.
    fn with_key(self, name: &str, roles: &[Role], locations: Option<&[&str]>) -> Self {
        let locations = locations.map(|ids| ids.iter().map(|id| LocationId::parse(id).unwrap()).collect());
        let roles: BTreeSet<Role> = roles.iter().copied().collect();
        let key = ApiKey { name: name.to_owned(), sha256: sha256(name), roles, locations };
        self.with(|settings| settings.auth.keys.push(key))
    }

    fn parts(&self) -> Parts {
        Parts {
            api: Arc::clone(&self.api) as Arc<dyn super::api::Api>,
            writes: Arc::clone(&self.writes),
            webhooks: Arc::new(super::webhook_api::NoWebhooks),
            sources: Arc::clone(&self.sources),
            connect: Arc::new(NoConnect { private: LocationId::parse(LOCATION).ok() }),
            purging: Arc::clone(&self.api) as Arc<dyn super::purge_api::PurgeApi>,
            lifecycle: self.lifecycle.clone(),
            metrics: self.metrics.clone(),
            clock: Clock::system(),
        }
    }

    fn state(&self) -> Data<State> {
        Data::new(State::new(&self.settings, self.parts()))
    }

    /// Asks the public port.
    async fn ask(&self, request: TestRequest) -> Answer {
        self.ask_with(&self.state(), request).await
    }

    /// The same with a state that outlives the request, as limits need.
    async fn ask_with(&self, state: &Data<State>, request: TestRequest) -> Answer {
        let app = init_service(public_app(state, &self.settings.http.cors_origins)).await;
        Answer::of(call_service(&app, request.to_request()).await).await
    }

    /// The body of an answer as it leaves, piece by piece.
    async fn pieces(&self, request: TestRequest) -> Vec<Bytes> {
        let app = init_service(public_app(&self.state(), &[])).await;
        let mut body = std::pin::pin!(call_service(&app, request.to_request()).await.into_body());
        let mut pieces = Vec::new();
        while let Some(piece) = std::future::poll_fn(|context| body.as_mut().poll_next(context)).await {
            pieces.push(piece.map_err(|_| "body").unwrap());
        }
        pieces
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(get().uri(path)).await
    }

    async fn post(&self, path: &str, body: &str) -> Answer {
        let request = post().uri(path).insert_header(("content-type", "application/json"));
        self.ask(request.set_payload(body.to_owned())).await
    }

    async fn admin(&self, request: TestRequest) -> Answer {
        let app = init_service(admin_app(&self.state())).await;
        Answer::of(call_service(&app, request.to_request()).await).await
    }
}

/// A request from a page on this machine.
fn request(method: Method) -> TestRequest {
    TestRequest::default().method(method).insert_header(("host", "localhost:8080"))
}

fn get() -> TestRequest {
    request(Method::GET)
}

fn post() -> TestRequest {
    request(Method::POST)
}

/// An answer, whole.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    async fn of<B: actix_web::body::MessageBody>(response: actix_web::dev::ServiceResponse<B>) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body()).await.map_err(|_| "body").unwrap();
        Self { status, headers, body }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// Asserts that this is a problem, whole and well formed, and gives its kind.
    fn problem(&self) -> String {
        let document = self.json();
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(document["status"], self.status.as_u16());
        assert_eq!(document["requestId"], self.header("x-request-id"));
        assert!(document["instance"].as_str().is_some_and(|path| path.starts_with('/')), "{document}");
        assert!(document["title"].is_string() && document["detail"].is_string(), "{document}");
        document["type"].as_str().unwrap().strip_prefix("/problems/").unwrap().to_owned()
    }

    /// The pointer of a problem's first error.
    fn pointer(&self) -> String {
        self.json()["errors"][0]["pointer"].as_str().unwrap_or_default().to_owned()
    }
}
