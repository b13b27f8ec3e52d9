//! Each thing that Insurgo tells of, and what reaches GHL.

use super::{Rig, event, rosa};
use ghl_sandbox::ContactSeed;
use serde_json::json;

#[actix_web::test]
async fn a_contact_is_made_and_then_changed() {
    let rig = Rig::start().await;
    let made = json!({"firstName": " Rosa ", "lastName": "Exemplar", "phone": "(415) 200-0142"});
    let told = rig.apply(event("e1", "contact.created", 0, rosa(made))).await;
    assert_eq!((&told["kind"], &told["externalId"]), (&json!("contact-created"), &json!("ins-1")), "{told}");
    assert_eq!(told["operations"].as_array().map(Vec::len), Some(1), "{told}");
    let held = rig.held("rosa@source.example");
    assert_eq!(
        [held.text("firstName"), held.text("lastName"), held.text("phone")],
        ["Rosa", "Exemplar", "+14152000142"]
    );
    rig.apply(event("e2", "contact.updated", 1, rosa(json!({"lastName": "Muster", "phone": null})))).await;
    let held = rig.held("rosa@source.example");
    assert_eq!([held.text("firstName"), held.text("lastName"), held.text("phone")], ["Rosa", "Muster", "+14152000142"]);
    assert_eq!(rig.writes(), ["contact_create", "contact_update"]);
}

#[actix_web::test]
async fn a_contact_that_ghl_has_is_found_by_email_then_by_phone() {
    let rig = Rig::start().await;
    let known = ContactSeed::new().name("Rosa", "Known").email("rosa@source.example").tags(["vip"]);
    let by_mail = rig.app.sandbox.add_contact(known);
    let by_phone = rig.app.sandbox.add_contact(ContactSeed::new().name("Phil", "Phone").phone("+14152000143"));
    rig.apply(event("e1", "contact.created", 0, rosa(json!({"lastName": "Exemplar", "tagNames": ["Insured"]})))).await;
    let phil = json!({"contactId": "ins-2", "phone": "415-200-0143", "email": "phil@source.example"});
    rig.apply(event("e2", "contact.updated", 0, phil)).await;
    let rosa = rig.held("rosa@source.example");
    assert_eq!((rosa.id(), rosa.text("lastName")), (by_mail, "Exemplar"));
    assert_eq!(rosa.tags(), ["insured", "vip"], "a person's own tags stay");
    assert_eq!(rig.held("phil@source.example").id(), by_phone);
    assert!(!rig.writes().contains(&"contact_create"), "{:?}", rig.writes());
}

#[actix_web::test]
async fn a_task_is_made_changed_completed_and_deleted() {
    let rig = Rig::start().await;
    rig.apply(event("e0", "contact.created", 0, rosa(json!({})))).await;
    let task = |more: serde_json::Value| {
        let mut data = json!({"taskId": "t-1", "contactId": "ins-1"});
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        data
    };
    let made = task(json!({"title": "Call", "dueDate": "2027-03-01T09:00:00-05:00", "status": "open"}));
    rig.apply(event("e1", "task.created", 1, made)).await;
    let tasks = || rig.held("rosa@source.example").tasks();
    assert_eq!(tasks(), [("Call".to_owned(), "2027-03-01T14:00:00Z".to_owned(), false)]);
    rig.apply(event("e2", "task.updated", 2, task(json!({"title": "Call back"})))).await;
    assert_eq!(tasks(), [("Call back".to_owned(), "2027-03-01T14:00:00Z".to_owned(), false)]);
    rig.apply(event("e3", "task.completed", 3, task(json!({})))).await;
    assert_eq!(tasks(), [("Call back".to_owned(), "2027-03-01T14:00:00Z".to_owned(), true)]);
    rig.apply(event("e4", "task.deleted", 4, task(json!({})))).await;
    assert_eq!(tasks(), []);
    assert_eq!(rig.writes(), ["contact_create", "task_create", "task_update", "task_complete", "task_delete"]);
}

#[actix_web::test]
async fn a_status_completes_a_task_and_opens_it_again() {
    let rig = Rig::start().await;
    rig.apply(event("e0", "contact.created", 0, rosa(json!({})))).await;
    let task = |status: &str| json!({"taskId": "t-1", "contactId": "ins-1", "title": "Call", "dueDate": "2027-03-01T09:00:00Z", "status": status});
    let done = || rig.held("rosa@source.example").tasks().iter().map(|task| task.2).collect::<Vec<_>>();
    rig.apply(event("e1", "task.created", 1, task("Done"))).await;
    assert_eq!(done(), [true]);
    rig.apply(event("e2", "task.updated", 2, task("In Progress"))).await;
    assert_eq!(done(), [false]);
}

