//! What GHL will not do, and what it will not do now.

use super::rig::{ParseId as _, Rig, context, create, fields, location, tags};
use ghl_enrich::{
    domain::{ids::ContactId, problem::Problem, write::Write},
    operations::{Attempted, Delivery as _, Looked, ghl::SEARCH_LAG},
};
use ghl_sandbox::{ContactSeed, Fault, FaultAction, SandboxConfig, tokens};
use serde_json::json;
use std::time::Duration;

#[track_caller]
fn refused(attempted: Attempted) -> (Problem, Option<u16>) {
    match attempted {
        Attempted::Refused { problem, upstream_status, doubtful: false } => (problem, upstream_status),
        other => panic!("not refused: {other:?}"),
    }
}

fn nobody() -> ContactId {
    "AAAAAAAAAAAAAAAAAAAA".to_owned().parse_id()
}

fn vip(contact: ContactId) -> Write {
    Write::AddTags { contact, tags: tags(json!(["vip"])) }
}

#[actix_web::test]
async fn an_unknown_contact_note_or_task_is_not_found() {
    let rig = Rig::start().await;
    let (contact, nothing) = (rig.contact.clone(), "nothing".to_owned());
    for (write, slug) in [
        (vip(nobody()), "contact-not-found"),
        (Write::UpdateContact { contact: nobody(), fields: fields(json!({"city": "x"})) }, "contact-not-found"),
        (Write::DeleteContact { contact: nobody() }, "contact-not-found"),
        (Write::CreateNote { contact: nobody(), fields: fields(json!({"body": "x"})) }, "contact-not-found"),
        (Write::DeleteNote { contact: contact.clone(), note: nothing.parse_id() }, "not-found"),
        (Write::CompleteTask { contact: contact.clone(), task: nothing.parse_id(), completed: true }, "not-found"),
        (Write::DeleteTask { contact, task: nothing.parse_id() }, "not-found"),
    ] {
        assert_eq!(refused(rig.attempt(write.clone()).await).0.kind.slug(), slug, "{write:?}");
    }
    assert!(rig.sandbox.writes().is_empty());
}

#[actix_web::test]
async fn what_an_uncertain_attempt_may_have_deleted_is_deleted() {
    let rig = Rig::start().await;
    let note = "nothing".to_owned().parse_id();
    for write in [Write::DeleteContact { contact: nobody() }, Write::DeleteNote { contact: rig.contact.clone(), note }]
    {
        let done = rig.attempt_uncertain(write).await;
        let Attempted::Done { written, .. } = done else { panic!("{done:?}") };
        assert_eq!((written.status, written.body), (200, json!({"succeeded": true})));
    }
}

#[actix_web::test]
async fn a_contact_of_another_location_is_none() {
    let rig = Rig::start().await;
    let foreign = rig.sandbox.add_contact(ContactSeed::new().location(tokens::LOCATION_2));
    assert_eq!(refused(rig.attempt(vip(foreign.parse_id())).await).0.kind.slug(), "contact-not-found");
}

#[actix_web::test]
async fn a_token_that_ghl_rejects_fails_no_write() {
    for (token, code) in [
        (tokens::PIT_READ_ONLY, "scope"),
        (tokens::PIT_LOCATION_2, "location"),
        (tokens::OAUTH_COMPANY, "token-class"),
        (tokens::OAUTH_EXPIRED, "token-expired"),
        ("pit-11111111-0000-4000-8000-000000000000", "token"),
    ] {
        let rig = Rig::start().await;
        for write in [vip(rig.contact.clone()), create(json!({"email": "x@example.test"}))] {
            match rig.attempt_with(&[("ghl.token", token)], write).await {
                Attempted::Deferred { problem, upstream_status, retry_after } => {
                    assert_eq!(problem.upstream.expect("GHL's").code, code);
                    assert!(matches!(upstream_status, Some(401 | 403)), "{code}");
                    assert!(retry_after >= Some(Duration::from_secs(30)), "{code}");
                }
                other => panic!("{code}: {other:?}"),
            }
        }
        assert!(rig.sandbox.writes().is_empty());
    }
}

