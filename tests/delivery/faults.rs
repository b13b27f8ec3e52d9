//! Each kind of write under each fault in the middle of it: done, and done once.

use super::rig::{LATE, Rig, create, fields, one_of_each, tags};
use ghl_enrich::{
    domain::{
        operation::Written,
        write::{Write, WriteKind},
    },
    operations::Attempted,
};
use ghl_sandbox::{Fault, FaultAction, SandboxConfig};
use serde_json::json;
use std::{collections::HashSet, time::Duration};

/// GHL does it, and does not say so.
fn unheard() -> Vec<FaultAction> {
    vec![
        FaultAction::AppliedButLost,
        FaultAction::LateApply { delay: LATE },
        FaultAction::SlowAnswer { delay: Duration::from_secs(2) },
        FaultAction::TruncatedBody,
        FaultAction::Malformed,
        FaultAction::EmptyBody,
    ]
}

/// GHL does not do it, and mostly does not say so either.
fn undone() -> Vec<FaultAction> {
    vec![
        FaultAction::Hang,
        FaultAction::Reset,
        FaultAction::Html502,
        FaultAction::TooManyRequests,
        FaultAction::status(500, r#"{"statusCode":500,"message":"Internal server error"}"#),
        FaultAction::status(401, r#"{"statusCode":401,"message":"Command timed out"}"#),
        FaultAction::status(401, r#"{"statusCode":401,"message":"Invalid JWT"}"#),
        FaultAction::status(401, r#"{"statusCode":401,"message":"E01 - unauthorized request"}"#),
        FaultAction::status(403, "<html>Attention required</html>"),
        FaultAction::status(404, r#"{"statusCode":404,"message":"Cannot POST /contacts/"}"#),
    ]
}

/// The endpoint whose every effect is one record more, for a write that makes one.
fn makes(write: &Write) -> Option<&'static str> {
    match write.kind() {
        WriteKind::CreateContact | WriteKind::UpsertContact => Some("ghl.contact_create"),
        WriteKind::CreateNote => Some("ghl.note_create"),
        WriteKind::CreateTask => Some("ghl.task_create"),
        _ => None,
    }
}

/// What must be true of the sandbox after a write was done.
async fn assert_done(rig: &Rig, write: &Write, written: &Written, shown: &str) {
    let made = makes(write).map(|endpoint| rig.journal(endpoint)).unwrap_or_default();
    let merged = written.body["new"] == false;
    if makes(write).is_some() && !merged {
        assert_eq!(made.len(), 1, "{shown}: made {made:?}");
        assert_eq!((written.status, written.id.as_deref()), (201, made[0].record_id.as_deref()), "{shown}");
        assert_eq!(written.body["id"], json!(made[0].record_id), "{shown}");
        return;
    }
    assert!(made.is_empty(), "{shown}");
    assert_eq!(written.status, 200, "{shown}");
    let (loc, ctx) = (super::rig::location(), super::rig::context());
    let gone = rig.client.contact(&loc, &rig.contact, &ctx).await.is_err();
    assert_eq!(gone, write.kind() == WriteKind::DeleteContact, "{shown}");
    if gone {
        return;
    }
    let held = rig.held().await;
    let notes = rig.client.notes(&loc, &rig.contact, &ctx).await.expect("notes").value;
    let tasks = rig.client.tasks(&loc, &rig.contact, &ctx).await.expect("tasks").value;
    match write.kind() {
        WriteKind::UpsertContact => {
            assert_eq!((&held["city"], &held["tags"]), (&json!("Reno"), &json!(["old", "added"])), "{shown}");
        }
        WriteKind::UpdateContact => assert_eq!(held["city"], "Sparks", "{shown}"),
        WriteKind::AddTags => assert_eq!(held["tags"], json!(["old", "vip"]), "{shown}"),
        WriteKind::RemoveTags => assert_eq!(held["tags"], json!([]), "{shown}"),
        WriteKind::UpdateNote => assert_eq!(notes[0].body, "as it is", "{shown}"),
        WriteKind::UpdateTask => assert_eq!(tasks[0].title.as_deref(), Some("Call now"), "{shown}"),
        WriteKind::CompleteTask => assert!(tasks[0].completed, "{shown}"),
        WriteKind::DeleteNote => assert!(notes.is_empty(), "{shown}"),
        WriteKind::DeleteTask => assert!(tasks.is_empty(), "{shown}"),
        other => panic!("{other:?} is not checked"),
    }
}

async fn each_write_under(action: FaultAction) {
    let mut rig = Rig::start().await;
    rig.late = matches!(action, FaultAction::LateApply { .. });
    for index in 0..one_of_each(&rig).len() {
        rig.renew().await;
        let write = one_of_each(&rig).swap_remove(index);
        let shown = format!("{action:?} at {write:?}");
        rig.sandbox.inject(Fault::new("ghl.writes", action.clone()).times(1));
        let written = rig.deliver(write.clone()).await.unwrap_or_else(|problem| panic!("{shown}: {problem:?}"));
        assert_done(&rig, &write, &written, &shown).await;
    }
}

#[actix_web::test]
async fn every_kind_of_write_is_done_once_though_ghls_answer_is_lost() {
    for action in unheard() {
        each_write_under(action).await;
    }
}

#[actix_web::test]
async fn every_kind_of_write_is_done_once_though_ghl_fails_at_first() {
    for action in undone() {
        each_write_under(action).await;
    }
}

#[actix_web::test]
async fn every_kind_of_write_is_done_where_nothing_breaks() {
    each_write_under(FaultAction::Latency(Duration::ZERO)).await;
}

#[actix_web::test]
async fn a_contact_that_was_made_under_a_422_is_found() {
    let writes = [create(json!({"firstName": "A", "email": "a@example.test", "phone": "+14155550100"})), {
        super::rig::upsert(json!({"firstName": "B", "email": "b@example.test"}))
    }];
    for write in writes {
        let mut rig = Rig::start().await;
        rig.sandbox.inject(Fault::new("ghl.contact_create", FaultAction::CreatedBut422).times(1));
        let written = rig.deliver(write.clone()).await.expect("it was made");
        assert_done(&rig, &write, &written, "422").await;
    }
}

#[actix_web::test]
async fn a_422_that_made_nothing_is_a_refusal() {
    let mut rig = Rig::start().await;
    let problem = rig.deliver(create(json!({"email": "no address"}))).await.expect_err("refused");
    assert_eq!(problem.kind.slug(), "validation-failed");
    assert!(problem.detail.contains("email must be an email"), "{problem}");
    assert!(rig.sandbox.writes().is_empty());
}

#[actix_web::test]
async fn the_same_note_thrice_is_three_notes_though_no_answer_comes() {
    let mut rig = Rig::start().await;
    let write = Write::CreateNote { contact: rig.contact.clone(), fields: fields(json!({"body": "again"})) };
    let mut ids = HashSet::new();
    for action in [FaultAction::AppliedButLost, FaultAction::Reset, FaultAction::AppliedButLost] {
        rig.sandbox.inject(Fault::new("ghl.writes", action).times(1));
        ids.extend(rig.deliver(write.clone()).await.expect("done").id);
    }
    assert_eq!((ids.len(), rig.journal("ghl.note_create").len()), (3, 3));
}

/// The look comes too early, the second attempt runs into what the first made.
#[actix_web::test]
async fn a_contact_that_comes_into_being_between_look_and_attempt_is_ours() {
    let mut rig = Rig::start().await;
    let write = create(json!({"firstName": "Late", "email": "late@example.test", "phone": "+14155550101"}));
    assert!(matches!(rig.attempt(write.clone()).await, Attempted::Done { .. }));
    let again = rig.attempt_uncertain(write.clone()).await;
    assert!(matches!(again, Attempted::Refused { doubtful: true, .. }), "{again:?}");
    rig.sandbox.inject(Fault::new("ghl.contact_create", FaultAction::Reset).times(1));
    let written = rig.deliver(write).await.expect("found");
    assert_eq!((written.status, rig.journal("ghl.contact_create").len()), (201, 1));
}

/// Where a location takes duplicates, GHL's look-up names the older contact: the search must tell, once it knows.
#[actix_web::test]
async fn among_duplicates_the_search_tells_once_it_knows() {
    let config = SandboxConfig { search_lag: Duration::from_secs(10), ..SandboxConfig::default() };
    let mut rig = Rig::with(&[], config).await;
    rig.advance(Duration::from_secs(60));
    rig.sandbox.set_duplicate_policy(super::rig::location().as_str(), true, &["email", "phone"]);
    for action in [FaultAction::AppliedButLost, FaultAction::Reset] {
        let write = create(json!({"firstName": "Dana", "lastName": "Ortiz", "email": "dana@example.test"}));
        let before = rig.journal("ghl.contact_create").len();
        rig.sandbox.inject(Fault::new("ghl.contact_create", action.clone()).times(1));
        let written = rig.deliver(write).await.expect("done");
        let made = rig.journal("ghl.contact_create");
        assert_eq!(made.len(), before + 1, "{action:?}");
        assert_eq!(written.id, made[before].record_id, "{action:?}");
    }
}

#[actix_web::test]
async fn answers_lost_at_random_leave_one_record_a_write_in_order() {
    let mut rig = Rig::start().await;
    rig.sandbox.inject(Fault::new("ghl.writes", FaultAction::AppliedButLost).probability(0.6));
    for number in 0..20 {
        let body = json!({"body": format!("note {number}")});
        let write = Write::CreateNote { contact: rig.contact.clone(), fields: fields(body) };
        rig.deliver(write).await.expect("done");
        let tag = Write::AddTags { contact: rig.contact.clone(), tags: tags(json!([format!("tag {number}")])) };
        rig.deliver(tag).await.expect("done");
    }
    let told: Vec<_> = rig.journal("ghl.note_create").into_iter().map(|write| write.content["body"].clone()).collect();
    assert_eq!(told, (0..20).map(|number| json!(format!("note {number}"))).collect::<Vec<_>>());
    assert_eq!(rig.held().await["tags"].as_array().map(Vec::len), Some(21));
}
