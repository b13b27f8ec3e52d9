//! Two services that the walk is made in: one that holds the other's data in memory and store, and one whose own location is
//! served, so that GHL itself is asked with its token.

use crate::support::{Client, LOCATION, SHOWCASE, TOKEN, TestApp, key};
use serde_json::json;

/// Location 2 of the sandbox and its token.
pub const HERE: &str = "sandboxLocation00002";
const TOKEN_HERE: &str = "pit-00000000-0000-4000-8000-000000000002";
/// What is said of the other's contact nowhere else: no answer to a foreign key may hold it.
pub const MARKER: &str = "knownElsewhereAlone";

/// The ids of things, in every place where an id can stand.
#[derive(Debug, Clone)]
pub struct Things {
    pub location: String,
    pub contact: String,
    pub note: String,
    pub task: String,
    pub operation: String,
    pub business: String,
    pub email: String,
}

impl Things {
    /// Ids like those of things, of nothing.
    pub fn none() -> Self {
        Self {
            location: "nowhereLocation00001".to_owned(),
            contact: "nobodyContact0000001".to_owned(),
            note: "nothingNote000000001".to_owned(),
            task: "nothingTask000000001".to_owned(),
            operation: "op00000000000000000000000000000000".to_owned(),
            business: "000000000000000000000000".to_owned(),
            email: "nobody@unknown.example".to_owned(),
        }
    }
}

/// A running service, a key of location 2 with every role, and what is location 1's.
pub struct World {
    pub name: &'static str,
    pub app: TestApp,
    pub here: Client,
    pub theirs: Things,
}

fn keys() -> String {
    let roles = ["read", "write", "admin"];
    format!("[{}, {}]", key("there", "t", &roles, &[LOCATION]), key("here", "h", &roles, &[HERE]))
}

/// What GHL holds of location 1, written by `client` at `base`: a contact's note, task and tag that say the marker.
async fn planted(client: &Client, base: &str, task_due: &str) -> Things {
    let at = |rest: &str| format!("{base}/{SHOWCASE}{rest}");
    let note = client.post(&at("/notes"), &json!({"body": MARKER})).await;
    let task = json!({"title": MARKER, "dueDate": task_due, "completed": false});
    let task = client.post(&at("/tasks"), &task).await;
    assert!(note.status == 201 && task.status == 201, "{note:?} {task:?}");
    let tags = client.post(&at("/tags"), &json!({"tags": [MARKER.to_lowercase()]})).await;
    assert!(tags.status < 300, "{tags:?}");
    let id = |reply: &crate::support::Reply, name: &str| {
        let body = reply.json();
        let id = body["id"].as_str().or_else(|| body[name]["id"].as_str());
        id.unwrap_or_else(|| panic!("no id of a {name}: {body}")).to_owned()
    };
    Things {
        location: LOCATION.to_owned(),
        contact: SHOWCASE.to_owned(),
        operation: note.header("operation-id").unwrap_or("op11111111111111111111111111111111").to_owned(),
        note: id(&note, "note"),
        task: id(&task, "task"),
        business: "63771dcac1116f0e21de8e12".to_owned(),
        email: String::new(),
    }
}

/// Location 1 is served and all of it is in memory: profile, operations, log.
pub async fn theirs_is_held() -> World {
    let app = TestApp::with(&[("auth.keys", &keys())]).await;
    let there = app.client.with("x-api-key", "t");
    let mut theirs = planted(&there, "/v1/contacts", "2027-03-01T09:00:00Z").await;
    let profile = there.get(&format!("/v1/contacts/{SHOWCASE}/profile")).await;
    assert!(profile.status == 200 && profile.text().contains(MARKER), "{profile:?}");
    theirs.email = profile.json()["contact"]["email"].as_str().expect("an address").to_owned();
    let here = app.client.with("x-api-key", "h").with("if-none-match", profile.header("etag").expect("a tag"));
    World { name: "theirs is held", app, here, theirs }
}

/// Location 2 is served, so that what is asked of it reaches GHL, which knows the other's things.
pub async fn ours_is_served() -> World {
    let app = TestApp::with(&[("auth.keys", &keys()), ("ghl.location_id", HERE), ("ghl.token", TOKEN_HERE)]).await;
    let ghl = Client::new(app.sandbox.addr()).with("version", "2021-07-28");
    let ghl = ghl.with("authorization", &format!("Bearer {TOKEN}"));
    let mut theirs = planted(&ghl, "/contacts", "2027-03-01T09:00:00Z").await;
    let contact = ghl.get(&format!("/contacts/{SHOWCASE}")).await.json();
    theirs.email = contact["contact"]["email"].as_str().expect("an address").to_owned();
    let here = app.client.with("x-api-key", "h");
    World { name: "ours is served", app, here, theirs }
}
