//! The walk itself.

use super::{
    requests::{self, Ask},
    table::{self, Answer},
    worlds::{self, HERE, MARKER, Things, World},
};
use crate::support::{LOCATION, Reply, SHOWCASE};
use serde_json::json;

/// Headers that differ between any two answers, and tell nothing.
const OF_THE_MOMENT: [&str; 3] = ["date", "x-request-id", "content-length"];

/// An answer with its ids and its moment taken out, so that it can be compared.
fn told(reply: &Reply, things: &Things) -> String {
    let mut headers: Vec<String> = reply
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
        .filter(|(name, _)| !OF_THE_MOMENT.contains(&name.as_str()))
        .map(|(name, value)| match name.as_str() {
            // How many calls, of what, with which outcome; not how long each took.
            "server-timing" => format!("{name}: {}", without_durations(value)),
            _ => format!("{name}: {value}"),
        })
        .collect();
    headers.sort();
    let mut text = format!("{}\n{}\n{}", reply.status, headers.join("\n"), reply.text());
    let own = [reply.header("x-request-id"), reply.header("operation-id")].into_iter().flatten();
    let ids = [&things.contact, &things.note, &things.task, &things.operation, &things.business, &things.location];
    for id in own.chain(ids.into_iter().map(String::as_str)) {
        text = text.replace(id, "…");
    }
    text
}

fn without_durations(value: &str) -> String {
    value.split("dur=").map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')).collect()
}

/// What an answer holds that only who may see the other location can know. `sent` was in the request.
fn leaks(reply: &Reply, sent: &str) -> Vec<&'static str> {
    let text = format!("{:?} {}", reply.headers, reply.text()).to_lowercase().replace(&sent.to_lowercase(), "");
    let mut found = vec![MARKER.to_lowercase(), "olivia".to_owned()];
    found.retain(|word| text.contains(word));
    let mut leaks = if found.is_empty() { Vec::new() } else { vec!["data"] };
    if !(200..300).contains(&reply.status) {
        leaks.extend(["etag", "last-modified", "age"].into_iter().filter(|header| reply.header(header).is_some()));
    }
    leaks
}

async fn ask(world: &World, method: &str, ask: &Ask) -> Reply {
    match &ask.body {
        Some(body) => world.here.json(&method.to_uppercase(), &ask.url, body).await,
        None => world.here.send(&method.to_uppercase(), &ask.url, None).await,
    }
}

/// What is wrong with an answer, given that for what is not there.
fn faults(
    answer: Answer,
    theirs: &Ask,
    (reply, of): (&Reply, &Things),
    (twin, none): (&Reply, &Things),
) -> Vec<String> {
    let success = (200..300).contains(&reply.status);
    let mut faults: Vec<String> = leaks(reply, &of.email).into_iter().map(str::to_owned).collect();
    if theirs.names_location && reply.status != 403 {
        faults.push("not forbidden".to_owned());
    }
    if answer == Answer::Refused && success {
        faults.push("a success".to_owned());
    }
    let same = match answer {
        Answer::Own if success => reply.status == twin.status,
        Answer::Own | Answer::Same | Answer::Refused | Answer::Open(_) => told(reply, of) == told(twin, none),
    };
    if !same {
        faults.push(format!("differs from\n{}", told(twin, none)));
    }
    faults
}

