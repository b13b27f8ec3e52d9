//! Who forgets a contact or a location, over everybody who holds something of it.

use super::{AppParts, Store, writes::Writing};
use crate::{
    clock::Clock,
    connect::Connections,
    domain::{erasure::ErasureScope, problem::Problem},
    ghl,
    purging::{Forgets, Parts, Purging},
    store::{Inbox, SourceStore},
};
use futures_util::future::{BoxFuture, ready};
use std::sync::Arc;

/// Purging, wired.
pub(super) fn purging(parts: &AppParts, store: Option<&Store>, writing: Option<&Writing>) -> Purging {
    let tokens = parts.connections.clone().map(|connections| Arc::new(Tokens(connections)) as Arc<dyn Forgets>);
    let sources = store.map(|store| Arc::new(Sources(store.sqlite.clone(), parts.clock.clone())) as Arc<dyn Forgets>);
    let bodies = store.map(|store| Arc::new(Bodies(store.sqlite.clone())) as Arc<dyn Forgets>);
    Purging::new(Parts {
        profiles: parts.profiles.clone(),
        liveness: parts.liveness.clone(),
        operations: writing.map(|writing| writing.operations.clone()),
        tokens,
        webhook_bodies: bodies,
        sources,
        task_ids: Arc::new(TaskIds(parts.ghl.clone())),
        clock: parts.clock.clone(),
    })
}

/// Tokens of connected locations. What stays of a location says that it was disconnected: an agency's installation must not
/// bring it back.
#[derive(Debug)]
struct Tokens(Connections);

impl Forgets for Tokens {
    fn forget<'a>(&'a self, scope: &'a ErasureScope) -> BoxFuture<'a, Result<u64, Problem>> {
        Box::pin(async move {
            let gone = self.0.disconnect(&scope.location).await.map_err(|failure| failure.to_problem())?;
            Ok(u64::from(gone.is_some()))
        })
    }
}

/// What GHL's events said.
#[derive(Debug)]
struct Bodies(Arc<dyn Inbox>);

impl Forgets for Bodies {
    fn forget<'a>(&'a self, scope: &'a ErasureScope) -> BoxFuture<'a, Result<u64, Problem>> {
        Box::pin(async move { self.0.erase_bodies(scope.clone()).await.map_err(|failure| failure.to_problem()) })
    }
}

/// What outside systems told, and what is known of their records by it.
#[derive(Debug)]
struct Sources(Arc<dyn SourceStore>, Clock);

impl Forgets for Sources {
    fn forget<'a>(&'a self, scope: &'a ErasureScope) -> BoxFuture<'a, Result<u64, Problem>> {
        let Self(store, clock) = self;
        Box::pin(async move {
            store.forget_sources(scope.clone(), clock.now()).await.map_err(|failure| failure.to_problem())
        })
    }
}

/// Whose a task is.
#[derive(Debug)]
struct TaskIds(ghl::Client);

impl Forgets for TaskIds {
    fn forget<'a>(&'a self, scope: &'a ErasureScope) -> BoxFuture<'a, Result<u64, Problem>> {
        Box::pin(ready(Ok(self.0.forget_tasks(&scope.location, scope.contact.as_ref()))))
    }
}
