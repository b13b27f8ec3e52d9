//! Renewing ahead of time, and trying now and then what is lost, behind everybody's back.

use super::{Inner, renew::Why};
use futures_util::{StreamExt as _, stream};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How often is looked whether something is due.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// So many are renewed at a time: none of them is urgent.
const AT_A_TIME: usize = 4;

/// Starts the loop.
pub(super) fn start(inner: &Arc<Inner>) {
    let inner = Arc::clone(inner);
    inner.tasks.clone().spawn_loop("connections", |stop| async move {
        loop {
            inner.renew_due(&stop).await;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    });
}

impl Inner {
    /// Renews what is due and not left alone; from `stop` on no further one is begun.
    pub(super) async fn renew_due(self: &Arc<Self>, stop: &CancellationToken) {
        let now = self.clock.now();
        let due = self.table.all().into_iter().filter(|held| {
            let holder = &held.connection.holder;
            held.due(now) && self.troubles.left(holder).is_none()
        });
        stream::iter(due)
            .take_until(stop.cancelled())
            .for_each_concurrent(AT_A_TIME, async |held| {
                // The one that is there counts as rejected, so that it is renewed though it is good yet.
                let present = held.tokens.as_ref().map(|tokens| &tokens.access);
                let outcome = self.renewed(&held.connection.holder, present, Why::Ahead).await;
                if let Err(error) = outcome {
                    tracing::debug!(holder = %held.connection.holder, cause = %error, "not renewed for now");
                }
            })
            .await;
    }
}
