//! Forgetting a contact or a location: everything that is held of it here, wherever. GHL keeps what it has.
//!
//! What a purge that was answered says is true and complete; one that failed or was interrupted is repeated by whoever
//! asked for it. What is read from GHL afterwards is new. What the IP look-up keeps is by address and says of nobody whose
//! it is, so it stays for its time.

use crate::{
    clock::Clock,
    domain::{
        erasure::{Erased, ErasureScope, PurgeReceipt},
        ids::{ContactId, LocationId},
        operation::Requester,
        problem::Problem,
    },
    liveness::Liveness,
    operations::Operations,
    profiles::{ContactKey, Profiles},
};
use futures_util::future::BoxFuture;
use serde_json::Map;
use std::{fmt, sync::Arc};

/// A keeper of something else that is to be forgotten along.
pub trait Forgets: fmt::Debug + Send + Sync {
    /// Forgets all that it holds of a contact or a location; once it answers, nothing of it is left. Says how much that was.
    fn forget<'a>(&'a self, scope: &'a ErasureScope) -> BoxFuture<'a, Result<u64, Problem>>;
}

/// Who holds what.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named as their types")]
pub struct Parts {
    pub profiles: Profiles,
    pub liveness: Liveness,
    /// None where there is no store.
    pub operations: Option<Operations>,
    /// Tokens of connected locations: a location that is forgotten is disconnected first.
    pub tokens: Option<Arc<dyn Forgets>>,
    /// Bodies of GHL's events.
    pub webhook_bodies: Option<Arc<dyn Forgets>>,
    /// What outside systems told.
    pub sources: Option<Arc<dyn Forgets>>,
    /// Whose a task is, as far as memory knows.
    pub task_ids: Arc<dyn Forgets>,
    pub clock: Clock,
}

/// Forgets. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Purging {
    parts: Parts,
}

impl Purging {
    /// Over everybody who holds something.
    #[must_use]
    pub const fn new(parts: Parts) -> Self {
        Self { parts }
    }

    /// Forgets a contact, as when GHL says that it was deleted.
    ///
    /// # Errors
    /// Where not all of it was forgotten: it is to be repeated.
    pub async fn contact(
        &self,
        location: LocationId,
        contact: ContactId,
        by: Requester,
    ) -> Result<PurgeReceipt, Problem> {
        self.purge(ErasureScope { location, contact: Some(contact) }, by).await
    }

    /// Forgets a location that was disconnected already: how its connection ended stays as it is.
    ///
    /// # Errors
    /// Where not all of it was forgotten: it is to be repeated.
    pub async fn location_data(&self, location: LocationId, by: Requester) -> Result<PurgeReceipt, Problem> {
        self.data(ErasureScope { location, contact: None }, by, 0).await
    }

    /// A contact, or a location with its tokens.
    ///
    /// # Errors
    /// Where not all of it was forgotten: it is to be repeated.
    pub async fn purge(&self, scope: ErasureScope, by: Requester) -> Result<PurgeReceipt, Problem> {
        // Tokens first: what is forgotten must not be read anew meanwhile.
        let tokens = match (&self.parts.tokens, &scope.contact) {
            (Some(tokens), None) => tokens.forget(&scope).await?,
            _ => 0,
        };
        self.data(scope, by, tokens).await
    }

    async fn data(&self, scope: ErasureScope, by: Requester, tokens: u64) -> Result<PurgeReceipt, Problem> {
        let parts = &self.parts;
        let webhook_bodies = match &parts.webhook_bodies {
            Some(bodies) => bodies.forget(&scope).await?,
            None => 0,
        };
        let source_records = match &parts.sources {
            Some(sources) => sources.forget(&scope).await?,
            None => 0,
        };
        let cache_entries = self.forget_profiles(&scope);
        let task_ids = parts.task_ids.forget(&scope).await?;
        let counted = Map::from_iter([
            ("cacheEntries".to_owned(), cache_entries.into()),
            ("webhookBodies".to_owned(), webhook_bodies.into()),
            ("sourceRecords".to_owned(), source_records.into()),
            ("taskIds".to_owned(), task_ids.into()),
            ("tokens".to_owned(), tokens.into()),
        ]);
        let erased = match &parts.operations {
            Some(operations) => operations.erase(scope.clone(), by, counted).await?,
            None => Erased::default(),
        };
        tracing::info!(location = %scope.location, contact = scope.contact.as_ref().map(tracing::field::display), "forgot by request");
        Ok(PurgeReceipt {
            location_id: scope.location,
            contact_id: scope.contact,
            purged_at: parts.clock.now(),
            cache_entries,
            operations: erased.operations,
            idempotency_keys: erased.idempotency_keys,
            audit_payloads: erased.audit_payloads,
            webhook_bodies,
            source_records,
            task_ids,
            tokens,
        })
    }

    fn forget_profiles(&self, scope: &ErasureScope) -> u64 {
        let ErasureScope { location, contact } = scope;
        match contact {
            Some(contact) => {
                let key = ContactKey { location: location.clone(), contact: contact.clone() };
                self.parts.profiles.forget(&key)
            }
            None => {
                self.parts.liveness.forget(location);
                self.parts.profiles.forget_location(location)
            }
        }
    }
}
