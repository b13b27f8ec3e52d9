//! The parts of a mapping that compiles.

use crate::{
    domain::source::{Owner, SourceEventKind},
    expressions::{Source, scan::Path},
};
use jiff::tz::TimeZone;
use minijinja::Environment;
use std::collections::BTreeMap;

/// What a custom field's name begins with, before its id.
pub(super) const CUSTOM: &str = "customFields.";

/// An expression of a mapping.
#[derive(Debug)]
pub(super) struct Expression {
    pub(super) source: Source,
    /// What it reads, step by step, in its order.
    pub(super) paths: Vec<Path>,
}

/// A field of a record.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) owner: Owner,
    pub(super) value: Expression,
}

#[derive(Debug)]
pub(super) struct ContactPart {
    pub(super) id: Expression,
    pub(super) tags: Option<Expression>,
    pub(super) all_tags: bool,
    pub(super) fields: Vec<Field>,
}

#[derive(Debug)]
pub(super) struct TaskPart {
    pub(super) id: Expression,
    pub(super) contact: Option<Expression>,
    pub(super) fields: Vec<Field>,
}

#[derive(Debug)]
pub(super) struct NotePart {
    pub(super) id: Option<Expression>,
    pub(super) contact: Expression,
    pub(super) body: Expression,
}

/// A mapping that compiles.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) environment: Environment<'static>,
    pub(super) each: Option<Path>,
    pub(super) data: Expression,
    pub(super) kind: Expression,
    pub(super) id: Option<Expression>,
    pub(super) time: Option<Expression>,
    pub(super) sequence: Option<Expression>,
    /// `None` is passed over.
    pub(super) types: BTreeMap<String, Option<SourceEventKind>>,
    pub(super) contact: Option<ContactPart>,
    pub(super) task: Option<TaskPart>,
    pub(super) note: Option<NotePart>,
    /// The template of a form's note.
    pub(super) form: Option<Source>,
    pub(super) zone: TimeZone,
    pub(super) tag_prefix: String,
    pub(super) delete_contacts: bool,
}
