//! What the door lets through, and what it says of the rest.

mod properties;

use super::{Fields, Intent, MAX_BODY_BYTES, MAX_TAG_CHARS, MAX_TAGS, Tag, completion, tags};
use crate::domain::problem::FieldError;
use serde_json::{Value, json};

fn pointers(errors: &[FieldError]) -> Vec<&str> {
    errors.iter().map(|error| error.pointer.as_str()).collect()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, Vec<FieldError>>, pointer: &str, says: &str) {
    let errors = outcome.expect_err(pointer);
    assert_eq!(pointers(&errors), [pointer], "{errors:?}");
    assert!(errors[0].message.contains(says), "{errors:?}");
}

fn create(body: &Value) -> Result<Value, Vec<FieldError>> {
    Fields::contact(body, Intent::Create).map(|fields| json!(fields))
}

fn update(body: &Value) -> Result<Value, Vec<FieldError>> {
    Fields::contact(body, Intent::Update).map(|fields| json!(fields))
}

fn upsert(body: &Value) -> Result<Value, Vec<FieldError>> {
    Fields::contact(body, Intent::Upsert).map(|fields| json!(fields))
}

fn new_note(body: &Value) -> Result<Value, Vec<FieldError>> {
    Fields::note(body, Intent::Create).map(|fields| json!(fields))
}

fn new_task(body: &Value) -> Result<Value, Vec<FieldError>> {
    Fields::task(body, Intent::Create).map(|fields| json!(fields))
}

/// A task that is whole but for what a test lays over it.
fn task(with: (&str, Value)) -> Value {
    let mut body = json!({"title": "Call back", "dueDate": "2026-12-01T09:30:00Z"});
    body[with.0] = with.1;
    body
}

#[test]
fn a_contact_passes_in_one_form() {
    let body = json!({
        "firstName": "Rosa", "lastName": null, "email": " rosa@example.test ", "phone": "+1 (415) 555-0142",
        "country": "us", "timezone": "america/denver", "website": "example.com/a?b=c", "dateOfBirth": "09/25/1990",
        "dnd": false, "dndSettings": {"sms": {"status": "active", "message": "no"}},
        "inboundDndSettings": {"all": {"status": "inactive"}}, "tags": [" VIP", "vip", "New"],
        "customFields": [{"id": "f1", "value": ["a"]}, {"key": "k", "fieldValue": 3}], "companyName": "Exemplar",
        "gender": "x", "source": "api", "assignedTo": "u1", "postalCode": "80202", "city": "Denver"
    });
    let passed = create(&body).unwrap();
    for (name, value) in [
        ("email", json!("rosa@example.test")),
        ("phone", json!("+1 (415) 555-0142")),
        ("country", json!("US")),
        ("timezone", json!("America/Denver")),
        ("dateOfBirth", json!("1990-09-25")),
        ("dndSettings", json!({"SMS": {"status": "active", "message": "no"}})),
        ("tags", json!(["vip", "new"])),
        ("customFields", json!([{"id": "f1", "field_value": ["a"]}, {"key": "k", "field_value": 3}])),
        ("lastName", Value::Null),
    ] {
        assert_eq!(passed[name], value, "{name}");
    }
    assert_eq!(passed.as_object().unwrap().len(), body.as_object().unwrap().len(), "nothing is lost");
    assert_eq!(create(&passed).unwrap(), passed, "what passed once passes unchanged");
}

#[test]
fn each_write_has_its_own_whitelist() {
    refused(update(&json!({"tags": ["vip"]})), "/tags", "replace");
    refused(upsert(&json!({"email": "a@example.test", "tags": ["vip"]})), "/tags", "replace");
    refused(update(&json!({"companyName": "X"})), "/companyName", "created");
    refused(update(&json!({"gender": "x"})), "/gender", "created");
    refused(update(&json!({"createNewIfDuplicateAllowed": true})), "/createNewIfDuplicateAllowed", "not known");
    assert!(upsert(&json!({"email": "a@example.test", "createNewIfDuplicateAllowed": true})).is_ok());
    assert!(update(&json!({"source": null, "assignedTo": null})).is_ok());
    refused(create(&json!({"email": "a@example.test", "source": null})), "/source", "null");
    refused(update(&json!({"postalCode": null})), "/postalCode", "null");
}

