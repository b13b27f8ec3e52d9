//! The composition root: [`App::build`] wires the whole graph from settings, [`App::run`] drives it to its end. This
//! module alone knows every part.

mod api;
mod connecting;
mod forgetting;
mod installing;
mod sources;
mod store;
mod webhooks;
mod writes;

pub use store::Store;

use crate::{
    clock::Clock,
    connect::{self, Connections},
    drift,
    enrichment::{self, RuleSet},
    ghl::{
        self, Redaction,
        oauth::OauthClient,
        tokens::{PrivateToken, TokenSource},
    },
    http::{self, Lifecycle, Phase, Servers},
    ipinfo::{IpLookup, IpUpstreams},
    liveness::{self, Liveness},
    profiles::{Parts, Profiles},
    settings::{GhlSettings, Settings, watch},
    tasks::Tasks,
    telemetry::metrics::Metrics,
    upstream::{HttpTransport, Policy, Service, TransportLimits, Upstream},
};
use anyhow::Context as _;
use std::{future::Future, net::SocketAddr, sync::Arc};
use tokio::time::Instant;
use writes::Writing;

/// The service, wired and bound, not yet running.
#[derive(Debug)]
pub struct App {
    settings: Settings,
    servers: Servers,
    parts: AppParts,
    lifecycle: Lifecycle,
    /// None where the settings name none.
    store: Option<Store>,
}

/// What the service consists of: for the command line, which needs some of it without serving, and for tests.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named as their types")]
pub struct AppParts {
    pub clock: Clock,
    pub tasks: Tasks,
    pub metrics: Metrics,
    pub ghl: ghl::Client,
    pub ip: IpLookup,
    pub profiles: Profiles,
    pub liveness: Liveness,
    pub rules: RuleSet,
    /// `None` where there is no app, or no store to keep tokens in.
    pub connections: Option<Connections>,
}

impl AppParts {
    /// Everything but the servers, over an open store, where there is one.
    ///
    /// # Errors
    /// Where a setting turns out not to work: rules that do not compile, an upstream's URL, a database that is none.
    pub fn build(settings: &Settings, store: Option<&Store>) -> anyhow::Result<Self> {
        let rules = enrichment::compile(settings)?;
        let (clock, tasks, metrics) = (Clock::system(), Tasks::new(), Metrics::new());
        let upstream = ghl_upstream(settings, &metrics, &clock)?;
        let keeping = (clock.clone(), tasks.clone(), metrics.clone());
        let connections = connections(settings, store, &upstream, keeping)?;
        let tokens: Arc<dyn TokenSource> = match &connections {
            Some(connections) => Arc::new(connections.clone()),
            None => Arc::new(PrivateToken::new(&settings.ghl)),
        };
        let redaction = Redaction::new(&settings.profile.redact);
        let ghl = ghl::Client::with_tokens(upstream, &settings.ghl, redaction, tokens);
        let upstreams = IpUpstreams::connect(&settings.ipinfo, metrics.clone())?;
        let ip = IpLookup::new(
            &settings.ipinfo,
            &settings.profile.own_servers,
            upstreams,
            clock.clone(),
            tasks.clone(),
            metrics.clone(),
        )?;
        let liveness = Liveness::new(liveness::Rules::from(settings));
        let parts = Parts {
            ghl: ghl.clone(),
            ip: ip.clone(),
            liveness: liveness.clone(),
            clock: clock.clone(),
            tasks: tasks.clone(),
            metrics: metrics.clone(),
        };
        let profiles = Profiles::new(settings, parts);
        Ok(Self { clock, tasks, metrics, ghl, ip, profiles, liveness, rules, connections })
    }
}

/// Connections, where there is an app to connect with and a store to keep tokens in.
fn connections(
    settings: &Settings,
    store: Option<&Store>,
    upstream: &Upstream,
    (clock, tasks, metrics): (Clock, Tasks, Metrics),
) -> anyhow::Result<Option<Connections>> {
    let (Some(oauth), Some(store)) = (&settings.oauth, store) else { return Ok(None) };
    let parts = connect::Parts {
        store: store.sqlite.clone(),
        oauth: OauthClient::new(upstream.clone(), oauth),
        private: PrivateToken::new(&settings.ghl),
        clock,
        tasks,
        metrics,
    };
    Ok(Some(Connections::new(parts, oauth, &settings.store)?))
}

/// Watches how far webhooks can be relied upon.
fn watch_drift(settings: &Settings, parts: &AppParts) {
    let drift_parts = drift::Parts {
        profiles: parts.profiles.clone(),
        liveness: parts.liveness.clone(),
        clock: parts.clock.clone(),
        tasks: parts.tasks.clone(),
        metrics: parts.metrics.clone(),
    };
    drift::start(drift_parts, settings.drift.clone());
}

fn ghl_upstream(settings: &Settings, metrics: &Metrics, clock: &Clock) -> anyhow::Result<Upstream> {
    let limits = TransportLimits {
        connect: settings.ghl.connect_timeout,
        read: settings.ghl.read_timeout,
        max_body_bytes: settings.ghl.max_body_bytes,
    };
    let transport = HttpTransport::new(&settings.ghl.base_url, limits).context("ghl.base_url")?;
    let upstream = Upstream::new(Service::Ghl, Arc::new(transport), settings.ghl.timeout, metrics.clone());
    Ok(upstream.with_policy(policy(&settings.ghl), clock.clone()))
}

