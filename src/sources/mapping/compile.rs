//! From a mapping as it is written to one that can be read by: every text compiled, every name checked, everything that is
//! wrong at once.

use super::{
    Flawed, MappingError,
    document::{self, PRESETS, Part, nearest, unknown},
    filters::{self, StatusWords},
    parts::{CUSTOM, Compiled, ContactPart, Expression, Field, NotePart, TaskPart},
};
use crate::{
    domain::{
        source::{Owner, SourceEventKind},
        write::Fields,
    },
    expressions::{
        self, Kind, Source, Terms,
        scan::{self, Path},
    },
    settings::SystemSettings,
};
use minijinja::{Environment, UndefinedBehavior};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Most fields of one record.
const MAX_FIELDS: usize = 200;
/// Most words for types, and for statuses.
const MAX_WORDS: usize = 200;
/// The word for a type that is passed over.
const IGNORE: &str = "ignore";

const KEYS: [&str; 13] = [
    "each",
    "data",
    "type",
    "id",
    "time",
    "sequence",
    "types",
    "completed_words",
    "open_words",
    "contact",
    "task",
    "note",
    "form",
];

/// The mapping of a system, its preset below its own keys.
fn whole(system: &SystemSettings, flawed: &mut Flawed) -> Table {
    let Some(name) = &system.preset else { return system.mapping.clone() };
    let Some((_, text)) = PRESETS.iter().find(|(known, _)| known == name) else {
        let key = format!("sources.systems[{}].preset", flawed.index);
        let what = unknown("preset", name, PRESETS.iter().map(|(known, _)| *known));
        flawed.errors.push(MappingError { key, position: None, what });
        return Table::new();
    };
    let mut table: Table = text.parse().unwrap_or_default();
    document::lay(&mut table, &system.mapping);
    table
}

pub(super) fn compile(index: usize, system: &SystemSettings) -> Result<Compiled, Vec<MappingError>> {
    let mut flawed = Flawed { index, errors: Vec::new() };
    let table = whole(system, &mut flawed);
    // Nothing more is to be said of a mapping whose preset is unknown.
    if !flawed.errors.is_empty() {
        return Err(flawed.errors);
    }
    let all = Part::new("", &table, &KEYS, &mut flawed);
    let mut environment = expressions::environment();
    // `a or b` asks on purpose whether there is an a.
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    let words = StatusWords {
        completed: all.words("completed_words", &mut flawed).into_iter().map(filters::fold).collect(),
        open: all.words("open_words", &mut flawed).into_iter().map(filters::fold).collect(),
    };
    if words.completed.len() + words.open.len() > MAX_WORDS {
        flawed.add("completed_words", format!("there are more than {MAX_WORDS} words"));
    }
    if let Some(both) = words.completed.intersection(&words.open).next() {
        flawed.add("open_words", format!("{both:?} is also one of the completed_words"));
    }
    filters::add(&mut environment, system, words);
    let mut compiler = Compiler { environment, flawed };
    let compiled = compiler.mapping(&all, system);
    match compiled {
        Some(compiled) if compiler.flawed.errors.is_empty() => Ok(compiled),
        _ => Err(compiler.flawed.errors),
    }
}

struct Compiler {
    environment: Environment<'static>,
    flawed: Flawed,
}

/// What an expression may read.
#[derive(Clone, Copy)]
struct Roots(&'static [&'static str]);

const BODY: Roots = Roots(&["payload"]);
const ENVELOPE: Roots = Roots(&["payload", "data"]);
const ALL: Roots = Roots(&["payload", "data", "type"]);

impl Roots {
    fn judge(self, path: &str) -> Option<String> {
        let root = path.split('.').next().unwrap_or(path);
        if self.0.contains(&root) {
            return None;
        }
        let meant = match nearest(root, self.0.iter().copied()) {
            Some(meant) => format!("; did you mean {meant}?"),
            None => format!("; a field of the record is data.{root}"),
        };
        let meant = if self.0.contains(&"data") { meant } else { String::new() };
        Some(format!("an expression here reads {}, and there is no {root}{meant}", self.0.join(", ")))
    }
}

impl Compiler {
    fn source(&mut self, key: &str, kind: Kind, text: &str, roots: Roots) -> Option<Source> {
        let judge = move |path: &str| roots.judge(path);
        let called = if kind == Kind::Expression { "an expression" } else { "a template" };
        match Source::compile(&self.environment, kind, text, Terms { called, judge: &judge }) {
            Ok(source) => Some(source),
            Err(flaws) => {
                flaws.into_iter().for_each(|flaw| self.flawed.note(key, flaw));
                None
            }
        }
    }