#[actix_web::test]
async fn without_a_token_or_a_connection_nothing_is_sent() {
    let rig = Rig::start().await;
    let before = rig.sandbox.calls().total();
    let elsewhere = [("ghl.location_id", tokens::LOCATION_2)];
    let nothing = rig.attempt_with(&elsewhere, vip(rig.contact.clone())).await;
    assert!(matches!(nothing, Attempted::NotSent { retry_after: Some(_), .. }), "{nothing:?}");
    assert_eq!(rig.sandbox.calls().total(), before);
    rig.sandbox.stop().await;
    let nothing = rig.attempt_with(&[], vip(rig.contact.clone())).await;
    assert!(matches!(nothing, Attempted::NotSent { .. }), "{nothing:?}");
}

#[actix_web::test]
async fn a_429_defers_and_says_how_long() {
    let rig = Rig::start().await;
    rig.sandbox.inject(Fault::new("ghl.writes", FaultAction::TooManyRequests).times(1));
    match rig.attempt(vip(rig.contact.clone())).await {
        Attempted::Deferred { upstream_status: Some(429), retry_after, .. } => {
            assert_eq!(retry_after, Some(Duration::from_secs(10)));
        }
        other => panic!("{other:?}"),
    }
}

#[actix_web::test]
async fn a_second_contact_is_refused_with_the_first_ones_id() {
    let rig = Rig::start().await;
    let (problem, status) = refused(rig.attempt(create(json!({"email": "DANA@example.test"}))).await);
    assert_eq!((problem.kind.slug(), status), ("duplicate-contact", Some(400)));
    assert!(problem.detail.contains(rig.contact.as_str()), "{problem}");
    assert_eq!(problem.errors[0].pointer, "/email");
    let other = rig.sandbox.add_contact(ContactSeed::new().email("other@example.test"));
    let taken = fields(json!({"email": "other@example.test"}));
    let write = Write::UpdateContact { contact: rig.contact.clone(), fields: taken };
    let (problem, _) = refused(rig.attempt(write).await);
    assert!(problem.detail.contains(&other), "{problem}");
}

#[actix_web::test]
async fn a_contact_that_was_there_before_is_not_taken_for_the_one_to_be_made() {
    let mut rig = Rig::start().await;
    rig.sandbox.inject(Fault::new("ghl.contact_create", FaultAction::Reset).times(1));
    let write = create(json!({"firstName": "Dana", "lastName": "Ortiz", "email": "dana@example.test"}));
    let problem = rig.deliver(write).await.expect_err("it is a duplicate");
    assert_eq!(problem.kind.slug(), "duplicate-contact");
    assert!(rig.sandbox.writes().is_empty());
}

#[actix_web::test]
async fn a_look_that_fails_says_nothing() {
    let rig = Rig::start().await;
    let write = Write::CreateNote { contact: rig.contact.clone(), fields: fields(json!({"body": "as it was"})) };
    rig.sandbox.inject(Fault::new("ghl.notes", FaultAction::Html502).times(1));
    let operation = rig.uncertain(write);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    let looked = rig.delivery.look(&operation, &[], deadline).await;
    assert!(matches!(looked, Looked::NotNow { .. }), "{looked:?}");
    // The note of that body is a day old.
    assert_eq!(rig.delivery.look(&operation, &[], deadline).await, Looked::Absent);
}

/// The search's lag counts from when the last attempt could still have been at work.
#[actix_web::test]
async fn a_contact_that_only_a_search_can_find_is_not_missed_for_its_lag() {
    let config = SandboxConfig { search_lag: Duration::from_secs(10), ..SandboxConfig::default() };
    let rig = Rig::with(&[], config).await;
    let write = create(json!({"firstName": "Only", "lastName": "Named"}));
    let operation = rig.uncertain(write.clone());
    assert!(matches!(rig.attempt(write).await, Attempted::Done { .. }));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    let looked = rig.delivery.look(&operation, &[], deadline).await;
    assert!(matches!(looked, Looked::NotNow { retry_after: None, .. }), "it cannot be known yet: {looked:?}");
    rig.advance(SEARCH_LAG);
    let Looked::Found(found) = rig.delivery.look(&operation, &[], deadline).await else { panic!("it is there") };
    let made = rig.journal("ghl.contact_create");
    assert_eq!(found.id, made[0].record_id);
    let taken = [found.id.expect("an id")];
    assert_eq!(rig.delivery.look(&operation, &taken, deadline).await, Looked::Absent, "it is another operation's");
    assert!(rig.client.contact(&location(), &taken[0].parse_id(), &context()).await.is_ok());
}
