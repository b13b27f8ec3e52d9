//! `[live]`

use super::read::Section;
use std::time::Duration;

/// `[live]`
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "settings.default.toml documents each key")]
pub struct LiveSettings {
    pub heartbeat: Duration,
    pub max_streams: usize,
    pub max_streams_per_key: usize,
    pub max_time: Duration,
}

/// Reads the section. `None` means that errors were noted.
pub(super) fn read(from: &mut Section<'_, '_>) -> Option<LiveSettings> {
    let heartbeat = from.time("heartbeat_seconds", 1..=600);
    let max_streams = from.number("max_streams", 0..=1_000_000);
    let max_streams_per_key = from.number("max_streams_per_key", 0..=1_000_000);
    let max_time = from.time("max_minutes", 1..=1_440);
    Some(LiveSettings {
        heartbeat: heartbeat?,
        max_streams: max_streams?,
        max_streams_per_key: max_streams_per_key?,
        max_time: max_time?,
    })
}
