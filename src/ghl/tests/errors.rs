//! Each family of GHL's errors, through the client, to the problem a caller gets.

use super::*;

/// What is asked when the error comes.
async fn ask(fake: &Fake, endpoint: Endpoint) -> GhlError {
    let (loc, id, ctx) = (location(), contact_id(), context());
    let client = &fake.client;
    let note = NoteId::parse("abc").unwrap();
    let task = TaskId::parse("abc").unwrap();
    let business = BusinessId::parse("abc").unwrap();
    match endpoint {
        Endpoint::Contact => client.contact(&loc, &id, &ctx).await.map(|_| ()),
        Endpoint::Notes => client.notes(&loc, &id, &ctx).await.map(|_| ()),
        Endpoint::Note => client.note(&loc, &id, &note, &ctx).await.map(|_| ()),
        Endpoint::Tasks => client.tasks(&loc, &id, &ctx).await.map(|_| ()),
        Endpoint::Task => client.task(&loc, &id, &task, &ctx).await.map(|_| ()),
        Endpoint::Appointments => client.appointments(&loc, &id, &ctx).await.map(|_| ()),
        Endpoint::Search => client.search(&loc, SearchQuery::default(), &ctx).await.map(|_| ()),
        Endpoint::BusinessContacts => {
            client.business_contacts(&loc, &business, BusinessQuery::default(), &ctx).await.map(|_| ())
        }
        write => writes::make(client, write, &ctx).await.map(|_| ()),
    }
    .unwrap_err()
}

/// File, endpoint, kind, `upstream.code`, whether trying again may help.
#[rustfmt::skip]
const FAMILIES: &[(&str, Endpoint, ProblemKind, &str, bool)] = {
    use Endpoint::{
        Appointments, Contact, ContactCreate, ContactDelete, ContactUpdate, Duplicate, Note, NoteCreate, NoteUpdate,
        Notes, Search, TagsAdd, Task, TaskComplete, TaskDelete, Tasks,
    };
    use ProblemKind::{
        ContactNotFound, DuplicateContact, NotFound, QuotaExhausted, UpstreamInvalidResponse, UpstreamTimeout, UpstreamUnauthorized,
        UpstreamUnavailable, ValidationFailed,
    };
    &[
        ("error_200_contact_without_id.json", Contact, UpstreamInvalidResponse, "decode", false),
        ("error_200_empty.txt", Notes, UpstreamInvalidResponse, "empty", true),
        ("error_200_error_body.json", Contact, UpstreamInvalidResponse, "error-body", false),
        ("error_200_no_contact.json", Contact, UpstreamInvalidResponse, "decode", false),
        ("error_200_null_contact.json", Contact, UpstreamInvalidResponse, "decode", false),
        ("error_200_page.html", Tasks, UpstreamInvalidResponse, "html", true),
        ("error_200_truncated.txt", Contact, UpstreamInvalidResponse, "truncated", true),
        ("error_400_contact_not_found.json", Contact, ContactNotFound, "not-found", false),
        ("error_400_contact_not_found.json", Appointments, ContactNotFound, "not-found", false),
        ("error_400_contact_with_id_not_found.json", Notes, ContactNotFound, "not-found", false),
        ("error_400_contact_with_id_not_found.json", Task, ContactNotFound, "not-found", false),
        ("error_400_contact_not_found.json", ContactUpdate, ContactNotFound, "not-found", false),
        ("error_400_contact_not_found.json", ContactDelete, ContactNotFound, "not-found", false),
        ("error_400_contact_not_found.json", TagsAdd, ContactNotFound, "not-found", false),
        ("error_400_contact_with_id_not_found.json", NoteCreate, ContactNotFound, "not-found", false),
        ("error_400_contact_with_id_not_found.json", TaskComplete, ContactNotFound, "not-found", false),
        ("error_400_duplicate_email.json", ContactCreate, DuplicateContact, "duplicate", false),
        ("error_400_duplicate_email.json", ContactUpdate, DuplicateContact, "duplicate", false),
        ("error_400_duplicate_email.json", Contact, UpstreamInvalidResponse, "status", false),
        ("error_400_phone.json", ContactCreate, ValidationFailed, "validation", false),
        ("error_400_phone.json", Duplicate, ValidationFailed, "validation", false),
        ("error_400_invalid_field.json", Search, ValidationFailed, "validation", false),
        ("error_400_invalid_field.json", Contact, UpstreamInvalidResponse, "status", false),
        ("error_400_note_not_found.json", Note, NotFound, "not-found", false),
        ("error_400_note_not_found.json", NoteUpdate, NotFound, "not-found", false),
        ("error_400_task_not_found.json", TaskDelete, NotFound, "not-found", false),
        ("error_400_task_not_found.json", Task, NotFound, "not-found", false),
        ("error_400_version_garbage.json", Contact, UpstreamUnauthorized, "version", false),
        ("error_401_access_token_invalid.json", Contact, UpstreamUnauthorized, "token-expired", false),
        ("error_401_auth_class.json", Contact, UpstreamUnauthorized, "token-class", false),
        ("error_401_command_timed_out.json", Contact, UpstreamTimeout, "gateway-timeout", true),
        ("error_401_invalid_jwt.json", Contact, UpstreamUnauthorized, "token-expired", false),
        ("error_401_invalid_pit.json", Contact, UpstreamUnauthorized, "token", false),
        ("error_401_location.json", Contact, UpstreamUnauthorized, "location", false),
        ("error_401_scope.json", Notes, UpstreamUnauthorized, "scope", false),
        ("error_401_unknown_words.json", Contact, UpstreamUnauthorized, "unauthorized", false),
        ("error_401_user_type.json", Contact, UpstreamUnauthorized, "token-class", false),
        ("error_401_version_invalid.json", Contact, UpstreamUnauthorized, "version", false),
        ("error_401_version_missing.json", Contact, UpstreamUnauthorized, "version", false),
        ("error_403_cdn.html", Contact, UpstreamInvalidResponse, "html", true),
        ("error_403_forbidden_resource.json", Contact, UpstreamUnauthorized, "token-class", false),
        ("error_403_location.json", Search, UpstreamUnauthorized, "location", false),
        ("error_404_cannot_get.json", TagsAdd, UpstreamInvalidResponse, "route", false),
        ("error_404_cannot_get.json", Notes, UpstreamInvalidResponse, "route", false),
        ("error_404_empty.txt", Contact, UpstreamInvalidResponse, "route", false),
        ("error_422_message_list.json", ContactCreate, ValidationFailed, "validation", false),
        ("error_422_message_list.json", Search, ValidationFailed, "validation", false),
        ("error_422_status_differs.json", Search, ValidationFailed, "validation", false),
        ("error_429_too_many.json", Contact, QuotaExhausted, "rate-limited", true),
        ("error_500_internal.json", Contact, UpstreamUnavailable, "status", true),
        ("error_502_bad_gateway.html", Contact, UpstreamUnavailable, "status", true),
        ("error_503_raw_text.txt", Contact, UpstreamUnavailable, "status", true),
    ]
};

