//! What a sandbox may be told when it starts. Everything has a default that suits tests: an ephemeral loopback port,
//! seed 1, no search lag, GHL's standard quota.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::webhooks::WebhookPlan;

/// How a sandbox starts. Build it with `SandboxConfig { contacts: 1_000, ..SandboxConfig::default() }`.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Everything seeded follows from this number.
    pub seed: u64,
    /// How many contacts the first location holds. The second always holds twenty.
    pub contacts: usize,
    /// How many locations there are beside the first two, each with a few contacts: `sandboxLocation00003` and on.
    pub extra_locations: usize,
    /// How long the search index trails a write. The library's default is none; the binary's is 10 s, as measured on
    /// the live API.
    pub search_lag: Duration,
    /// The rate limits of each location.
    pub quota: QuotaProfile,
    /// How a burst window is counted.
    pub quota_window: QuotaWindow,
    /// How long a burst window is: 10 s at GHL. Tests that fill windows have no time for that.
    pub quota_interval: Duration,
    /// How long an OAuth access token lives: a day at GHL.
    pub access_token_life: Duration,
    /// What `/lookup` answers.
    pub ipinfo_plan: IpinfoPlan,
    /// IPinfo look-ups a month before 429.
    pub ipinfo_monthly: u64,
    /// Where webhooks go from the start, and again after each reset; none is nowhere.
    pub webhook_url: Option<String>,
    /// How they go there.
    pub webhook_plan: WebhookPlan,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            contacts: 200,
            extra_locations: 0,
            search_lag: Duration::ZERO,
            quota: QuotaProfile::Standard,
            quota_window: QuotaWindow::Fixed,
            quota_interval: Duration::from_secs(10),
            access_token_life: Duration::from_secs(86_400),
            ipinfo_plan: IpinfoPlan::Plus,
            ipinfo_monthly: 150_000,
            webhook_url: None,
            webhook_plan: WebhookPlan::default(),
        }
    }
}

/// GHL's rate limits, per location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaProfile {
    /// 100 requests in 10 s, 200,000 a day.
    Standard,
    /// 25 requests in 10 s, 10,000 a day: trial and sandbox agencies, and their private tokens.
    Trial,
    /// Counted and reported, with figures that no client comes near, and never refused.
    Unlimited,
    /// Any other figures, for tests of the edges.
    Custom {
        /// Requests in 10 s.
        burst: u32,
        /// Requests a day.
        daily: u32,
    },
}

impl QuotaProfile {
    /// (requests in 10 s, requests a day)
    pub(crate) fn limits(self) -> (u32, u32) {
        match self {
            Self::Standard => (100, 200_000),
            Self::Unlimited => (1_000_000, 1_000_000_000),
            Self::Trial => (25, 10_000),
            Self::Custom { burst, daily } => (burst, daily),
        }
    }
}

/// How the 10 s burst window is counted. GHL does not say; `Fixed` is what its headers suggest, `Sliding` the
/// strictest reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaWindow {
    /// A window opens with the first request and lasts 10 s.
    Fixed,
    /// No 10 s span may hold more than the limit.
    Sliding,
}

/// IPinfo's paid plans: they decide which fields `/lookup` returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpinfoPlan {
    /// `geo`, `as` and five flags.
    Core,
    /// Adds `mobile`, `anonymous` and details.
    Plus,
    /// Adds residential-proxy facts to `anonymous`.
    Max,
}
