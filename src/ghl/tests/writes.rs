//! What each write sends, to the letter, and what its answers become.

use super::*;
use crate::domain::write::{Fields, Tag};

const NOTE: &str = "n1AbCdEfGhIjKlMnOpQr";
const TASK: &str = "t1AbCdEfGhIjKlMnOpQr";

fn fields(value: Value) -> Fields {
    serde_json::from_value(value).unwrap()
}

/// What a caller of `endpoint` gets, as JSON, and its call where it was sent.
pub(super) async fn make(client: &Client, endpoint: Endpoint, ctx: &CallContext) -> Result<Value, GhlError> {
    let (loc, id) = (&location(), &contact_id());
    let (note, task) = (&NoteId::parse(NOTE).unwrap(), &TaskId::parse(TASK).unwrap());
    let tags = &[Tag::parse("vip").unwrap(), Tag::parse("new").unwrap()];
    let given = |value: Value| fields(value);
    let whole = json!({"title": "Call", "dueDate": "2026-12-01T08:00:00Z", "completed": false});
    Ok(match endpoint {
        Endpoint::Duplicate => json!(client.find_duplicate(loc, Identity::Phone("+1 415"), ctx).await?),
        Endpoint::ContactCreate => {
            json!(client.create_contact(loc, &given(json!({"email": "a@b.test"})), ctx).await?.value)
        }
        Endpoint::ContactUpdate => {
            json!(client.update_contact(loc, id, &given(json!({"city": "Reno"})), ctx).await?.value)
        }
        Endpoint::ContactDelete => json!(client.delete_contact(loc, id, ctx).await?),
        Endpoint::NoteCreate => json!(client.create_note(loc, id, &given(json!({"body": "b"})), ctx).await?.value),
        Endpoint::NoteUpdate => {
            json!(client.update_note(loc, id, note, &given(json!({"body": "b"})), ctx).await?.value)
        }
        Endpoint::NoteDelete => json!(client.delete_note(loc, id, note, ctx).await?),
        Endpoint::TaskCreate => json!(client.create_task(loc, id, &given(whole), ctx).await?.value),
        Endpoint::TaskUpdate => {
            json!(client.update_task(loc, id, task, &given(json!({"title": "T"})), ctx).await?.value)
        }
        Endpoint::TaskComplete => json!(client.complete_task(loc, id, task, true, ctx).await?.value),
        Endpoint::TaskDelete => json!(client.delete_task(loc, id, task, ctx).await?),
        Endpoint::TagsAdd => json!(client.add_tags(loc, id, tags, ctx).await?),
        Endpoint::TagsRemove => json!(client.remove_tags(loc, id, tags, ctx).await?),
        other => panic!("{other:?} is no write"),
    })
}

