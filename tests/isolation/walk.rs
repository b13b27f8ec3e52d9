//! The walk itself.

use super::{
    requests::{self, Ask},
    table::{self, Answer},
    verdict::{faults, told},
    worlds::{Side, Things, WHOLE, World},
};
use crate::support::{Client, Events, LOCATION, Reply, SHOWCASE};
use serde_json::{Value, json};

/// A location that there is not.
const NOWHERE: &str = "nowhereLocation00001";

async fn ask(client: &Client, ask: &Ask) -> Reply {
    let client = ask.headers.iter().fold(client.clone(), |client, (name, value)| client.with(name, value));
    match &ask.body {
        Some(body) if ask.url.contains("/reconcile") => {
            let lines = client.with("content-type", "application/x-ndjson");
            lines.send(&ask.method, &ask.url, Some(format!("{body}\n").into_bytes())).await
        }
        Some(body) => client.json(&ask.method, &ask.url, body).await,
        None => client.send(&ask.method, &ask.url, None).await,
    }
}

/// Asks every route for somebody's things, and again for nothing's: `none` says in which location. `own` is a contact of
/// the asker's. Answers how many requests that were.
async fn walk(who: &str, client: &Client, theirs: &Things, none: &Things, own: &str) -> usize {
    let document = client.get("/openapi.json").await.json();
    let (mut compared, mut wrong, mut keys) = (0, Vec::new(), 0);
    for (method, path, answer) in table::rows() {
        if let Answer::Open(why) = answer {
            assert!(!why.is_empty());
            continue;
        }
        let operation = &document["paths"][path][method];
        let asked = |things| requests::of(operation, (method, path), keys, things, own);
        let (theirs_asked, none_asked) = (asked(theirs), asked(none));
        assert_eq!(theirs_asked.len(), none_asked.len());
        for (theirs_ask, none_ask) in theirs_asked.iter().zip(&none_asked) {
            let (reply, twin) = (ask(client, theirs_ask).await, ask(client, none_ask).await);
            for fault in faults(*answer, theirs_ask, (&reply, theirs), (&twin, none)) {
                let asked = format!("{} {} {:?}", theirs_ask.method, theirs_ask.url, theirs_ask.body);
                wrong.push(format!("{who}: {asked}\n{}\n{fault}", told(&reply, theirs)));
            }
            compared += 1;
        }
        let takes_key = |ask: &Ask| ask.headers.iter().any(|(name, _)| name == "Idempotency-Key");
        keys += usize::from(theirs_asked.iter().any(takes_key));
    }
    assert!(wrong.is_empty(), "{} of {compared}:\n\n{}", wrong.len(), wrong.join("\n\n"));
    compared
}

/// What others are refused is there for whoever may see it: else the walk would prove nothing.
async fn everything_is_there(side: &Side) {
    let document = side.admin.get("/openapi.json").await.json();
    let stream = "/v1/contacts/{contactId}/profile/events";
    for (method, path, _) in table::rows()
        .iter()
        .filter(|(method, path, answer)| *answer == Answer::Refused && *method == "get" && *path != stream)
    {
        let operation = &document["paths"][path][method];
        let asked = &requests::of(operation, (method, path), 0, &side.things, SHOWCASE)[0];
        let reply = side.admin.get(&asked.url).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
    }
}

/// What others could not do can be done, in the end.
async fn everything_can_be_done(side: &Side) {
    let Things { location, contact, operation, webhook, source, event, .. } = &side.things;
    for (client, method, path) in [
        (&side.key, "POST", format!("/v1/operations/{operation}/retry")),
        (&side.admin, "POST", format!("/v1/webhooks/events/{webhook}/replay")),
        (&side.admin, "POST", format!("/v1/sources/{source}/events/{event}/replay")),
    ] {
        let reply = client.send(method, &path, None).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
    }
    let receipt = side.admin.delete(&format!("/v1/contacts/{contact}/data")).await.json();
    for kept in ["cacheEntries", "idempotencyKeys", "webhookBodies", "taskIds"] {
        assert!(receipt[kept].as_u64() > Some(0), "{kept}: {receipt}");
    }
    let receipt = side.admin.delete(&format!("/v1/locations/{location}")).await.json();
    assert_eq!(receipt["tokens"], 1, "{receipt}");
}

