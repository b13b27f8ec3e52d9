//! A contact: made or changed, then its tags.

use super::{Judge, Next, Owners, Plan, Planned, Verdict, checked, refused, says_something};
use crate::{
    domain::{
        ids::ContactId,
        source::{Delivered, FieldAction, FieldPlan, Owner, RecordKind, SourceRecord},
        write::{Intent, MAX_TAGS, Tag, Write},
    },
    operations::ghl::NOT_IN_PUT,
    sources::held::{CUSTOM, Held},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Whether a contact that may be in GHL already has to be looked at before it is written: GHL has a say in some field.
pub(in crate::sources) fn is_careful(record: &SourceRecord, owners: &dyn Owners) -> bool {
    let said = record.state.fields.iter().filter(|(_, said)| says_something(&said.value));
    said.map(|(name, _)| owners.owner(RecordKind::Contact, name)).any(|owner| owner != Owner::Source)
}

/// What is to be done next for a contact. `held` is what GHL holds, where it was asked.
pub(in crate::sources) fn contact(record: &SourceRecord, held: Option<&Held>, owners: &dyn Owners) -> Plan {
    match (&record.ghl_contact, record.state.is_deleted()) {
        (Some(contact), true) if owners.deletes_contacts() => {
            let write = Write::DeleteContact { contact: contact.clone() };
            Plan::plain(Next::Write(Box::new(Planned { write, then: Delivered::default() })), record)
        }
        (Some(_), true) => {
            Plan::plain(Next::Settled(Some("a contact deleted in the source is left alone in GHL")), record)
        }
        (None, true) => Plan::plain(Next::Settled(Some("the contact was deleted before it came to GHL")), record),
        (None, false) => creation(record),
        (Some(contact), false) => change(record, contact, held, owners),
    }
}

/// A whole name beside its parts says nothing more, and GHL would split it anew.
fn is_spare_name(record: &SourceRecord, name: &str) -> bool {
    let part = |name| record.state.field(name).is_some_and(says_something);
    name == "name" && (part("firstName") || part("lastName"))
}

fn creation(record: &SourceRecord) -> Plan {
    let (mut body, mut fields) = (Map::new(), Vec::new());
    for (name, said) in &record.state.fields {
        if says_something(&said.value) && !is_spare_name(record, name) {
            insert(&mut body, name, said.value.clone());
            fields.push(FieldPlan {
                record: RecordKind::Contact,
                field: name.clone(),
                from: Value::Null,
                to: said.value.clone(),
                action: FieldAction::Set,
                why: "the contact is made with it".to_owned(),
            });
        }
    }
    let known = |name: &str| body.contains_key(name);
    let intent = if known("email") || known("phone") { Intent::Upsert } else { Intent::Create };
    let next = if intent == Intent::Create && !["name", "firstName", "lastName"].into_iter().any(known) {
        Next::Wait("no event has told of a name, an e-mail address or a phone of the contact yet")
    } else {
        match checked(RecordKind::Contact, &body.into(), intent) {
            Err(errors) => refused(errors),
            Ok(fields) => {
                let write = match intent {
                    Intent::Upsert => Write::UpsertContact { fields },
                    Intent::Create | Intent::Update => Write::CreateContact { fields },
                };
                let said = record.state.fields.iter().map(|(name, said)| (name.clone(), said.value.clone()));
                // A new contact has no tags, so none need be taken from it.
                let removed = record.state.unwanted_tags();
                let then = Delivered { fields: said.collect(), removed, ..Delivered::default() };
                Next::Write(Box::new(Planned { write, then }))
            }
        }
    };
    fields.extend(tags_report(record, None));
    Plan { next, delivered: record.delivered.clone(), fields }
}

fn change(record: &SourceRecord, contact: &ContactId, held: Option<&Held>, owners: &dyn Owners) -> Plan {
    let judge = Judge { record, held, owners };
    let mut plan = Plan::plain(Next::Settled(None), record);
    let (mut body, mut left) = (Map::new(), false);
    let mut unknown = record.verify && held.is_none();
    for (name, said) in &record.state.fields {
        let verdict = match judge.judge(name, said) {
            Verdict::Set(..) | Verdict::Unknown if is_spare_name(record, name) => {
                Verdict::Left("the first and last name say more")
            }
            Verdict::Set(..) | Verdict::Unknown if NOT_IN_PUT.contains(&name.as_str()) => {
                Verdict::Left("GHL takes it when a contact is made, and never again")
            }
            verdict => verdict,
        };
        plan.fields.extend(judge.report(name, said, &verdict));
        match verdict {
            Verdict::Set(value, _) => insert(&mut body, name, value),
            Verdict::Left(_) => left = true,
            Verdict::Unknown => unknown = true,
            Verdict::Same => {}
        }
        if plan.delivered.fields.insert(name.clone(), said.value.clone()).as_ref() != Some(&said.value) {
            plan.delivered.left.remove(name);
        }
    }
    plan.fields.extend(tags_report(record, held));
    if unknown {
        plan.delivered = record.delivered.clone();
        plan.next = Next::Read;
    } else if body.is_empty() {
        tags(&mut plan, record, contact, held);
        if left && plan.next == Next::Settled(None) {
            plan.next = Next::Settled(Some("what differs is left as it is in GHL, by the mapping's owners"));
        }
    } else {
        plan.next = match checked(RecordKind::Contact, &body.into(), Intent::Update) {
            Err(errors) => refused(errors),
            Ok(fields) => {
                let write = Write::UpdateContact { contact: contact.clone(), fields };
                Next::Write(Box::new(Planned { write, then: plan.delivered.clone() }))
            }
        };
    }
    plan
}

/// Custom fields go together in one list, by their ids.
fn insert(body: &mut Map<String, Value>, name: &str, value: Value) {
    match name.strip_prefix(CUSTOM) {
        None => drop(body.insert(name.to_owned(), value)),
        Some(id) => {
            let list = body.entry("customFields").or_insert_with(|| json!([]));
            if let Value::Array(list) = list {
                list.push(json!({ "id": id, "field_value": value }));
            }
        }
    }
}

/// The tags that are to be added, and those that are to be taken away. Never one that the source did not tell of.
fn difference(record: &SourceRecord, held: Option<&Held>) -> (Vec<Tag>, Vec<Tag>) {
    let (wanted, mut unwanted) = (record.state.wanted_tags(), record.state.unwanted_tags());
    let delivered = &record.delivered;
    unwanted.extend(delivered.tags.difference(&wanted).cloned());
    let has = |tag: &Tag| match held {
        Some(held) => held.tags.contains(tag.as_str()),
        None => delivered.tags.contains(tag),
    };
    let may_have = |tag: &Tag| match held {
        Some(held) => held.tags.contains(tag.as_str()),
        None => !delivered.removed.contains(tag),
    };
    let add = wanted.into_iter().filter(|tag| !has(tag)).collect();
    (add, unwanted.into_iter().filter(may_have).collect())
}

fn tags(plan: &mut Plan, record: &SourceRecord, contact: &ContactId, held: Option<&Held>) {
    let (mut add, mut remove) = difference(record, held);
    let mut then = plan.delivered.clone();
    let contact = contact.clone();
    let write = if !add.is_empty() {
        add.truncate(MAX_TAGS);
        for tag in &add {
            then.removed.remove(tag);
            then.tags.insert(tag.clone());
        }
        Write::AddTags { contact, tags: add }
    } else if !remove.is_empty() {
        remove.truncate(MAX_TAGS);
        for tag in &remove {
            then.tags.remove(tag);
            then.removed.insert(tag.clone());
        }
        Write::RemoveTags { contact, tags: remove }
    } else {
        plan.delivered.tags = record.state.wanted_tags();
        plan.delivered.removed = record.state.unwanted_tags();
        return;
    };
    plan.next = Next::Write(Box::new(Planned { write, then }));
}

fn tags_report(record: &SourceRecord, held: Option<&Held>) -> Option<FieldPlan> {
    if record.state.tags.is_empty() {
        return None;
    }
    let (add, remove) = difference(record, held);
    let removed = if record.ghl_contact.is_none() { Vec::new() } else { remove };
    let from: BTreeSet<String> = match held {
        Some(held) => held.tags.clone(),
        None => record.delivered.tags.iter().map(ToString::to_string).collect(),
    };
    let mut to = from.clone();
    to.extend(add.iter().map(ToString::to_string));
    to.retain(|held| removed.iter().all(|tag| tag.as_str() != held));
    let changes = !add.is_empty() || !removed.is_empty();
    Some(FieldPlan {
        record: RecordKind::Contact,
        field: "tags".to_owned(),
        from: json!(from),
        to: json!(to),
        action: if changes { FieldAction::Set } else { FieldAction::Left },
        why: if changes { "tags of the source alone are added and removed" } else { "the tags are so already" }
            .to_owned(),
    })
}
