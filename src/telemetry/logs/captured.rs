//! A log in memory, for tests.

use super::LogsError;
use crate::settings::log_filter;
use std::{
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_subscriber::{fmt as lines, layer::SubscriberExt as _};

/// A log kept in memory, for tests that look for what must not stand in it. Clones share one buffer.
#[derive(Debug, Clone, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

/// An empty log; [`Captured::subscriber`] fills it.
#[must_use]
pub fn capture() -> Captured {
    keep_callsites_asking();
    Captured::default()
}

impl Captured {
    /// A subscriber for `tracing::subscriber::with_default` or `set_global_default`, which writes JSON lines, all levels
    /// that the directives let through.
    ///
    /// # Errors
    /// [`LogsError::Directives`].
    pub fn subscriber(&self, directives: &str) -> Result<impl Subscriber + Send + Sync + use<>, LogsError> {
        let buffer = self.clone();
        let layer = lines::layer().json().flatten_event(true).with_writer(move || buffer.clone());
        let filter = log_filter(directives).ok_or(LogsError::Directives)?;
        Ok(tracing_subscriber::registry().with(filter).with(layer))
    }

    /// Everything written so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A line of code that logs first on a thread without a subscriber is remembered as "nobody listens" and would be
/// missing from a log captured on another thread. Two subscribers that live for ever and never decide beforehand (with
/// one alone, tracing asks none but the thread's own) make every line ask anew. Only tests capture, so only they pay.
fn keep_callsites_asking() {
    static ASKING: OnceLock<[Dispatch; 2]> = OnceLock::new();
    ASKING.get_or_init(|| [Dispatch::new(Undecided), Dispatch::new(Undecided)]);
}

/// Listens to nothing, but does not say so beforehand.
struct Undecided;

impl Subscriber for Undecided {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
