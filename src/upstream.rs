//! One guarded call to an upstream, which `ghl` and `ipinfo` share: deadline, time-outs, body bound, typed failure,
//! span and metrics are written once, here, and cannot be forgotten.
//!
//! A call is a value ([`Call`]); what it travels through is a [`Transport`], so that tests can script one under a paused
//! clock. Between the two stands a [`Policy`], where a service has one: a quota and a circuit breaker for each location,
//! and repetitions of what may be repeated.

mod breaker;
mod call;
mod governor;
mod policy;
mod quota;
mod retry;
mod transport;

pub use call::{
    Answer, Call, CallContext, CallTiming, Lane, Method, Repeat, SensitiveBody, SensitiveValue, Service, Timings,
    encode_form,
};
pub use governor::Savings;
pub use policy::Policy;
pub use transport::{HttpTransport, Transport, TransportLimits, TransportSetupError, WireRequest};

use crate::{
    clock::Clock,
    domain::{ids::LocationId, quota::QuotaReport},
    telemetry::metrics::Metrics,
};
use governor::Governor;
use retry::Jitter;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tracing::Instrument as _;

/// What happened on the wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The request's deadline passed before an answer was there.
    #[error("the deadline passed before the upstream answered")]
    Deadline,
    /// The upstream did not answer within the call's own time-out.
    #[error("the upstream did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// No connection could be made: nothing was sent.
    #[error("no connection to the upstream")]
    Connect(String),
    /// The connection broke after it was made: whether the upstream acted is unknown.
    #[error("the connection to the upstream broke")]
    Broken(String),
    /// The location's quota is spent, or reserved for calls of another lane, until after the deadline. Nothing was sent.
    #[error("the quota is spent for {} ms more", .retry_after.as_millis())]
    QuotaSpent {
        /// When it may be tried again.
        retry_after: Duration,
        /// Whether it is the day's quota, not the burst's.
        day: bool,
    },
    /// The circuit breaker is open after failures in a row. Nothing was sent.
    #[error("the upstream failed repeatedly and is left alone")]
    BreakerOpen {
        /// When it is tried again.
        retry_after: Duration,
    },
    /// The answer is larger than the bound.
    #[error("the upstream's answer is larger than {0} bytes")]
    BodyTooLarge(usize),
    /// The upstream answered with a status other than 2xx.
    #[error("the upstream answered {status}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The body, cut to [`MAX_ERROR_BODY_BYTES`].
        body: String,
        /// `Retry-After` in seconds, where the upstream sends one.
        retry_after: Option<Duration>,
    },
    /// The body is not what the endpoint documents.
    #[error("the upstream's answer cannot be understood at {path}")]
    Decode {
        /// JSON path of the first surprise, `.` for the document itself.
        path: String,
        /// What the decoder said.
        message: String,
    },
}

/// How much of an error body is kept.
pub const MAX_ERROR_BODY_BYTES: usize = 8 * 1024;

impl CallError {
    /// Whether it is known what the upstream did with the call: where it is not, a write must look before it repeats.
    #[must_use]
    pub const fn outcome_known(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Status { .. } | Self::QuotaSpent { .. } | Self::BreakerOpen { .. } => true,
            Self::Deadline | Self::TimedOut(_) | Self::Broken(_) | Self::BodyTooLarge(_) | Self::Decode { .. } => false,
        }
    }

    /// A short stable word, for metrics and `upstream.code`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::TimedOut(_) => "timeout",
            Self::Connect(_) => "connect",
            Self::Broken(_) => "broken",
            Self::QuotaSpent { .. } => "quota",
            Self::BreakerOpen { .. } => "breaker",
            Self::BodyTooLarge(_) => "too-large",
            Self::Status { .. } => "status",
            Self::Decode { .. } => "decode",
        }
    }
}

/// A service we call. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Upstream {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    service: Service,
    transport: Arc<dyn Transport>,
    total: Duration,
    metrics: Metrics,
    governor: Option<Arc<Governor>>,
}

impl Upstream {
    /// An upstream behind a transport; `total` bounds one call from its first byte to its last.
    #[must_use]
    pub fn new(service: Service, transport: Arc<dyn Transport>, total: Duration, metrics: Metrics) -> Self {
        Self { inner: Arc::new(Inner { service, transport, total, metrics, governor: None }) }
    }

    /// The same upstream, governed. Of several, only the first governed one's quotas are in the metrics.
    #[must_use]
    pub fn with_policy(self, policy: Policy, clock: Clock) -> Self {
        let seed = uuid::Uuid::new_v4().as_u64_pair().0;
        self.governed(Governor::new(policy, clock, Jitter::seeded(seed)))
    }

