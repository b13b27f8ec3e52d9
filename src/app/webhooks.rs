//! GHL's webhooks, wired, and what the routes ask of them.

use super::{AppParts, Store, installing, writes::Writing};
use crate::{
    domain::{
        ids::{LocationId, WebhookId},
        operation::Requester,
        problem::Problem,
        webhook::{EventFilter, WebhookEvent},
    },
    ghl::signature::Signatures,
    http::{
        api::{Component, ComponentState, Reply},
        webhook_api::{Claims, NoWebhooks, WebhookApi},
        write_api::Listed,
    },
    profiles::ContactKey,
    purging::Purging,
    settings::Settings,
    webhooks::{self, Parts, Purge, Webhooks},
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// Starts to take webhooks; `None` where they are switched off, or nothing could be stored.
pub(super) fn start(
    settings: &Settings,
    parts: &AppParts,
    store: Option<&Store>,
    writing: Option<&Writing>,
    purging: &Purging,
) -> Option<Webhooks> {
    let (store, writing) = (store.filter(|_| settings.webhooks.enabled)?, writing?);
    let ghl = parts.ghl.clone();
    let parts = Parts {
        inbox: store.sqlite.clone(),
        profiles: parts.profiles.clone(),
        liveness: parts.liveness.clone(),
        ghl: parts.ghl.clone(),
        enrichment: writing.enrichment(),
        serves: Arc::new(move |location| ghl.serves(location).is_ok()),
        installations: installing::installations(parts.connections.clone(), purging),
        purge: Arc::new(Deleted(purging.clone())),
        clock: parts.clock.clone(),
        tasks: parts.tasks.clone(),
        metrics: parts.metrics.clone(),
    };
    Some(Webhooks::start(parts, settings))
}

/// What the routes hold.
pub(super) fn api(webhooks: Option<Webhooks>) -> Arc<dyn WebhookApi> {
    webhooks.map_or_else(|| Arc::new(NoWebhooks) as Arc<dyn WebhookApi>, |webhooks| Arc::new(webhooks))
}

/// How the inbox stands, as readiness shows it.
pub(super) fn component(webhooks: &Webhooks) -> Component {
    let webhooks::Status { depth, last_received } = webhooks.status();
    let last = last_received.iter().map(|(location, at)| format!("; last event of {location} {at}"));
    let detail = format!("{} events wait{}", depth.pending, last.collect::<String>());
    Component { name: "webhooks".to_owned(), state: ComponentState::Ok, detail: Some(detail) }
}

/// A contact that GHL deleted goes wherever something is held of it.
#[derive(Debug)]
struct Deleted(Purging);

impl Purge for Deleted {
    fn purge(&self, contact: ContactKey, by: Requester) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(async move { self.0.contact(contact.location, contact.contact, by).await.map(drop) })
    }
}

impl From<Claims> for Signatures {
    fn from(Claims { ed25519, rsa }: Claims) -> Self {
        Self { ed25519, rsa }
    }
}

impl WebhookApi for Webhooks {
    fn screen(&self, claims: &Claims) -> Result<(), Problem> {
        Self::screen(self, &claims.clone().into()).map_err(|refused| refused.to_problem())
    }

    fn accept(&self, claims: Claims, body: Bytes) -> Reply<'_, ()> {
        Box::pin(async move {
            let accepted = Self::accept(self, &claims.into(), &body).await;
            accepted.map(drop).map_err(|refused| refused.to_problem())
        })
    }

    fn events(&self, filter: EventFilter, before: Option<i64>, limit: u32) -> Reply<'_, Listed<WebhookEvent>> {
        Box::pin(async move {
            let page = Self::events(self, filter, before, limit).await?;
            Ok(Listed { items: page.items, next: page.next })
        })
    }

    fn event(&self, id: WebhookId, locations: Option<Vec<LocationId>>) -> Reply<'_, WebhookEvent> {
        Box::pin(Self::event(self, id, locations))
    }

    fn replay(&self, id: WebhookId, locations: Option<Vec<LocationId>>) -> Reply<'_, WebhookEvent> {
        Box::pin(Self::replay(self, id, locations))
    }
}
