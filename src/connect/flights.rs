//! Renewals under way: one for each holder, however many wait for it, in a task that outlives them all.

use super::{held::Held, renew::RenewError};
use crate::domain::connection::Holder;
use futures_util::{FutureExt as _, future::Shared};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

/// How a renewal ends.
pub(super) type Outcome = Result<Arc<Held>, RenewError>;

/// Where to await one.
pub(super) type Landing = Shared<oneshot::Receiver<Outcome>>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<Holder, Landing>>);

/// What [`Flights::join`] found.
pub(super) enum Joined {
    /// One is under way.
    Running(Landing),
    /// None is, nor needed.
    Landed(Arc<Held>),
    /// None was: the caller launches it, and lands it through the sender.
    Launch(Landing, oneshot::Sender<Outcome>),
}

impl Flights {
    /// Joins the renewal under way. Where there is none, `there` is asked, under the same lock, for what one that landed a
    /// moment ago brought: it has been put into the table before its flight ended.
    pub(super) fn join(&self, holder: &Holder, there: impl FnOnce() -> Option<Arc<Held>>) -> Joined {
        let mut running = self.lock();
        // One that panicked left its landing behind.
        if let Some(landing) = running.get(holder).filter(|landing| !matches!(landing.peek(), Some(Err(_)))) {
            return Joined::Running(landing.clone());
        }
        if let Some(held) = there() {
            return Joined::Landed(held);
        }
        let (sender, receiver) = oneshot::channel();
        let landing = receiver.shared();
        running.insert(holder.clone(), landing.clone());
        Joined::Launch(landing, sender)
    }

    /// Ends a flight. What it brought is in the table by now.
    pub(super) fn land(&self, holder: &Holder, outcome: Outcome, sender: oneshot::Sender<Outcome>) {
        self.lock().remove(holder);
        // Nobody may be waiting any more.
        drop(sender.send(outcome));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Holder, Landing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
