//! Saying what anybody can provoke at most once a minute, with how often it was provoked.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

const EVERY: Duration = Duration::from_secs(60);

/// One kind of complaint.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    said_at: Option<Instant>,
    unsaid: u64,
}

impl Complaints {
    /// Counts one more; gives the number to be said, if it is time.
    pub(super) fn one_more(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.unsaid += 1;
        if state.said_at.is_some_and(|said_at| now.duration_since(said_at) < EVERY) {
            return None;
        }
        state.said_at = Some(now);
        Some(std::mem::take(&mut state.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_a_minute() {
        let (complaints, now) = (Complaints::default(), Instant::now());
        assert_eq!(complaints.one_more(now), Some(1));
        assert_eq!(complaints.one_more(now), None);
        assert_eq!(complaints.one_more(now + EVERY), Some(2));
    }
}
