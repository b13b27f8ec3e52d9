//! GHL's webhooks as GHL sends them, signed here by a key of our own: what is refused, what each type does, what is done
//! once, and what outlives the process.

mod apps;
mod echoes;
mod effects;
mod listing;
mod refusals;
mod rules;
mod sandbox;
mod survival;
mod tasks;

use crate::support::{Client, LOCATION, Reply, SHOWCASE, TestApp, until};
use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ghl_sandbox::SandboxConfig;
use serde_json::{Value, json};
use std::time::Duration;

/// Who signs.
pub struct Signer(Ed25519KeyPair);

impl Signer {
    fn new() -> Self {
        Self(Ed25519KeyPair::generate().expect("a key"))
    }

    /// `webhooks.public_keys`
    fn public_keys(&self) -> String {
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().expect("a form");
        format!("[\"{}\"]", STANDARD.encode(der.as_ref()))
    }

    fn sign(&self, body: &[u8]) -> String {
        STANDARD.encode(self.0.sign(body))
    }
}

/// A service that knows our key.
pub struct Rig {
    app: TestApp,
    signer: Signer,
}

impl Rig {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    async fn with(changes: &[(&str, &str)]) -> Self {
        Self::of(Signer::new(), changes).await
    }

    async fn over(config: SandboxConfig, changes: &[(&str, &str)]) -> Self {
        let signer = Signer::new();
        let keys = signer.public_keys();
        let mut all = vec![("webhooks.public_keys", &*keys), ("webhooks.refresh_recent_seconds", "0")];
        all.extend(changes);
        Self { app: TestApp::over(config, &all).await, signer }
    }

    async fn of(signer: Signer, changes: &[(&str, &str)]) -> Self {
        let keys = signer.public_keys();
        let mut all = vec![("webhooks.public_keys", &*keys), ("webhooks.refresh_recent_seconds", "0")];
        all.extend(changes);
        Self { app: TestApp::with(&all).await, signer }
    }

    /// Sends an event as GHL would.
    async fn send(&self, event: &Value) -> Reply {
        let body = event.to_string().into_bytes();
        self.deliver(&body, &self.signer.sign(&body)).await
    }

    async fn deliver(&self, body: &[u8], signature: &str) -> Reply {
        signed(&self.app.client, signature).send("POST", "/webhooks/ghl", Some(body.to_vec())).await
    }

    /// Sends an event and waits for its fate.
    async fn told(&self, event: &Value) -> Value {
        let reply = self.send(event).await;
        assert_eq!((reply.status, reply.text()), (200, "{}".to_owned()));
        self.fate(event["webhookId"].as_str().expect("an id")).await
    }

    /// An event once it has its fate.
    async fn fate(&self, id: &str) -> Value {
        until(&format!("the fate of {id}"), Duration::from_secs(20), async || {
            let event = self.event(id).await;
            (event["fate"] != "pending").then_some(event)
        })
        .await
    }

    async fn event(&self, id: &str) -> Value {
        let reply = self.app.get(&format!("/v1/webhooks/events/{id}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    /// What GHL was asked: contact, notes, tasks, appointments, search of tasks.
    fn reads(&self) -> [u64; 5] {
        ["ghl.contact", "ghl.notes", "ghl.tasks", "ghl.appointments", "ghl.tasks_search"]
            .map(|endpoint| self.app.calls(endpoint))
    }

    /// What GHL is asked by a read of everything.
    async fn cost(&self, contact: &str) -> [u64; 5] {
        let before = self.reads();
        let path = format!("/v1/contacts/{contact}/profile?include=notes,tasks,appointments,ip");
        let reply = self.app.get(&path).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let now = self.reads();
        std::array::from_fn(|n| now[n] - before[n])
    }
}

fn signed(client: &Client, signature: &str) -> Client {
    client.with("content-type", "application/json").with("x-ghl-signature", signature)
}

/// An event about the showcase contact, or about a record of its, as of now.
fn event(kind: &str, id: &str, more: Value) -> Value {
    let mut event = json!({
        "type": kind, "locationId": LOCATION, "webhookId": id, "appId": "a1", "timestamp": now(),
    });
    if kind.starts_with("Contact") {
        event["id"] = json!(SHOWCASE);
    }
    for (name, value) in more.as_object().expect("an object") {
        event[name] = value.clone();
    }
    event
}

/// The time as GHL stamps it.
fn now() -> String {
    ghl_enrich::clock::Clock::system().now().to_string()
}