#[track_caller]
fn assert_as_before(before: &[(String, Value)], after: &[(String, Value)]) {
    for ((what, before), (_, after)) in before.iter().zip(after) {
        assert_eq!(before, after, "{what} changed");
    }
}

#[actix_web::test]
async fn keys_of_another_location_learn_nothing_and_change_nothing() {
    let world = World::full().await;
    let (first, second) = (&world.first, &world.second);
    let mut stream = Events::open(&first.key, &format!("/v1/contacts/{SHOWCASE}/profile/events?{WHOLE}")).await;
    stream.event().await.expect("the profile as it is");
    everything_is_there(first).await;
    let before = world.standing(first).await;
    let writes = |side: &Side| {
        let written = world.app.sandbox.writes();
        written.iter().filter(|write| write.location_id == side.things.location).count()
    };
    let (theirs, ours) = (writes(first), writes(second));
    let none = Things::none(NOWHERE);
    for (who, client) in [("a key", &second.key), ("an admin", &second.admin)] {
        let compared = walk(who, client, &first.things, &none, &second.things.contact).await;
        assert!(compared > 150, "only {compared} requests");
    }
    assert_as_before(&before, &world.standing(first).await);
    assert_eq!(writes(first), theirs);
    assert!(writes(second) > ours, "the walk writes where it may");
    // What was answered under a key still is, and the stream tells of this change and of none before it.
    let again = first.key.with("idempotency-key", &first.things.idempotency_key(0));
    let tags = json!({"tags": [first.things.mark.to_lowercase()]});
    let again = again.post(&format!("/v1/contacts/{SHOWCASE}/tags"), &tags).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"), "{again:?}");
    first.key.post(&format!("/v1/contacts/{SHOWCASE}/notes"), &json!({"body": "The last one"})).await;
    let told = stream.event().await.expect("the note");
    let sections = told.data["sections"].as_array().expect("sections");
    assert!(sections.contains(&json!("notes")) && !sections.contains(&json!("contact")), "{told:?}");
    drop(stream);
    everything_can_be_done(first).await;
}

#[actix_web::test]
async fn nor_do_keys_and_tokens_of_the_default_location() {
    let world = World::full().await;
    let (first, second) = (&world.first, &world.second);
    let contacts = world.app.sandbox.contact_ids(LOCATION);
    let seen = contacts.iter().find(|id| *id != SHOWCASE).expect("another contact");
    let token = async |body: Value| {
        let made = first.admin.post("/v1/tokens", &body).await;
        assert_eq!(made.status, 201, "{made:?}");
        world.app.client.with("authorization", &format!("Bearer {}", made.json()["token"].as_str().expect("a token")))
    };
    let page = token(json!({"locations": [LOCATION], "minutes": 15})).await;
    let bound = token(json!({"contacts": [seen], "minutes": 15})).await;
    for (client, contact) in [(&page, SHOWCASE), (&bound, seen)] {
        let reply = client.get(&format!("/v1/contacts/{contact}/profile")).await;
        assert_eq!(reply.status, 200, "it opens what is its own: {reply:?}");
    }
    let before = world.standing(second).await;
    walk("a token", &page, &second.things, &Things::none(NOWHERE), SHOWCASE).await;
    walk("a contact's token", &bound, &second.things, &Things::none(NOWHERE), seen).await;
    // Within its location, too: nothing but its contact.
    walk("a contact's token at home", &bound, &first.things, &Things::none(LOCATION), seen).await;
    for (who, client) in [("a key", &first.key), ("an admin", &first.admin)] {
        walk(who, client, &second.things, &Things::none(NOWHERE), SHOWCASE).await;
    }
    assert_as_before(&before, &world.standing(second).await);
}