    fn compiled(&mut self, key: &str, text: &str, roots: Roots) -> Option<Expression> {
        let source = self.source(key, Kind::Expression, text, roots)?;
        let reads = |path: &Path| path.first().is_some_and(|root| ALL.0.contains(&root.as_str()));
        Some(Expression { source, paths: scan::paths(text).into_iter().filter(reads).collect() })
    }

    fn expression(&mut self, part: &Part<'_>, key: &str, roots: Roots) -> Option<Expression> {
        let text = part.text(key, &mut self.flawed)?;
        self.compiled(&part.key(key), text, roots)
    }

    /// The same where it must be there.
    fn required(&mut self, part: &Part<'_>, key: &str, roots: Roots) -> Option<Expression> {
        if let Some(text) = part.text(key, &mut self.flawed) {
            return self.compiled(&part.key(key), text, roots);
        }
        self.flawed.add(&part.key(key), "is missing: an expression such as data.id");
        None
    }

    fn mapping(&mut self, all: &Part<'_>, system: &SystemSettings) -> Option<Compiled> {
        let each = all.text("each", &mut self.flawed).and_then(|text| self.each(text));
        let data = all.text("data", &mut self.flawed).unwrap_or("payload.data");
        let data = self.compiled("data", data, BODY);
        let kind = self.required(all, "type", ENVELOPE);
        let id = self.expression(all, "id", ALL);
        let time = self.expression(all, "time", ALL);
        let sequence = self.expression(all, "sequence", ALL);
        let contact = all.table("contact", &mut self.flawed).map(|table| self.contact(table));
        let task = all.table("task", &mut self.flawed).map(|table| self.task(table));
        let note = all.table("note", &mut self.flawed).map(|table| self.note(table));
        let form = all.table("form", &mut self.flawed).and_then(|table| self.form(table));
        let types = all.table("types", &mut self.flawed).map(|table| self.types(table)).unwrap_or_default();
        let tags = all.table("contact", &mut self.flawed).is_some_and(|table| table.contains_key("tags"));
        self.check_types(&types, [contact.is_some(), task.is_some(), note.is_some(), tags]);
        let (contact, task, note) = (all_or_none(contact)?, all_or_none(task)?, all_or_none(note)?);
        Some(Compiled {
            environment: self.environment.clone(),
            each,
            data: data?,
            kind: kind?,
            id,
            time,
            sequence,
            types,
            contact,
            task,
            note,
            form,
            zone: system.timezone.clone(),
            tag_prefix: system.tag_prefix.clone(),
            delete_contacts: system.delete_contacts,
        })
    }

    fn each(&mut self, text: &str) -> Option<Path> {
        let path =
            scan::whole_path(text).filter(|path| path.len() > 1 && path.first().is_some_and(|root| root == "payload"));
        if path.is_none() {
            self.flawed.add("each", "must be a path to a list, such as payload.events");
        }
        path
    }

    fn types(&mut self, table: &Table) -> BTreeMap<String, Option<SourceEventKind>> {
        let words = || SourceEventKind::ALL.iter().map(|kind| kind.as_str()).chain([IGNORE]);
        let mut types = BTreeMap::new();
        if table.len() > MAX_WORDS {
            self.flawed.add("types", format!("there are {}; a mapping has at most {MAX_WORDS}", table.len()));
        }
        for (word, meaning) in table {
            let key = format!("types.{word:?}");
            match meaning.as_str() {
                Some(IGNORE) => drop(types.insert(word.clone(), None)),
                Some(meaning) => match SourceEventKind::parse(meaning) {
                    Some(kind) => drop(types.insert(word.clone(), Some(kind))),
                    None => self.flawed.add(&key, unknown("event", meaning, words())),
                },
                None => self.flawed.add(&key, "must be a text, such as \"contact-updated\" or \"ignore\""),
            }
        }
        types
    }

    /// Whether the mapping says of each type what it needs to know.
    fn check_types(
        &mut self,
        types: &BTreeMap<String, Option<SourceEventKind>>,
        [contact, task, note, tags]: [bool; 4],
    ) {
        use SourceEventKind as E;
        if !types.values().any(Option::is_some) {
            self.flawed.add("types", "names no event: write for example \"contact.updated\" = \"contact-updated\"");
        }
        for kind in types.values().flatten() {
            let (there, table) = match kind {
                E::ContactCreated | E::ContactUpdated | E::ContactDeleted | E::FormSubmitted => (contact, "contact"),
                E::TagsAdded | E::TagsRemoved => (contact && tags, "contact.tags"),
                E::TaskCreated | E::TaskUpdated | E::TaskCompleted | E::TaskDeleted => (task, "task"),
                E::NoteAdded => (note, "note"),
            };
            if !there {
                self.flawed.add(table, format!("is missing, and types has {}", kind.as_str()));
            }
        }
    }

