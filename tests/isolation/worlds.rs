//! The world that is walked: one service, connected to both locations of the sandbox, and everything there can be of either,
//! so that whoever asks asks for what is there.

use crate::{
    oauth,
    support::{Client, LOCATION, Reply, SHOWCASE, TestApp, eventually, key, until},
};
use ghl_sandbox::{
    WebhookPlan,
    tokens::{EXAMPLE_BUSINESS, LOCATION_2, WEBHOOK_PUBLIC_KEY},
};
use serde_json::{Value, json};
use std::time::Duration;

/// How many idempotency keys each location has used: more than there are routes that take one.
const USED: usize = 24;
/// What is said of a location's contact nowhere else, and how the idempotency keys of its writes begin.
const MARKS: [(&str, &str); 2] = [("Quercus", "acorn"), ("Fraxinus", "samara")];
/// All of a profile.
pub const WHOLE: &str = "include=notes,tasks,appointments,ip,insights";

/// The things of a location, by all that they can be named by.
#[derive(Debug, Clone)]
pub struct Things {
    pub location: String,
    pub contact: String,
    pub note: String,
    pub task: String,
    pub business: String,
    /// One that failed: it could be retried.
    pub operation: String,
    /// One that could be replayed.
    pub webhook: String,
    /// An outside system whose records go there, an event of it that could be replayed, and the contact that it is about.
    pub source: String,
    pub event: String,
    pub external: String,
    pub email: String,
    /// Of the profile.
    pub etag: String,
    /// How its idempotency keys begin.
    keys: &'static str,
    /// What nobody else may read.
    pub mark: &'static str,
}

impl Things {
    /// Names like those of things, of nothing, in a location.
    pub fn none(location: &str) -> Self {
        Self {
            location: location.to_owned(),
            contact: "nobodyContact0000001".to_owned(),
            note: "nothingNote000000001".to_owned(),
            task: "nothingTask000000001".to_owned(),
            business: "000000000000000000000000".to_owned(),
            operation: "op00000000000000000000000000000000".to_owned(),
            webhook: "00000000-0000-4000-8000-000000000000".to_owned(),
            source: "nosource".to_owned(),
            event: "evt-nothing-0000".to_owned(),
            external: "ext-nobody-00000".to_owned(),
            email: "nobody@unknown.example".to_owned(),
            etag: "W/\"0000000000000000\"".to_owned(),
            keys: "unused",
            mark: "Betula",
        }
    }

    /// An idempotency key that was used by a write to them; of nothing, one that was never used.
    pub fn idempotency_key(&self, number: usize) -> String {
        assert!(number < USED, "use more keys");
        format!("{}-{number}", self.keys)
    }
}

/// A location, and who may see it.
pub struct Side {
    /// With the roles `read` and `write`.
    pub key: Client,
    /// With the roles `read` and `admin`.
    pub admin: Client,
    pub things: Things,
}

/// A service with two locations. The first is the one that the settings name.
pub struct World {
    pub app: TestApp,
    pub first: Side,
    pub second: Side,
}

impl World {
    /// With everything of both.
    pub async fn full() -> Self {
        let app = connected().await;
        let (first, second) = (clients(&app, "first"), clients(&app, "second"));
        let other = app.sandbox.contact_ids(LOCATION_2)[0].clone();
        let (one, two) = (
            made(&app, &first.0, (LOCATION, SHOWCASE), MARKS[0]).await,
            made(&app, &second.0, (LOCATION_2, &other), MARKS[1]).await,
        );
        eventually("the end of all deliveries", || app.sandbox.webhooks_settled()).await;
        let (one, two) = (read(&first, one).await, read(&second, two).await);
        app.sandbox.webhooks_to_nobody();
        let side = |(key, admin), things| Side { key, admin, things };
        Self { first: side(first, one), second: side(second, two), app }
    }

    /// Everything of a location, as who may see it and GHL see it: what nobody else's requests may change.
    pub async fn standing(&self, side: &Side) -> Vec<(String, Value)> {
        let things = &side.things;
        let Things { location, contact, operation, webhook, source, event, .. } = things;
        let quota = body(&side.admin.get(&format!("/v1/locations/{location}/quota")).await);
        let spent = json!([quota["byLane"], quota["byEndpoint"], quota["day"]["used"], quota["breaker"]]);
        let profile = side.admin.get(&format!("/v1/contacts/{contact}/profile?{WHOLE}")).await;
        let memory =
            json!([profile.header("etag"), profile.header("cache-status").map(|status| status.contains("hit"))]);
        let mut all = vec![
            ("quota".to_owned(), spent),
            ("memory".to_owned(), memory),
            ("GHL".to_owned(), self.app.sandbox.truth(contact)),
        ];
        for path in [
            "/v1/operations?limit=200".to_owned(),
            format!("/v1/operations/{operation}"),
            "/v1/audit?limit=200".to_owned(),
            "/v1/webhooks/events?limit=200".to_owned(),
            format!("/v1/webhooks/events/{webhook}"),
            "/v1/locations".to_owned(),
            "/v1/sources".to_owned(),
            format!("/v1/sources/{source}/events?limit=200"),
            format!("/v1/sources/{source}/events/{event}"),
        ] {
            let answer = body(&side.admin.get(&path).await);
            all.push((path, answer));
        }
        all
    }
}

/// The answer to a request that must succeed.
#[track_caller]
fn body(reply: &Reply) -> Value {
    assert!((200..300).contains(&reply.status), "{reply:?}");
    reply.json()
}