#[test]
fn an_unknown_name_is_told_with_the_one_that_was_meant() {
    for (name, says) in [
        ("first_name", "did you mean firstName?"),
        ("fristName", "did you mean firstName?"),
        ("Email", "did you mean email?"),
        ("zip/code", "not known here"),
        ("id", "read-only"),
        ("dateAdded", "read-only"),
        ("additionalEmails", "read-only"),
        ("attributionSource", "read-only"),
        ("locationId", "query parameter"),
    ] {
        let pointer = format!("/{}", name.replace('/', "~1"));
        refused(update(&json!({"city": "Denver", name: "x"})), &pointer, says);
    }
    let endless = "x".repeat(100_000);
    let errors = update(&json!({endless: 1})).unwrap_err();
    assert!(errors[0].pointer.len() < 100, "a name without end is not told back");
}

#[test]
fn everything_wrong_is_told_at_once_within_reason() {
    let body = json!({"email": "nonsense", "phone": 5, "dnd": "no", "id": "x", "firstName": ["Rosa"]});
    let errors = create(&body).unwrap_err();
    assert_eq!(pointers(&errors), ["/email", "/phone", "/dnd", "/id", "/firstName"]);
    let many: serde_json::Map<String, Value> = (0..10_000).map(|n| (format!("unknown{n}"), Value::Null)).collect();
    let errors = update(&Value::Object(many)).unwrap_err();
    assert_eq!(errors.len(), 51);
    assert_eq!(errors[50].message, "and 9950 more");
}

#[test]
fn a_contact_names_somebody() {
    for body in [json!({}), json!({"city": "Denver"}), json!({"email": null}), json!({"firstName": " "})] {
        refused(create(&body), "", "at least one of");
    }
    refused(upsert(&json!({"firstName": "Rosa"})), "", "email, phone");
    refused(update(&json!({})), "", "at least one property");
    for body in [json!([]), json!("x"), json!(null), json!(1)] {
        refused(create(&body), "", "JSON object");
        refused(Fields::note(&body, Intent::Update), "", "JSON object");
        refused(tags(&body), "", "JSON object");
    }
}

#[test]
fn an_email_is_one() {
    for good in ["a@example.test", "a.b+c@x-y.co.uk", "müller@bücher.example", "O'Neil@example.com"] {
        assert!(update(&json!({"email": good})).is_ok(), "{good}");
    }
    let long = format!("{}@example.test", "a".repeat(65));
    for bad in
        ["", "a", "@example.test", "a@", "a@b", "a b@example.test", "a@@example.test", "a@ex_ample.test", "a@.test"]
            .into_iter()
            .chain(["a@example..test", ".a@example.test", "a@-x.test", "a@1.2.3.4", "a@example.test\n b", &long])
    {
        refused(update(&json!({"email": bad})), "/email", "e-mail");
    }
}

#[test]
fn a_phone_is_one() {
    for good in ["+14155550142", "(415) 555-0142", "415.555.0142", "+61 2 9374 4000", "0041/44/6681800"] {
        assert!(update(&json!({"phone": good})).is_ok(), "{good}");
    }
    for bad in
        ["", "call me", "123456", "+1234567890123456", "1+4155550142", "415-555-0142 x5", "٤١٥٥٥٥٠١٤٢", "++4155550142"]
    {
        refused(update(&json!({"phone": bad})), "/phone", "phone number");
    }
}

#[test]
fn places_and_pages_are_known_ones() {
    for (name, bad, says) in [
        ("country", "USA", "two-letter"),
        ("country", "XX", "two-letter"),
        ("country", "", "two-letter"),
        ("timezone", "Australia/Nowhere", "IANA"),
        ("timezone", "+10:00", "IANA"),
        ("timezone", "", "IANA"),
        ("website", "javascript:alert(1)", "web address"),
        ("website", "https://", "web address"),
        ("website", "two words.example", "web address"),
        ("city", "Den\nver", "control"),
        ("city", &"x".repeat(1001), "at most"),
        ("assignedTo", "../users", "ASCII"),
    ] {
        refused(update(&json!({name: bad})), &format!("/{name}"), says);
    }
    for good in ["https://example.com", "HTTP://example.com:8080/x", "example.com", "bücher.example/ü"] {
        assert!(update(&json!({"website": good})).is_ok(), "{good}");
    }
}

#[test]
fn a_date_of_birth_exists() {
    for good in ["1990-09-25", "09-25-1990", "1990/09/25", "09.25.1990", "1990_09_25"] {
        assert_eq!(update(&json!({"dateOfBirth": good})).unwrap()["dateOfBirth"], "1990-09-25", "{good}");
    }
    for bad in
        ["25-09-1990", "1990-02-30", "1990-9-25", "90-09-25", "", "yesterday", "1990-09/25", "1990-09-25T00:00:00Z"]
    {
        refused(update(&json!({"dateOfBirth": bad})), "/dateOfBirth", "YYYY-MM-DD");
    }
    refused(update(&json!({"dateOfBirth": 1990})), "/dateOfBirth", "text");
    assert!(update(&json!({"dateOfBirth": null})).is_ok());
}

