//! How far webhooks are relied upon.

use std::time::Duration;

/// `[drift]`
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "settings.default.toml documents each key")]
pub struct DriftSettings {
    pub max_calls_per_hour: u32,
    pub grace: Duration,
    pub high_percent: u32,
    pub shorten_factor: u32,
    pub silence: Duration,
    pub echo: Duration,
}