fn policy(ghl: &GhlSettings) -> Policy {
    Policy {
        burst_limit: ghl.burst_limit.into(),
        burst_window: ghl.burst_window,
        day_limit: ghl.day_limit.into(),
        operation_reserve_percent: ghl.operation_reserve_percent,
        bulk_reserve_percent: ghl.bulk_reserve_percent,
        retries: ghl.retries,
        retry_budget_percent: ghl.retry_budget_percent,
        breaker_failures: ghl.breaker_failures,
        breaker_hold: ghl.breaker_hold,
    }
}

impl App {
    /// Wires everything and binds both ports; port 0 takes a free one.
    ///
    /// # Errors
    /// Where a part cannot be made, the store cannot be opened or a port cannot be bound.
    pub async fn build(settings: Settings) -> anyhow::Result<Self> {
        let store = Store::open(&settings).await?;
        let closing = store.clone();
        let built = Self::wire(settings, store).await;
        if let (Err(_), Some(store)) = (&built, closing) {
            // Its file is free for whoever tries next.
            store.close().await;
        }
        built
    }

    async fn wire(settings: Settings, store: Option<Store>) -> anyhow::Result<Self> {
        let parts = AppParts::build(&settings, store.as_ref())?;
        match (&parts.connections, &store) {
            (Some(connections), _) => connections.start().await?,
            (None, Some(store)) => store.require_key(&settings).await?,
            (None, None) => {}
        }
        let lifecycle = Lifecycle::new();
        let writing = match &store {
            Some(store) => Some(Writing::start(&settings, &parts, store).await?),
            None => None,
        };
        let purging = forgetting::purging(&parts, store.as_ref(), writing.as_ref());
        let webhooks = webhooks::start(&settings, &parts, store.as_ref(), writing.as_ref(), &purging);
        let feeds = sources::start(&settings, &parts, store.as_ref(), writing.as_ref())?;
        let api = Arc::new(api::Service::new(&parts, writing.as_ref(), webhooks.as_ref(), feeds.as_ref()));
        let http_parts = http::Parts {
            api,
            writes: writes::api(&parts, writing.as_ref()),
            webhooks: webhooks::api(webhooks),
            sources: sources::api(feeds.as_ref(), &parts.metrics),
            connect: connecting::api(&settings, parts.connections.as_ref()),
            purging: Arc::new(purging),
            lifecycle: lifecycle.clone(),
            metrics: parts.metrics.clone(),
            clock: parts.clock.clone(),
        };
        let servers = Servers::bind(&settings, http_parts)?;
        watch_drift(&settings, &parts);
        watch::watch(&parts.tasks, settings.live_secrets(), watch::EVERY);
        Ok(Self { settings, servers, parts, lifecycle, store })
    }

    /// Address of the public port.
    #[must_use]
    pub fn public_addr(&self) -> SocketAddr {
        first(self.servers.public_addresses())
    }

    /// Address of the admin port.
    #[must_use]
    pub fn admin_addr(&self) -> SocketAddr {
        first(self.servers.admin_addresses())
    }

    /// What the service consists of.
    #[must_use]
    pub fn parts(&self) -> &AppParts {
        &self.parts
    }

    /// Serves until `shutdown` resolves, then drains: readiness fails while requests are still served, so that whoever
    /// routes to us can look elsewhere; then no new ones; then those under way have their time.
    ///
    /// # Errors
    /// Where a server or a background loop fails.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
        let Self { settings, servers, parts, lifecycle, store } = self;
        let handle = servers.handle();
        let (public, admin) = (first(servers.public_addresses()), first(servers.admin_addresses()));
        let mut serving = std::pin::pin!(servers.run());
        lifecycle.set(Phase::Ready);
        tracing::info!(%public, %admin, "serving");
        let mut ended = false;
        let failed = tokio::select! {
            () = shutdown => None,
            () = broken(&parts.tasks, store.as_ref()) => Some(anyhow::anyhow!("a background loop panicked")),
            result = &mut serving => {
                ended = true;
                Some(anyhow::anyhow!("a server ended by itself: {result:?}"))
            }
        };
        if failed.is_none() {
            lifecycle.set(Phase::Draining);
            tracing::info!(drain_ms = settings.http.drain.as_millis(), "draining");
            // A server that ends now is as good as stopped.
            ended = tokio::time::timeout(settings.http.drain, &mut serving).await.is_ok();
        }
        lifecycle.set(Phase::Stopping);
        let end = Instant::now() + settings.http.shutdown;
        if !ended {
            tokio::select! {
                () = handle.stop() => {}
                _ = &mut serving => {}
            }
        }
        if !parts.tasks.shut_down(end.saturating_duration_since(Instant::now())).await {
            tracing::warn!("some work did not end in time");
        }
        if let Some(store) = store {
            store.close().await;
        }
        tracing::info!("stopped");
        failed.map_or(Ok(()), Err)
    }
}

/// Resolves once a background loop has panicked, the store's included.
async fn broken(tasks: &Tasks, store: Option<&Store>) {
    match store {
        None => tasks.broken().await,
        Some(store) => tokio::select! {
            () = tasks.broken() => {}
            () = store.broken() => {}
        },
    }
}

/// A bound server has an address.
fn first(addresses: &[SocketAddr]) -> SocketAddr {
    addresses.first().copied().unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)))
}
