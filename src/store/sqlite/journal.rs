//! Emptying the journal, so that nothing is left of what was overwritten. Many who want that at once share one emptying, as
//! the writer does nothing else meanwhile.

use super::{
    wal::{Checkpoint, Turn},
    writer::Writer,
};
use crate::store::StoreError;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::sync::Mutex;

/// How often it is tried, and the pause between.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(200);

/// How long each try waits for those who read: what arrives meanwhile waits as well.
const PATIENCE: Duration = Duration::from_millis(50);

/// Who wants it emptied, and for whom it was.
#[derive(Debug, Default)]
pub(super) struct Emptying {
    asked: AtomicU64,
    done: Mutex<Done>,
    turn: Turn,
}

/// What came of it for all who had asked before it began.
#[derive(Debug, Default)]
struct Done {
    until: u64,
    failure: Option<StoreError>,
}

impl Emptying {
    /// Held by whoever makes a checkpoint.
    pub(super) fn turn(&self) -> Turn {
        Turn::clone(&self.turn)
    }

    /// Nothing that was overwritten before this was called is left once it answers.
    pub(super) async fn run(&self, writer: &Writer) -> Result<(), StoreError> {
        let ticket = self.asked.fetch_add(1, Ordering::AcqRel) + 1;
        let mut done = self.done.lock().await;
        if done.until >= ticket {
            return done.failure.clone().map_or(Ok(()), Err);
        }
        let until = self.asked.load(Ordering::Acquire);
        let outcome = self.empty(writer).await;
        *done = Done { until, failure: outcome.clone().err() };
        outcome
    }

    async fn empty(&self, writer: &Writer) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            // Beside a copy of the log it would be refused.
            let turn = self.turn.lock().await;
            if writer.call(Checkpoint { how: "TRUNCATE", patience: PATIENCE }).await? {
                return Ok(());
            }
            drop(turn);
            tokio::time::sleep(PAUSE).await;
        }
        Err(StoreError::Failed("the journal cannot be emptied, for somebody reads it all the time".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{OperationStore as _, tests::Rig};

    #[tokio::test]
    async fn many_at_once_share_it() {
        let rig = Rig::file().await;
        let (store, emptying) = (&rig.store, Emptying::default());
        let all = (0..100).map(|_| emptying.run(&store.writer));
        assert!(futures_util::future::join_all(all).await.into_iter().all(|outcome| outcome.is_ok()));
        // Whoever comes first begins at once; all others have asked by then.
        assert_eq!(emptying.done.lock().await.until, 100);
        let rounds = store.report().outside;
        assert!(rounds <= 2, "{rounds} for a hundred");
        emptying.run(&store.writer).await.unwrap();
        assert_eq!(store.report().outside, rounds + 1, "who asks later has it done anew");
        rig.store.close().await;
    }
}