    fn governed(self, governor: Governor) -> Self {
        let governor = Arc::new(governor);
        let source = Arc::downgrade(&governor);
        let Inner { service, transport, total, metrics, .. } = &*self.inner;
        metrics.watch_quotas(move || source.upgrade().map(|governor| governor.samples()).unwrap_or_default());
        let inner = Inner {
            service: *service,
            transport: Arc::clone(transport),
            total: *total,
            metrics: metrics.clone(),
            governor: Some(governor),
        };
        Self { inner: Arc::new(inner) }
    }

    /// What a location may spend, was spent, and on what; `None` where calls are not governed.
    #[must_use]
    pub fn quota(&self, location: &LocationId) -> Option<QuotaReport> {
        self.inner.governor.as_ref().map(|governor| governor.report(location))
    }

    /// The handle that counts calls which a location did not need; it counts for nobody where calls are not governed.
    #[must_use]
    pub fn savings(&self, location: &LocationId) -> Savings {
        self.inner.governor.as_ref().map(|governor| governor.savings(location)).unwrap_or_default()
    }

    /// Makes one call, and again where the policy says so. A status other than 2xx is [`CallError::Status`].
    ///
    /// # Errors
    /// Each variant of [`CallError`] but `Decode`, which is the caller's to raise ([`Answer::json`]).
    pub async fn call(&self, call: Call, context: &CallContext) -> Result<Answer, CallError> {
        let Some(governor) = &self.inner.governor else { return self.observed(&call, context, None).await };
        let (mut made, mut before) = (0, None);
        loop {
            let error = match (self.observed(&call, context, Some(governor)).await, before) {
                (Ok(answer), _) => return Ok(answer),
                // Why it was made again tells more than that it could not be.
                (Err(CallError::BreakerOpen { .. }), Some(before)) => return Err(before),
                (Err(CallError::QuotaSpent { .. }), Some(before)) if !is_429(&before) => return Err(before),
                (Err(error), _) => governor.understood(error, &call),
            };
            if !governor.lets_through(&call) {
                return Err(error);
            }
            let left = context.deadline.saturating_duration_since(Instant::now());
            let wait = governor.retries.after(&error, call.repeat, context.lane, made, left);
            let Some(wait) = wait else { return Err(error) };
            tokio::time::sleep(wait).await;
            (made, before) = (made + 1, Some(error));
            self.inner.metrics.upstream_retry(self.inner.service);
        }
    }

    /// One attempt, in a span and counted.
    async fn observed(
        &self,
        call: &Call,
        context: &CallContext,
        governor: Option<&Arc<Governor>>,
    ) -> Result<Answer, CallError> {
        let (service, endpoint) = (self.inner.service, call.endpoint);
        let span = tracing::info_span!(
            "upstream",
            service = service.as_str(),
            endpoint,
            lane = context.lane.as_str(),
            outcome = tracing::field::Empty
        );
        let started = Instant::now();
        let result = self.admitted(call, context, governor).instrument(span.clone()).await;
        let took = started.elapsed();
        let outcome = result.as_ref().map_or_else(CallError::code, |_| "ok");
        span.record("outcome", outcome);
        self.inner.metrics.upstream_call(service, endpoint, outcome, took);
        if matches!(result, Err(CallError::Status { status: 429, .. })) {
            self.inner.metrics.upstream_rate_limited(service);
            if let Some(location) = &call.bucket {
                tracing::warn!(%location, endpoint, "the quota was exceeded, and the call refused");
            }
        }
        context.timings.record(CallTiming { service, endpoint, outcome, took });
        tracing::debug!(parent: &span, duration_ms = took.as_millis(), outcome, "upstream call ended");
        result
    }

    async fn admitted(
        &self,
        call: &Call,
        context: &CallContext,
        governor: Option<&Arc<Governor>>,
    ) -> Result<Answer, CallError> {
        let Some(governor) = governor else {
            return self.attempt(call, context).await.and_then(Answer::require_success);
        };
        let leave = governor.leave(call, context).await?;
        governor.retries.earn();
        let result = self.attempt(call, context).await;
        leave.tell(result)
    }

    async fn attempt(&self, call: &Call, context: &CallContext) -> Result<Answer, CallError> {
        let own_end = Instant::now() + self.inner.total;
        let end = own_end.min(context.deadline);
        let sent = self.inner.transport.send(call.to_wire(context));
        match tokio::time::timeout_at(end, sent).await {
            Ok(answer) => answer,
            Err(_) if context.deadline < own_end => Err(CallError::Deadline),
            Err(_) => Err(CallError::TimedOut(self.inner.total)),
        }
    }
}

const fn is_429(error: &CallError) -> bool {
    matches!(error, CallError::Status { status: 429, .. })
}

#[cfg(test)]
mod tests;
