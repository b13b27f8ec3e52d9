//! Logs: lines on standard error, JSON or for eyes, written by a thread of their own so that no request waits for a
//! terminal or a pipe. When that thread falls far behind, lines are dropped and counted rather than requests delayed.

mod captured;

pub use captured::{Captured, capture};

use crate::settings::{LogFormat, TelemetrySettings, log_filter};
use std::{
    fmt,
    io::{self, IsTerminal as _},
};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt as lines, layer::SubscriberExt as _, reload};

/// Why logs could not be set up or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogsError {
    /// Not a level, nor directives.
    #[error(
        "the log level is none: write error, warn, info, debug, trace or off, or directives such as info,ghl_enrich=debug"
    )]
    Directives,
    /// Somebody set one up before; that one goes on.
    #[error("logs are set up already")]
    AlreadySet,
    /// The logs are gone.
    #[error("the logs have ended")]
    Ended,
}

/// Keeps the logs alive: when it is dropped, what is still buffered is written.
#[derive(Debug)]
pub struct Guard {
    level: LevelHandle,
    dropped: ErrorCounter,
    _writer: WorkerGuard,
}

impl Guard {
    /// The handle that changes the level. Cheap to clone.
    #[must_use]
    pub fn level(&self) -> LevelHandle {
        self.level.clone()
    }

    /// Lines dropped so far because the reader of standard error was too slow.
    #[must_use]
    pub fn dropped_lines(&self) -> usize {
        self.dropped.dropped_lines()
    }
}

/// Changes the level of a running process. Cheap to clone.
#[derive(Clone)]
pub struct LevelHandle(reload::Handle<EnvFilter, Registry>);

impl LevelHandle {
    /// Sets a level or directives, as in `telemetry.log_level`.
    ///
    /// # Errors
    /// [`LogsError::Directives`] and [`LogsError::Ended`].
    pub fn set(&self, directives: &str) -> Result<(), LogsError> {
        let filter = log_filter(directives).ok_or(LogsError::Directives)?;
        self.0.reload(filter).map_err(|_| LogsError::Ended)
    }

    /// What holds now.
    ///
    /// # Errors
    /// [`LogsError::Ended`].
    pub fn get(&self) -> Result<String, LogsError> {
        self.0.with_current(ToString::to_string).map_err(|_| LogsError::Ended)
    }
}

impl fmt::Debug for LevelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LevelHandle").field(&self.get()).finish()
    }
}

/// Sets up the logs of the process, once.
///
/// ```standalone_crate
/// use ghl_enrich::{settings::{Settings, Sources}, telemetry::logs};
/// let settings = Settings::load(Sources::default())?.settings;
/// let guard = logs::init(&settings.telemetry)?;
/// guard.level().set("debug")?;
/// assert!(guard.level().set("loud").is_err());
/// assert_eq!(logs::init(&settings.telemetry).unwrap_err(), logs::LogsError::AlreadySet);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`LogsError::Directives`] and [`LogsError::AlreadySet`].
pub fn init(settings: &TelemetrySettings) -> Result<Guard, LogsError> {
    let filter = log_filter(&settings.log_level).ok_or(LogsError::Directives)?;
    let terminal = io::stderr().is_terminal();
    let json = match settings.log_format {
        LogFormat::Json => true,
        LogFormat::Pretty => false,
        LogFormat::Auto => !terminal,
    };
    let (writer, guard) = NonBlockingBuilder::default().thread_name("logs").finish(io::stderr());
    let dropped = writer.error_counter();
    let (filter, handle) = reload::Layer::new(filter);
    let subscriber = tracing_subscriber::registry().with(filter).with(if json {
        as_json(writer)
    } else {
        for_eyes(writer, terminal)
    });
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogsError::AlreadySet)?;
    Ok(Guard { level: LevelHandle(handle), dropped, _writer: guard })
}

/// A layer behind the reloadable filter.
type Lines =
    Box<dyn Layer<tracing_subscriber::layer::Layered<reload::Layer<EnvFilter, Registry>, Registry>> + Send + Sync>;

fn as_json(writer: NonBlocking) -> Lines {
    Box::new(lines::layer().json().flatten_event(true).with_span_list(false).with_writer(writer))
}

/// In colour on a terminal, unless `NO_COLOR` is set, which the layer sees to.
fn for_eyes(writer: NonBlocking, terminal: bool) -> Lines {
    let layer = lines::layer().with_writer(writer);
    if terminal { Box::new(layer) } else { Box::new(layer.with_ansi(false)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_captured_log_holds_what_was_logged() {
        let log = capture();
        tracing::subscriber::with_default(log.subscriber("info,quiet=off").unwrap(), || {
            tracing::info!(answer = 42, "worked out");
            tracing::debug!("too fine");
            tracing::error!(target: "quiet", "unheard");
        });
        let line: serde_json::Value = serde_json::from_str(log.text().trim()).unwrap();
        assert_eq!((&line["message"], &line["answer"]), (&"worked out".into(), &42.into()));
    }

    #[test]
    fn a_wrong_level_is_refused() {
        assert!(matches!(capture().subscriber("inof").map(drop), Err(LogsError::Directives)));
    }

    #[test]
    fn the_level_of_running_logs_can_change() {
        let (filter, handle) = reload::Layer::new(log_filter("warn").unwrap());
        let (log, level) = (capture(), LevelHandle(handle));
        let buffer = log.clone();
        let layer = lines::layer().with_writer(move || buffer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(filter).with(layer), || {
            tracing::info!("unheard");
            level.set("info").unwrap();
            tracing::info!("heard");
            assert_eq!(level.set("loud"), Err(LogsError::Directives));
        });
        assert_eq!(level.get(), Err(LogsError::Ended));
        assert!(log.text().contains(" heard") && !log.text().contains("unheard"));
    }
}
