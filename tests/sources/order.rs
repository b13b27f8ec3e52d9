//! Events come late, twice, before what they belong to, and about contacts that cannot be told apart.

use super::{BOUND, Rig, event, rosa};
use crate::support::until;
use ghl_sandbox::ContactSeed;
use serde_json::{Value, json};

#[actix_web::test]
async fn an_event_that_comes_again_changes_nothing() {
    let rig = Rig::start().await;
    let created = event("e1", "contact.created", 0, rosa(json!({"firstName": "Rosa", "tagNames": ["a"]})));
    rig.apply(created.clone()).await;
    let writes = rig.writes();
    for _ in 0..2 {
        let receipt = rig.push(&created).await;
        assert_eq!((receipt.status, &receipt.json()["duplicates"]), (202, &json!(1)), "{}", receipt.text());
        assert_eq!(receipt.json()["events"][0], json!({"eventId": "e1", "kind": "contact-created", "duplicate": true}));
    }
    let both = rig.push(&json!([created, event("e2", "contact.updated", 1, rosa(json!({"firstName": "Rosa"})))])).await;
    assert_eq!((&both.json()["accepted"], &both.json()["duplicates"]), (&json!(1), &json!(1)));
    let told = rig.fate("e2").await;
    assert_eq!(told["fate"], "ignored", "it says what is known: {told}");
    assert_eq!((rig.writes(), &rig.event("e1").await["duplicates"]), (writes, &json!(3)));
}

#[actix_web::test]
async fn an_older_event_that_comes_late_changes_nothing_that_is_newer() {
    let rig = Rig::start().await;
    rig.apply(event("e2", "contact.updated", 20, rosa(json!({"firstName": "New", "tagNames": []})))).await;
    let late = rosa(json!({"firstName": "Old", "lastName": "Exemplar"}));
    rig.apply(event("e1", "contact.created", 10, late)).await;
    let held = rig.held("rosa@source.example");
    assert_eq!([held.text("firstName"), held.text("lastName")], ["New", "Exemplar"], "field by field");
    let writes = rig.writes();
    let later = rig.told(&event("e0", "contact.updated", 5, rosa(json!({"firstName": "Older"})))).await;
    assert_eq!((&later["fate"], rig.writes()), (&json!("ignored"), writes), "{later}");
    // A tag that was taken away later stays away.
    rig.apply(event("e4", "tags.removed", 40, json!({"contactId": "ins-1", "tagNames": ["gold"]}))).await;
    rig.told(&event("e3", "tags.added", 30, json!({"contactId": "ins-1", "tagNames": ["gold"]}))).await;
    rig.settled().await;
    assert!(rig.held("rosa@source.example").tags().is_empty());
}

#[actix_web::test]
async fn a_task_waits_for_its_contact_and_tells_so() {
    let rig = Rig::start().await;
    let task = json!({"taskId": "t-1", "contactId": "ins-1", "title": "Call", "dueDate": "2027-03-01T09:00:00Z"});
    let note = json!({"contactId": "ins-1", "noteId": "n-1", "notes": "Early"});
    for (id, kind, data) in [("e2", "task.created", task), ("e3", "note.added", note)] {
        assert_eq!(rig.push(&event(id, kind, 1, data)).await.status, 202);
        let waiting = rig.until_fate(id, |fate| fate == "waiting").await;
        assert!(waiting["detail"].as_str().unwrap().contains("waits for its contact"), "{waiting}");
        assert_eq!(waiting["contactExternalId"], "ins-1", "{waiting}");
    }
    assert_eq!((&rig.report().await["waiting"], rig.writes().len()), (&json!(2), 0));
    rig.apply(event("e1", "contact.created", 0, rosa(json!({})))).await;
    for id in ["e2", "e3"] {
        rig.until_fate(id, |fate| fate == "applied").await;
    }
    let held = rig.held("rosa@source.example");
    assert_eq!((held.tasks().len(), held.notes()), (1, vec!["Early".to_owned()]));
}