#[tokio::test(start_paused = true)]
async fn each_write_is_sent_as_ghl_takes_it() {
    use Endpoint::*;
    let contact = format!("contacts/{CONTACT}");
    let due = json!({"title": "Call", "dueDate": "2026-12-01T08:00:00Z", "completed": false});
    let created = json!({"locationId": LOCATION, "email": "a@b.test"});
    let tags = json!({"tags": ["vip", "new"]});
    let rows = [
        (ContactCreate, Method::Post, "contacts/".to_owned(), Some(created)),
        (ContactUpdate, Method::Put, contact.clone(), Some(json!({"city": "Reno"}))),
        (ContactDelete, Method::Delete, contact.clone(), None),
        (NoteCreate, Method::Post, format!("{contact}/notes"), Some(json!({"body": "b"}))),
        (NoteUpdate, Method::Put, format!("{contact}/notes/{NOTE}"), Some(json!({"body": "b"}))),
        (NoteDelete, Method::Delete, format!("{contact}/notes/{NOTE}"), None),
        (TaskCreate, Method::Post, format!("{contact}/tasks"), Some(due)),
        (TaskUpdate, Method::Put, format!("{contact}/tasks/{TASK}"), Some(json!({"title": "T"}))),
        (TaskComplete, Method::Put, format!("{contact}/tasks/{TASK}/completed"), Some(json!({"completed": true}))),
        (TaskDelete, Method::Delete, format!("{contact}/tasks/{TASK}"), None),
        (TagsAdd, Method::Post, format!("{contact}/tags"), Some(tags.clone())),
        (TagsRemove, Method::Delete, format!("{contact}/tags"), Some(tags)),
    ];
    assert_eq!(rows.len(), Endpoint::ALL.iter().filter(|endpoint| endpoint.writes()).count());
    for (endpoint, method, path, body) in rows {
        let record = json!({"contact": {"id": CONTACT}, "note": {"id": NOTE}, "task": {"id": TASK}, "tags": ["vip"],
            "succeded": true});
        let fake = Fake::new(Ok(answer(200, record.to_string().as_bytes())), &settings());
        make(&fake.client, endpoint, &context()).await.unwrap();
        assert_eq!(fake.sent(), (method, path, vec![]), "{endpoint:?}");
        let seen = fake.transport.seen.lock().unwrap();
        let sent = seen[0].body.as_ref().map(|body| serde_json::from_slice::<Value>(body.as_ref()).unwrap());
        assert_eq!(sent, body, "{endpoint:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_gives_what_ghl_says_of_it() {
    for (endpoint, body, given) in [
        (Endpoint::TagsAdd, r#"{"tags":["a","vip"],"tagsAdded":["vip"]}"#, json!(["a", "vip"])),
        (Endpoint::TagsRemove, r#"{"tags":null}"#, json!([])),
        (Endpoint::NoteDelete, r#"{"succeded":true}"#, Value::Null),
        (Endpoint::TaskDelete, r#"{"succeeded":true,"message":"deleted"}"#, Value::Null),
        (Endpoint::ContactDelete, "", Value::Null),
        (Endpoint::Duplicate, r#"{"contact":null,"traceId":"t"}"#, Value::Null),
        (Endpoint::Duplicate, r#"{"contact":{"id":"x","locationId":"AnotherLocation00000"}}"#, Value::Null),
    ] {
        let fake = Fake::new(Ok(answer(200, body.as_bytes())), &settings());
        assert_eq!(make(&fake.client, endpoint, &context()).await.unwrap(), given, "{body}");
    }
    let fake = Fake::answering("contact_full.json");
    assert_eq!(make(&fake.client, Endpoint::ContactCreate, &context()).await.unwrap()["firstName"], "Mira");
    let fake = Fake::answering("contact_full.json");
    assert_eq!(make(&fake.client, Endpoint::Duplicate, &context()).await.unwrap()["id"], CONTACT);
    let query = vec![("locationId", LOCATION.to_owned()), ("number", "+1 415".to_owned())];
    assert_eq!(fake.sent(), (Method::Get, "contacts/search/duplicate".to_owned(), query));
}

#[tokio::test(start_paused = true)]
async fn a_success_that_denies_itself_is_none() {
    for body in [r#"{"succeded":false}"#, r#"{"statusCode":500,"message":"oops"}"#] {
        let fake = Fake::new(Ok(answer(200, body.as_bytes())), &settings());
        let error = make(&fake.client, Endpoint::ContactDelete, &context()).await.unwrap_err();
        assert!(matches!(error, GhlError::InvalidResponse { flaw: Flaw::ErrorBody { .. }, .. }), "{error:?}");
        assert!(!error.outcome_known());
    }
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_names_the_other_contact_and_nobody() {
    let body = fixture("error_400_duplicate_email.json");
    let fake = Fake::new(Ok(answer(400, &body)), &settings());
    let error = make(&fake.client, Endpoint::ContactCreate, &context()).await.unwrap_err();
    let existing = Some(ContactId::parse("p9QwErTy12UiOpAs34Df").unwrap());
    assert_eq!(error, GhlError::Duplicate { existing, field: Some("email"), status: 400 });
    let problem = error.to_problem();
    assert_eq!(problem.kind, ProblemKind::DuplicateContact);
    assert!(problem.detail.contains("p9QwErTy12UiOpAs34Df"), "{problem}");
    assert_eq!((problem.errors[0].pointer.as_str(), problem.errors.len()), ("/email", 1));
    assert!(!format!("{problem:?}").contains("someone@"));
}

#[tokio::test(start_paused = true)]
async fn each_failure_says_whether_the_write_may_have_happened() {
    let second = Duration::from_secs(1);
    let status = |status: u16, body: &str| CallError::Status { status, body: body.into(), retry_after: None };
    // The failure, whether nothing was sent, whether nothing was done, whether it can be mended, GHL's status.
    for (error, not_sent, known, mendable, upstream) in [
        (CallError::Connect("refused".into()), true, true, false, None),
        (CallError::QuotaSpent { retry_after: second, day: true }, true, true, false, None),
        (CallError::BreakerOpen { retry_after: second }, true, true, false, None),
        (CallError::Broken("reset".into()), false, false, false, None),
        (CallError::TimedOut(second), false, false, false, None),
        (CallError::Deadline, false, false, false, None),
        (CallError::BodyTooLarge(9), false, false, false, Some(200)),
        (status(429, ""), false, true, false, Some(429)),
        (status(500, ""), false, false, false, Some(500)),
        (status(401, r#"{"message":"Command timed out"}"#), false, false, false, None),
        (status(401, r#"{"message":"Invalid JWT"}"#), false, true, true, Some(401)),
        (status(401, r#"{"message":"E01 - unauthorized request"}"#), false, false, false, Some(401)),
        (status(403, "<html>"), false, false, false, Some(403)),
        (status(404, r#"{"message":"Cannot PUT /x"}"#), false, false, false, Some(404)),
        (status(409, r#"{"message":"no"}"#), false, true, false, Some(409)),
        (status(422, r#"{"message":["no"]}"#), false, true, false, Some(422)),
    ] {
        let shown = format!("{error:?}");
        let fake = Fake::new(Err(error), &settings());
        let error = make(&fake.client, Endpoint::NoteCreate, &context()).await.unwrap_err();
        let told = (error.not_sent(), error.outcome_known(), error.mendable(), error.upstream_status());
        assert_eq!(told, (not_sent, known, mendable, upstream), "{shown}");
        assert!(!error.not_sent() || error.outcome_known());
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_compares_reads_what_is_redacted() {
    let transport =
        Arc::new(Scripted { result: Ok(answer(200, &fixture("contact_full.json"))), seen: Mutex::default() });
    let upstream = Upstream::new(Service::Ghl, transport, Duration::from_secs(5), Metrics::new());
    let client = Client::new(upstream, &settings(), Redaction::new(["email"]));
    let read = async |client: Client| client.contact(&location(), &contact_id(), &context()).await.unwrap().value.email;
    assert_eq!(read(client.clone()).await, None);
    assert!(read(client.unredacted()).await.is_some());
}