#[tokio::test(start_paused = true)]
async fn each_family_has_its_problem() {
    for &(name, endpoint, kind, code, repeatable) in FAMILIES {
        let status: u16 = name["error_".len()..][..3].parse().unwrap();
        let fake = Fake::new(Ok(answer(status, &fixture(name))), &settings());
        let error = ask(&fake, endpoint).await;
        let problem = error.to_problem();
        let upstream = problem.upstream.clone().unwrap();
        assert_eq!((problem.kind, &*upstream.code), (kind, code), "{name}: {error:?}");
        assert_eq!(error.repeatable(), repeatable, "{name}");
        assert_eq!(error.refreshable(), code == "token-expired", "{name}");
        assert!(upstream.status.is_none_or(|given| given == status), "{name}");
        let told = format!("{problem:?}");
        assert!(!told.contains("pit-test") && !told.contains("someone@"), "{name}: {told}");
    }
}

#[test]
fn no_error_fixture_goes_untested() {
    for name in fixtures("error_") {
        assert!(FAMILIES.iter().any(|family| family.0 == name), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_on_the_wire_has_its_problem() {
    use ProblemKind::{UpstreamInvalidResponse, UpstreamTimeout, UpstreamUnavailable};
    for (error, kind, code) in [
        (CallError::Deadline, UpstreamTimeout, "deadline"),
        (CallError::TimedOut(Duration::from_secs(1)), UpstreamTimeout, "timeout"),
        (CallError::Connect("refused".into()), UpstreamUnavailable, "connect"),
        (CallError::Broken("reset".into()), UpstreamUnavailable, "broken"),
        (CallError::BodyTooLarge(9), UpstreamInvalidResponse, "too-large"),
    ] {
        let problem = ask(&Fake::new(Err(error), &settings()), Endpoint::Contact).await.to_problem();
        assert_eq!((problem.kind, &*problem.upstream.unwrap().code), (kind, code));
    }
}

#[tokio::test(start_paused = true)]
async fn a_spent_quota_says_when() {
    let body = fixture("error_429_too_many.json");
    let silent = Fake::new(Ok(answer(429, &body)), &settings());
    assert_eq!(ask(&silent, Endpoint::Contact).await.to_problem().retry_after, Some(Duration::from_secs(10)));
    let headers = vec![("retry-after".to_owned(), "3".to_owned())];
    let telling = Fake::new(Ok(Answer { headers, ..answer(429, &body) }), &settings());
    assert_eq!(ask(&telling, Endpoint::Contact).await.to_problem().retry_after, Some(Duration::from_secs(3)));
}

#[tokio::test(start_paused = true)]
async fn a_refused_search_repeats_ghls_words_masked() {
    let fake = Fake::new(Ok(answer(422, &fixture("error_422_message_list.json"))), &settings());
    let problem = ask(&fake, Endpoint::Search).await.to_problem();
    assert!(problem.detail.contains("pageLimit must be a number; property x should not exist for …"), "{problem}");
    let said = problem.cause.unwrap();
    assert!(said.contains("traceId 5b1d0c6e-0a43-4d0a-9f5e-7c2f4b8e9a10"), "{said}");
}