#[actix_web::test]
async fn a_note_is_added_once() {
    let rig = Rig::start().await;
    rig.apply(event("e0", "contact.created", 0, rosa(json!({})))).await;
    let note = json!({"contactId": "ins-1", "notes": "Called & left a message <soon>"});
    rig.apply(event("e1", "note.added", 1, note.clone())).await;
    rig.apply(event("e2", "note.added", 2, note)).await;
    let notes = rig.held("rosa@source.example").notes();
    assert_eq!(notes.len(), 2, "two events without a note's id are two notes: {notes:?}");
    let again = json!({"contactId": "ins-1", "noteId": "n-1", "notes": "Third"});
    rig.apply(event("e3", "note.added", 3, again.clone())).await;
    rig.told(&event("e4", "note.added", 4, again)).await;
    assert_eq!(rig.held("rosa@source.example").notes().len(), 3, "the same note is one");
    assert_eq!(rig.writes(), ["contact_create", "note_create", "note_create", "note_create"]);
}

#[actix_web::test]
async fn tags_are_added_and_removed() {
    let rig = Rig::with(", tag_prefix = 'ins:'", &[]).await;
    rig.apply(event("e0", "contact.created", 0, rosa(json!({})))).await;
    let id = rig.held("rosa@source.example").id();
    let own = json!({"tags": ["vip"]});
    assert_eq!(rig.app.client.post(&format!("/v1/contacts/{id}/tags"), &own).await.status, 200);
    let tags = |names: &[&str]| json!({"contactId": "ins-1", "tagNames": names});
    rig.apply(event("e1", "tags.added", 1, tags(&["Gold", "new"]))).await;
    assert_eq!(rig.held("rosa@source.example").tags(), ["ins:gold", "ins:new", "vip"]);
    rig.apply(event("e2", "tags.removed", 2, tags(&["GOLD"]))).await;
    assert_eq!(rig.held("rosa@source.example").tags(), ["ins:new", "vip"]);
    let writes = rig.writes();
    assert_eq!(writes[writes.len() - 2..], ["tags_add", "tags_remove"]);
}

#[actix_web::test]
async fn a_form_makes_a_contact_with_tags_and_a_note_of_the_answers() {
    let rig = Rig::start().await;
    let form = json!({
        "email": "Fran@Source.example", "firstName": "Fran", "phone": "+1 415 200 0144", "tagNames": ["lead"],
        "formName": "Quote", "answers": {"Cover": "home", "Since": 1998},
    });
    let told = rig.apply(event("e1", "form.submitted", 0, form)).await;
    assert_eq!(told["kind"], "form-submitted", "{told}");
    rig.settled().await;
    let held = rig.held("fran@source.example");
    assert_eq!((held.text("firstName"), held.text("phone")), ("Fran", "+14152000144"));
    assert_eq!(held.tags(), ["lead"]);
    let notes = held.notes();
    assert!(notes.len() == 1 && ["Quote", "Cover: home", "Since: 1998"].iter().all(|part| notes[0].contains(part)));
    // The same person again: no second contact, and a second note.
    let again = json!({"email": "fran@source.example", "formName": "Claim", "answers": {"What": "hail"}});
    rig.apply(event("e2", "form.submitted", 1, again)).await;
    rig.settled().await;
    assert_eq!(rig.held("fran@source.example").notes().len(), 2);
}

#[actix_web::test]
async fn a_contact_that_is_deleted_there_stays_in_ghl_unless_it_is_not_to() {
    for (more, stays) in [("", true), (", on_contact_deleted = 'delete'", false)] {
        let rig = Rig::with(more, &[]).await;
        rig.apply(event("e0", "contact.created", 0, rosa(json!({})))).await;
        let told = rig.told(&event("e1", "contact.deleted", 1, json!({"contactId": "ins-1"}))).await;
        assert!(["applied", "ignored"].contains(&told["fate"].as_str().unwrap()), "{told}");
        assert_eq!(rig.all_of("rosa@source.example").len(), usize::from(stays), "{more}");
    }
}
