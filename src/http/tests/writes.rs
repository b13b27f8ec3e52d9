//! Routes that write: what they submit, how long they wait, and how they answer.

use super::{
    Answer, CONTACT, LOCATION, Setup, public_app, request,
    write_double::{Ends, WriteDouble},
};
use crate::{
    domain::{
        operation::OperationState,
        problem::{Problem, ProblemKind},
        write::WriteKind,
    },
    settings::Role,
};
use actix_web::{
    http::Method,
    test::{TestRequest, call_service, init_service},
};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

pub(super) fn serving(double: WriteDouble) -> (Setup, Arc<WriteDouble>) {
    let double = Arc::new(double);
    (Setup { writes: Arc::clone(&double) as _, ..Setup::new() }, double)
}

pub(super) fn with_body(method: Method, path: &str, body: &Value) -> TestRequest {
    let request = request(method).uri(path).insert_header(("content-type", "application/json"));
    request.set_payload(body.to_string())
}

pub(super) fn new_note() -> TestRequest {
    with_body(Method::POST, &notes(), &json!({"body": "Called."}))
}

pub(super) fn notes() -> String {
    format!("/v1/contacts/{CONTACT}/notes")
}

/// One request of each kind of write, and where a record that it makes is.
pub(super) fn each() -> Vec<(WriteKind, Method, String, Option<Value>, &'static str)> {
    let contact = format!("/v1/contacts/{CONTACT}");
    let (note, task) = (format!("{contact}/notes/n1"), format!("{contact}/tasks/t1"));
    let tags = json!({"tags": [" VIP ", "vip", "Geo:AU"]});
    let due = json!({"title": "Call back", "dueDate": "2026-12-01T09:30:00+10:00"});
    let person = json!({"email": "rosa@example.com"});
    vec![
        (WriteKind::CreateContact, Method::POST, "/v1/contacts".to_owned(), Some(person.clone()), "madeContact"),
        (WriteKind::UpdateContact, Method::PUT, contact.clone(), Some(json!({"city": "Denver"})), ""),
        (WriteKind::UpsertContact, Method::PUT, "/v1/contacts".to_owned(), Some(person), "madeContact"),
        (WriteKind::DeleteContact, Method::DELETE, contact.clone(), None, ""),
        (WriteKind::CreateNote, Method::POST, notes(), Some(json!({"body": "<b>Hi</b>"})), "madeNote"),
        (WriteKind::UpdateNote, Method::PUT, note.clone(), Some(json!({"pinned": true})), ""),
        (WriteKind::DeleteNote, Method::DELETE, note, None, ""),
        (WriteKind::CreateTask, Method::POST, format!("{contact}/tasks"), Some(due), "madeTask"),
        (WriteKind::UpdateTask, Method::PUT, task.clone(), Some(json!({"title": "Call"})), ""),
        (WriteKind::CompleteTask, Method::PUT, format!("{task}/completed"), Some(json!({"completed": true})), ""),
        (WriteKind::DeleteTask, Method::DELETE, task, None, ""),
        (WriteKind::AddTags, Method::POST, format!("{contact}/tags"), Some(tags.clone()), ""),
        (WriteKind::RemoveTags, Method::DELETE, format!("{contact}/tags"), Some(tags), ""),
    ]
}

pub(super) fn asking(method: Method, path: &str, body: Option<&Value>) -> TestRequest {
    match body {
        Some(body) => with_body(method, path, body),
        None => request(method).uri(path),
    }
}

