//! The endpoints of GHL that are called, and what of each an error must know.

use super::Resource;

macro_rules! endpoints {
    ($($name:ident = $word:literal,)*) => {
        /// The endpoints, by the names used in metrics and `Server-Timing`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the names say it")]
        pub enum Endpoint {
            $($name,)*
        }

        impl Endpoint {
            /// Every endpoint.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

endpoints! {
    Contact = "contact",
    Notes = "notes",
    Note = "note",
    Tasks = "tasks",
    Task = "task",
    Appointments = "appointments",
    Search = "search",
    BusinessContacts = "business_contacts",
    Duplicate = "duplicate",
    TasksSearch = "tasks_search",
    ContactCreate = "contact_create",
    ContactUpdate = "contact_update",
    ContactDelete = "contact_delete",
    NoteCreate = "note_create",
    NoteUpdate = "note_update",
    NoteDelete = "note_delete",
    TaskCreate = "task_create",
    TaskUpdate = "task_update",
    TaskComplete = "task_complete",
    TaskDelete = "task_delete",
    TagsAdd = "tags_add",
    TagsRemove = "tags_remove",
}

impl Endpoint {
    /// Whether it changes something at GHL.
    #[must_use]
    pub const fn writes(self) -> bool {
        match self {
            Self::Contact
            | Self::Notes
            | Self::Note
            | Self::Tasks
            | Self::Task
            | Self::Appointments
            | Self::Search
            | Self::BusinessContacts
            | Self::Duplicate
            | Self::TasksSearch => false,
            Self::ContactCreate
            | Self::ContactUpdate
            | Self::ContactDelete
            | Self::NoteCreate
            | Self::NoteUpdate
            | Self::NoteDelete
            | Self::TaskCreate
            | Self::TaskUpdate
            | Self::TaskComplete
            | Self::TaskDelete
            | Self::TagsAdd
            | Self::TagsRemove => true,
        }
    }

    /// Whether it takes more than ids, so that a refusal is about what was sent.
    pub(super) const fn takes_input(self) -> bool {
        self.writes() || matches!(self, Self::Search | Self::BusinessContacts | Self::Duplicate | Self::TasksSearch)
    }

    /// What its path names beside the contact.
    pub(super) const fn item(self) -> Option<Resource> {
        match self {
            Self::Note | Self::NoteUpdate | Self::NoteDelete => Some(Resource::Note),
            Self::Task | Self::TaskUpdate | Self::TaskComplete | Self::TaskDelete => Some(Resource::Task),
            Self::BusinessContacts => Some(Resource::Business),
            Self::Contact
            | Self::Notes
            | Self::Tasks
            | Self::Appointments
            | Self::Search
            | Self::Duplicate
            | Self::TasksSearch
            | Self::ContactCreate
            | Self::ContactUpdate
            | Self::ContactDelete
            | Self::NoteCreate
            | Self::TaskCreate
            | Self::TagsAdd
            | Self::TagsRemove => None,
        }
    }

    /// Whether its path names a contact.
    pub(super) const fn names_contact(self) -> bool {
        !matches!(
            self,
            Self::Search | Self::BusinessContacts | Self::Duplicate | Self::TasksSearch | Self::ContactCreate
        )
    }
}

impl Resource {
    /// GHL's word for it, in lower case.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Task => "task",
            Self::Business => "business",
        }
    }
}
