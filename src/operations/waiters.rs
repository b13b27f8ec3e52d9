//! Who waits for an operation to end. One entry for each operation that is waited for, gone with its last waiter.

use crate::domain::ids::OperationId;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// All who wait.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    table: Mutex<HashMap<OperationId, Waited>>,
}

#[derive(Debug)]
struct Waited {
    ended: watch::Sender<bool>,
    tickets: usize,
}

impl Waiters {
    /// A place in the queue. Take it before looking whether the operation has ended, or its end may be missed.
    pub(super) fn ticket(&self, id: &OperationId) -> Ticket<'_> {
        let mut table = self.lock();
        let waited = table.entry(id.clone()).or_insert_with(|| Waited { ended: watch::Sender::new(false), tickets: 0 });
        waited.tickets += 1;
        Ticket { waiters: self, id: id.clone(), ended: waited.ended.subscribe() }
    }

    /// Tells everybody that the operation has ended.
    pub(super) fn wake(&self, id: &OperationId) {
        if let Some(waited) = self.lock().get(id) {
            waited.ended.send_replace(true);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OperationId, Waited>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among those who wait.
#[derive(Debug)]
pub(super) struct Ticket<'a> {
    waiters: &'a Waiters,
    id: OperationId,
    ended: watch::Receiver<bool>,
}

impl Ticket<'_> {
    /// Resolves once the operation has ended.
    pub(super) async fn ended(&mut self) {
        // The sender stands in the table for as long as this ticket does.
        let _ = self.ended.wait_for(|ended| *ended).await;
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut table = self.waiters.lock();
        if let Some(waited) = table.get_mut(&self.id) {
            waited.tickets -= 1;
            if waited.tickets == 0 {
                table.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn everybody_is_woken_and_nobody_is_kept() {
        let waiters = Waiters::default();
        let id = OperationId::parse("op1").unwrap();
        let (mut first, mut second) = (waiters.ticket(&id), waiters.ticket(&id));
        assert!(timeout(Duration::from_secs(1), first.ended()).await.is_err(), "it has not ended");
        waiters.wake(&OperationId::parse("op2").unwrap());
        assert!(timeout(Duration::from_secs(1), first.ended()).await.is_err(), "another one has ended");
        waiters.wake(&id);
        timeout(Duration::from_secs(1), first.ended()).await.unwrap();
        timeout(Duration::from_secs(1), second.ended()).await.unwrap();
        drop(first);
        assert_eq!(waiters.lock().len(), 1, "the second still holds its place");
        drop(second);
        assert!(waiters.lock().is_empty());
    }
}
