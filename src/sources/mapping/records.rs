//! What a payload says of records: of a contact, a task or a note, field by field, each checked as GHL would.

use super::{
    parts::{CUSTOM, Compiled, ContactPart, Expression, Field, NotePart, TaskPart},
    reading::Reading,
};
use crate::{
    domain::{
        problem::FieldError,
        source::{Change, ExternalId, RecordKind, SourceEventId, SourceEventKind, TagChange, Version},
        write::{Fields, Intent, MAX_BODY_BYTES, MAX_TAGS, Tag},
    },
    sources::hashed,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use xxhash_rust::xxh3::xxh3_128;

/// Longest id that is made of an event's and a word before it; longer ones are hashed.
const MAX_MADE_BYTES: usize = 200;

/// How a record's properties are checked.
type Check = fn(&Value) -> Result<Fields, Vec<FieldError>>;

fn contact(body: &Value) -> Result<Fields, Vec<FieldError>> {
    Fields::contact(body, Intent::Create)
}

fn task(body: &Value) -> Result<Fields, Vec<FieldError>> {
    Fields::task(body, Intent::Update)
}

fn note(body: &Value) -> Result<Fields, Vec<FieldError>> {
    Fields::note(body, Intent::Create)
}

/// A value as it is written, or what is wrong with it. One property is checked at a time, so that whatever is wrong is
/// wrong with it; what only a whole record must have is not asked here.
fn checked(check: Check, name: &str, value: Value) -> Result<Value, String> {
    let custom = name.strip_prefix(CUSTOM);
    let body = match custom {
        Some(id) => json!({"customFields": [{"id": id, "field_value": value}]}),
        None => Value::Object(Map::from_iter([(name.to_owned(), value.clone())])),
    };
    match check(&body) {
        Ok(fields) if custom.is_none() => Ok(fields.as_map().get(name).cloned().unwrap_or(value)),
        Ok(_) => Ok(value),
        Err(errors) => match errors.into_iter().find(|error| !error.pointer.is_empty()) {
            Some(error) => Err(error.message),
            None => Ok(value),
        },
    }
}

/// Words before ids of ours: a note is known by its event, a person by a hash of the e-mail address or phone number.
const EVENT: &str = "event";
const EMAIL: &str = "email";
const PHONE: &str = "phone";

/// Whether a record's id looks like one of ours, for what the source gives none: no full listing need name it.
pub(in crate::sources) fn is_made(id: &ExternalId) -> bool {
    id.as_str().split_once(':').is_some_and(|(word, _)| [EVENT, EMAIL, PHONE].contains(&word))
}

/// An id of ours: of the same event the same.
fn made(word: &str, of: &str) -> Option<ExternalId> {
    let text = if of.len() > MAX_MADE_BYTES { format!("{:032x}", xxh3_128(of.as_bytes())) } else { of.to_owned() };
    ExternalId::parse(&format!("{word}:{text}")).ok()
}

/// The id of a person of whom no more is known than how to reach them. It stands in lists, so it must not tell how.
fn person(fields: &BTreeMap<String, Value>) -> Option<ExternalId> {
    let said = |name: &str| fields.get(name).and_then(Value::as_str);
    let email = said("email").and_then(|email| made(EMAIL, &hashed(&[&email.to_lowercase()])));
    email.or_else(|| said("phone").and_then(|phone| made(PHONE, &hashed(&[phone]))))
}

/// A record of which nothing is said yet.
fn silent(kind: RecordKind, id: ExternalId, version: Version) -> Change {
    Change { kind, id, version, parent: None, fields: BTreeMap::new(), tags: TagChange::default(), deleted: false }
}

impl Reading<'_> {
    /// What an event says, record by record. What is wrong is noted. Without the event's id a note has to have one of its
    /// own: it would be made again.
    pub(super) fn changes(
        &mut self,
        kind: SourceEventKind,
        event: Option<&SourceEventId>,
        version: Version,
    ) -> Vec<Change> {
        use SourceEventKind as E;
        if !self.has_data() {
            return Vec::new();
        }
        let compiled = self.compiled;
        // A mapping that compiles has the part that each of its types needs.
        match kind {
            E::FormSubmitted => self.form(event, version),
            E::ContactCreated | E::ContactUpdated | E::ContactDeleted | E::TagsAdded | E::TagsRemoved => {
                compiled.contact.iter().filter_map(|part| self.contact(part, kind, version)).collect()
            }
            E::TaskCreated | E::TaskUpdated | E::TaskCompleted | E::TaskDeleted => {
                compiled.task.iter().filter_map(|part| self.task(part, kind, version)).collect()
            }
            E::NoteAdded => compiled.note.iter().filter_map(|part| self.note(part, event, version)).collect(),
        }
    }

    /// The ids of the record and of its contact. Of what is of no known type, those that any part finds.
    pub(super) fn ids(&mut self, kind: Option<SourceEventKind>) -> (Option<ExternalId>, Option<ExternalId>) {
        use SourceEventKind as E;
        let Compiled { contact, task, note, .. } = self.compiled;
        let mut id = |expression: Option<&Expression>| self.external_id(expression?);
        let of_task = task.as_ref().map(|part| (Some(&part.id), part.contact.as_ref())).unwrap_or_default();
        let of_note = note.as_ref().map(|part| (part.id.as_ref(), Some(&part.contact))).unwrap_or_default();
        let own = contact.as_ref().map(|part| &part.id);
        match kind {
            Some(E::TaskCreated | E::TaskUpdated | E::TaskCompleted | E::TaskDeleted) => (id(of_task.0), id(of_task.1)),
            Some(E::NoteAdded) => (id(of_note.0), id(of_note.1)),
            Some(E::FormSubmitted) => {
                let known = id(own).or_else(|| person(&self.fields(&contact.as_ref()?.fields, self::contact)));
                (known.clone(), known)
            }
            Some(_) => {
                let known = id(own);
                (known.clone(), known)
            }
            None => (None, id(own).or_else(|| id(of_task.1)).or_else(|| id(of_note.1))),
        }
    }

    fn contact(&mut self, part: &ContactPart, kind: SourceEventKind, version: Version) -> Option<Change> {
        let id = self.required_id(&part.id);
        let (mut tags, mut fields) = (TagChange::default(), BTreeMap::new());
        match kind {
            SourceEventKind::ContactDeleted => {}
            SourceEventKind::TagsAdded => tags.added = self.required_tags(part),
            SourceEventKind::TagsRemoved => tags.removed = self.required_tags(part),
            _ => (fields, tags) = (self.fields(&part.fields, contact), self.tags_of(part)),
        }
        let deleted = kind == SourceEventKind::ContactDeleted;
        Some(Change { fields, tags, deleted, ..silent(RecordKind::Contact, id?, version) })
    }

    fn task(&mut self, part: &TaskPart, kind: SourceEventKind, version: Version) -> Option<Change> {
        let id = self.required_id(&part.id);
        let parent = part.contact.as_ref().and_then(|expression| self.external_id(expression));
        let deleted = kind == SourceEventKind::TaskDeleted;
        let mut fields = if deleted { BTreeMap::new() } else { self.fields(&part.fields, task) };
        if kind == SourceEventKind::TaskCompleted {
            fields.insert("completed".to_owned(), Value::Bool(true));
        }
        Some(Change { parent, fields, deleted, ..silent(RecordKind::Task, id?, version) })
    }

    fn note(&mut self, part: &NotePart, event: Option<&SourceEventId>, version: Version) -> Option<Change> {
        let before = self.errors.len();
        let own = part.id.as_ref().and_then(|expression| self.external_id(expression));
        if own.is_none() && event.is_none() && self.errors.len() == before {
            let at = part.id.as_ref().map_or_else(|| self.data_at().to_owned(), |id| self.pointer(id));
            self.add(at, "is required in a listing: without an id the note would be made twice");
        }
        let parent = self.required_id(&part.contact);
        let body = self.field("body", &part.body, note);
        if body.is_none() && self.errors.len() == before {
            self.add(self.pointer(&part.body), "is required: a note says something");
        }
        let id = own.or_else(|| made(EVENT, event?.as_str()))?;
        let fields = BTreeMap::from([("body".to_owned(), body?)]);
        Some(Change { parent: Some(parent?), fields, ..silent(RecordKind::Note, id, version) })
    }

    /// A contact, and a note of the answers.
    fn form(&mut self, event: Option<&SourceEventId>, version: Version) -> Vec<Change> {
        let compiled = self.compiled;
        let Some(part) = &compiled.contact else { return Vec::new() };
        let (fields, tags) = (self.fields(&part.fields, contact), self.tags_of(part));
        let before = self.errors.len();
        let own = self.external_id(&part.id);
        let id = own.or_else(|| person(&fields));
        if id.is_none() && self.errors.len() == before {
            let message = "is required, unless the form gives an e-mail address or a phone number";
            self.add(self.pointer(&part.id), message);
        }
        let answers = self.answers();
        if answers.is_some() && event.is_none() {
            let at = compiled.id.as_ref().map(|id| self.pointer(id)).unwrap_or_default();
            self.add(at, "is required in a listing, with the form as its event has it: its note would be made twice");
        }
        let Some(id) = id else { return Vec::new() };
        let mut changes = vec![Change { fields, tags, ..silent(RecordKind::Contact, id.clone(), version) }];
        if let (Some(body), Some(note)) = (answers, event.and_then(|event| made(EVENT, event.as_str()))) {
            let fields = BTreeMap::from([("body".to_owned(), body)]);
            changes.push(Change { parent: Some(id), fields, ..silent(RecordKind::Note, note, version) });
        }
        changes
    }

    /// The note that a form's template makes, where it makes one.
    fn answers(&mut self) -> Option<Value> {
        let compiled = self.compiled;
        let template = compiled.form.as_ref()?;
        let refusal = "cannot be made into a note by the mapping's template";
        match template.render_within(&compiled.environment, self.roots(), MAX_BODY_BYTES) {
            Ok(text) if text.is_empty() => None,
            Ok(text) => match checked(note, "body", Value::String(text)) {
                Ok(body) => Some(body),
                Err(message) => {
                    self.add(self.data_at().to_owned(), format!("{refusal}: it {message}"));
                    None
                }
            },
            Err(fault) => {
                self.add(self.data_at().to_owned(), format!("{refusal}: {}", fault.words()));
                None
            }
        }
    }

    /// Every field that is mentioned.
    fn fields(&mut self, fields: &[Field], check: Check) -> BTreeMap<String, Value> {
        let mentioned =
            fields.iter().filter_map(|field| Some((field.name.clone(), self.field(&field.name, &field.value, check)?)));
        mentioned.collect()
    }

    fn field(&mut self, name: &str, expression: &Expression, check: Check) -> Option<Value> {
        let value = self.value(expression);
        let value = self.noted(value)??;
        let checked =
            checked(check, name, value).map_err(|message| FieldError { pointer: self.pointer(expression), message });
        self.noted(checked)
    }

    fn tags_of(&mut self, part: &ContactPart) -> TagChange {
        let Some(expression) = &part.tags else { return TagChange::default() };
        match self.tags(expression) {
            Some(tags) if part.all_tags => TagChange { all: Some(tags), ..TagChange::default() },
            Some(tags) => TagChange { added: tags, ..TagChange::default() },
            None => TagChange::default(),
        }
    }

    fn required_tags(&mut self, part: &ContactPart) -> BTreeSet<Tag> {
        let Some(expression) = &part.tags else { return BTreeSet::new() };
        let before = self.errors.len();
        let tags = self.tags(expression).unwrap_or_default();
        if tags.is_empty() && self.errors.len() == before {
            self.add(self.pointer(expression), "must hold at least one tag");
        }
        tags
    }

    /// The tags of a list, as GHL keeps them and with the source's prefix; `None` where nothing is said of tags.
    fn tags(&mut self, expression: &Expression) -> Option<BTreeSet<Tag>> {
        let value = self.value(expression);
        let value = self.noted(value)??;
        let at = self.pointer(expression);
        let Value::Array(items) = value else {
            self.add(at, "must be a list of texts; the filter tags makes one of a text such as \"a, b\"");
            return None;
        };
        let prefix = &self.compiled.tag_prefix;
        let element_at = |index: usize| if self.array_at(&at) { format!("{at}/{index}") } else { at.clone() };
        let (mut tags, mut wrong) = (BTreeSet::new(), Vec::new());
        for (index, item) in items.iter().enumerate() {
            let message = match item {
                Value::Null => continue,
                Value::String(text) if text.trim().is_empty() => continue,
                Value::String(text) => match Tag::parse(&format!("{prefix}{}", text.trim())) {
                    Ok(tag) => {
                        tags.insert(tag);
                        continue;
                    }
                    Err(invalid) => invalid.to_string(),
                },
                _ => "must be a text".to_owned(),
            };
            wrong.push(FieldError { pointer: element_at(index), message });
        }
        if tags.len() > MAX_TAGS {
            wrong.push(FieldError { pointer: at, message: format!("has at most {MAX_TAGS} distinct tags") });
        }
        let good = wrong.is_empty();
        self.errors.extend(wrong);
        good.then_some(tags)
    }
}
