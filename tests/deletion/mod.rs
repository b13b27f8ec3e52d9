//! Forgetting a contact or a location: nothing of it is left in memory, in the store's files or on its way there, and
//! whoever asks afterwards is told so.

mod purge;
mod races;

use crate::support::{Reply, TestApp, key, scratch};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A text that nothing else holds.
const MARK: &str = "Nebuzaradan";

/// A service with a store in a file, and everything kept that can be.
struct House {
    app: TestApp,
    folder: PathBuf,
}

impl House {
    async fn new(test: &str) -> Self {
        Self::with(test, &[]).await
    }

    async fn with(test: &str, more: &[(&str, &str)]) -> Self {
        let folder = scratch(test);
        let url = format!("sqlite:{}", folder.join("store.db").display());
        let rule = "[{ name = 'name', when = 'contact.firstName', managed_prefix = 'name:', \
                    tags = ['name:{{ contact.firstName }}'] }]";
        let mut settings = vec![
            ("store.url", url.as_str()),
            ("operations.audit_payloads", "true"),
            ("enrichment.rules", rule),
            ("ghl.retries", "0"),
        ];
        settings.extend(more);
        let app = TestApp::with(&settings).await;
        Self { app, folder }
    }

    /// A contact whose every field is marked.
    async fn person(&self, number: u32) -> String {
        let body = json!({
            "firstName": format!("{MARK}{number}"),
            "email": format!("{MARK}.{number}@example.com"),
            "source": MARK,
        });
        let made =
            self.app.client.with("idempotency-key", &format!("person-{number}")).post("/v1/contacts", &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["id"].as_str().unwrap().to_owned()
    }

    async fn note(&self, contact: &str, text: &str) -> Reply {
        let body = json!({ "body": format!("{MARK} {text}") });
        self.app.client.with("idempotency-key", text).post(&format!("/v1/contacts/{contact}/notes"), &body).await
    }

    async fn forget(&self, contact: &str) -> Value {
        forgotten(&self.app.client.delete(&format!("/v1/contacts/{contact}/data")).await)
    }

    async fn operation(&self, id: &str) -> Value {
        let reply = self.app.get(&format!("/v1/operations/{id}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    async fn log(&self, query: &str) -> Vec<Value> {
        let reply = self.app.client.get(&format!("/v1/audit?limit=200&{query}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["items"].as_array().unwrap().clone()
    }
}

#[track_caller]
fn forgotten(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// The files of a folder that hold a text, in any case: addresses are folded.
fn holding(folder: &Path, text: &str) -> Vec<String> {
    let wanted = text.to_ascii_lowercase();
    let holds = |path: &Path| {
        let bytes = std::fs::read(path).unwrap().to_ascii_lowercase();
        bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes())
    };
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| holds(path)).map(|path| path.display().to_string()).collect()
}

/// What a receipt counts, all of it.
fn counts(receipt: &Value) -> Vec<(String, u64)> {
    let mut counts = Vec::new();
    for (name, value) in receipt.as_object().unwrap() {
        if let Some(count) = value.as_u64() {
            counts.push((name.clone(), count));
        }
        for (inner, value) in value.as_object().into_iter().flatten() {
            counts.push((format!("{name}.{inner}"), value.as_u64().unwrap()));
        }
    }
    counts.retain(|(_, count)| *count > 0);
    counts
}

#[actix_web::test]
async fn an_admin_of_the_location_may_and_nobody_else() {
    let keys = format!(
        "[{}, {}, {}]",
        key("here", "here", &["admin"], &["sandboxLocation00001"]),
        key("there", "there", &["admin"], &["sandboxLocation00002"]),
        key("writer", "writer", &["read", "write"], &["sandboxLocation00001"]),
    );
    let house = House::with("may", &[("auth.keys", &keys)]).await;
    let location = "sandboxLocation00001";
    for path in [format!("/v1/contacts/c1/data?locationId={location}"), format!("/v1/locations/{location}")] {
        for (key, status) in [("writer", 403), ("there", 403), ("nobody", 401), ("here", 200)] {
            let reply = house.app.client.with("x-api-key", key).delete(&path).await;
            assert_eq!(reply.status, status, "{path} with {key}: {}", reply.text());
        }
    }
    let audit = house.app.client.with("x-api-key", "here").get("/v1/audit?event=erased").await.json();
    assert_eq!(audit["items"].as_array().unwrap().len(), 2);
    assert_eq!(audit["items"][0]["key"], "here");
}
