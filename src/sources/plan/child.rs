//! A task or a note of a contact.

use super::{Judge, Next, Owners, Plan, Planned, Verdict, checked, refused, says_something};
use crate::{
    domain::{
        ids::{ContactId, NoteId, TaskId},
        problem::{Problem, ProblemKind},
        source::{Delivered, FieldAction, FieldPlan, RecordKind, SourceRecord},
        write::{Fields, Intent, Write},
    },
    sources::held::Held,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What is to be done next for a task or note. `home` is its contact at GHL, or why there is none yet.
pub(in crate::sources) fn child(
    record: &SourceRecord,
    home: Result<&ContactId, &'static str>,
    held: Option<&Held>,
    owners: &dyn Owners,
) -> Plan {
    let next = match (&record.ghl_id, &record.ghl_contact, record.state.is_deleted(), home) {
        (None, _, true, _) => Next::Settled(Some("it was deleted before it came to GHL")),
        (Some(id), Some(contact), true, _) => deletion(record.key.kind, contact, id),
        // It moved to another contact: GHL knows no such thing.
        (Some(id), Some(contact), false, Ok(home)) if contact != home => deletion(record.key.kind, contact, id),
        (_, _, false, Err(why)) => Next::Wait(why),
        (Some(id), Some(_), false, Ok(home)) => return change(record, home, id, held, owners),
        (None, _, false, Ok(home)) => return creation(record, home),
        (Some(_), None, _, _) => Next::Refuse(Problem::new(ProblemKind::Internal, "It stands at no contact.")),
    };
    Plan::plain(next, record)
}

fn write(made: Result<Write, Next>, then: Delivered) -> Next {
    match made {
        Ok(write) => Next::Write(Box::new(Planned { write, then })),
        Err(next) => next,
    }
}

/// GHL's own ids can be parsed.
fn unreadable() -> Next {
    Next::Refuse(Problem::new(ProblemKind::Internal, "What GHL calls it is no id."))
}

fn deletion(kind: RecordKind, contact: &ContactId, id: &str) -> Next {
    let contact = contact.clone();
    let made = match kind {
        RecordKind::Task => TaskId::parse(id).map(|task| Write::DeleteTask { contact, task }),
        RecordKind::Note | RecordKind::Contact => NoteId::parse(id).map(|note| Write::DeleteNote { contact, note }),
    };
    write(made.map_err(|_| unreadable()), Delivered::default())
}

fn creation(record: &SourceRecord, home: &ContactId) -> Plan {
    let (kind, contact) = (record.key.kind, home.clone());
    let said = record.state.fields.iter().filter(|(_, said)| says_something(&said.value));
    let body: Map<String, Value> = said.map(|(name, said)| (name.clone(), said.value.clone())).collect();
    let fields = body.iter().map(|(name, value)| FieldPlan {
        record: kind,
        field: name.clone(),
        from: Value::Null,
        to: value.clone(),
        action: FieldAction::Set,
        why: "it is made with it".to_owned(),
    });
    let mut plan = Plan { fields: fields.collect(), ..Plan::plain(Next::Settled(None), record) };
    let missing = match kind {
        RecordKind::Task if !body.contains_key("title") => {
            Some("GHL takes no task without a title, and no event has told of one yet")
        }
        RecordKind::Task if !body.contains_key("dueDate") => {
            Some("GHL takes no task without a due date (dueDate), and no event has told of one yet")
        }
        RecordKind::Note if !body.contains_key("body") => {
            Some("GHL takes no note without a body, and no event has told of one yet")
        }
        RecordKind::Task | RecordKind::Note | RecordKind::Contact => None,
    };
    if let Some(missing) = missing {
        plan.next = Next::Wait(missing);
        return plan;
    }
    let made = checked(kind, &body.into(), Intent::Create).map_err(refused).map(|fields| match kind {
        RecordKind::Task => Write::CreateTask { contact, fields },
        RecordKind::Note | RecordKind::Contact => Write::CreateNote { contact, fields },
    });
    let said = record.state.fields.iter().map(|(name, said)| (name.clone(), said.value.clone()));
    plan.next = write(made, Delivered { fields: said.collect(), ..Delivered::default() });
    plan
}

fn change(record: &SourceRecord, home: &ContactId, id: &str, held: Option<&Held>, owners: &dyn Owners) -> Plan {
    let judge = Judge { record, held, owners };
    let mut plan = Plan::plain(Next::Settled(None), record);
    let (mut body, mut left) = (BTreeMap::new(), false);
    let mut unknown = record.verify && held.is_none();
    for (name, said) in &record.state.fields {
        let verdict = judge.judge(name, said);
        plan.fields.extend(judge.report(name, said, &verdict));
        match verdict {
            Verdict::Set(value, _) => drop(body.insert(name.clone(), value)),
            Verdict::Left(_) => left = true,
            Verdict::Unknown => unknown = true,
            Verdict::Same => {}
        }
        plan.delivered.fields.insert(name.clone(), said.value.clone());
    }
    if unknown {
        plan.delivered = record.delivered.clone();
        plan.next = Next::Read;
    } else if !body.is_empty() {
        let made = update(record.key.kind, home.clone(), id, body);
        plan.next = write(made, plan.delivered.clone());
    } else if left {
        plan.next = Next::Settled(Some("what differs is left as it is in GHL, by the mapping's owners"));
    }
    plan
}

fn update(kind: RecordKind, contact: ContactId, id: &str, body: BTreeMap<String, Value>) -> Result<Write, Next> {
    if let (RecordKind::Task, 1, Some(Value::Bool(completed))) = (kind, body.len(), body.get("completed")) {
        let task = TaskId::parse(id).map_err(|_| unreadable())?;
        return Ok(Write::CompleteTask { contact, task, completed: *completed });
    }
    let body: Value = Value::Object(body.into_iter().collect());
    let fields: Fields = checked(kind, &body, Intent::Update).map_err(refused)?;
    match kind {
        RecordKind::Task => TaskId::parse(id).map(|task| Write::UpdateTask { contact, task, fields }),
        RecordKind::Note | RecordKind::Contact => {
            NoteId::parse(id).map(|note| Write::UpdateNote { contact, note, fields })
        }
    }
    .map_err(|_| unreadable())
}
