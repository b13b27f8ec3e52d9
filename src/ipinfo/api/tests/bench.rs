//! A scripted transport with the whole pipeline before it, and short words for what came of a look-up.

use crate::{
    clock::Clock,
    domain::ip::{AddressOrigin, Backend},
    ipinfo::{
        IpLookup, IpUpstreams, Looked, LookupError,
        tests::{context, ip, settings},
    },
    settings::{
        BackendChoice, IpinfoSettings,
        secret::{LiveSecret, Secret},
    },
    tasks::Tasks,
    telemetry::metrics::Metrics,
    upstream::{Answer, CallError, Method, Service, Transport, Upstream, WireRequest},
};
use futures_util::future::{BoxFuture, join_all};
use serde_json::{Value, json};
use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

/// A request as the transport saw it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) authorization: String,
    /// The addresses a batch asks for.
    pub(super) batch: Vec<String>,
}

type Respond = dyn Fn(&Seen) -> (u16, Value) + Send + Sync;

/// Answers by a script, after a delay.
struct Script {
    delay: Duration,
    seen: Mutex<Vec<Seen>>,
    respond: Box<Respond>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}

impl Transport for Script {
    fn send(&self, request: WireRequest) -> BoxFuture<'_, Result<Answer, CallError>> {
        let seen = Seen {
            method: request.method,
            path: request.segments.join("/"),
            authorization: request.headers.iter().map(|(_, value)| value.expose()).collect(),
            batch: request.body.map_or_else(Vec::new, |body| serde_json::from_slice(body.as_ref()).unwrap()),
        };
        self.seen.lock().unwrap().push(seen.clone());
        Box::pin(async move {
            tokio::time::sleep(self.delay).await;
            let (status, body) = (self.respond)(&seen);
            let headers = if status == 429 { vec![("retry-after".into(), "30".into())] } else { Vec::new() };
            Ok(Answer { status, headers, body: body.to_string().into() })
        })
    }
}

/// What `IPinfo` Lite knows of an address.
pub(super) fn lite(address: &str) -> Value {
    json!({"ip": address, "asn": "AS64496", "as_name": "Example", "country": "Australia", "country_code": "AU"})
}

/// Everything is known.
pub(super) fn knows_all(seen: &Seen) -> (u16, Value) {
    if seen.method == Method::Post {
        return (200, seen.batch.iter().map(|address| (address.clone(), lite(address))).collect());
    }
    (200, lite(seen.path.rsplit('/').next().unwrap()))
}

pub(super) struct Bench {
    pub(super) lookup: IpLookup,
    script: Arc<Script>,
    pub(super) clock: Clock,
}

pub(super) fn with_token() -> IpinfoSettings {
    IpinfoSettings { token: Some(LiveSecret::fixed(Secret::new("t0ken"))), ..settings() }
}

/// Nothing to fall back to.
pub(super) fn api_alone() -> IpinfoSettings {
    IpinfoSettings { backends: vec![BackendChoice::Api], ..with_token() }
}

impl Bench {
    pub(super) fn new(
        settings: &IpinfoSettings,
        respond: impl Fn(&Seen) -> (u16, Value) + Send + Sync + 'static,
    ) -> Self {
        let delay = Duration::from_millis(100);
        let script = Arc::new(Script { delay, seen: Mutex::default(), respond: Box::new(respond) });
        let metrics = Metrics::new();
        let clock = Clock::system();
        let upstream =
            |total| Upstream::new(Service::Ipinfo, Arc::clone(&script) as Arc<dyn Transport>, total, metrics.clone());
        let upstreams = IpUpstreams::new(upstream(settings.timeout), upstream(settings.batch_timeout));
        let lookup = IpLookup::new(settings, &[], upstreams, clock.clone(), Tasks::new(), metrics.clone()).unwrap();
        Self { lookup, script, clock }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.script.seen.lock().unwrap().clone()
    }

    pub(super) fn calls(&self) -> usize {
        self.seen().len()
    }

    pub(super) async fn look_up(&self, address: &str) -> Result<Looked, LookupError> {
        self.lookup.look_up(ip(address), AddressOrigin::Request, &context()).await
    }

    pub(super) async fn together(&self, addresses: &[&str]) -> Vec<Result<Looked, LookupError>> {
        join_all(addresses.iter().map(|address| self.look_up(address))).await
    }
}

pub(super) fn backend(looked: &Result<Looked, LookupError>) -> Backend {
    looked.as_ref().unwrap().intelligence.provider.backend
}

pub(super) fn degraded(looked: &Result<Looked, LookupError>) -> bool {
    looked.as_ref().unwrap().intelligence.provider.degraded
}

pub(super) fn code(looked: &Result<Looked, LookupError>) -> &'static str {
    looked.as_ref().unwrap_err().code()
}

pub(super) fn outcomes(looked: &Result<Looked, LookupError>) -> Vec<(&'static str, &'static str)> {
    looked.as_ref().unwrap().trail.iter().map(|one| (one.backend.as_str(), one.outcome.as_str())).collect()
}
