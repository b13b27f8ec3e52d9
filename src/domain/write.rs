//! One change to GHL, as a value that can be stored and carried out later.
//!
//! A write is checked before it is made ([`Fields`], [`Tag`]): what stands in one, GHL's own whitelist and types admit.

mod errors;
mod fields;
mod nested;
mod tag;
mod text;

#[cfg(test)]
mod tests;

pub use fields::{Intent, completion, tags};
pub use nested::MAX_CUSTOM_FIELDS;
pub use tag::{InvalidTag, MAX_TAG_CHARS, MAX_TAGS, Tag};
pub use text::{MAX_BODY_BYTES, MAX_LINE_CHARS};

use super::{
    ids::{ContactId, LocationId, NoteId, TaskId},
    profile::Section,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Properties of a record in GHL's own spelling, checked against its whitelist.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields(pub(crate) Map<String, Value>);

impl Fields {
    /// The properties.
    #[must_use]
    pub const fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// A property that is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }
}

/// One change to GHL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "the names say it; each field is what its type says")]
pub enum Write {
    CreateContact {
        fields: Fields,
    },
    UpdateContact {
        contact: ContactId,
        fields: Fields,
    },
    /// Finds the contact by e-mail and phone, and creates or changes it.
    UpsertContact {
        fields: Fields,
    },
    DeleteContact {
        contact: ContactId,
    },
    CreateNote {
        contact: ContactId,
        fields: Fields,
    },
    UpdateNote {
        contact: ContactId,
        note: NoteId,
        fields: Fields,
    },
    DeleteNote {
        contact: ContactId,
        note: NoteId,
    },
    CreateTask {
        contact: ContactId,
        fields: Fields,
    },
    UpdateTask {
        contact: ContactId,
        task: TaskId,
        fields: Fields,
    },
    CompleteTask {
        contact: ContactId,
        task: TaskId,
        completed: bool,
    },
    DeleteTask {
        contact: ContactId,
        task: TaskId,
    },
    AddTags {
        contact: ContactId,
        tags: Vec<Tag>,
    },
    RemoveTags {
        contact: ContactId,
        tags: Vec<Tag>,
    },
}

macro_rules! kinds {
    ($($name:ident = $word:literal,)*) => {
        /// Which change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "kebab-case")]
        #[expect(missing_docs, reason = "as the variants of `Write`")]
        pub enum WriteKind {
            $($name,)*
        }

        impl WriteKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable word, as in the API, the store and the metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The kind of that word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
            }
        }

        impl Write {
            /// Which change it is.
            #[must_use]
            pub const fn kind(&self) -> WriteKind {
                match self { $(Self::$name { .. } => WriteKind::$name,)* }
            }
        }
    };
}

kinds! {
    CreateContact = "create-contact",
    UpdateContact = "update-contact",
    UpsertContact = "upsert-contact",
    DeleteContact = "delete-contact",
    CreateNote = "create-note",
    UpdateNote = "update-note",
    DeleteNote = "delete-note",
    CreateTask = "create-task",
    UpdateTask = "update-task",
    CompleteTask = "complete-task",
    DeleteTask = "delete-task",
    AddTags = "add-tags",
    RemoveTags = "remove-tags",
}

impl Write {
    /// The contact it changes; none where it makes or finds one.
    #[must_use]
    pub const fn contact(&self) -> Option<&ContactId> {
        match self {
            Self::CreateContact { .. } | Self::UpsertContact { .. } => None,
            Self::UpdateContact { contact, .. }
            | Self::DeleteContact { contact }
            | Self::CreateNote { contact, .. }
            | Self::UpdateNote { contact, .. }
            | Self::DeleteNote { contact, .. }
            | Self::CreateTask { contact, .. }
            | Self::UpdateTask { contact, .. }
            | Self::CompleteTask { contact, .. }
            | Self::DeleteTask { contact, .. }
            | Self::AddTags { contact, .. }
            | Self::RemoveTags { contact, .. } => Some(contact),
        }
    }

    /// The same without what it says of a person: kind and ids are left.
    #[must_use]
    pub fn without_content(&self) -> Self {
        let mut left = self.clone();
        match &mut left {
            Self::CreateContact { fields }
            | Self::UpdateContact { fields, .. }
            | Self::UpsertContact { fields }
            | Self::CreateNote { fields, .. }
            | Self::UpdateNote { fields, .. }
            | Self::CreateTask { fields, .. }
            | Self::UpdateTask { fields, .. } => *fields = Fields::default(),
            Self::AddTags { tags, .. } | Self::RemoveTags { tags, .. } => tags.clear(),
            Self::CompleteTask { completed, .. } => *completed = false,
            Self::DeleteContact { .. } | Self::DeleteNote { .. } | Self::DeleteTask { .. } => {}
        }
        left
    }

    /// Which sections of the contact's profile it makes out of date.
    #[must_use]
    pub const fn touches(&self) -> &'static [Section] {
        match self {
            Self::CreateContact { .. }
            | Self::UpdateContact { .. }
            | Self::UpsertContact { .. }
            | Self::AddTags { .. }
            | Self::RemoveTags { .. } => &[Section::Contact],
            Self::DeleteContact { .. } => &Section::ALL,
            Self::CreateNote { .. } | Self::UpdateNote { .. } | Self::DeleteNote { .. } => &[Section::Notes],
            Self::CreateTask { .. } | Self::UpdateTask { .. } | Self::CompleteTask { .. } | Self::DeleteTask { .. } => {
                &[Section::Tasks]
            }
        }
    }

    /// What it must wait its turn behind: the contact, or the person it would create. `alone` is the key of a write that
    /// names nobody.
    #[must_use]
    pub fn order_key(&self, location: &LocationId, alone: &str) -> String {
        let subject = match self {
            Self::CreateContact { fields } | Self::UpsertContact { fields } => {
                let person = ["email", "phone"].into_iter().find_map(|name| fields.text(name));
                format!("new/{}", person.map_or_else(|| alone.to_owned(), str::to_lowercase))
            }
            _ => self.contact().map_or_else(|| alone.to_owned(), ToString::to_string),
        };
        format!("{location}/{subject}")
    }
}
