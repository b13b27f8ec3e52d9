//! The only place that spawns. Every task is named, runs in a span, and is awaited at shutdown.
//!
//! A load (one request's work that others may wait for) that panics fails only its waiters; a loop (something the
//! process needs for as long as it lives) that ends by a panic takes the process down rather than dying unseen.

use std::{future::Future, time::Duration};
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

/// Spawns and keeps account of what was spawned. Cheap to clone.
///
/// Everything runs on the runtime that [`Tasks::new`] was called in, whichever thread asks for it: an HTTP worker has a
/// runtime of its own, which ends with it, and work must not.
#[derive(Debug, Clone)]
pub struct Tasks {
    runtime: Handle,
    tracker: TaskTracker,
    stop: CancellationToken,
    broken: CancellationToken,
}

impl Tasks {
    /// No tasks yet.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it is bound to the current runtime")]
    pub fn new() -> Self {
        Self {
            runtime: Handle::current(),
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
            broken: CancellationToken::new(),
        }
    }

    /// Spawns a load: it runs to its end whoever hangs up. The handle may be dropped.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    pub fn spawn_load<F>(&self, name: &'static str, load: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.runtime.spawn(self.tracker.track_future(load.instrument(tracing::debug_span!("load", name))))
    }

    /// Spawns work that blocks, such as reading a large file, on a thread of its own. The handle may be dropped.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    pub fn spawn_work<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let span = tracing::debug_span!("work", name);
        // The token outlives the work even where it panics, so that shutting down waits for it.
        let token = self.tracker.token();
        self.runtime.spawn_blocking(move || {
            let _token = token;
            span.in_scope(work)
        })
    }

    /// Spawns a loop, which gets a token that is cancelled at shutdown. If it panics, [`Tasks::broken`] resolves.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    pub fn spawn_loop<F, Fut>(&self, name: &'static str, body: F)
    where
        F: FnOnce(CancellationToken) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let guard = BrokenOnPanic { name, broken: self.broken.clone() };
        let body = body(self.stop.child_token()).instrument(tracing::info_span!("loop", name));
        self.runtime.spawn(self.tracker.track_future(async move {
            let guard = guard;
            body.await;
            drop(guard);
        }));
    }

    /// Resolves once a loop has panicked.
    pub async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// Tells every loop to stop and waits for loops and loads, no longer than `bound`. Says whether all ended.
    pub async fn shut_down(&self, bound: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(bound, self.tracker.wait()).await.is_ok()
    }
}

/// Reports a loop that unwinds.
struct BrokenOnPanic {
    name: &'static str,
    broken: CancellationToken,
}

impl Drop for BrokenOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(task.name = self.name, "a background loop panicked; stopping the process");
            self.broken.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_panicking_loop_is_noticed() {
        let tasks = Tasks::new();
        tasks.spawn_loop("fragile", |_| async { panic!("as planned") });
        tokio::time::timeout(Duration::from_secs(1), tasks.broken()).await.expect("noticed");
    }

    #[tokio::test]
    async fn shutdown_waits_for_work_that_blocks() {
        let tasks = Tasks::new();
        let (send, go_on) = std::sync::mpsc::channel();
        let work = tasks.spawn_work("slow", move || go_on.recv().is_ok());
        assert!(!tasks.shut_down(Duration::from_millis(20)).await, "it still runs");
        send.send(()).unwrap();
        assert!(tasks.shut_down(Duration::from_secs(5)).await);
        assert!(work.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_waits_for_loads_and_stops_loops() {
        let tasks = Tasks::new();
        tasks.spawn_loop("patient", |stop| async move { stop.cancelled().await });
        let load = tasks.spawn_load("slow", async { tokio::time::sleep(Duration::from_secs(2)).await });
        assert!(tasks.shut_down(Duration::from_secs(5)).await);
        assert!(load.is_finished());
    }
}