async fn walk(world: &World) {
    let none = Things::none();
    let (mut compared, mut wrong) = (0, Vec::new());
    for (method, path, answer) in table::rows() {
        if let Answer::Open(why) = answer {
            assert!(!why.is_empty());
            continue;
        }
        let pairs = requests::of(method, path, &world.theirs).into_iter().zip(requests::of(method, path, &none));
        for (theirs, nothing) in pairs {
            let (reply, twin) = (ask(world, method, &theirs).await, ask(world, method, &nothing).await);
            for fault in faults(*answer, &theirs, (&reply, &world.theirs), (&twin, &none)) {
                wrong.push(format!(
                    "{}: {method} {}\n{}\n{fault}",
                    world.name,
                    theirs.url,
                    told(&reply, &world.theirs)
                ));
            }
            compared += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(compared > 60, "only {compared} requests");
}

#[actix_web::test]
async fn what_memory_and_store_hold_of_another_location_is_as_if_it_were_not() {
    let world = worlds::theirs_is_held().await;
    let before = world.app.sandbox.writes().len();
    walk(&world).await;
    assert_eq!(world.app.sandbox.writes().len(), before, "nothing was written");
    let there = world.app.client.with("x-api-key", "t");
    let profile = there.get(&format!("/v1/contacts/{SHOWCASE}/profile")).await;
    assert!(profile.header("cache-status").unwrap().contains("hit"), "nor anything touched: {profile:?}");
    let operation = there.get(&format!("/v1/operations/{}", world.theirs.operation)).await;
    assert_eq!(operation.status, 200, "the walk asked for one that is there: {operation:?}");
}

#[actix_web::test]
async fn what_ghl_holds_of_another_location_is_as_if_it_were_not() {
    let world = worlds::ours_is_served().await;
    walk(&world).await;
    let written = world.app.sandbox.writes();
    let foreign = written.iter().filter(|write| write.location_id == LOCATION).count();
    assert_eq!(foreign, 3, "what was planted, and nothing since");
    assert!(written.iter().any(|write| write.location_id == HERE), "the walk writes where it may");
}

#[actix_web::test]
async fn an_idempotency_key_is_its_locations_own() {
    let world = worlds::theirs_is_held().await;
    let (path, body) = (format!("/v1/contacts/{SHOWCASE}/tags"), json!({"tags": [MARKER]}));
    let there = world.app.client.with("x-api-key", "t").with("idempotency-key", "same");
    assert_eq!(there.post(&path, &body).await.status, 200);
    assert_eq!(there.post(&path, &body).await.header("idempotency-replayed"), Some("true"));
    let here = world.here.with("idempotency-key", "same");
    for body in [&body, &json!({"tags": ["another"]})] {
        let reply = here.post(&path, body).await;
        let unused = world.here.with("idempotency-key", "unused").post(&path, body).await;
        assert_eq!(told(&reply, &world.theirs), told(&unused, &world.theirs));
        assert!(reply.status >= 400 && reply.header("idempotency-replayed").is_none(), "{reply:?}");
    }
}

#[actix_web::test]
async fn a_cursor_leads_nowhere_in_another_location() {
    let world = worlds::theirs_is_held().await;
    let there = world.app.client.with("x-api-key", "t");
    for list in ["/v1/operations?limit=1", "/v1/audit?limit=1", "/v1/contacts?limit=1"] {
        let page = there.get(list).await.json();
        let cursor = page["nextCursor"].as_str().unwrap_or_else(|| panic!("{list}: a page follows in {page}"));
        let reply = world.here.get(&format!("{list}&cursor={cursor}")).await;
        reply.assert_problem(400, "invalid-parameter");
    }
}

#[actix_web::test]
async fn a_token_reaches_no_further_than_its_key() {
    let world = worlds::theirs_is_held().await;
    let made = world.here.post("/v1/tokens", &json!({"contacts": [SHOWCASE], "minutes": 1})).await;
    assert_eq!(made.status, 201, "any id may be named, be there such a contact or not: {made:?}");
    let page = world.app.client.with("x-api-key", made.json()["token"].as_str().unwrap());
    for rest in ["/profile", "/profile/events", "/explain", "", "/notes", "/tasks", "/appointments"] {
        let path = format!("/v1/contacts/{SHOWCASE}{rest}");
        let reply = page.get(&path).await;
        assert!(reply.status >= 400, "{path}: {reply:?}");
        assert!(leaks(&reply, "").is_empty(), "{path}: {reply:?}");
        page.get(&format!("{path}?locationId={LOCATION}")).await.assert_problem(403, "forbidden");
    }
}

#[actix_web::test]
async fn a_key_of_some_locations_empties_no_cache_of_all() {
    let world = worlds::theirs_is_held().await;
    let elsewhere = world.app.admin.with("x-forwarded-for", "192.0.2.1");
    let reply = elsewhere.with("x-api-key", "h").send("POST", "/admin/cache/flush", None).await;
    reply.assert_problem(403, "forbidden");
}
