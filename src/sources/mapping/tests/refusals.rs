//! What cannot be understood is refused, with a pointer to where it stands, and in words that hold no value.

use super::{arrival, mapping, preset, refused};
use serde_json::{Value, json};

fn insurgo(kind: &str, data: &Value) -> Value {
    json!({"id": "e", "type": kind, "occurredAt": "2026-11-22T09:00:00Z", "data": data})
}

#[test]
fn each_wrong_property_is_pointed_at() {
    let mapping = preset("insurgo");
    let long = "x".repeat(1024 * 1024);
    for (kind, data, pointer, says) in [
        ("contact.updated", json!({"email": "a@b.example"}), "/data/contactId", "is required"),
        ("contact.updated", json!({"contactId": ["c"]}), "/data/contactId", "a text or a whole number"),
        ("contact.updated", json!({"contactId": 1.5}), "/data/contactId", "a text or a whole number"),
        ("contact.updated", json!({"contactId": true}), "/data/contactId", "a text or a whole number"),
        ("contact.updated", json!({"contactId": "x".repeat(257)}), "/data/contactId", "256 bytes"),
        ("contact.updated", json!({"contactId": "a\nb"}), "/data/contactId", "control"),
        ("contact.updated", json!({"contactId": "c", "email": "rosa at home"}), "/data/email", "e-mail"),
        ("contact.updated", json!({"contactId": "c", "email": {"a": 1}}), "/data/email", "must be a text"),
        ("contact.updated", json!({"contactId": "c", "email": ["a@b.example"]}), "/data/email", "must be a text"),
        ("contact.updated", json!({"contactId": "c", "firstName": true}), "/data/firstName", "must be a text"),
        ("contact.updated", json!({"contactId": "c", "firstName": long}), "/data/firstName", "1000 characters"),
        ("contact.updated", json!({"contactId": "c", "lastName": "a\u{0}b"}), "/data/lastName", "control"),
        ("contact.updated", json!({"contactId": "c", "phone": "call me"}), "/data/phone", "phone number"),
        ("contact.updated", json!({"contactId": "c", "phone": "123"}), "/data/phone", "phone number"),
        ("contact.updated", json!({"contactId": "c", "phone": "+999 1234567"}), "/data/phone", "phone number"),
        ("contact.updated", json!({"contactId": "c", "phone": "4".repeat(40)}), "/data/phone", "phone number"),
        ("contact.updated", json!({"contactId": "c", "phone": long}), "/data/phone", "phone number"),
        ("contact.updated", json!({"contactId": "c", "tagNames": [1]}), "/data/tagNames/0", "must be a text"),
        ("contact.updated", json!({"contactId": "c", "tagNames": ["a", "x".repeat(300)]}), "/data/tagNames/1", "255"),
        ("contact.updated", json!({"contactId": "c", "tagNames": {"a": 1}}), "/data/tagNames", "must be a text"),
        ("tags.added", json!({"contactId": "c"}), "/data/tagNames", "at least one tag"),
        ("tags.removed", json!({"contactId": "c", "tagNames": []}), "/data/tagNames", "at least one tag"),
        ("task.created", json!({"title": "x"}), "/data/taskId", "is required"),
        ("task.created", json!({"taskId": "t", "dueDate": "2026-02-30"}), "/data/dueDate", "that exists"),
        ("task.created", json!({"taskId": "t", "dueDate": "2026-02-30T10:00:00Z"}), "/data/dueDate", "that exists"),
        (
            "task.created",
            json!({"taskId": "t", "dueDate": "2026-01-01T10:00:00+99:00"}),
            "/data/dueDate",
            "that exists",
        ),
        ("task.created", json!({"taskId": "t", "dueDate": "tomorrow"}), "/data/dueDate", "that exists"),
        ("task.created", json!({"taskId": "t", "dueDate": true}), "/data/dueDate", "must be a text"),
        ("task.created", json!({"taskId": "t", "dueDate": 1e300}), "/data/dueDate", "since 1970"),
        ("task.created", json!({"taskId": "t", "status": "Rosa"}), "/data/status", "none of the status words"),
        ("task.created", json!({"taskId": "t", "status": 5}), "/data/status", "none of the status words"),
        ("task.created", json!({"taskId": "t", "description": ["x"]}), "/data/description", "must be a text"),
        ("note.added", json!({"contactId": "c"}), "/data/notes", "is required"),
        ("note.added", json!({"notes": "x"}), "/data/contactId", "is required"),
        ("note.added", json!({"contactId": "c", "notes": long}), "/data/notes", "102400 bytes"),
        ("form.submitted", json!({"formName": "x"}), "/data/contactId", "unless the form gives"),
        ("form.submitted", json!({"email": "a@b.example", "answers": {"q": long}}), "/data", "102400 bytes"),
        ("form.submitted", json!({"email": "a@b.example", "answers": "x"}), "/data", "cannot be made into a note"),
        ("contact.updated", json!("x"), "/data", "must be a JSON object"),
        ("contact.updated", json!([]), "/data", "must be a JSON object"),
        ("contact.updated", Value::Null, "/data", "is required"),
    ] {
        let told = refused(&mapping, &insurgo(kind, &data));
        let [(at, message)] = &told[..] else { panic!("{kind} {pointer}: {told:?}") };
        assert!(at == pointer && message.contains(says), "{kind} {pointer}: {told:?}");
        assert!(!message.contains("Rosa") && !message.contains("rosa at"), "{message}");
    }
}

