//! What is to be written next for a record, worked out from what the source says, who owns each field, and what GHL holds
//! or was made to hold. Pure: the same input gives the same plan, so a plan can be made again after a crash, and shown by
//! a dry run.

mod child;
mod contact;

#[cfg(test)]
mod tests;

pub(super) use child::child;
pub(super) use contact::{contact, is_careful};

use super::{held::Held, mapping::Mapping};
use crate::domain::{
    problem::{FieldError, Problem, ProblemKind},
    source::{Delivered, FieldAction, FieldPlan, Owner, RecordKind, Register, SourceRecord},
    write::{Fields, Intent, Write},
};
use serde_json::{Map, Value, json};

/// Who decides what; the mapping of a source.
pub(super) trait Owners {
    fn owner(&self, kind: RecordKind, field: &str) -> Owner;
    fn deletes_contacts(&self) -> bool;
}

impl Owners for Mapping {
    fn owner(&self, kind: RecordKind, field: &str) -> Owner {
        Self::owner(self, kind, field)
    }

    fn deletes_contacts(&self) -> bool {
        Self::deletes_contacts(self)
    }
}

/// A write that is to be made, and what GHL was made to hold once it is done.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Planned {
    pub(super) write: Write,
    pub(super) then: Delivered,
}

/// Why a contact that was deleted in the source is not deleted in GHL.
pub(super) const SHARED: &str = "another record stands at the same contact, so it is left in GHL";

/// What is to be done next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Next {
    /// Nothing more. Why nothing was written, where that is worth telling.
    Settled(Option<&'static str>),
    /// GHL has to be asked what it holds, before more can be said.
    Read,
    /// This.
    Write(Box<Planned>),
    /// Something has to be told of first.
    Wait(&'static str),
    /// GHL would refuse it.
    Refuse(Problem),
}

/// A plan: the next step, and how it came about field by field.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) next: Next,
    /// What GHL was made to hold, as far as has been looked into: of a field that is left, what was weighed, so that the
    /// same is not weighed again with each event.
    pub(super) delivered: Delivered,
    pub(super) fields: Vec<FieldPlan>,
}

impl Plan {
    fn plain(next: Next, record: &SourceRecord) -> Self {
        Self { next, delivered: record.delivered.clone(), fields: Vec::new() }
    }
}

/// What is to be done about a field.
#[derive(Debug, Clone, PartialEq)]
enum Verdict {
    /// GHL holds it.
    Same,
    /// It is written, as this.
    Set(Value, &'static str),
    /// It is left as it is.
    Left(&'static str),
    /// It depends on what GHL holds.
    Unknown,
}

/// Judges the fields of a record that is at GHL.
struct Judge<'a> {
    record: &'a SourceRecord,
    held: Option<&'a Held>,
    owners: &'a dyn Owners,
}

impl Judge<'_> {
    fn judge(&self, name: &str, said: &Register<Value>) -> Verdict {
        let (kind, delivered) = (self.record.key.kind, self.record.delivered.fields.get(name));
        let ours = delivered.is_some_and(|delivered| super::held::same(kind, name, &said.value, Some(delivered)));
        let identity = kind == RecordKind::Contact && is_identity(name);
        let known = match self.held {
            // One that another contact has cannot be written, and is not tried again before the source says another.
            Some(held) => held.says(name, &said.value) || (identity && ours && !self.record.verify),
            None => ours,
        };
        if known {
            return Verdict::Same;
        }
        if self.held.is_some_and(|held| held.has_further(name, &said.value)) {
            return Verdict::Left("the contact has it as a further one; GHL would lose the first over it");
        }
        if ours && self.record.delivered.left.contains(name) {
            return Verdict::Left("it may be the other contact's: somebody said which of two is meant");
        }
        let Some(value) = written(kind, name, &said.value) else {
            return Verdict::Left("GHL takes no empty value here");
        };
        match (self.owners.owner(kind, name), self.held) {
            (Owner::Ghl, _) => Verdict::Left("GHL owns it: it is written when the record is made, and never again"),
            // It may be a further one of the contact's.
            (Owner::Source, None) if identity => Verdict::Unknown,
            (Owner::Source, _) => Verdict::Set(value, "the source owns it"),
            (Owner::IfEmpty | Owner::Newest, None) => Verdict::Unknown,
            (Owner::IfEmpty, Some(held)) if held.is_empty(name) => Verdict::Set(value, "nothing stands there"),
            (Owner::IfEmpty, Some(_)) => Verdict::Left("something stands there already"),
            (Owner::Newest, Some(held)) => match newer_in_ghl(held, name, said, delivered) {
                None => Verdict::Set(value, "the source changed it last"),
                Some(why) => Verdict::Left(why),
            },
        }
    }

