//! Outside systems push, and GHL holds what they say: each thing that a source can tell of, over HTTP, and what the sandbox
//! holds in the end.

mod day;
mod keys;
mod listings;
mod order;
mod refusals;
mod rows;
mod trying;

use crate::support::{Client, LOCATION, Reply, TestApp, until};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ghl_enrich::clock::Clock;
use serde_json::{Value, json};
use std::time::Duration;

/// The secret that the source signs with, as Standard Webhooks shows them.
pub const SECRET: &str = "whsec_aW5zdXJnby1pbnN1cmdvLWluc3VyZ28tMDE=";
/// How long something that is sure to happen may take.
const BOUND: Duration = Duration::from_secs(30);

/// `sources.systems` with the one source that most tests are about, and some keys more.
pub fn insurgo(more: &str) -> String {
    format!("[{{ name = 'insurgo', preset = 'insurgo', default_region = 'US', secrets = ['{SECRET}'] {more} }}]")
}

/// A client that signs this body, as of some seconds ago.
pub fn signed_at(client: &Client, secret: &str, id: &str, body: &str, ago: i64) -> Client {
    let at = (Clock::system().now().as_second() - ago).to_string();
    let signature = signature(secret, id, &at, body);
    let client = client.with("content-type", "application/json").with("webhook-id", id);
    client.with("webhook-timestamp", &at).with("webhook-signature", &signature)
}

/// <https://www.standardwebhooks.com>: over the id, the time and the body.
pub fn signature(secret: &str, id: &str, at: &str, body: &str) -> String {
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    format!("v1,{}", STANDARD.encode(hmac::sign(&key, format!("{id}.{at}.{body}").as_bytes())))
}

/// An event of Insurgo's at a minute of a morning.
pub fn event(id: &str, kind: &str, minute: u32, data: Value) -> Value {
    let at = format!("2026-11-22T{:02}:{:02}:00Z", 8 + minute / 60, minute % 60);
    json!({"id": id, "type": kind, "occurredAt": at, "data": data})
}

/// The contact that most events are about.
pub fn rosa(more: Value) -> Value {
    let mut data = json!({"contactId": "ins-1", "email": "rosa@source.example"});
    for (name, value) in more.as_object().expect("an object") {
        data[name] = value.clone();
    }
    data
}

/// A service that Insurgo pushes into.
pub struct Rig {
    pub app: TestApp,
}

impl Rig {
    pub async fn start() -> Self {
        Self::with("", &[]).await
    }

    /// With further keys of the source, and other settings.
    pub async fn with(more: &str, changes: &[(&str, &str)]) -> Self {
        let systems = insurgo(more);
        let mut all = vec![("sources.systems", &*systems)];
        all.extend(changes);
        Self { app: TestApp::with(&all).await }
    }

    /// Pushes events as the source would.
    pub async fn push(&self, events: &Value) -> Reply {
        self.post(&events.to_string(), "").await
    }

    /// A signed request with any body.
    pub async fn post(&self, body: &str, query: &str) -> Reply {
        let client = signed_at(&self.app.client, SECRET, "msg_1", body, 0);
        client.send("POST", &format!("/v1/sources/insurgo/events{query}"), Some(body.as_bytes().to_vec())).await
    }

    /// What pushing these would come to.
    pub async fn plan(&self, events: &Value) -> Value {
        // Without keys everybody here may read; who signs may not.
        let reply = self.app.client.post("/v1/sources/insurgo/events?dryRun=true", events).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    /// Pushes an event and waits for its end.
    pub async fn told(&self, event: &Value) -> Value {
        let reply = self.push(event).await;
        assert_eq!(reply.status, 202, "{}", reply.text());
        self.fate(event["id"].as_str().expect("an id")).await
    }

    /// The same, where its end must be that it was carried out.
    #[track_caller]
    pub fn apply(&self, event: Value) -> impl Future<Output = Value> {
        let place = std::panic::Location::caller();
        async move {
            let told = self.told(&event).await;
            assert_eq!(told["fate"], "applied", "{place}: {told}");
            told
        }
    }

    pub async fn event(&self, id: &str) -> Value {
        let escaped: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let reply = self.app.get(&format!("/v1/sources/insurgo/events/{escaped}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    /// An event that is at its end, or waits.
    pub async fn fate(&self, id: &str) -> Value {
        self.until_fate(id, |fate| fate != "pending").await
    }

    pub async fn until_fate(&self, id: &str, wanted: impl Fn(&str) -> bool) -> Value {
        until(&format!("the fate of {id}"), BOUND, async || {
            let event = self.event(id).await;
            wanted(event["fate"].as_str().expect("a word")).then_some(event)
        })
        .await
    }

    /// Waits until nothing is under way; what waits for its contact may.
    pub async fn settled(&self) -> Value {
        until("the end of all events", BOUND, async || {
            let report = self.report().await;
            (report["pending"] == 0).then_some(report)
        })
        .await
    }

    pub async fn report(&self) -> Value {
        let reply = self.app.get("/v1/sources").await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["items"][0].clone()
    }

    /// All that GHL holds of the contacts with an e-mail address.
    pub fn all_of(&self, email: &str) -> Vec<Value> {
        let ids = self.app.sandbox.contact_ids(LOCATION);
        let held = ids.iter().map(|id| self.app.sandbox.truth(id));
        held.filter(|truth| truth["contact"]["contact"]["email"] == email || truth["contact"]["email"] == email)
            .collect()
    }

    /// All that GHL holds of the one contact with that address: there is no other.
    #[track_caller]
    pub fn held(&self, email: &str) -> Held {
        let mut all = self.all_of(email);
        assert_eq!(all.len(), 1, "{email}: {all:?}");
        Held(all.remove(0))
    }

    /// The endpoints whose writes took effect so far, in order.
    pub fn writes(&self) -> Vec<&'static str> {
        self.app.sandbox.writes().iter().map(|write| write.endpoint.trim_start_matches("ghl.")).collect()
    }
}

/// What GHL holds of a contact.
#[derive(Debug)]
pub struct Held(Value);

impl Held {
    pub fn contact(&self) -> &Value {
        let contact = &self.0["contact"];
        if contact["contact"].is_object() { &contact["contact"] } else { contact }
    }

    pub fn id(&self) -> String {
        self.contact()["id"].as_str().expect("an id").to_owned()
    }

    pub fn text(&self, field: &str) -> &str {
        self.contact()[field].as_str().unwrap_or_default()
    }

    pub fn tags(&self) -> Vec<String> {
        let tags = self.contact()["tags"].as_array().cloned().unwrap_or_default();
        let mut tags: Vec<String> = tags.iter().map(|tag| tag.as_str().expect("a tag").to_owned()).collect();
        tags.sort();
        tags
    }

    /// Title, moment and state of each task, by title.
    pub fn tasks(&self) -> Vec<(String, String, bool)> {
        let text = |task: &Value, name: &str| task[name].as_str().unwrap_or_default().to_owned();
        let due = |task: &Value| {
            let due = text(task, "dueDate");
            due.parse::<jiff::Timestamp>().map_or(due, |at| at.to_string())
        };
        let tasks = self.0["tasks"].as_array().expect("tasks").iter();
        let mut tasks: Vec<_> = tasks.map(|task| (text(task, "title"), due(task), task["completed"] == true)).collect();
        tasks.sort();
        tasks
    }

    pub fn notes(&self) -> Vec<String> {
        let notes = self.0["notes"].as_array().expect("notes").iter();
        let mut notes: Vec<String> = notes.map(|note| note["body"].as_str().expect("a body").to_owned()).collect();
        notes.sort();
        notes
    }
}