#[test]
fn each_wrong_part_of_the_envelope_is_pointed_at() {
    let mapping = preset("insurgo");
    for (key, value, says) in [
        ("type", Value::Null, "is required"),
        ("type", json!({}), "a text"),
        ("id", json!([1]), "a text"),
        ("id", json!("x".repeat(257)), "256 bytes"),
        ("occurredAt", json!("yesterday"), "that exists"),
        ("occurredAt", json!(true), "must be a time"),
        ("occurredAt", json!("2026-11-23T12:00:01Z"), "24 hours ahead"),
    ] {
        let mut payload = insurgo("contact.deleted", &json!({"contactId": "c"}));
        payload[key] = value;
        let told = refused(&mapping, &payload);
        let [(at, message)] = &told[..] else { panic!("{key}: {told:?}") };
        assert!(*at == format!("/{key}") && message.contains(says), "{key}: {told:?}");
    }
    assert_eq!(refused(&mapping, &json!([])), [(String::new(), "must be a JSON object".to_owned())]);
}

#[test]
fn everything_wrong_is_told_at_once() {
    let payload =
        json!({"type": "contact.updated", "occurredAt": "x", "data": {"email": 5, "phone": "x", "tagNames": [{}, []]}});
    let told = refused(&preset("insurgo"), &payload);
    let mut pointers: Vec<&str> = told.iter().map(|(pointer, _)| pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(
        pointers,
        ["/data/contactId", "/data/email", "/data/phone", "/data/tagNames/0", "/data/tagNames/1", "/occurredAt"]
    );
    let many: Vec<Value> = (0..500).map(Value::from).collect();
    let told = refused(&preset("insurgo"), &insurgo("tags.added", &json!({"contactId": "c", "tagNames": many})));
    assert_eq!((told.len(), told[50].1.as_str()), (51, "and 450 more"));
}

#[test]
fn the_pointer_follows_the_mapping() {
    let mapping = mapping(
        "preset = 'insurgo'\nmapping = { data = 'payload.body[\"the record\"]', sequence = 'payload.n', contact = { id = \
         'data[\"ID\"]', fields = { email = 'data.email or data.mails[0].address', city = 'data.a + 1', state = 'data.x|length' } } }",
    );
    let payload = |record: &Value| json!({"type": "contact.updated", "n": 1, "body": {"the record": record}});
    for (record, pointer) in [
        (json!({}), "/body/the record/ID"),
        (json!({"ID": 1, "mails": [{"address": "x"}]}), "/body/the record/mails/0/address"),
        (json!({"ID": 1, "email": "x"}), "/body/the record/email"),
        (json!({"ID": 1, "a": "x"}), "/body/the record/a"),
        (json!({"ID": 1, "x": [1]}), "/body/the record/x"),
    ] {
        let told = refused(&mapping, &payload(&record));
        assert_eq!(told.iter().map(|(at, _)| at.as_str()).collect::<Vec<_>>(), [pointer], "{told:?}");
    }
    let mut without = payload(&json!({"ID": 1}));
    without["n"] = Value::Null;
    assert_eq!(
        refused(&mapping, &without),
        [("/n".to_owned(), "is required: the mapping orders events by it".to_owned())]
    );
    without["n"] = json!(1.5);
    assert_eq!(refused(&mapping, &without)[0].0, "/n");
}

#[test]
fn whose_an_event_is_can_be_told_though_it_cannot_be_understood() {
    let mapping = preset("insurgo");
    let told = |payload: Value| {
        let (record, contact) = mapping.subjects(&payload);
        [record, contact].map(|id| id.map(|id| id.to_string()))
    };
    let some = |id: &str| Some(id.to_owned());
    let data = json!({"taskId": "t", "contactId": "c", "title": "x", "dueDate": "soon", "email": 5});
    let of = |kind: &str| json!({"id": "e", "type": kind, "data": data});
    assert!(mapping.read(&of("task.created"), arrival()).is_err());
    assert_eq!(told(of("task.created")), [some("t"), some("c")]);
    assert_eq!(told(of("contact.updated")), [some("c"), some("c")]);
    assert_eq!(told(of("policy.renewed")), [None, some("c")]);
    assert_eq!(told(json!({"type": "task.created"})), [None, None]);
    let form = |email: &str| json!({"type": "form.submitted", "data": {"email": email, "phone": "none"}});
    assert_eq!(told(form("ROSA@a.example")), told(form("rosa@a.example")));
    assert!(told(form("rosa@a.example"))[1].as_ref().unwrap().starts_with("email:"));
}
