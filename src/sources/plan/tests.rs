//! What is planned, over records as events leave them.

use super::*;
use crate::{
    domain::{
        ids::{ContactId, LocationId},
        source::{Change, ExternalId, RecordKey, RecordStatus, SourceName, TagChange, Version},
        write::Tag,
    },
    sources::{forecast::fresh, held::Held},
};
use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Owners by field; the others are the source's.
struct Rules(Vec<(&'static str, Owner)>, bool);

impl Owners for Rules {
    fn owner(&self, _: RecordKind, field: &str) -> Owner {
        self.0.iter().find(|(name, _)| *name == field).map_or(Owner::Source, |(_, owner)| *owner)
    }

    fn deletes_contacts(&self) -> bool {
        self.1
    }
}

const OURS: Rules = Rules(Vec::new(), false);

fn version(order: i64) -> Version {
    Version { order, tie: 7, at_ms: order }
}

fn external(id: &str) -> ExternalId {
    ExternalId::parse(id).unwrap()
}

fn contact_id(id: &str) -> ContactId {
    ContactId::parse(id).unwrap()
}

fn record(kind: RecordKind) -> SourceRecord {
    let key = RecordKey { source: SourceName::parse("crm").unwrap(), kind, id: external("1") };
    fresh(key, LocationId::parse("loc").unwrap(), Timestamp::UNIX_EPOCH)
}

fn change(kind: RecordKind, order: i64, fields: Value) -> Change {
    let Value::Object(fields) = fields else { panic!("an object") };
    Change {
        kind,
        id: external("1"),
        version: version(order),
        parent: None,
        fields: fields.into_iter().collect(),
        tags: TagChange::default(),
        deleted: false,
    }
}

fn tagged(order: i64, added: &[&str], removed: &[&str]) -> Change {
    let set = |tags: &[&str]| tags.iter().map(|tag| Tag::parse(tag).unwrap()).collect::<BTreeSet<_>>();
    let tags = TagChange { all: None, added: set(added), removed: set(removed) };
    Change { tags, ..change(RecordKind::Contact, order, json!({})) }
}

/// A contact at GHL that was made to hold what the change says.
fn settled(first: Value) -> SourceRecord {
    let mut record = record(RecordKind::Contact);
    record.state.merge(&change(RecordKind::Contact, 1, first));
    (record.ghl_id, record.ghl_contact) = (Some("c1".to_owned()), Some(contact_id("c1")));
    record.delivered.fields =
        record.state.fields.iter().map(|(name, said)| (name.clone(), said.value.clone())).collect();
    record.status = RecordStatus::Settled;
    record
}

fn contact_held(value: Value, updated_at: i64) -> Held {
    let mut body = json!({"id": "c1", "dateUpdated": Timestamp::from_millisecond(updated_at).unwrap().to_string()});
    body.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
    let reading = crate::ghl::model::Reading { redact: Default::default(), timezone: None };
    Held::of_contact(&crate::ghl::model::contact(body, &reading).unwrap_or_else(|_| panic!("a contact")))
}

fn written(plan: &Plan) -> &Write {
    match &plan.next {
        Next::Write(planned) => &planned.write,
        other => panic!("{other:?} is no write"),
    }
}

fn body(write: &Write) -> Value {
    serde_json::to_value(write).unwrap()["fields"].clone()
}

/// Follows a contact to its end, taking each write as done; the writes.
fn follow(record: &mut SourceRecord, mut held: Option<Held>, owners: &dyn Owners) -> Vec<Write> {
    let mut writes = Vec::new();
    for _ in 0..20 {
        let plan = contact(record, held.as_ref(), owners);
        match plan.next {
            Next::Write(planned) => {
                if matches!(planned.write, Write::UpsertContact { .. } | Write::CreateContact { .. }) {
                    record.ghl_contact = Some(contact_id("c1"));
                }
                if let Some(held) = &mut held {
                    held.apply(&planned.write, &planned.then);
                }
                record.delivered = planned.then;
                writes.push(planned.write);
            }
            Next::Settled(_) => {
                record.delivered = plan.delivered;
                return writes;
            }
            other => panic!("{other:?} is no end"),
        }
    }
    panic!("no end");
}

#[test]
fn a_contact_nobody_knows_is_made_and_then_given_its_tags() {
    let mut record = record(RecordKind::Contact);
    record.state.merge(&change(RecordKind::Contact, 1, json!({
        "firstName": "Rosa", "name": "Rosa M", "email": "rosa@example.com", "lastName": null, "customFields.cf1": "x"
    })));
    record.state.merge(&tagged(2, &["vip"], &["old"]));
    let writes = follow(&mut record, None, &OURS);
    assert_eq!(
        body(&writes[0]),
        json!({"firstName": "Rosa", "email": "rosa@example.com", "customFields": [{"id": "cf1", "field_value": "x"}]})
    );
    assert!(matches!(&writes[0], Write::UpsertContact { .. }));
    assert_eq!(writes[1], Write::AddTags { contact: contact_id("c1"), tags: vec![Tag::parse("vip").unwrap()] });
    assert_eq!(writes.len(), 2, "nothing is taken from a new contact: {writes:?}");
    assert_eq!(follow(&mut record, None, &OURS), [], "and nothing more is to be done");
}

#[test]
fn without_address_or_phone_it_is_made_by_its_name_and_without_that_it_waits() {
    let mut record = record(RecordKind::Contact);
    record.state.merge(&tagged(1, &["vip"], &[]));
    assert!(matches!(contact(&record, None, &OURS).next, Next::Wait(_)));
    record.state.merge(&change(RecordKind::Contact, 2, json!({"lastName": "Marin"})));
    assert!(matches!(written(&contact(&record, None, &OURS)), Write::CreateContact { .. }));
}

#[test]
fn only_what_differs_from_what_was_delivered_is_written() {
    let mut record = settled(json!({"firstName": "Rosa", "city": "A", "customFields.cf1": "x"}));
    record.state.merge(&change(
        RecordKind::Contact,
        2,
        json!({
            "firstName": "Rosa", "city": "B", "customFields.cf1": "y", "customFields.cf2": null
        }),
    ));
    let fields = json!({"city": "B", "customFields": [
        {"id": "cf1", "field_value": "y"}, {"id": "cf2", "field_value": ""}
    ]});
    assert_eq!(body(written(&contact(&record, None, &OURS))), fields);
    assert_eq!(follow(&mut record, None, &OURS).len(), 1);
}

#[test]
fn what_ghl_cannot_change_or_clear_is_left_and_said_so() {
    let mut record = settled(json!({"country": "US", "companyName": "A"}));
    record.state.merge(&change(RecordKind::Contact, 2, json!({"country": null, "companyName": "B"})));
    let plan = contact(&record, None, &OURS);
    assert!(matches!(plan.next, Next::Settled(Some(_))), "{plan:?}");
    assert!(plan.fields.iter().all(|field| field.action == FieldAction::Left), "{plan:?}");
    let why = |name: &str| plan.fields.iter().find(|field| field.field == name).unwrap().why.clone();
    assert!(why("companyName").contains("made") && why("country").contains("empty"));
}

#[test]
fn owners_decide() {
    let owners = Rules(vec![("city", Owner::Ghl), ("state", Owner::IfEmpty), ("website", Owner::Newest)], false);
    let mut record = settled(json!({"city": "A", "state": "A", "website": "a.com", "firstName": "A"}));
    record.state.merge(&change(RecordKind::Contact, 5_000, json!({"city": "B"})));
    assert!(matches!(contact(&record, None, &owners).next, Next::Settled(Some(_))), "GHL owns it");
    record.state.merge(&change(
        RecordKind::Contact,
        5_000,
        json!({"state": "B", "website": "b.com", "firstName": "B"}),
    ));
    assert_eq!(contact(&record, None, &owners).next, Next::Read, "it depends on what GHL holds");

    let holds = |state: &str, website: &str| json!({"state": state, "website": website, "city": "Z", "firstName": "A"});
    // Nobody touched it since we wrote it, whenever the contact was changed last.
    let held = contact_held(holds("", "a.com"), 9_000);
    let expected = json!({"state": "B", "website": "b.com", "firstName": "B"});
    assert_eq!(body(written(&contact(&record, Some(&held), &owners))), expected);
    // Somebody wrote something else, later than the source.
    let held = contact_held(holds("X", "x.com"), 9_000);
    assert_eq!(body(written(&contact(&record, Some(&held), &owners))), json!({"firstName": "B"}));
    // Somebody wrote something else, earlier than the source.
    let held = contact_held(holds("X", "x.com"), 4_000);
    assert_eq!(body(written(&contact(&record, Some(&held), &owners))), json!({"website": "b.com", "firstName": "B"}));
    follow(&mut record, Some(held), &owners);
    assert_ne!(contact(&record, None, &owners).next, Next::Read, "what was weighed is not weighed again");
}

#[test]
fn a_further_address_is_not_made_the_first_over_it() {
    let mut record = settled(json!({"email": "a@example.com"}));
    record.state.merge(&change(RecordKind::Contact, 2, json!({"email": "b@example.com"})));
    assert_eq!(contact(&record, None, &OURS).next, Next::Read, "the source owns it, and it may be a further one");
    let held = contact_held(json!({"email": "a@example.com", "additionalEmails": ["B@example.com"]}), 0);
    assert!(matches!(contact(&record, Some(&held), &OURS).next, Next::Settled(Some(_))));
}

#[test]
fn tags_that_the_source_did_not_tell_of_are_never_touched() {
    let mut record = settled(json!({"firstName": "Rosa"}));
    record.state.merge(&tagged(2, &["a", "b"], &["gone"]));
    let held = contact_held(json!({"firstName": "Rosa", "tags": ["a", "own", "gone"]}), 0);
    let writes = follow(&mut record, Some(held), &OURS);
    let tags = |tags: &[&str]| tags.iter().map(|tag| Tag::parse(tag).unwrap()).collect::<Vec<_>>();
    let contact = contact_id("c1");
    let expected = [
        Write::AddTags { contact: contact.clone(), tags: tags(&["b"]) },
        Write::RemoveTags { contact, tags: tags(&["gone"]) },
    ];
    assert_eq!(writes, expected);
    assert_eq!(follow(&mut record, None, &OURS), []);
    let all = TagChange { all: Some([Tag::parse("b").unwrap()].into()), ..TagChange::default() };
    record.state.merge(&Change { tags: all, ..tagged(3, &[], &[]) });
    let writes = follow(&mut record, None, &OURS);
    assert_eq!(writes, [Write::RemoveTags { contact: contact_id("c1"), tags: tags(&["a"]) }]);
}

#[test]
fn more_tags_than_go_at_a_time_go_in_several() {
    let mut record = settled(json!({"firstName": "Rosa"}));
    let tags: Vec<String> = (0..250).map(|tag| format!("t{tag}")).collect();
    record.state.merge(&tagged(2, &tags.iter().map(String::as_str).collect::<Vec<_>>(), &[]));
    assert_eq!(follow(&mut record, None, &OURS).len(), 3);
}

#[test]
fn a_deleted_contact_is_left_alone_unless_the_mapping_says_otherwise() {
    let mut record = settled(json!({"firstName": "Rosa"}));
    record.state.merge(&Change { deleted: true, ..change(RecordKind::Contact, 2, json!({})) });
    assert!(matches!(contact(&record, None, &OURS).next, Next::Settled(Some(_))));
    let deletes = Rules(Vec::new(), true);
    assert_eq!(written(&contact(&record, None, &deletes)), &Write::DeleteContact { contact: contact_id("c1") });
    record.ghl_contact = None;
    assert!(matches!(contact(&record, None, &deletes).next, Next::Settled(Some(_))));
}

fn task(fields: Value) -> SourceRecord {
    let mut record = record(RecordKind::Task);
    record.state.merge(&change(RecordKind::Task, 1, fields));
    record
}

fn at_ghl(mut record: SourceRecord) -> SourceRecord {
    (record.ghl_id, record.ghl_contact) = (Some("t1".to_owned()), Some(contact_id("c1")));
    record.delivered.fields =
        record.state.fields.iter().map(|(name, said)| (name.clone(), said.value.clone())).collect();
    record
}

#[test]
fn a_task_waits_for_its_contact_and_for_what_ghl_needs() {
    let due = json!({"title": "Call", "dueDate": "2026-11-22T09:30:00.000Z"});
    let home = contact_id("c1");
    assert_eq!(child(&task(due.clone()), Err("why"), None, &OURS).next, Next::Wait("why"));
    let Next::Wait(why) = child(&task(json!({"title": "Call"})), Ok(&home), None, &OURS).next else {
        panic!("it waits")
    };
    assert!(why.contains("dueDate"));
    let plan = child(&task(due), Ok(&home), None, &OURS);
    assert!(matches!(written(&plan), Write::CreateTask { .. }));
    assert_eq!(body(written(&plan))["completed"], json!(false));
}

#[test]
fn a_task_is_changed_completed_moved_and_deleted() {
    let home = contact_id("c1");
    let mut record = at_ghl(task(json!({"title": "Call", "dueDate": "2026-11-22T09:30:00.000Z", "completed": false})));
    record.state.merge(&change(RecordKind::Task, 2, json!({"completed": true})));
    assert!(matches!(written(&child(&record, Ok(&home), None, &OURS)), Write::CompleteTask { completed: true, .. }));
    record.state.merge(&change(RecordKind::Task, 3, json!({"title": "Call again"})));
    assert_eq!(
        body(written(&child(&record, Ok(&home), None, &OURS))),
        json!({"completed": true, "title": "Call again"})
    );
    let moved = child(&record, Ok(&contact_id("c2")), None, &OURS);
    assert!(matches!(written(&moved), Write::DeleteTask { contact, .. } if *contact == home));
    record.state.merge(&Change { deleted: true, ..change(RecordKind::Task, 4, json!({})) });
    assert!(matches!(written(&child(&record, Err("gone"), None, &OURS)), Write::DeleteTask { .. }));
    record.ghl_id = None;
    assert!(matches!(child(&record, Err("gone"), None, &OURS).next, Next::Settled(Some(_))), "it never came to GHL");
}

#[test]
fn a_note_is_made_and_changed() {
    let home = contact_id("c1");
    let mut record = record(RecordKind::Note);
    record.state.merge(&change(RecordKind::Note, 1, json!({"body": "Called"})));
    assert!(matches!(written(&child(&record, Ok(&home), None, &OURS)), Write::CreateNote { .. }));
    let mut record = at_ghl(record);
    assert!(matches!(child(&record, Ok(&home), None, &OURS).next, Next::Settled(None)));
    record.state.merge(&change(RecordKind::Note, 2, json!({"body": "Called twice"})));
    assert!(matches!(written(&child(&record, Ok(&home), None, &OURS)), Write::UpdateNote { .. }));
}

prop_compose! {
    fn any_change()(order in 0_i64..6, name in "[ab]", city in proptest::option::of("[xy]"), add in "[pq]", all in any::<bool>())
        -> Change {
        let tag: BTreeSet<Tag> = [Tag::parse(&add).unwrap()].into();
        let tags = if all { TagChange { all: Some(tag), ..TagChange::default() } } else { TagChange { removed: tag, ..TagChange::default() } };
        Change { tags, ..change(RecordKind::Contact, order, json!({"firstName": name, "city": city})) }
    }
}

proptest! {
    /// However the events come, and however often they are carried out in between, GHL ends up the same.
    #[test]
    fn what_ghl_holds_depends_on_the_newest_alone(
        changes in proptest::collection::vec(any_change(), 1..8),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
        pauses in proptest::collection::vec(any::<bool>(), 8),
    ) {
        let ghl = |sequence: &[Change], pauses: &[bool]| {
            let mut record = settled(json!({"firstName": "0"}));
            record.delivered.fields.insert("city".to_owned(), Value::Null);
            let mut world: (BTreeMap<String, Value>, BTreeSet<String>) = Default::default();
            for (at, change) in sequence.iter().enumerate() {
                record.state.merge(change);
                let last = at + 1 == sequence.len();
                if last || pauses.get(at) == Some(&true) {
                    for write in follow(&mut record, None, &OURS) {
                        match write {
                            Write::UpdateContact { fields, .. } => {
                                world.0.extend(fields.as_map().clone());
                            }
                            Write::AddTags { tags, .. } => world.1.extend(tags.iter().map(ToString::to_string)),
                            Write::RemoveTags { tags, .. } => {
                                world.1.retain(|held| tags.iter().all(|tag| tag.as_str() != held));
                            }
                            other => panic!("{other:?}"),
                        }
                    }
                }
            }
            // What was never written stands as it was.
            world.0.entry("firstName".to_owned()).or_insert(json!("0"));
            world.0.retain(|_, value| !value.is_null());
            world
        };
        let mut shuffled = changes.clone();
        for (at, with) in order.iter().enumerate() {
            let (at, with) = (at % shuffled.len(), with.index(shuffled.len()));
            shuffled.swap(at, with);
        }
        shuffled.extend(changes.iter().take(2).cloned());
        prop_assert_eq!(ghl(&changes, &[]), ghl(&shuffled, &pauses));
    }
}
