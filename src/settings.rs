//! Typed settings: the compiled-in default file, then a file, then the environment, then flags.
//!
//! [`Settings`] is what the program needs, parsed and checked once; [`Sources`] is what it was made from, and
//! [`Sources::from_process`] is the only place in the crate that reads the environment. The way from one to the other:
//! `document` (TOML with positions) → `layers` (one value a key) → `read` and `values` (typed, checked) → `effective`.

mod auth_keys;
mod document;
mod drift;
mod effective;
mod error;
mod layers;
mod live;
mod loaded;
mod nearest;
mod oauth;
mod read;
mod rules;
pub mod secret;
mod sources;
mod values;
pub mod watch;
mod webhooks;

pub use drift::DriftSettings;
pub use error::{Origin, SettingsError, SettingsErrors};
pub use live::LiveSettings;
pub use loaded::{Described, Loaded};
pub use oauth::{ApiSpelling, OauthSettings, UserType};
pub use rules::RuleSettings;
pub use sources::{SignatureScheme, SignatureSettings, SourceSettings, SystemSettings};
pub(crate) use values::{is_structural, log_filter};
pub use webhooks::{PublicKey, WebhookSettings};

use crate::domain::ids::LocationId;
use ipnetwork::IpNetwork;
use secret::LiveSecret;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

/// The defaults, with a comment on every key.
pub const DEFAULTS: &str = include_str!("../settings.default.toml");

/// What settings are made from, beside the defaults. Tests write it by hand and never touch the environment.
///
/// ```
/// use ghl_enrich::settings::{Settings, Sources};
/// let loaded = Settings::load(Sources::default().with("http.bind", "127.0.0.1:0").with("http.workers", 2))?;
/// assert_eq!(loaded.settings.http.workers, 2);
/// # Ok::<(), ghl_enrich::settings::SettingsErrors>(())
/// ```
#[derive(Clone, Default)]
pub struct Sources {
    /// A TOML file, over the defaults.
    pub file: Option<PathBuf>,
    /// `ENRICH_SECTION__KEY` and the well-known names (`GHL_TOKEN` …), over the file; all others are passed over.
    pub environment: BTreeMap<String, String>,
    /// Dotted key and value, over everything. A text stands for a value of any type, as in a variable.
    pub flags: Vec<(String, toml::Value)>,
}

impl Sources {
    /// The sources of a running process: its environment, and what its command line says.
    #[must_use]
    pub fn from_process(file: Option<PathBuf>, flags: Vec<(String, toml::Value)>) -> Self {
        // `vars` panics on a variable that is not UTF-8, whoever set it. A replaced character fails its key's check.
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .filter(|(name, _)| layers::is_ours(name))
            .collect();
        Self { file, environment, flags }
    }

    /// The same with one more flag.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<toml::Value>) -> Self {
        self.flags.push((key.to_owned(), value.into()));
        self
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables: Vec<_> = self.environment.keys().collect();
        let flags: Vec<_> = self.flags.iter().map(|(key, _)| key).collect();
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("variables", &variables)
            .field("flags", &flags)
            .finish_non_exhaustive()
    }
}

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
    /// Whether webhooks can be relied upon.
    pub drift: DriftSettings,
    /// How profiles are made.
    pub profile: ProfileSettings,
    /// Logs.
    pub telemetry: TelemetrySettings,
    /// Where writes are kept.
    pub store: StoreSettings,
    /// How writes are carried out.
    pub operations: OperationSettings,
    /// GHL's webhooks.
    pub webhooks: WebhookSettings,
    /// Systems that push their records.
    pub sources: SourceSettings,
    /// Rules.
    pub enrichment: EnrichmentSettings,
    /// Connecting locations; `None` where there is no app.
    pub oauth: Option<OauthSettings>,
    /// Streams of events.
    pub live: LiveSettings,
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
    pub token_key: Option<LiveSecret>,
    pub previous_token_key: Option<LiveSecret>,
    pub token_max: Duration,
}

/// One configured API key: its hash, never itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Shown in logs and audit.
    pub name: String,
    /// SHA-256 of the key as it is sent, prefix included ([`secret::sha256`]).
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

impl ApiKey {
    /// Checks a name before it goes into a settings file.
    ///
    /// # Errors
    /// What is wrong with it and what to write, in a sentence.
    pub fn parse_name(name: &str) -> Result<String, String> {
        let checked = auth_keys::check_name(name);
        checked.map(|()| name.to_owned()).map_err(|error| format!("{}. {}", error.problem, error.remedy))
    }
}

impl Role {
    /// The role as settings spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    ///
    /// # Errors
    /// What is wrong with it and what to write, in a sentence.
    pub fn parse(name: &str) -> Result<Self, String> {
        let parsed = values::choice(name, &auth_keys::ROLES);
        parsed.map_err(|error| format!("{}. {}", error.problem, error.remedy))
    }
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
    pub search_lag: Duration,
    pub burst_limit: u32,
    pub burst_window: Duration,
    pub day_limit: u32,
    pub operation_reserve_percent: u32,
    pub bulk_reserve_percent: u32,
    pub retries: u32,
    pub retry_budget_percent: u32,
    pub breaker_failures: u32,
    pub breaker_hold: Duration,
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
    pub webhook_fresh: Duration,
    pub webhook_tasks_fresh: Duration,
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

/// `[store]`
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "settings.default.toml documents each key")]
pub struct StoreSettings {
    pub url: Option<StoreUrl>,
    pub encryption_key: Option<LiveSecret>,
    pub previous_encryption_key: Option<LiveSecret>,
}

/// `store.url`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// An `SQLite` file.
    SqliteFile(PathBuf),
    /// Nowhere: gone with the process.
    SqliteMemory,
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SqliteFile(path) => write!(f, "sqlite:{}", path.display()),
            Self::SqliteMemory => f.write_str("sqlite::memory:"),
        }
    }
}

/// `[operations]`
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "settings.default.toml documents each key")]
pub struct OperationSettings {
    pub wait: Duration,
    pub workers: usize,
    pub attempt_timeout: Duration,
    pub settle: Duration,
    pub max_attempts: u32,
    pub retry_base: Duration,
    pub retry_cap: Duration,
    pub retention: Duration,
    pub idempotency_key: Duration,
    pub audit_retention: Duration,
    pub audit_payloads: bool,
}

/// `[enrichment]`
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "settings.default.toml documents each key")]
pub struct EnrichmentSettings {
    pub rules: Vec<RuleSettings>,
}

#[cfg(test)]
mod tests;
