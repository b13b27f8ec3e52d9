//! The only source of wall time. Durations use [`tokio::time::Instant`].

use jiff::{SignedDuration, Timestamp};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// Wall time, for everything that is stored, shown or judged for freshness. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// Milliseconds added to the system's time; only tests move it.
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// The time now, to the millisecond: finer digits would only make answers differ.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system for the time")]
    pub fn now(&self) -> Timestamp {
        let system_ms = Timestamp::now().as_millisecond();
        let now_ms = system_ms.saturating_add(self.offset_ms.load(Ordering::Relaxed));
        Timestamp::from_millisecond(now_ms).unwrap_or(Timestamp::MAX)
    }

    /// Moves this clock, and every clone of it, forward. For tests: freshness is judged by this clock, so a test need
    /// not wait for an entry to grow old.
    pub fn advance(&self, by: SignedDuration) {
        self.offset_ms.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_moves_along() {
        let clock = Clock::system();
        let before = clock.clone().now();
        clock.advance(SignedDuration::from_hours(1));
        assert!(clock.clone().now().duration_since(before) >= SignedDuration::from_hours(1));
    }
}
