//! Leaves the API alone after it rejected the token, or named a time to wait: a setting's fault is not every contact's.
//!
//! A rejection holds for `reject_hold`, or until the token changes. A spent quota holds for as long as `IPinfo` says.

use crate::{ipinfo::error::ApiError, settings::secret::Secret};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The longest a `Retry-After` is believed: a quota may be raised meanwhile.
const LONGEST_QUOTA_HOLD: Duration = Duration::from_secs(3600);

/// Open while the API is left alone.
#[derive(Debug)]
pub(super) struct Circuit {
    reject_hold: Duration,
    hold: Mutex<Option<Hold>>,
}

#[derive(Debug)]
struct Hold {
    until: Instant,
    why: ApiError,
    token: Arc<Secret>,
}

impl Circuit {
    pub(super) fn new(reject_hold: Duration) -> Self {
        Self { reject_hold, hold: Mutex::default() }
    }

    /// Why and for how long the API is left alone, if it is.
    pub(super) fn held(&self, token: &Arc<Secret>) -> Option<ApiError> {
        let mut hold = self.hold.lock().unwrap_or_else(PoisonError::into_inner);
        let left = hold.as_ref().map(|hold| hold.until.saturating_duration_since(Instant::now()));
        let expired = left.is_some_and(|left| left.is_zero());
        // A token read anew from its file is another one, and deserves its own answer.
        let renewed = hold.as_ref().is_some_and(|hold| hold.token != *token);
        if expired || renewed {
            *hold = None;
        }
        hold.as_ref().zip(left).map(|(hold, left)| match &hold.why {
            ApiError::Rejected { status, .. } => ApiError::Rejected { status: *status, hold: left },
            ApiError::Quota { .. } => ApiError::Quota { retry_after: Some(left) },
            other => other.clone(),
        })
    }

    /// Takes note of a failed call; gives the error as its waiters shall see it.
    pub(super) fn note(&self, error: ApiError, token: Arc<Secret>) -> ApiError {
        let (why, length) = match error {
            ApiError::Rejected { status, .. } => {
                (ApiError::Rejected { status, hold: self.reject_hold }, self.reject_hold)
            }
            ApiError::Quota { retry_after: Some(wait) } => (error, wait.min(LONGEST_QUOTA_HOLD)),
            ApiError::Quota { retry_after: None }
            | ApiError::InvalidInput { .. }
            | ApiError::Refused { .. }
            | ApiError::Failing { .. }
            | ApiError::Call(_)
            | ApiError::NoEntry
            | ApiError::Abandoned => return error,
        };
        let mut hold = self.hold.lock().unwrap_or_else(PoisonError::into_inner);
        if hold.is_none() {
            announce(&why, length);
        }
        *hold = Some(Hold { until: Instant::now() + length, why: why.clone(), token });
        why
    }
}

/// One line for each time the circuit opens.
fn announce(why: &ApiError, length: Duration) {
    let seconds = length.as_secs();
    if matches!(why, ApiError::Rejected { .. }) {
        tracing::error!(status = why.status(), hold_seconds = seconds, "IPinfo rejects the token; mend ipinfo.token");
    } else {
        tracing::warn!(hold_seconds = seconds, "IPinfo's quota is spent; its API is left alone as long as it asked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn another_token_closes_it() {
        let circuit = Circuit::new(Duration::from_secs(60));
        let (old, new) = (Arc::new(Secret::new("old")), Arc::new(Secret::new("new")));
        let rejected = ApiError::Rejected { status: Some(403), hold: Duration::ZERO };
        assert_eq!(circuit.note(rejected, Arc::clone(&old)).retry_after(), Some(Duration::from_secs(60)));
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(circuit.held(&old).unwrap().retry_after(), Some(Duration::from_secs(40)));
        assert!(circuit.held(&new).is_none());
        assert!(circuit.held(&old).is_none(), "the old one deserves another try as well");
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_rejection_or_a_named_wait_opens_it() {
        let token = Arc::new(Secret::new("t"));
        let circuit = Circuit::new(Duration::from_secs(60));
        for error in [ApiError::Failing { status: 500 }, ApiError::Quota { retry_after: None }, ApiError::NoEntry] {
            assert_eq!(circuit.note(error.clone(), Arc::clone(&token)), error);
            assert!(circuit.held(&token).is_none());
        }
        let forever = ApiError::Quota { retry_after: Some(Duration::from_secs(1 << 40)) };
        circuit.note(forever, Arc::clone(&token));
        tokio::time::advance(LONGEST_QUOTA_HOLD).await;
        assert!(circuit.held(&token).is_none());
    }
}