#[actix_web::test]
async fn nothing_waits_for_ever() {
    let rig = Rig::with("", &[("sources.wait_hours", "1")]).await;
    let note = json!({"contactId": "nobody", "notes": "Lost"});
    assert_eq!(rig.push(&event("e1", "note.added", 0, note)).await.status, 202);
    rig.until_fate("e1", |fate| fate == "waiting").await;
    rig.app.advance(3_601);
    let told = until("the end of waiting", BOUND, async || {
        // What arrives rings for what waits, as it does where a service is used.
        rig.push(&event("bell", "ringing", 0, json!({}))).await;
        let told = rig.event("e1").await;
        (told["fate"] == "failed").then_some(told)
    })
    .await;
    assert!(told["detail"].as_str().unwrap().contains("given up after 1 hour"), "{told}");
    assert_eq!((&told["contactExternalId"], &told["replayable"]), (&json!("nobody"), &json!(true)), "{told}");
    assert!(rig.writes().is_empty());
}

#[actix_web::test]
async fn two_contacts_that_match_are_told_apart_by_whoever_resolves_it() {
    let rig = Rig::start().await;
    let by_mail = rig.app.sandbox.add_contact(ContactSeed::new().name("M", "Mail").email("rosa@source.example"));
    let by_phone = rig.app.sandbox.add_contact(ContactSeed::new().name("P", "Phone").phone("+14152000145"));
    let both = rosa(json!({"phone": "+14152000145", "firstName": "Rosa"}));
    let told = rig.told(&event("e1", "contact.created", 0, both)).await;
    assert_eq!(told["fate"], "failed", "{told}");
    let failed = rig.app.get("/v1/operations?state=failed").await.json()["items"][0].clone();
    assert_eq!(failed["problem"]["type"], "/problems/duplicate-contact", "{failed}");
    assert!([&by_mail, &by_phone].iter().all(|id| failed.to_string().contains(*id)), "{failed}");
    assert_eq!(told["operations"], json!([failed["id"]]), "{told}");
    let path = format!("/v1/operations/{}/resolve", failed["id"].as_str().unwrap());
    let resolved = rig.app.client.post(&path, &json!({"contactId": by_phone})).await;
    assert_eq!(resolved.status, 200, "{}", resolved.text());
    rig.until_fate("e1", |fate| fate == "applied").await;
    let truth = rig.app.sandbox.truth(&by_phone).to_string();
    assert!(truth.contains("Rosa"), "{truth}");
    // From now on the record is that contact.
    rig.apply(event("e2", "tags.added", 1, json!({"contactId": "ins-1", "tagNames": ["known"]}))).await;
    assert!(rig.app.sandbox.truth(&by_phone).to_string().contains("known"));
}

#[actix_web::test]
async fn what_was_acknowledged_outlives_the_process() {
    let url = format!("sqlite:{}", crate::support::scratch("sources").join("store.db").display());
    let mut first = Rig::with("", &[("store.url", &url)]).await;
    first.app.sandbox.inject(ghl_sandbox::Fault::new("ghl.*", ghl_sandbox::FaultAction::Reset).times(1000));
    let events: Vec<Value> = (0..5)
        .map(|n| {
            let data = json!({"contactId": format!("ins-{n}"), "email": format!("c{n}@source.example")});
            event(&format!("e{n}"), "contact.created", n, data)
        })
        .collect();
    assert_eq!(first.push(&json!(events)).await.json()["accepted"], 5);
    first.app.stop().await.expect("ends well");
    let next = Rig::with("", &[("store.url", &url)]).await;
    for n in 0..5 {
        next.until_fate(&format!("e{n}"), |fate| fate == "applied").await;
        assert_eq!(next.all_of(&format!("c{n}@source.example")).len(), 1);
    }
}
