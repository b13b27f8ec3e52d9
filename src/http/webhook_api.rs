//! The third part of the seam between HTTP and the service: GHL's webhooks, in and listed.

use super::{api::Reply, write_api::Listed};
use crate::domain::{
    ids::{LocationId, WebhookId},
    problem::{Problem, ProblemKind},
    webhook::{EventFilter, WebhookEvent},
};
use bytes::Bytes;

/// What the headers of a webhook claim.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// `X-GHL-Signature`
    pub ed25519: Option<String>,
    /// `x-wh-signature`
    pub rsa: Option<String>,
}

/// Everything the routes of webhooks need.
pub trait WebhookApi: Send + Sync + 'static {
    /// Refuses what need not be read.
    ///
    /// # Errors
    /// `unauthenticated`; `not-found` where this service takes no webhooks.
    fn screen(&self, claims: &Claims) -> Result<(), Problem>;

    /// Verifies a webhook and stores it: once this answers, it is not lost. `unauthenticated`, or `too-many-requests` where
    /// it cannot be stored.
    fn accept(&self, claims: Claims, body: Bytes) -> Reply<'_, ()>;

    /// Events, newest first, those before a position.
    fn events(&self, filter: EventFilter, before: Option<i64>, limit: u32) -> Reply<'_, Listed<WebhookEvent>>;

    /// One event; `not-found` where there is none in these locations (`None` is all).
    fn event(&self, id: WebhookId, locations: Option<Vec<LocationId>>) -> Reply<'_, WebhookEvent>;

    /// Has an event applied again; `operation-conflict` where its state does not admit it.
    fn replay(&self, id: WebhookId, locations: Option<Vec<LocationId>>) -> Reply<'_, WebhookEvent>;
}

/// The service without webhooks: switched off, or without a store.
#[derive(Debug, Clone, Copy)]
pub struct NoWebhooks;

impl NoWebhooks {
    fn refusal() -> Problem {
        Problem::new(
            ProblemKind::NotFound,
            "This service takes no webhooks: webhooks.enabled is false, or store.url is empty.",
        )
    }

    fn refuse<T: Send + 'static>() -> Reply<'static, T> {
        Box::pin(std::future::ready(Err(Self::refusal())))
    }
}

impl WebhookApi for NoWebhooks {
    fn screen(&self, _: &Claims) -> Result<(), Problem> {
        Err(Self::refusal())
    }

    fn accept(&self, _: Claims, _: Bytes) -> Reply<'_, ()> {
        Self::refuse()
    }

    fn events(&self, _: EventFilter, _: Option<i64>, _: u32) -> Reply<'_, Listed<WebhookEvent>> {
        Self::refuse()
    }

    fn event(&self, _: WebhookId, _: Option<Vec<LocationId>>) -> Reply<'_, WebhookEvent> {
        Self::refuse()
    }

    fn replay(&self, _: WebhookId, _: Option<Vec<LocationId>>) -> Reply<'_, WebhookEvent> {
        Self::refuse()
    }
}
