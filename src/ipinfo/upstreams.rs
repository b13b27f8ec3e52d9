//! The connections that look-ups use: one for single calls, one for batches, which take longer.

use super::error::IpSetupError;
use crate::{
    settings::{BackendChoice, IpinfoSettings, Plan},
    telemetry::metrics::Metrics,
    upstream::{HttpTransport, Service, TransportLimits, Upstream},
};
use std::{sync::Arc, time::Duration};

/// The upstreams of `IPinfo`'s API; none where the settings do not use it.
#[derive(Debug, Clone, Default)]
pub struct IpUpstreams {
    pub(super) api: Option<ApiUpstreams>,
}

/// Both ways to the API.
#[derive(Debug, Clone)]
pub(super) struct ApiUpstreams {
    pub(super) single: Upstream,
    pub(super) batch: Upstream,
}

impl IpUpstreams {
    /// Upstreams over HTTP to the plan's base URL. Connects to nothing yet; where the API is not among the backends or has
    /// no token, nothing is set up at all.
    ///
    /// # Errors
    /// [`IpSetupError::Transport`] where the base URL is none or TLS cannot be set up.
    pub fn connect(settings: &IpinfoSettings, metrics: Metrics) -> Result<Self, IpSetupError> {
        if !settings.backends.contains(&BackendChoice::Api) || settings.token.is_none() {
            return Ok(Self::default());
        }
        let single = upstream(settings, settings.read_timeout, settings.timeout, &metrics)?;
        // A batch's answer is silent while it is made, so its time is bounded as a whole.
        let batch = upstream(settings, settings.batch_timeout, settings.batch_timeout, &metrics)?;
        Ok(Self::new(single, batch))
    }

    /// Upstreams that exist already, such as scripted ones.
    #[must_use]
    pub const fn new(single: Upstream, batch: Upstream) -> Self {
        Self { api: Some(ApiUpstreams { single, batch }) }
    }
}

fn upstream(
    settings: &IpinfoSettings,
    read: Duration,
    total: Duration,
    metrics: &Metrics,
) -> Result<Upstream, IpSetupError> {
    let (key, base_url) = match settings.plan {
        Plan::Lite | Plan::Lookup => ("base_url", &settings.base_url),
        Plan::Legacy => ("legacy_base_url", &settings.legacy_base_url),
    };
    let limits = TransportLimits { connect: settings.connect_timeout, read, max_body_bytes: settings.max_body_bytes };
    let transport = HttpTransport::new(base_url, limits)
        .map_err(|error| IpSetupError::Transport { key, reason: error.to_string() })?;
    Ok(Upstream::new(Service::Ipinfo, Arc::new(transport), total, metrics.clone()))
}
