//! What is refused at the door of a write: by its problem, with a pointer, before anything is stored, and into the log.

use super::{
    Answer, CONTACT, LOCATION, Setup, request,
    write_double::WriteDouble,
    writes::{asking, each, new_note, notes, serving, with_body},
};
use crate::{
    domain::{
        operation::AuditEntry,
        problem::{Problem, ProblemKind},
        write::WriteKind,
    },
    http::state::State,
    settings::Role,
};
use actix_web::{http::Method, test::TestRequest, web::Data};
use serde_json::{Value, json};
use std::sync::Arc;

/// One service for many requests that it refuses.
struct Door {
    setup: Setup,
    state: Data<State>,
    double: Arc<WriteDouble>,
}

impl Door {
    fn of((setup, double): (Setup, Arc<WriteDouble>)) -> Self {
        Self { state: setup.state(), setup, double }
    }

    fn open() -> Self {
        Self::of(serving(WriteDouble::default()))
    }

    async fn ask(&self, request: TestRequest) -> Answer {
        self.setup.ask_with(&self.state, request).await
    }

    /// What was logged since it was last asked for.
    fn logged(&self) -> Vec<AuditEntry> {
        std::mem::take(&mut *self.double.refusals.lock().unwrap())
    }

    /// Asks, and asserts that it was refused, once logged, and not submitted.
    async fn refuses(&self, method: Method, path: &str, body: &Value, kind: &str, pointer: &str) -> Answer {
        let answer = self.ask(with_body(method, path, body)).await;
        let said: String = body.to_string().chars().take(80).collect();
        assert_eq!((answer.problem().as_str(), answer.pointer().as_str()), (kind, pointer), "{path} {said}");
        let logged = self.logged();
        assert_eq!((self.double.count(), logged.len(), logged[0].outcome.as_str()), (0, 1, kind));
        assert_eq!(logged[0].payload, None, "a refused body may say anything of anybody");
        answer
    }
}

#[actix_web::test]
async fn bad_bodies_are_pointed_at() {
    let door = Door::open();
    let contact = format!("/v1/contacts/{CONTACT}");
    let (tags, tasks) = (format!("{contact}/tags"), format!("{contact}/tasks"));
    let many: Vec<String> = (0..10_000).map(|n| format!("tag {n}")).collect();
    let due = |date: &str| json!({"title": "Call back", "dueDate": date});
    for (method, path, body, pointer) in [
        (
            Method::POST,
            "/v1/contacts",
            json!({"email": "rosa@example.com", "favouriteColour": "red"}),
            "/favouriteColour",
        ),
        (Method::POST, "/v1/contacts", json!({"firstName": 5}), "/firstName"),
        (Method::POST, "/v1/contacts", json!({}), ""),
        (Method::POST, "/v1/contacts", json!({"email": "no address"}), "/email"),
        (Method::POST, "/v1/contacts", json!({"phone": "call me"}), "/phone"),
        (Method::POST, "/v1/contacts", json!({"name": "Rosa", "locationId": LOCATION}), "/locationId"),
        (Method::PUT, "/v1/contacts", json!({"name": "Rosa"}), ""),
        (Method::PUT, "/v1/contacts", json!({"email": "rosa@example.com", "tags": ["vip"]}), "/tags"),
        (Method::PUT, &contact, json!({"tags": ["vip"]}), "/tags"),
        (Method::PUT, &contact, json!({"gender": "x"}), "/gender"),
        (Method::PUT, &contact, json!({"dateOfBirth": "1990-02-30"}), "/dateOfBirth"),
        (Method::PUT, &contact, json!({}), ""),
        (Method::PUT, &contact, json!(["city"]), ""),
        (Method::POST, &tags, json!({"tags": []}), "/tags"),
        (Method::POST, &tags, json!({"tags": [""]}), "/tags/0"),
        (Method::POST, &tags, json!({"tags": ["x".repeat(5 * 1024)]}), "/tags/0"),
        (Method::POST, &tags, json!({"tags": many}), "/tags"),
        (Method::DELETE, &tags, json!({"tags": [null]}), "/tags/0"),
        (Method::DELETE, &tags, json!({"tag": "vip"}), "/tag"),
        (Method::POST, &tasks, due("2026-12-01"), "/dueDate"),
        (Method::POST, &tasks, due("2026-12-01T09:30:00"), "/dueDate"),
        (Method::POST, &tasks, due("1 December 2026"), "/dueDate"),
        (Method::POST, &tasks, due("2026-13-01T09:30:00Z"), "/dueDate"),
        (Method::PUT, &format!("{tasks}/t1/completed"), json!({"completed": "yes"}), "/completed"),
        (Method::POST, &notes(), json!({"body": "x".repeat(200_000)}), "/body"),
        (Method::POST, &notes(), json!({"body": " "}), "/body"),
        (Method::PUT, &format!("{}/n1", notes()), json!({"color": "red"}), "/color"),
    ] {
        let answer = door.refuses(method, path, &body, "validation-failed", pointer).await;
        assert_eq!(answer.status, 422);
        assert!(answer.body.len() < 10_000, "what was sent is not sent back");
    }
}