    fn contact(&mut self, table: &Table) -> Option<ContactPart> {
        let part = Part::new("contact", table, &["id", "tags", "all_tags", "fields"], &mut self.flawed);
        let id = self.required(&part, "id", ALL);
        let tags = self.expression(&part, "tags", ALL);
        let all_tags = part.truth("all_tags", &mut self.flawed);
        let fields = self.fields(&part, contact_has);
        Some(ContactPart { id: id?, tags, all_tags, fields })
    }

    fn task(&mut self, table: &Table) -> Option<TaskPart> {
        let part = Part::new("task", table, &["id", "contact", "fields"], &mut self.flawed);
        let id = self.required(&part, "id", ALL);
        let contact = self.expression(&part, "contact", ALL);
        let fields = self.fields(&part, Fields::task_has);
        Some(TaskPart { id: id?, contact, fields })
    }

    fn note(&mut self, table: &Table) -> Option<NotePart> {
        let part = Part::new("note", table, &["id", "contact", "body"], &mut self.flawed);
        let id = self.expression(&part, "id", ALL);
        let contact = self.required(&part, "contact", ALL);
        let body = self.required(&part, "body", ALL);
        Some(NotePart { id, contact: contact?, body: body? })
    }

    fn form(&mut self, table: &Table) -> Option<Source> {
        let part = Part::new("form", table, &["note"], &mut self.flawed);
        let text = part.text("note", &mut self.flawed)?;
        self.source("form.note", Kind::Template, text, ALL)
    }

    fn fields(&mut self, part: &Part<'_>, has: impl Fn(&str) -> Result<(), String>) -> Vec<Field> {
        let Some(table) = part.table("fields", &mut self.flawed) else { return Vec::new() };
        if table.len() > MAX_FIELDS {
            self.flawed
                .add(&part.key("fields"), format!("there are {}; a record has at most {MAX_FIELDS}", table.len()));
        }
        let mut fields = Vec::new();
        for (name, value) in flattened(table) {
            let key = part.key(&format!("fields.{name}"));
            if let Err(what) = has(&name) {
                self.flawed.add(&key, what);
            }
            fields.extend(self.field(&key, name, value));
        }
        fields
    }

    fn field(&mut self, key: &str, name: String, value: &Value) -> Option<Field> {
        let (text, owner) = match value {
            Value::String(text) => (text.as_str(), Owner::Source),
            Value::Table(table) => {
                let part = Part::new(key, table, &["value", "owner"], &mut self.flawed);
                let owner = part.text("owner", &mut self.flawed).map_or(Some(Owner::Source), |word| {
                    let owner = Owner::parse(word);
                    if owner.is_none() {
                        let words = Owner::ALL.iter().map(|owner| owner.as_str());
                        self.flawed.add(&part.key("owner"), unknown("owner", word, words));
                    }
                    owner
                });
                let text = part.text("value", &mut self.flawed);
                if text.is_none() {
                    self.flawed.add(&part.key("value"), "is missing: an expression such as data.email");
                }
                (text?, owner?)
            }
            _ => {
                self.flawed.add(key, "must be an expression in quotes, or { value = \"…\", owner = \"…\" }");
                return None;
            }
        };
        let value = self.compiled(key, text, ALL)?;
        Some(Field { name, owner, value })
    }
}

/// What is wrong with a part that is there makes the whole nothing; one that is not there does not.
#[expect(clippy::option_option, reason = "outside: is there an error; inside: is it there")]
fn all_or_none<T>(part: Option<Option<T>>) -> Option<Option<T>> {
    part.map_or(Some(None), |part| part.map(Some))
}

/// The fields, those of `[…fields.customFields]` by their whole names.
fn flattened(table: &Table) -> Vec<(String, &Value)> {
    let mut fields = Vec::new();
    for (name, value) in table {
        match value.as_table().filter(|_| name == "customFields") {
            Some(custom) => fields.extend(custom.iter().map(|(id, value)| (format!("{CUSTOM}{id}"), value))),
            None => fields.push((name.clone(), value)),
        }
    }
    fields
}

/// As [`Fields::contact_has`], with custom fields by their ids.
fn contact_has(name: &str) -> Result<(), String> {
    match name.strip_prefix(CUSTOM) {
        Some(id)
            if id.is_empty()
                || id.len() > 64
                || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) =>
        {
            Err("must be customFields. and the field's id, as GHL shows it".to_owned())
        }
        Some(_) => Ok(()),
        None if name == "tags" => Err("stands in the table contact, not among its fields".to_owned()),
        None => Fields::contact_has(name),
    }
}
