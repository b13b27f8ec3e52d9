//! Who may see what of a source, what its list shows, replaying, and forgetting.

use super::{BOUND, Rig, event, insurgo, rosa};
use crate::support::{LOCATION, key, until};
use serde_json::{Value, json};

fn ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|event| event["eventId"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn the_list_is_filtered_paged_and_free_of_personal_data() {
    let rig = Rig::start().await;
    rig.apply(event("a/1?x=ü", "contact.created", 0, rosa(json!({"lastName": "Secretname"})))).await;
    rig.apply(event("e2", "note.added", 1, json!({"contactId": "ins-1", "notes": "Secretname"}))).await;
    rig.told(&event("e3", "policy.renewed", 2, json!({"of": "Secretname"}))).await;
    rig.push(&event("e4", "note.added", 3, json!({"contactId": "nobody", "notes": "Secretname"}))).await;
    rig.until_fate("e4", |fate| fate == "waiting").await;
    let form = json!({"email": "rosa@source.example", "answers": {"Who?": "Secretname"}});
    rig.apply(event("e0", "form.submitted", 4, form)).await;
    rig.apply(event("e00", "form.submitted", 4, json!({"phone": "(415) 200-0142"}))).await;
    let get = async |query: &str| {
        let reply = rig.app.get(&format!("/v1/sources/insurgo/events{query}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        for personal in ["Secretname", "rosa@", "source.example", "4152000142"] {
            assert!(!reply.text().contains(personal), "{personal}: {}", reply.text());
        }
        reply.json()
    };
    let forms = get("?kind=form-submitted").await;
    assert_eq!(ids(&forms), ["e00", "e0"]);
    let whose = |index: usize| forms["items"][index]["contactExternalId"].as_str().unwrap();
    assert!(whose(0).starts_with("phone:") && whose(1).starts_with("email:"), "{forms}");
    assert_eq!(ids(&get("").await), ["e00", "e0", "e4", "e3", "e2", "a/1?x=ü"]);
    assert_eq!(ids(&get("?kind=note-added").await), ["e4", "e2"]);
    assert_eq!(ids(&get("?fate=ignored,waiting").await), ["e4", "e3"]);
    assert_eq!(ids(&get("?externalId=ins-1").await), ["e2", "a/1?x=ü"]);
    assert_eq!(ids(&get("?until=2020-01-01T00:00:00Z").await), Vec::<&str>::new());
    let first = get("?limit=3").await;
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = get(&format!("?limit=3&cursor={cursor}")).await;
    assert_eq!((ids(&first), ids(&second)), (vec!["e00", "e0", "e4"], vec!["e3", "e2", "a/1?x=ü"]));
    let one = rig.event("a/1?x=ü").await;
    assert_eq!((&one["eventId"], &one["eventAt"]), (&json!("a/1?x=ü"), &json!("2026-11-22T08:00:00Z")));
    let report = rig.report().await;
    assert_eq!((&report["records"]["contacts"], &report["records"]["notes"]), (&json!(3), &json!(4)), "{report}");
}

#[actix_web::test]
async fn a_key_of_another_location_finds_no_such_source() {
    let keys = format!(
        "[{}, {}]",
        key("all", "all", &["read", "write", "admin"], &[]),
        key("other", "other", &["read", "write", "admin"], &["sandboxLocation00002"]),
    );
    let rig = Rig::with("", &[("auth.keys", &keys)]).await;
    let client = |key: &str| rig.app.client.with("x-api-key", key);
    let body = event("e1", "contact.created", 0, rosa(json!({})));
    assert_eq!(client("all").post("/v1/sources/insurgo/events", &body).await.status, 202);
    assert_eq!(client("all").get("/v1/sources/insurgo/events/e1").await.status, 200);
    assert_eq!(client("other").get("/v1/sources").await.json()["items"], json!([]));
    for name in ["insurgo", "nowhere"] {
        let path = |rest: &str| format!("/v1/sources/{name}/{rest}");
        let other = client("other");
        other.post(&path("events"), &body).await.assert_problem(404, "not-found");
        other.post(&path("events?dryRun=true"), &body).await.assert_problem(404, "not-found");
        other.get(&path("events/e1")).await.assert_problem(404, "not-found");
        other.send("POST", &path("events/e1/replay"), None).await.assert_problem(404, "not-found");
        let lines = other.with("content-type", "application/x-ndjson");
        lines.send("POST", &path("reconcile"), Some(b"{}\n".to_vec())).await.assert_problem(404, "not-found");
        let list = other.get(&path("events")).await;
        assert!(list.status == 404 || list.json()["items"] == json!([]), "{}", list.text());
    }
}

#[actix_web::test]
async fn a_replay_carries_the_event_out_again_and_doubles_nothing() {
    let rig = Rig::start().await;
    rig.apply(event("e1", "contact.created", 0, rosa(json!({"firstName": "Rosa"})))).await;
    rig.apply(event("e2", "note.added", 1, json!({"contactId": "ins-1", "notes": "Once"}))).await;
    let replay =
        async |id: &str| rig.app.client.send("POST", &format!("/v1/sources/insurgo/events/{id}/replay"), None).await;
    for id in ["e1", "e2"] {
        let reply = replay(id).await;
        assert_eq!((reply.status, &reply.json()["fate"]), (200, &json!("pending")), "{}", reply.text());
        let told = rig.fate(id).await;
        assert!(told["fate"] != "failed" && told["replays"] == 1, "{told}");
    }
    assert_eq!((rig.held("rosa@source.example").notes().len(), rig.writes().len()), (1, 2));
    replay("nowhere").await.assert_problem(404, "not-found");
    let rig = Rig::with("", &[("sources.keep_bodies_hours", "0")]).await;
    rig.apply(event("e1", "contact.created", 0, rosa(json!({})))).await;
    until("the body's end", BOUND, async || (rig.event("e1").await["replayable"] == false).then_some(())).await;
    let reply = rig.app.client.send("POST", "/v1/sources/insurgo/events/e1/replay", None).await;
    reply.assert_problem(409, "operation-conflict");
}

#[actix_web::test]
async fn a_dead_letter_is_replayed_by_a_mapping_that_was_mended() {
    let url = format!("sqlite:{}", crate::support::scratch("mended").join("store.db").display());
    let strict = ", bad_events = 'dead-letter', mapping = { completed_words = ['done'], open_words = ['open'] }";
    let mut first = Rig::with(strict, &[("store.url", &url)]).await;
    first.apply(event("e0", "contact.created", 0, rosa(json!({})))).await;
    let task = json!({
        "taskId": "t", "contactId": "ins-1", "title": "Call", "dueDate": "2027-03-01T09:00:00Z", "status": "erledigt",
    });
    let told = first.told(&event("e1", "task.created", 1, task)).await;
    assert_eq!(told["fate"], "failed", "{told}");
    first.app.stop().await.expect("ends well");
    let mended = strict.replace("['done']", "['done', 'erledigt']");
    let next = Rig::with(&mended, &[("store.url", &url)]).await;
    let reply = next.app.client.send("POST", "/v1/sources/insurgo/events/e1/replay", None).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    next.until_fate("e1", |fate| fate == "applied").await;
    // The contact that was known is not there in this GHL: it is made anew.
    assert_eq!(next.held("rosa@source.example").tasks().len(), 1);
}

#[actix_web::test]
async fn a_purge_forgets_what_a_source_said_of_a_contact() {
    let folder = crate::support::scratch("forgotten");
    let url = format!("sqlite:{}", folder.join("store.db").display());
    let rig = Rig::with("", &[("store.url", &url)]).await;
    rig.apply(event("e1", "contact.created", 0, rosa(json!({"lastName": "Nebuzaradan"})))).await;
    rig.apply(event("e2", "note.added", 1, json!({"contactId": "ins-1", "notes": "Nebuzaradan"}))).await;
    let id = rig.held("rosa@source.example").id();
    let receipt = rig.app.client.delete(&format!("/v1/contacts/{id}/data")).await;
    assert_eq!(receipt.status, 200, "{}", receipt.text());
    let report = rig.report().await;
    assert_eq!((&report["records"]["contacts"], &report["records"]["notes"]), (&json!(0), &json!(0)), "{report}");
    for event in ["e1", "e2"] {
        assert_eq!(rig.event(event).await["replayable"], false);
    }
    for file in std::fs::read_dir(&folder).expect("a folder").map(|file| file.expect("a file").path()) {
        let bytes = std::fs::read(&file).expect("bytes");
        let found = bytes.windows(11).any(|window| window == b"Nebuzaradan");
        assert!(!found, "{}", file.display());
    }
    // What the source tells from now on is taken again, and finds the contact by its address.
    rig.apply(event("e3", "contact.updated", 2, rosa(json!({"lastName": "Again"})))).await;
    assert_eq!(rig.held("rosa@source.example").id(), id);
}

#[actix_web::test]
async fn metrics_and_readiness_tell_of_sources() {
    let rig = Rig::start().await;
    rig.apply(event("e1", "contact.created", 0, rosa(json!({})))).await;
    rig.push(&event("e1", "contact.created", 0, rosa(json!({})))).await;
    let unsigned = rig.app.client.post("/v1/sources/insurgo/events", &json!({})).await;
    assert_eq!(unsigned.status, 401);
    let metrics = rig.app.admin.get("/metrics").await.text();
    for line in [
        "ghl_enrich_source_events_total{source=\"insurgo\",outcome=\"accepted\"} 1",
        "ghl_enrich_source_events_total{source=\"insurgo\",outcome=\"duplicate\"} 1",
        "ghl_enrich_source_events_total{source=\"insurgo\",outcome=\"refused\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    let ready = rig.app.admin.get("/readyz").await.json();
    assert!(ready["components"].as_array().unwrap().iter().any(|one| one["name"] == "sources"), "{ready}");
}

#[actix_web::test]
async fn a_source_that_is_configured_wrongly_is_an_error_at_the_start() {
    let wrong = insurgo(", mapping.contact.fields = { nick = 'data.nick' }");
    let variables = [("ENRICH_SOURCES__SYSTEMS", &*wrong), ("ENRICH_GHL__LOCATION_ID", LOCATION)];
    let (code, _, said) = crate::support::finished(&["serve"], &variables);
    assert!(code == 1 && said.contains("nick") && said.contains("contact.fields"), "{code}: {said}");
}
