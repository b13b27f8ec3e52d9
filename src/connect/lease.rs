//! The right to renew a holder's tokens, across processes: taken in the store, made longer while the work lasts.

use super::Inner;
use crate::{domain::connection::Holder, store::StoreError};
use jiff::SignedDuration;
use std::{pin::pin, time::Duration};

/// How long a lease lasts unless it is made longer: longer than one call to GHL may take.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How often it is made longer.
const LONGER_EVERY: Duration = Duration::from_secs(15);
/// How often somebody else's is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl Inner {
    /// Takes the lease; `false` where somebody else has it.
    pub(super) async fn lease(&self, holder: &Holder) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let until = now.checked_add(LEASE).unwrap_or(now);
        self.store.lease_connection(holder.clone(), self.owner.clone(), now, until).await
    }

    /// Waits a moment for whoever has it.
    pub(super) async fn wait_for_lease(&self) {
        tokio::time::sleep(LOOK_EVERY).await;
    }

    /// Does the work and gives the lease back.
    pub(super) async fn leased<T>(&self, holder: &Holder, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                () = tokio::time::sleep(LONGER_EVERY) => {
                    if !matches!(self.lease(holder).await, Ok(true)) {
                        tracing::warn!(%holder, "the lease of a renewal could not be made longer");
                    }
                }
            }
        };
        if let Err(error) = self.store.release_connection(holder.clone(), self.owner.clone()).await {
            // It runs out by itself.
            tracing::debug!(%holder, cause = %error, "a lease could not be given back");
        }
        outcome
    }
}
