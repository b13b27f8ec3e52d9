//! Where the process stands between its start and its end, as probes and clients see it.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

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
pub struct Lifecycle {
    phase: Arc<AtomicU8>,
    draining: CancellationToken,
}

impl Lifecycle {
    /// A process that starts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Advances to a phase; one that lies behind is ignored.
    pub fn set(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::Relaxed);
        if phase >= Phase::Draining {
            self.draining.cancel();
        }
    }

    /// Resolves once the process was told to stop: for answers that would not end by themselves.
    pub fn draining(&self) -> WaitForCancellationFutureOwned {
        self.draining.clone().cancelled_owned()
    }

    /// The phase now.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
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
    use futures_util::FutureExt as _;

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
            assert_eq!(lifecycle.draining().now_or_never().is_some(), then >= Phase::Draining);
        }
    }
}