    /// What stands there now, as far as it is known.
    fn from(&self, name: &str) -> Value {
        let known = match self.held {
            Some(held) => held.value(name),
            None => self.record.delivered.fields.get(name),
        };
        known.cloned().unwrap_or_default()
    }

    fn report(&self, name: &str, said: &Register<Value>, verdict: &Verdict) -> Option<FieldPlan> {
        let (action, why) = match verdict {
            Verdict::Same => (FieldAction::Left, "the same stands there"),
            Verdict::Set(_, why) => (FieldAction::Set, *why),
            Verdict::Left(why) => (FieldAction::Left, *why),
            Verdict::Unknown => return None,
        };
        Some(FieldPlan {
            record: self.record.key.kind,
            field: name.to_owned(),
            from: self.from(name),
            to: said.value.clone(),
            action,
            why: why.to_owned(),
        })
    }
}

/// Whether GHL knows a contact by a field.
pub(super) fn is_identity(name: &str) -> bool {
    matches!(name, "email" | "phone")
}

/// Of a contact that may be one of two, what can be written to either: what it is found by, and what the source owns.
pub(super) fn of_either(record: &SourceRecord, owners: &dyn Owners) -> SourceRecord {
    let mut kept = record.clone();
    let source_owns = |name: &str| owners.owner(RecordKind::Contact, name) == Owner::Source;
    kept.state.fields.retain(|name, _| is_identity(name) || source_owns(name));
    kept
}

/// Why GHL's value is the newer one, if it is: somebody changed it since we did, later than the source.
fn newer_in_ghl(held: &Held, name: &str, said: &Register<Value>, delivered: Option<&Value>) -> Option<&'static str> {
    if delivered.is_some_and(|ours| held.says(name, ours)) {
        return None;
    }
    match held.updated_at {
        Some(at) if at.as_millisecond() > said.version.at_ms => Some("somebody changed the record in GHL since"),
        Some(_) => None,
        // GHL tells of no task when it was changed: what is not ours is somebody's.
        None if held.is_empty(name) => None,
        None => Some("somebody changed it in GHL, which does not say when"),
    }
}

/// A value as it is sent: that nothing stands there is `null` where GHL takes it, else an empty text where it takes that.
fn written(kind: RecordKind, name: &str, value: &Value) -> Option<Value> {
    if !value.is_null() {
        return Some(value.clone());
    }
    if name.starts_with(super::held::CUSTOM) {
        return Some(json!(""));
    }
    if kind == RecordKind::Contact && crate::operations::ghl::NOT_IN_PUT.contains(&name) {
        return Some(Value::Null);
    }
    [Value::Null, json!("")].into_iter().find(|empty| {
        let mut body = Map::new();
        body.insert(name.to_owned(), empty.clone());
        checked(kind, &body.into(), Intent::Update).is_ok()
    })
}

/// A body, checked once more: the rules may be others than when the event was understood.
fn checked(kind: RecordKind, body: &Value, intent: Intent) -> Result<Fields, Vec<FieldError>> {
    match kind {
        RecordKind::Contact => Fields::contact(body, intent),
        RecordKind::Task => Fields::task(body, intent),
        RecordKind::Note => Fields::note(body, intent),
    }
}

fn refused(errors: Vec<FieldError>) -> Next {
    let problem = Problem::new(ProblemKind::ValidationFailed, "GHL would not take what the source says.");
    Next::Refuse(Problem { errors, ..problem })
}

/// Whether a value says something.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        _ => true,
    }
}