/// A service that both locations are connected to, by a browser each, and that GHL tells of changes.
async fn connected() -> TestApp {
    let keys = |name: &str, location: &str| {
        let admin = format!("{name}-admin");
        [key(name, name, &["read", "write"], &[location]), key(&admin, &admin, &["read", "admin"], &[location])]
    };
    let keys = [keys("first", LOCATION), keys("second", LOCATION_2)].concat().join(", ");
    let system = |(number, location): (usize, &str)| {
        format!("{{ name = 'system-{number}', preset = 'insurgo', signature = 'api-key', location_id = '{location}' }}")
    };
    let systems = [LOCATION, LOCATION_2].into_iter().enumerate().map(system).collect::<Vec<_>>().join(", ");
    let app = oauth::service(&[
        ("sources.systems", &format!("[{systems}]")),
        ("auth.keys", &format!("[{keys}]")),
        ("webhooks.public_keys", &format!("[\"{WEBHOOK_PUBLIC_KEY}\"]")),
        // What is fetched is what is asked for.
        ("webhooks.refresh_recent_seconds", "0"),
    ])
    .await;
    for location in [LOCATION, LOCATION_2] {
        let reply = oauth::connect(&app.client, &oauth::ghl(&app), &format!("&sandbox_consent={location}")).await;
        assert_eq!(body(&reply)["locationId"], location);
    }
    let receiver = format!("http://{}/webhooks/ghl", app.client.address());
    app.sandbox.webhooks_to(&receiver, WebhookPlan::default()).expect("an address");
    app
}

fn clients(app: &TestApp, name: &str) -> (Client, Client) {
    (app.client.with("x-api-key", name), app.client.with("x-api-key", &format!("{name}-admin")))
}

/// Makes of a contact what can be made of one: each says the mark.
async fn made(
    app: &TestApp,
    key: &Client,
    (location, contact): (&str, &str),
    (mark, keys): (&'static str, &'static str),
) -> Things {
    let at = |rest: &str| format!("/v1/contacts/{contact}{rest}");
    body(&key.put(&at(""), &json!({"lastName": mark})).await);
    let note = body(&key.post(&at("/notes"), &json!({"body": mark})).await);
    let task = json!({"title": mark, "dueDate": "2027-03-01T09:00:00Z", "completed": false});
    let task = body(&key.post(&at("/tasks"), &task).await);
    app.sandbox.add_appointment(json!({"contactId": contact, "title": mark})).expect("an appointment");
    let mut things = Things { contact: contact.to_owned(), keys, mark, ..Things::none(location) };
    for number in 0..USED {
        let key = key.with("idempotency-key", &things.idempotency_key(number));
        body(&key.post(&at("/tags"), &json!({"tags": [mark.to_lowercase()]})).await);
    }
    let failed = key.delete(&at(&format!("/notes/{}", Things::none("").note))).await;
    assert!(failed.status >= 400, "{failed:?}");
    things.operation = failed.header("operation-id").expect("it was accepted").to_owned();
    (things.source, things.event, things.external) = pushed(key, location, (mark, keys)).await;
    let id = |made: &Value| made["id"].as_str().expect("an id").to_owned();
    (things.note, things.task) = (id(&note), id(&task));
    things
}

/// Has the location's outside system tell of a contact, and waits for the event's end: names of the system, the event and
/// the contact there.
async fn pushed(key: &Client, location: &str, (mark, keys): (&str, &str)) -> (String, String, String) {
    let source = format!("system-{}", usize::from(location == LOCATION_2));
    let (event, external) = (format!("evt-{keys}-0001"), format!("ext-{keys}-0001"));
    let data = json!({"contactId": external, "email": format!("{keys}@source.example"), "lastName": mark});
    let body = json!({"id": event, "type": "contact.created", "occurredAt": "2026-11-22T08:00:00Z", "data": data});
    let receipt = key.post(&format!("/v1/sources/{source}/events"), &body).await;
    assert_eq!(receipt.status, 202, "{receipt:?}");
    let path = format!("/v1/sources/{source}/events/{event}");
    until("the end of the event", Duration::from_secs(20), async || {
        (key.get(&path).await.json()["fate"] == "applied").then_some(())
    })
    .await;
    (source, event, external)
}

/// Reads what only a read tells, once each event has its fate: it is all in memory then.
async fn read((key, admin): &(Client, Client), mut things: Things) -> Things {
    let path = format!("/v1/webhooks/events?limit=200&contactId={}", things.contact);
    let events = until("a fate for each event", Duration::from_secs(20), async || {
        let events = body(&admin.get(&path).await)["items"].as_array().expect("a list").clone();
        (!events.is_empty() && events.iter().all(|event| event["fate"] != "pending")).then_some(events)
    })
    .await;
    let event = events.iter().find(|event| event["replayable"] == true).expect("one to replay");
    things.webhook = event["webhookId"].as_str().expect("an id").to_owned();
    let profile = key.get(&format!("/v1/contacts/{}/profile?{WHOLE}", things.contact)).await;
    let document = body(&profile);
    for part in ["contact", "notes", "tasks", "appointments"] {
        assert!(document[part].to_string().contains(things.mark), "no mark in {part}: {document}");
    }
    let text = |value: &Value| value.as_str().map(str::to_owned);
    things.email = text(&document["contact"]["email"]).expect("an address");
    things.business = text(&document["contact"]["businessId"]).unwrap_or(EXAMPLE_BUSINESS.to_owned());
    things.etag = profile.header("etag").expect("a tag").to_owned();
    things
}
