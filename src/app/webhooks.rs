//! GHL's webhooks, wired, and what the routes ask of them.

use super::{AppParts, Store, writes::Writing};
use crate::{
    domain::{
        ids::{LocationId, WebhookId},
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
    settings::Settings,
    webhooks::{self, Installation, Installations, Parts, Purge, Webhooks},
};
use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};
use std::sync::Arc;

/// Starts to take webhooks; `None` where they are switched off, or nothing could be stored.
pub(super) fn start(
    settings: &Settings,
    parts: &AppParts,
    store: Option<&Store>,
    writing: Option<&Writing>,
) -> Option<Webhooks> {
    let (store, writing) = (store.filter(|_| settings.webhooks.enabled)?, writing?);
    let ghl = parts.ghl.clone();
    let parts = Parts {
        inbox: store.sqlite.clone(),
        profiles: parts.profiles.clone(),
        ghl: parts.ghl.clone(),
        enrichment: writing.enrichment(),
        serves: Arc::new(move |location| ghl.serves(location).is_ok()),
        installations: Arc::new(NotConnected),
        purge: Arc::new(MemoryAlone),
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

/// A service with a private integration token: an installation tells it nothing.
#[derive(Debug)]
struct NotConnected;

impl Installations for NotConnected {
    fn installed(&self, _: Installation) -> BoxFuture<'_, Result<bool, Problem>> {
        Box::pin(ready(Ok(false)))
    }

    fn uninstalled(&self, _: Installation) -> BoxFuture<'_, Result<bool, Problem>> {
        Box::pin(ready(Ok(false)))
    }
}

/// What memory held of a contact went when the event arrived, and no more is kept.
#[derive(Debug)]
struct MemoryAlone;

impl Purge for MemoryAlone {
    fn purge(&self, _: ContactKey) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(ready(Ok(())))
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
