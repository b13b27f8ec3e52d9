//! Typed settings: the compiled-in default file, then a file, then the environment, then flags.
//!
//! [`Settings`] is what the program needs, parsed and checked once; nothing else in the crate reads the environment.

pub mod secret;

use crate::domain::ids::LocationId;
use ipnetwork::IpNetwork;
use secret::LiveSecret;
use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, time::Duration};

/// The defaults, with a comment on every key.
pub const DEFAULTS: &str = include_str!("../settings.default.toml");

/// Effective settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Ports, bounds and browsers.
    pub http: HttpSettings,
    /// API keys.
    pub auth: AuthSettings,
    /// GHL.
    pub ghl: GhlSettings,
    /// IP intelligence.
    pub ipinfo: IpinfoSettings,
    /// Memory and freshness.
    pub cache: CacheSettings,
    /// How profiles are made.
    pub profile: ProfileSettings,
    /// Logs.
    pub telemetry: TelemetrySettings,
}

/// `[http]`
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "settings.default.toml documents each key")]
pub struct HttpSettings {
    pub bind: SocketAddr,
    pub admin_bind: SocketAddr,
    pub workers: usize,
    pub max_body_bytes: usize,
    pub max_batch: usize,
    pub deadline: Duration,
    pub client_timeout: Duration,
    pub keep_alive: Duration,
    pub cors_origins: Vec<String>,
    pub hosts: Vec<String>,
    pub trusted_proxies: Vec<IpNetwork>,
    pub requests_per_second: u32,
    pub drain: Duration,
    pub shutdown: Duration,
}

/// `[auth]`
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "settings.default.toml documents each key")]
pub struct AuthSettings {
    pub keys: Vec<ApiKey>,
    pub allow_anonymous: bool,
}

/// One configured API key: its hash, never itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Shown in logs and audit.
    pub name: String,
    /// SHA-256 of the key.
    pub sha256: [u8; 32],
    /// What it may do.
    pub roles: BTreeSet<Role>,
    /// Where it may do it; `None` is everywhere.
    pub locations: Option<BTreeSet<LocationId>>,
}

/// What a key may do. Each role stands alone: `admin` does not imply `read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Role {
    Read,
    Write,
    Admin,
}

/// `[ghl]`
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "settings.default.toml documents each key")]
pub struct GhlSettings {
    pub base_url: String,
    pub version: String,
    pub location_id: Option<LocationId>,
    pub token: Option<LiveSecret>,
    pub timezone: Option<jiff::tz::TimeZone>,
    pub connect_timeout: Duration,
    pub read_timeout: Duration,
    pub timeout: Duration,
    pub max_body_bytes: usize,
}

/// `[ipinfo]`
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "settings.default.toml documents each key")]
pub struct IpinfoSettings {
    pub backends: Vec<BackendChoice>,
    pub base_url: String,
    pub legacy_base_url: String,
    pub plan: Plan,
    pub token: Option<LiveSecret>,
    pub mmdb_path: Option<PathBuf>,
    pub mmdb_poll: Duration,
    pub mmdb_max_age: Duration,
    pub mmdb_map_min_bytes: u64,
    pub batch_window: Duration,
    pub batch_max: usize,
    pub cache: Duration,
    pub cache_max_bytes: u64,
    pub connect_timeout: Duration,
    pub read_timeout: Duration,
    pub timeout: Duration,
    pub batch_timeout: Duration,
    pub max_body_bytes: usize,
    pub reject_hold: Duration,
}

/// A backend in `ipinfo.backends`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum BackendChoice {
    Mmdb,
    Api,
    Embedded,
}

/// `ipinfo.plan`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// `/lite/{ip}`: country, continent, ASN.
    Lite,
    /// `/lookup/{ip}`: Core, Plus and Max.
    Lookup,
    /// `ipinfo.io/{ip}/json`.
    Legacy,
}

/// `[cache]`
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "settings.default.toml documents each key")]
pub struct CacheSettings {
    pub max_bytes: u64,
    pub max_entries: u64,
    pub contact_fresh: Duration,
    pub notes_fresh: Duration,
    pub tasks_fresh: Duration,
    pub appointments_fresh: Duration,
    pub ip_fresh: Duration,
    pub stale_while_revalidate: Duration,
    pub stale_if_error: Duration,
    pub not_found: Duration,
    pub error_hold: Duration,
}

/// `[profile]`
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "settings.default.toml documents each key")]
pub struct ProfileSettings {
    pub own_servers: Vec<IpNetwork>,
    pub ip_custom_field: Option<String>,
    pub redact: Vec<String>,
}

/// `[telemetry]`
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "settings.default.toml documents each key")]
pub struct TelemetrySettings {
    pub log_level: String,
    pub log_format: LogFormat,
    pub access_log: AccessLog,
    pub access_log_sample: u32,
    pub slow: Duration,
}

/// `telemetry.log_format`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogFormat {
    Json,
    Pretty,
    Auto,
}

/// `telemetry.access_log`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum AccessLog {
    Sampled,
    All,
    None,
}