#[actix_web::test]
async fn everything_wrong_with_a_body_is_told_at_once() {
    let body = json!({"email": "no address", "phone": 5, "frist_name": "Rosa"});
    let answer = Door::open().refuses(Method::POST, "/v1/contacts", &body, "validation-failed", "/email").await;
    let errors = answer.json()["errors"].clone();
    assert_eq!(errors.as_array().unwrap().len(), 3, "{errors}");
    assert!(errors[2]["message"].as_str().unwrap().contains("did you mean firstName?"), "{errors}");
}

#[actix_web::test]
async fn script_in_a_note_is_data() {
    let (setup, double) = serving(WriteDouble::default());
    let markup = "<img src=x onerror=alert(1)><script>alert('1')</script>";
    let answer = setup.ask(with_body(Method::POST, &notes(), &json!({"body": markup}))).await;
    assert_eq!((answer.status.as_u16(), answer.json()["body"].as_str()), (201, Some(markup)));
    assert_eq!(
        (answer.header("content-type"), answer.header("x-content-type-options")),
        ("application/json", "nosniff")
    );
    assert_eq!(json!(double.only().write)["fields"]["body"], markup);
}

#[actix_web::test]
async fn a_body_that_is_none_or_too_large_is_not_read_as_one() {
    let (setup, double) = serving(WriteDouble::default());
    for (text, kind) in [
        ("", "malformed-body"),
        ("{\"body\": \"a\", \"body\": \"b\"}", "malformed-body"),
        ("{\"body\": ", "malformed-body"),
        (&format!("{{\"body\": \"{}\"}}", "x".repeat(1_048_576)), "body-too-large"),
    ] {
        assert_eq!(setup.post(&notes(), text).await.problem(), kind);
    }
    let bare = request(Method::POST).uri(&notes()).set_payload("{\"body\": \"a\"}");
    assert_eq!(setup.ask(bare).await.problem(), "unsupported-media-type");
    let refusals = double.refusals.lock().unwrap();
    assert_eq!((refusals.len(), double.count()), (5, 0));
    assert!(refusals.iter().all(|entry| entry.contact_id.as_ref().is_some_and(|id| id.as_str() == CONTACT)));
}

#[actix_web::test]
async fn a_path_query_or_header_that_is_none_is_named() {
    let door = Door::open();
    let endless = "k".repeat(256);
    for (path, header, pointer) in [
        ("/v1/contacts/a%2Fb/notes", ("prefer", ""), "contactId"),
        ("/v1/contacts/c1/notes?locationId=a%2Fb", ("prefer", ""), "locationId"),
        ("/v1/contacts/c1/notes", ("idempotency-key", ""), "Idempotency-Key"),
        ("/v1/contacts/c1/notes", ("idempotency-key", "two words"), "Idempotency-Key"),
        ("/v1/contacts/c1/notes", ("idempotency-key", endless.as_str()), "Idempotency-Key"),
    ] {
        let asked = with_body(Method::POST, path, &json!({"body": "Called."})).insert_header(header);
        let answer = door.ask(asked).await;
        assert_eq!((answer.problem().as_str(), answer.pointer().as_str()), ("invalid-parameter", pointer));
        assert_eq!((door.double.count(), door.logged().len()), (0, 1));
    }
    for (method, path, pointer) in [
        (Method::PUT, "/v1/contacts/c1/notes/a%20b", "noteId"),
        (Method::DELETE, "/v1/contacts/c1/tasks/a%2Fb", "taskId"),
        (Method::DELETE, "/v1/contacts/a%00", "contactId"),
    ] {
        let answer = door.refuses(method, path, &json!({"pinned": true}), "invalid-parameter", pointer).await;
        assert_eq!(answer.status, 400);
    }
}

