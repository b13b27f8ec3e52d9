//! What the sandbox keeps: locations, contacts and what hangs on them. These are the sandbox's own records; the three
//! shapes in which GHL shows a contact are made in `ghl/shapes.rs`.

use serde_json::{Map, Value};

use crate::clock::Millis;

/// A sub-account.
#[derive(Clone, Debug)]
pub(crate) struct Location {
    pub(crate) id: String,
    pub(crate) company_id: String,
    pub(crate) name: String,
    pub(crate) timezone: String,
    pub(crate) country: String,
    pub(crate) city: String,
    pub(crate) policy: DuplicatePolicy,
    pub(crate) custom_fields: Vec<FieldDefinition>,
    /// Tag definitions; they outlive the removal of the tag from every contact.
    pub(crate) tags: Vec<TagDefinition>,
}

/// What a location does about a contact that exists already.
#[derive(Clone, Debug)]
pub(crate) struct DuplicatePolicy {
    pub(crate) allow: bool,
    /// `email`, `phone`, in the order in which they are tried.
    pub(crate) identifiers: Vec<String>,
}

impl Default for DuplicatePolicy {
    fn default() -> Self {
        Self { allow: false, identifiers: vec!["email".to_owned(), "phone".to_owned()] }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct TagDefinition {
    pub(crate) id: String,
    pub(crate) name: String,
}

#[derive(Clone, Debug)]
pub(crate) struct FieldDefinition {
    pub(crate) id: String,
    /// `contact.favourite_colour`
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) kind: FieldKind,
}

/// GHL's field types, as far as they differ in what they accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldKind {
    Text,
    LargeText,
    Date,
    Numerical,
    Monetory,
    Checkbox,
    MultipleOptions,
    SingleOptions,
    FileUpload,
}

impl FieldKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::LargeText => "LARGE_TEXT",
            Self::Date => "DATE",
            Self::Numerical => "NUMERICAL",
            Self::Monetory => "MONETORY",
            Self::Checkbox => "CHECKBOX",
            Self::MultipleOptions => "MULTIPLE_OPTIONS",
            Self::SingleOptions => "SINGLE_OPTIONS",
            Self::FileUpload => "FILE_UPLOAD",
        }
    }
}

/// A contact. Plain string fields stand in `fields` under GHL's by-id names and are never null there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contact {
    pub(crate) id: String,
    pub(crate) location_id: String,
    pub(crate) fields: Map<String, Value>,
    /// `None` is shown as an explicit null: seen live, and a favourite of decoders' bugs.
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) custom_fields: Vec<(String, Value)>,
    pub(crate) dnd: bool,
    /// Keys in the spelling of 2021-07-28: `Call, Email, SMS, WhatsApp, GMB, FB`.
    pub(crate) dnd_settings: Map<String, Value>,
    pub(crate) inbound_dnd: Option<Value>,
    pub(crate) additional_emails: Vec<String>,
    pub(crate) additional_phones: Vec<String>,
    pub(crate) followers: Vec<String>,
    pub(crate) campaigns: Vec<String>,
    pub(crate) workflows: Vec<String>,
    pub(crate) attribution: Option<Value>,
    pub(crate) last_attribution: Option<Value>,
    pub(crate) created_by: Value,
    pub(crate) added: Millis,
    pub(crate) updated: Millis,
    /// In which order the sandbox got its contacts.
    pub(crate) ordinal: usize,
    /// Merged verbatim over the by-id and search shapes.
    pub(crate) extra: Map<String, Value>,
    /// If set, the by-id answer is exactly this.
    pub(crate) raw: Option<Value>,
}

impl Contact {
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    pub(crate) fn set(&mut self, field: &str, value: impl Into<Value>) {
        self.fields.insert(field.to_owned(), value.into());
    }

    /// First and last name, as far as there are any.
    pub(crate) fn full_name(&self) -> String {
        let parts: Vec<&str> = ["firstName", "lastName"].iter().filter_map(|key| self.text(key)).collect();
        parts.join(" ")
    }

    pub(crate) fn tags(&self) -> &[String] {
        self.tags.as_deref().unwrap_or_default()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) user_id: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) color: Option<String>,
    pub(crate) pinned: Option<bool>,
    pub(crate) added: Millis,
    pub(crate) updated: Millis,
}

#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) assigned_to: Option<String>,
    pub(crate) due: Millis,
    pub(crate) completed: bool,
    pub(crate) added: Millis,
    pub(crate) updated: Millis,
}

#[derive(Clone, Debug)]
pub(crate) struct Appointment {
    pub(crate) id: String,
    pub(crate) calendar_id: String,
    pub(crate) title: String,
    /// `new, confirmed, cancelled, showed, noshow, invalid`
    pub(crate) status: String,
    pub(crate) assigned_user_id: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) address: Option<String>,
    /// Wall time of the location, kept as if it were UTC and shown without a zone.
    pub(crate) start: Millis,
    pub(crate) end: Millis,
    pub(crate) added: Millis,
    pub(crate) updated: Millis,
}