#[actix_web::test]
async fn every_write_is_submitted_and_answered_as_ghl_answers() {
    tokio::time::pause();
    let all = each();
    assert_eq!(all.iter().map(|(kind, ..)| *kind).collect::<Vec<_>>(), WriteKind::ALL);
    for (kind, method, path, body, made) in all {
        let (setup, double) = serving(WriteDouble::default());
        let asked = asking(method, &path, body.as_ref()).insert_header(("x-request-id", "request-1"));
        let answer = setup.ask(asked).await;
        let submission = double.only();
        assert_eq!((submission.write.kind(), submission.location.as_str()), (kind, LOCATION), "{path}");
        let contact = submission.write.contact().map(ToString::to_string);
        assert_eq!(contact.as_deref(), path.contains(CONTACT).then_some(CONTACT), "{kind:?}");
        assert_eq!((submission.requester.key, submission.requester.request_id.as_str()), (None, "request-1"));
        assert_eq!(submission.idempotency, None);
        let (status, location) = match made {
            "" => (200, String::new()),
            made if path.ends_with("contacts") => (201, format!("/v1/contacts/{made}")),
            made => (201, format!("{path}/{made}")),
        };
        assert_eq!((answer.status.as_u16(), answer.header("location")), (status, location.as_str()), "{kind:?}");
        assert_eq!((answer.header("operation-id"), answer.header("cache-control")), ("op0", "no-store"), "{kind:?}");
        assert_eq!((answer.header("idempotency-replayed"), answer.header("preference-applied")), ("", ""));
        assert_eq!(*double.waits.lock().unwrap(), [10_000], "as long as the settings say");
    }
}

#[actix_web::test]
async fn what_is_submitted_is_what_was_said_in_ghls_form() {
    for (kind, said) in [
        (WriteKind::AddTags, json!({"kind": "add-tags", "contact": CONTACT, "tags": ["vip", "geo:au"]})),
        (
            WriteKind::CompleteTask,
            json!({"kind": "complete-task", "contact": CONTACT, "task": "t1", "completed": true}),
        ),
        (WriteKind::DeleteNote, json!({"kind": "delete-note", "contact": CONTACT, "note": "n1"})),
        (
            WriteKind::CreateTask,
            json!({"kind": "create-task", "contact": CONTACT, "fields": {
                "title": "Call back", "dueDate": "2026-11-30T23:30:00.000Z", "completed": false}}),
        ),
    ] {
        let (setup, double) = serving(WriteDouble::default());
        let (_, method, path, body, _) = each().into_iter().find(|(one, ..)| *one == kind).unwrap();
        setup.ask(asking(method, &path, body.as_ref())).await;
        assert_eq!(json!(double.only().write), said);
    }
}

#[actix_web::test]
async fn a_record_of_a_named_location_is_found_in_that_location() {
    let (setup, double) = serving(WriteDouble::default());
    let asked = with_body(Method::POST, "/v1/contacts?locationId=otherLocation", &json!({"name": "Rosa"}));
    let answer = setup.ask(asked).await;
    assert_eq!(answer.header("location"), "/v1/contacts/madeContact?locationId=otherLocation");
    assert_eq!(double.only().location.as_str(), "otherLocation");
}

#[actix_web::test]
async fn what_has_not_ended_in_time_is_accepted_with_the_way_to_it() {
    tokio::time::pause();
    for (ends, state) in [(Ends::Later, "running"), (Ends::Never, "pending"), (Ends::Unsaid, "pending")] {
        let (setup, double) = serving(WriteDouble::ending(ends));
        let answer = setup.ask(new_note()).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (202, "/v1/operations/op0"));
        assert_eq!((answer.header("retry-after"), answer.header("operation-id")), ("1", "op0"));
        let document = answer.json();
        assert_eq!(
            (&document["id"], &document["state"], &document["kind"]),
            (&json!("op0"), &json!(state), &json!("create-note"))
        );
        assert_eq!(double.count(), 1);
    }
}

