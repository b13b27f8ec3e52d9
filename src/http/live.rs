//! Streams of events about a profile (server-sent events, HTML Living Standard §9.2): how many there may be, what each tells.
//!
//! A stream runs inside its answer's body, so it goes no faster than its client reads and ends with the connection. Between
//! two events it holds which content it told of, not the content.

mod feed;
mod shown;

pub(super) use feed::{Feed, Opening};

use crate::{
    domain::problem::{Problem, ProblemKind},
    settings::LiveSettings,
    telemetry::metrics::LiveMetrics,
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// When a client that was one too many may try again.
const REFUSED_FOR: Duration = Duration::from_secs(10);

/// The streams that are open. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    open: Arc<Mutex<Open>>,
    most: usize,
    most_per_key: usize,
    metrics: LiveMetrics,
}

#[derive(Debug)]
struct Open {
    all: usize,
    /// By position of the key; the first is nobody's.
    by_key: Vec<usize>,
}

impl Streams {
    pub(super) fn new(settings: &LiveSettings, keys: usize, metrics: LiveMetrics) -> Self {
        let open = Open { all: 0, by_key: vec![0; keys + 1] };
        Self {
            open: Arc::new(Mutex::new(open)),
            most: settings.max_streams,
            most_per_key: settings.max_streams_per_key,
            metrics,
        }
    }

    /// A place for one more stream of a key, until the permit is dropped.
    ///
    /// # Errors
    /// `too-many-requests`.
    pub(super) fn admit(&self, key: Option<usize>) -> Result<Permit, Problem> {
        let position = key.map_or(0, |key| key + 1);
        let mut open = self.lock();
        let of_key = open.by_key.get(position).copied().unwrap_or_default();
        let refused = if of_key >= self.most_per_key {
            Some("This key has as many streams open as it may.")
        } else if open.all >= self.most {
            Some("As many streams are open as this service keeps.")
        } else {
            None
        };
        if let Some(detail) = refused {
            self.metrics.refused();
            return Err(Problem::new(ProblemKind::TooManyRequests, detail).with_retry_after(REFUSED_FOR));
        }
        open.all += 1;
        if let Some(of_key) = open.by_key.get_mut(position) {
            *of_key += 1;
        }
        self.metrics.opened();
        Ok(Permit { streams: self.clone(), position })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of an open stream.
#[derive(Debug)]
pub(super) struct Permit {
    streams: Streams,
    position: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.streams.lock();
        open.all = open.all.saturating_sub(1);
        if let Some(of_key) = open.by_key.get_mut(self.position) {
            *of_key = of_key.saturating_sub(1);
        }
        drop(open);
        self.streams.metrics.closed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_by_key_and_in_all_and_come_back() {
        let settings = LiveSettings {
            heartbeat: Duration::from_secs(15),
            max_streams: 3,
            max_streams_per_key: 2,
            max_time: Duration::from_secs(60),
        };
        let streams = Streams::new(&settings, 2, LiveMetrics::default());
        let refused = |key| streams.admit(key).unwrap_err();
        let (first, _second) = (streams.admit(Some(0)).unwrap(), streams.admit(Some(0)).unwrap());
        assert!(refused(Some(0)).detail.contains("This key"));
        let third = streams.admit(None).unwrap();
        assert!(refused(Some(1)).detail.contains("this service") && refused(Some(1)).retry_after.is_some());
        drop(third);
        assert!(streams.admit(Some(1)).is_ok());
        drop(first);
        assert!(streams.admit(Some(0)).is_ok());
    }
}
