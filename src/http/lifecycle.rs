//! Where the process stands between its start and its end, as probes and clients see it.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

/// A phase of the process's life. Phases only ever advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// The graph is being built: not ready.
    Starting,
    /// Serving.
    Ready,
    /// Told to stop: not ready, yet every request is served, and told to close its connection.
    Draining,
    /// The grace time is over: new requests are refused.
    Stopping,
}

impl Phase {
    /// The word used in readiness detail.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
        }
    }
}

/// The phase, shared. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle(Arc<AtomicU8>);

impl Lifecycle {
    /// A process that starts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Advances to a phase; one that lies behind is ignored.
    pub fn set(&self, phase: Phase) {
        self.0.fetch_max(phase as u8, Ordering::Relaxed);
    }

    /// The phase now.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.0.load(Ordering::Relaxed) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            2 => Phase::Draining,
            _ => Phase::Stopping,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_never_goes_back() {
        let lifecycle = Lifecycle::new();
        assert_eq!(lifecycle.phase(), Phase::Starting);
        for (set, then) in [
            (Phase::Ready, Phase::Ready),
            (Phase::Draining, Phase::Draining),
            (Phase::Ready, Phase::Draining),
            (Phase::Stopping, Phase::Stopping),
        ] {
            lifecycle.clone().set(set);
            assert_eq!(lifecycle.phase(), then);
        }
    }
}