#[actix_web::test]
async fn a_caller_says_how_long_to_wait() {
    tokio::time::pause();
    for (prefer, wait, applied) in [
        ("respond-async", None, "respond-async"),
        ("wait=0", None, "wait=0"),
        ("wait=3", Some(3_000), "wait=3"),
        ("wait=12, return=minimal", Some(12_000), "wait=12"),
        ("respond-async, wait=3", Some(3_000), "respond-async, wait=3"),
        ("wait=3600", Some(15_000), ""),
        ("wait=soon", Some(10_000), ""),
    ] {
        let (setup, double) = serving(WriteDouble::ending(Ends::Later));
        let answer = setup.ask(new_note().insert_header(("prefer", prefer))).await;
        assert_eq!((answer.status.as_u16(), answer.header("preference-applied")), (202, applied), "{prefer}");
        assert_eq!(double.waits.lock().unwrap().first().copied(), wait, "{prefer}");
    }
    let (setup, double) = serving(WriteDouble::default());
    let answer = setup.ask(new_note().insert_header(("prefer", "respond-async, wait=3"))).await;
    assert_eq!((answer.status.as_u16(), answer.header("preference-applied")), (201, "wait=3"), "done within the wait");
    let (setup, _) = serving(WriteDouble::ending(Ends::Later));
    let hasty = setup.with(|settings| settings.http.deadline = Duration::from_secs(2));
    let before = tokio::time::Instant::now();
    assert_eq!(hasty.ask(new_note()).await.status, 202);
    assert_eq!(before.elapsed().as_secs(), 2, "no wait outlasts the deadline");
    assert_eq!(double.count(), 1);
}

#[actix_web::test]
async fn what_ends_in_a_problem_says_which_and_which_operation() {
    let refused = Problem::new(ProblemKind::DuplicateContact, "GHL has this e-mail address already.").with_upstream(
        "ghl",
        Some(400),
        "duplicate",
    );
    let timeout = Problem::new(ProblemKind::UpstreamTimeout, "GHL did not answer in time.");
    for (state, problem, kind, status) in [
        (OperationState::Failed, Some(refused), "duplicate-contact", 409),
        (OperationState::Dead, Some(timeout), "upstream-timeout", 504),
        (OperationState::Cancelled, None, "operation-conflict", 409),
        (OperationState::Failed, None, "internal", 500),
    ] {
        let (setup, double) = serving(WriteDouble::ending(Ends::As(state, problem)));
        let answer = setup.ask(new_note()).await;
        assert_eq!((answer.problem().as_str(), answer.status.as_u16()), (kind, status));
        assert_eq!((answer.header("operation-id"), answer.json()["operationId"].as_str()), ("op0", Some("op0")));
        assert!(double.refusals.lock().unwrap().is_empty(), "it was accepted: the attempts are in the log");
    }
}

#[actix_web::test]
async fn a_request_that_comes_again_under_its_key_is_given_the_first_operation() {
    let (setup, double) = serving(WriteDouble::default());
    let keyed = |request: TestRequest, key: &str| request.insert_header(("idempotency-key", key));
    let first = setup.ask(keyed(new_note(), "order-42")).await;
    let again = setup.ask(keyed(new_note(), "\"order-42\"")).await;
    let spaced = request(Method::POST).uri(&notes()).insert_header(("content-type", "application/json"));
    let spaced = setup.ask(keyed(spaced.set_payload("{ \"body\" : \"Call\\u0065d.\" }"), "order-42")).await;
    for answer in [&first, &again, &spaced] {
        assert_eq!((answer.status.as_u16(), answer.header("operation-id")), (201, "op0"));
        assert_eq!((answer.json(), answer.header("location")), (first.json(), first.header("location")));
    }
    let replayed = [&first, &again, &spaced].map(|answer| answer.header("idempotency-replayed").to_owned());
    assert_eq!(replayed, ["", "true", "true"]);
    assert_eq!(double.count(), 1);
    assert_eq!(setup.ask(keyed(new_note(), "order-43")).await.header("operation-id"), "op1");
}

