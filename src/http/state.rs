//! What every worker shares: the service behind its seam, keys, limits and bounds. Built once, outside the per-worker
//! closure, so that a limit is a limit of the process.

use super::{
    api::Api,
    connect_api::ConnectApi,
    keys::Keys,
    lifecycle::Lifecycle,
    limits::Limits,
    live::Streams,
    openapi::{self, Document},
    purge_api::PurgeApi,
    route_table::RouteTable,
    source_api::SourceApi,
    webhook_api::WebhookApi,
    write_api::WriteApi,
};
use crate::{
    clock::Clock,
    domain::ids::LocationId,
    settings::{AccessLog, LiveSettings, Settings},
    telemetry::metrics::Metrics,
};
use std::{fmt, sync::Arc, time::Duration};

/// What this layer is built from.
#[derive(Clone)]
pub struct Parts {
    /// The service.
    pub api: Arc<dyn Api>,
    /// Its half that writes.
    pub writes: Arc<dyn WriteApi>,
    /// GHL's webhooks.
    pub webhooks: Arc<dyn WebhookApi>,
    /// What outside systems push.
    pub sources: Arc<dyn SourceApi>,
    /// Its part that connects locations.
    pub connect: Arc<dyn ConnectApi>,
    /// Its part that forgets.
    pub purging: Arc<dyn PurgeApi>,
    /// Where the process stands.
    pub lifecycle: Lifecycle,
    /// Where requests are counted.
    pub metrics: Metrics,
    /// Wall time, for request ids.
    pub clock: Clock,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("lifecycle", &self.lifecycle).finish_non_exhaustive()
    }
}

/// Shared by all workers of both ports.
pub(super) struct State {
    pub(super) api: Arc<dyn Api>,
    pub(super) writes: Arc<dyn WriteApi>,
    pub(super) webhooks: Arc<dyn WebhookApi>,
    pub(super) max_webhook_bytes: usize,
    pub(super) sources: Arc<dyn SourceApi>,
    pub(super) connect: Arc<dyn ConnectApi>,
    pub(super) purging: Arc<dyn PurgeApi>,
    /// How long a request for a write waits for its outcome.
    pub(super) write_wait: Duration,
    pub(super) lifecycle: Lifecycle,
    pub(super) metrics: Metrics,
    pub(super) clock: Clock,
    pub(super) keys: Keys,
    pub(super) limits: Limits,
    pub(super) streams: Streams,
    pub(super) live: LiveSettings,
    /// Longest life of a token.
    pub(super) token_max: Duration,
    pub(super) allow_anonymous: bool,
    pub(super) hosts: Vec<String>,
    pub(super) default_location: Option<LocationId>,
    pub(super) deadline: Duration,
    pub(super) max_batch: usize,
    pub(super) max_body_bytes: usize,
    pub(super) access_log: AccessLog,
    pub(super) access_log_sample: u32,
    pub(super) slow: Duration,
    pub(super) routes: RouteTable,
    pub(super) document: Document,
}

impl State {
    pub(super) fn new(settings: &Settings, parts: Parts) -> Self {
        let keys = Keys::new(&settings.auth, parts.clock.clone());
        let openapi = openapi::openapi();
        Self {
            limits: Limits::new(settings.http.requests_per_second, keys.len()),
            streams: Streams::new(&settings.live, keys.len(), parts.metrics.live().clone()),
            live: settings.live.clone(),
            routes: RouteTable::of(&openapi, &parts.metrics),
            document: Document::of(&openapi),
            keys,
            api: parts.api,
            writes: parts.writes,
            webhooks: parts.webhooks,
            max_webhook_bytes: settings.webhooks.max_body_bytes,
            sources: parts.sources,
            connect: parts.connect,
            purging: parts.purging,
            write_wait: settings.operations.wait,
            lifecycle: parts.lifecycle,
            metrics: parts.metrics,
            clock: parts.clock,
            token_max: settings.auth.token_max,
            allow_anonymous: settings.auth.allow_anonymous,
            hosts: settings.http.hosts.clone(),
            default_location: settings.ghl.location_id.clone(),
            deadline: settings.http.deadline,
            max_batch: settings.http.max_batch,
            max_body_bytes: settings.http.max_body_bytes,
            access_log: settings.telemetry.access_log,
            access_log_sample: settings.telemetry.access_log_sample,
            slow: settings.telemetry.slow,
        }
    }
}