#[test]
fn a_due_date_has_a_zone_and_goes_out_in_utc() {
    for (given, sent) in [
        ("2026-12-01T09:30:00Z", "2026-12-01T09:30:00.000Z"),
        ("2026-12-01T09:30:00.123456789+10:00", "2026-11-30T23:30:00.123Z"),
        ("2026-12-01t09:30:00z", "2026-12-01T09:30:00.000Z"),
        ("2026-12-01T00:00:00-00:30", "2026-12-01T00:30:00.000Z"),
        ("2026-12-02T09:30:00+23:59", "2026-12-01T09:31:00.000Z"),
    ] {
        assert_eq!(new_task(&task(("dueDate", json!(given)))).unwrap()["dueDate"], sent, "{given}");
    }
    for bad in
        ["2026-12-01", "2026-12-01T09:30:00", "2026-12-01 09:30:00Z", "2026-02-30T00:00:00Z", "2026-12-01T25:00:00Z"]
            .into_iter()
            .chain([
                "tomorrow",
                "",
                "1764581400",
                "2026-12-01T09:30Z",
                "2026-12-01T09:30:00.Z",
                "2026-12-01T09:30:00+10",
                "2026-12-01T09:30:00+24:00",
                "2026-12-01T09:30:00-25:00",
            ])
            .chain([
                "+002026-12-01T09:30:00Z",
                "2026-W49-2T09:30:00Z",
                "2026-12-01T09:30:00Z[UTC]",
                "ä026-12-01T09:30:00Z",
            ])
    {
        refused(new_task(&task(("dueDate", json!(bad)))), "/dueDate", "RFC 3339");
    }
    for none in ["2026-02-30T00:00:00Z", "2026-12-01T00:00:00+10:75", "9999-12-31T23:59:59Z"] {
        refused(new_task(&task(("dueDate", json!(none)))), "/dueDate", "no such time");
    }
    refused(new_task(&task(("dueDate", json!(1_764_581_400)))), "/dueDate", "text");
    refused(new_task(&task(("dueDate", Value::Null))), "/dueDate", "null");
}

#[test]
fn a_task_is_whole_when_new_and_partial_when_changed() {
    assert_eq!(new_task(&task(("body", json!("")))).unwrap()["completed"], false);
    refused(new_task(&task(("title", json!(" ")))), "/title", "blank");
    refused(new_task(&task(("completed", json!("yes")))), "/completed", "true or false");
    let errors = new_task(&json!({"body": "x"})).unwrap_err();
    assert_eq!(pointers(&errors), ["/title", "/dueDate"]);
    let changed = Fields::task(&json!({"completed": true}), Intent::Update).unwrap();
    assert_eq!(json!(changed), json!({"completed": true}));
    refused(Fields::task(&json!({}), Intent::Update), "", "at least one");
    refused(Fields::task(&json!({"due_date": "x"}), Intent::Update), "/due_date", "did you mean dueDate?");
    assert_eq!(completion(&json!({"completed": false})), Ok(false));
    assert_eq!(completion(&json!({"completed": true})), Ok(true));
    refused(completion(&json!({})), "/completed", "required");
    refused(completion(&json!({"completed": 1})), "/completed", "true or false");
    refused(completion(&json!({"completed": true, "title": "x"})), "/title", "not known");
}

#[test]
fn a_note_is_data_and_keeps_its_markup() {
    let markup = "<p onclick=\"x()\">Hi &amp; bye</p>\n<script>alert('1')</script>\t\u{1f44b}";
    assert_eq!(new_note(&json!({"body": markup})).unwrap()["body"], markup);
    assert!(new_note(&json!({"body": "x".repeat(MAX_BODY_BYTES)})).is_ok());
    refused(new_note(&json!({"body": "x".repeat(MAX_BODY_BYTES + 1)})), "/body", "bytes");
    refused(new_note(&json!({"body": " \n "})), "/body", "blank");
    refused(new_note(&json!({"body": "a\u{0}b"})), "/body", "control");
    refused(new_note(&json!({"title": "x"})), "/body", "required");
    refused(new_note(&json!({"body": "x", "color": "red"})), "/color", "colour");
    refused(new_note(&json!({"body": "x", "pinned": "yes"})), "/pinned", "true or false");
    refused(new_note(&json!({"body": "x", "text": "x"})), "/text", "read-only");
    assert!(Fields::note(&json!({"pinned": true, "color": "#FFAA00"}), Intent::Update).is_ok());
}