#[actix_web::test]
async fn a_key_that_comes_with_another_request_is_refused_and_logged() {
    let (setup, double) = serving(WriteDouble::default());
    let keyed = |request: TestRequest| request.insert_header(("idempotency-key", "order-42"));
    setup.ask(keyed(new_note())).await;
    let other_note = with_body(Method::POST, &notes(), &json!({"body": "Called twice."}));
    let other_contact = with_body(Method::POST, "/v1/contacts/other/notes", &json!({"body": "Called."}));
    let other_method = request(Method::DELETE).uri(&format!("{}/n1", notes()));
    for other in [other_note, other_contact, other_method] {
        let answer = setup.ask(keyed(other)).await;
        assert_eq!((answer.problem().as_str(), answer.status.as_u16()), ("idempotency-key-reused", 422));
    }
    let elsewhere = with_body(Method::POST, &format!("{}?locationId=other", notes()), &json!({"body": "Called."}));
    assert_eq!(setup.ask(keyed(elsewhere)).await.header("operation-id"), "op1", "another location has its own keys");
    let refusals = double.refusals.lock().unwrap();
    let logged: Vec<_> = refusals.iter().map(|entry| (entry.outcome.as_str(), entry.kind.unwrap())).collect();
    let kinds = [WriteKind::CreateNote, WriteKind::CreateNote, WriteKind::DeleteNote];
    assert_eq!(logged, kinds.map(|kind| ("idempotency-key-reused", kind)));
}

#[actix_web::test]
async fn two_clients_never_share_a_key() {
    let (setup, double) = serving(WriteDouble::default());
    let setup = setup.with_key("one", &[Role::Write], None).with_key("two", &[Role::Write], None);
    for (key, operation) in [("one", "op0"), ("two", "op1"), ("one", "op0")] {
        let asked = new_note().insert_header(("x-api-key", key)).insert_header(("idempotency-key", "order-42"));
        assert_eq!(setup.ask(asked).await.header("operation-id"), operation, "{key}");
    }
    let submitted = double.submitted.lock().unwrap();
    let keys: Vec<_> = submitted.iter().map(|submission| submission.requester.key.as_deref()).collect();
    assert_eq!(keys, [Some("one"), Some("two")]);
}

#[actix_web::test]
async fn who_hangs_up_cancels_nothing() {
    let (setup, double) = serving(WriteDouble::ending(Ends::Never));
    let app = init_service(public_app(&setup.state(), &[])).await;
    let mut answer = Box::pin(call_service(&app, new_note().to_request()));
    // Until the write is submitted: how often the layers above must be polled for that is theirs to know.
    for _ in 0..100 {
        assert!(answer.as_mut().now_or_never().is_none());
        tokio::task::yield_now().await;
        if double.count() > 0 {
            break;
        }
    }
    drop(answer);
    assert_eq!(double.only().write.kind(), WriteKind::CreateNote);
}

#[actix_web::test]
async fn without_a_store_nothing_is_written_and_reads_go_on() {
    let answer = Setup::new().ask(new_note()).await;
    assert_eq!((answer.problem().as_str(), answer.status.as_u16()), ("store-unavailable", 503));
    assert_eq!(Setup::new().get(&format!("/v1/contacts/{CONTACT}")).await.status, 200);
}

#[actix_web::test]
async fn a_page_may_send_and_read_what_writing_takes() {
    let (setup, _) = serving(WriteDouble::default());
    let setup = setup.with(|settings| settings.http.cors_origins = vec!["https://app.example".to_owned()]);
    let page = |request: TestRequest| request.insert_header(("origin", "https://app.example"));
    for method in ["POST", "PUT", "DELETE"] {
        let preflight = page(request(Method::OPTIONS)).uri(&notes());
        let preflight = preflight.insert_header(("access-control-request-method", method));
        let names = ("access-control-request-headers", "content-type,idempotency-key,prefer,x-api-key");
        assert_eq!(setup.ask(preflight.insert_header(names)).await.status, 200, "{method}");
    }
    let answer: Answer = setup.ask(page(new_note())).await;
    let exposed = answer.header("access-control-expose-headers").to_lowercase();
    for name in ["operation-id", "location", "idempotency-replayed", "preference-applied", "retry-after"] {
        assert!(exposed.contains(name), "{name} in {exposed}");
    }
}