#[actix_web::test]
async fn an_answer_that_nobody_could_read_is_refused_before_the_write() {
    let (setup, double) = serving(WriteDouble::default());
    let asked = new_note().insert_header(("accept-encoding", "identity;q=0, *;q=0"));
    assert_eq!(setup.ask(asked).await.problem(), "not-acceptable");
    assert_eq!(double.count(), 0);
}

fn guarded() -> (Setup, Arc<WriteDouble>) {
    let (setup, double) = serving(WriteDouble::default());
    let setup = setup.with_key("reader", &[Role::Read], None).with_key("writer", &[Role::Write], None).with_key(
        "tenant",
        &[Role::Write],
        Some(&["tenantLocation"]),
    );
    (setup, double)
}

#[actix_web::test]
async fn every_write_takes_the_role() {
    let door = Door::of(guarded());
    for (kind, method, path, body, _) in each() {
        let asked = |key: &str| asking(method.clone(), &path, body.as_ref()).insert_header(("x-api-key", key));
        let answer = door.ask(asked("reader")).await;
        assert_eq!((answer.problem().as_str(), answer.status.as_u16()), ("forbidden", 403), "{kind:?}");
        assert_eq!(door.ask(asked("nobody")).await.problem(), "unauthenticated", "{kind:?}");
        let logged = door.logged();
        assert_eq!(logged.len(), 1, "a stranger's request is in no log of ours");
        let entry = (logged[0].key.as_deref(), logged[0].kind, logged[0].outcome.as_str());
        assert_eq!(entry, (Some("reader"), Some(kind), "forbidden"));
        assert_eq!(logged[0].request_id.as_deref(), Some(answer.header("x-request-id")));
        assert!(door.ask(asked("writer")).await.status.is_success(), "{kind:?}");
    }
}

#[actix_web::test]
async fn a_key_writes_to_its_locations_only() {
    let (setup, double) = guarded();
    let asked = |query: &str| {
        let path = format!("{}{query}", notes());
        with_body(Method::POST, &path, &json!({"body": "Called."})).insert_header(("x-api-key", "tenant"))
    };
    assert_eq!(setup.ask(asked(&format!("?locationId={LOCATION}"))).await.problem(), "forbidden");
    let logged = double.refusals.lock().unwrap()[0].clone();
    assert_eq!((logged.key.as_deref(), logged.location_id), (Some("tenant"), None), "no line in the log of another");
    assert_eq!((double.count(), setup.ask(asked("")).await.status.as_u16()), (0, 201));
    assert_eq!(double.only().location.as_str(), "tenantLocation");
}

#[actix_web::test]
async fn a_key_that_asks_too_much_is_refused_and_fills_no_log() {
    let (setup, double) = serving(WriteDouble::default());
    let setup = setup.with(|settings| settings.http.requests_per_second = 1);
    let state = setup.state();
    assert_eq!(setup.ask_with(&state, new_note()).await.status, 201);
    assert_eq!(setup.ask_with(&state, new_note()).await.problem(), "too-many-requests");
    assert_eq!((double.count(), double.refusals.lock().unwrap().len()), (1, 0));
}

#[actix_web::test]
async fn what_the_store_refuses_is_logged() {
    let problem = Problem::new(ProblemKind::StoreUnavailable, "The disk is full.");
    let (setup, double) = serving(WriteDouble::refusing(problem));
    assert_eq!(setup.ask(new_note()).await.problem(), "store-unavailable");
    let refusals = double.refusals.lock().unwrap();
    assert_eq!((refusals.len(), refusals[0].kind), (1, Some(WriteKind::CreateNote)));
    assert_eq!(refusals[0].location_id.as_ref().map(|id| id.as_str()), Some(LOCATION));
}