#[test]
fn tags_are_folded_bounded_and_distinct() {
    let folded = tags(&json!({"tags": [" Geo:AU ", "geo:au", "GEO:AU", "Ünï"]})).unwrap();
    assert_eq!(folded.iter().map(Tag::as_str).collect::<Vec<_>>(), ["geo:au", "ünï"]);
    refused(tags(&json!({})), "/tags", "required");
    refused(tags(&json!({"tags": []})), "/tags", "at least one");
    refused(tags(&json!({"tags": "vip"})), "/tags", "list");
    refused(tags(&json!({"tags": null})), "/tags", "null");
    refused(tags(&json!({"tags": ["a", 5]})), "/tags/1", "text");
    refused(tags(&json!({"tags": ["a", " "]})), "/tags/1", "empty");
    refused(tags(&json!({"tags": ["a\u{7}b"]})), "/tags/0", "control");
    refused(tags(&json!({"tags": ["x".repeat(5 * 1024)]})), "/tags/0", "255");
    assert!(tags(&json!({"tags": ["ü".repeat(MAX_TAG_CHARS)]})).is_ok());
    let many: Vec<String> = (0..10_000).map(|n| format!("tag {n}")).collect();
    refused(tags(&json!({"tags": many})), "/tags", "100");
    refused(create(&json!({"email": "a@example.test", "tags": many})), "/tags", "100");
    let alike: Vec<String> = (0..10_000).map(|n| if n % 2 == 0 { "VIP" } else { "vip" }.to_owned()).collect();
    assert_eq!(tags(&json!({"tags": alike})).unwrap().len(), 1);
    assert_eq!(tags(&json!({"tags": many[..MAX_TAGS]})).unwrap().len(), MAX_TAGS);
}

#[test]
fn custom_fields_and_channels_have_their_shapes() {
    let deep = json!({"a": {"b": {"c": {"d": {}}}}});
    for (fields, pointer, says) in [
        (json!({}), "/customFields", "list"),
        (json!(["x"]), "/customFields/0", "object"),
        (json!([{"field_value": "x"}]), "/customFields/0", "id or a key"),
        (json!([{"id": "f"}]), "/customFields/0", "field_value"),
        (json!([{"id": "", "value": 1}]), "/customFields/0/id", "blank"),
        (json!([{"id": "f", "value": 1, "field_value": 1}]), "/customFields/0/field_value", "once"),
        (json!([{"id": "f", "value": null}]), "/customFields/0/value", "empty text"),
        (json!([{"id": "f", "value": deep}]), "/customFields/0/value", "nested"),
        (json!([{"id": "f", "value": {"a\u{0}": "x"}}]), "/customFields/0/value", "control"),
        (json!([{"id": "f", "value": 9_007_199_254_740_993_u64}]), "/customFields/0/value", "digits"),
        (json!([{"id": "f", "value": [-1.5e300]}]), "/customFields/0/value", "digits"),
        (json!([{"id": "f", "value": 1, "name": "x"}]), "/customFields/0/name", "not known"),
        (json!(vec![json!({"id": "f", "value": 1}); 201]), "/customFields", "200"),
    ] {
        refused(update(&json!({"customFields": fields})), pointer, says);
    }
    assert!(update(&json!({"customFields": [{"id": "f", "value": [-9_007_199_254_740_991_i64, 0.1]}]})).is_ok());
    for (name, value, pointer, says) in [
        ("dndSettings", json!([]), "/dndSettings", "object"),
        ("dndSettings", json!({"Fax": {"status": "active"}}), "/dndSettings/Fax", "no channel"),
        ("dndSettings", json!({"SMS": {}}), "/dndSettings/SMS", "status"),
        ("dndSettings", json!({"SMS": {"status": "on"}}), "/dndSettings/SMS/status", "one of"),
        ("dndSettings", json!({"SMS": {"status": "active", "why": "x"}}), "/dndSettings/SMS/why", "not known"),
        ("dndSettings", json!({"SMS": {"status": "active"}, "sms": {"status": "active"}}), "/dndSettings/sms", "once"),
        ("inboundDndSettings", json!({"SMS": {}}), "/inboundDndSettings", "all"),
        ("inboundDndSettings", json!({"all": {"status": "permanent"}}), "/inboundDndSettings/all/status", "one of"),
        ("dnd", json!("true"), "/dnd", "true or false"),
    ] {
        refused(update(&json!({name: value})), pointer, says);
    }
}
