//! Bodies of writes, and what some are answered with, as the document shows them. `domain::write` reads them.

use crate::domain::contact::Contact;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

macro_rules! contact_body {
    ($(#[$meta:meta])* $name:ident { $($own:tt)* }) => {
        #[derive(ToSchema)]
        $(#[$meta])*
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        #[expect(dead_code, reason = "documents the shape; `domain::write` reads it")]
        pub(in crate::http) struct $name {
            /// First name.
            #[schema(max_length = 1000)]
            first_name: Option<String>,
            /// Last name.
            #[schema(max_length = 1000)]
            last_name: Option<String>,
            /// Full name, in place of the two.
            #[schema(max_length = 1000)]
            name: Option<String>,
            /// E-mail address.
            #[schema(format = Email, max_length = 254)]
            email: Option<String>,
            /// Phone number of 7 to 15 digits in any usual writing; GHL keeps it as E.164.
            #[schema(pattern = r"^\+?[0-9 ().\-/]{7,40}$")]
            phone: Option<String>,
            /// Street and number.
            #[schema(max_length = 1000)]
            address1: Option<String>,
            /// City.
            #[schema(max_length = 1000)]
            city: Option<String>,
            /// State or region.
            #[schema(max_length = 1000)]
            state: Option<String>,
            /// Postal code.
            #[schema(required = false, max_length = 1000)]
            postal_code: String,
            /// Country, ISO 3166-1 alpha-2.
            #[schema(required = false, pattern = "^[A-Za-z]{2}$")]
            country: String,
            /// Time zone of the IANA database.
            timezone: Option<String>,
            /// Web address.
            #[schema(max_length = 2048)]
            website: Option<String>,
            /// `YYYY-MM-DD`; `MM-DD-YYYY` is taken, too.
            #[schema(pattern = "^[0-9]{2,4}[-/._][0-9]{2}[-/._][0-9]{2,4}$")]
            date_of_birth: Option<String>,
            /// Do not disturb, on any channel.
            #[schema(required = false)]
            dnd: bool,
            /// Do not disturb, channel by channel: `Call`, `Email`, `SMS`, `WhatsApp`, `GMB`, `FB`.
            #[schema(required = false)]
            dnd_settings: BTreeMap<String, DndSetting>,
            /// Do not disturb, the other way: `{"all": {…}}`.
            #[schema(required = false)]
            inbound_dnd_settings: BTreeMap<String, DndSetting>,
            /// Custom fields to set; those that are not named stay.
            #[schema(required = false, max_items = 200)]
            custom_fields: Vec<CustomFieldValue>,
            $($own)*
        }
    };
}

contact_body! {
    /// A contact to create. At least one of `firstName`, `lastName`, `name`, `email`, `phone` must say something.
    #[schema(example = json!({
        "firstName": "Rosa", "lastName": "Exemplar", "email": "rosa.exemplar@example.com", "phone": "+14155550142",
        "country": "US", "timezone": "America/Denver", "tags": ["newsletter"], "source": "public api"
    }))]
    NewContact {
        /// Company.
        #[schema(max_length = 1000)]
        company_name: Option<String>,
        /// Gender.
        #[schema(required = false, max_length = 1000)]
        gender: String,
        /// Where the contact came from.
        #[schema(required = false, max_length = 1000)]
        source: String,
        /// User it is assigned to.
        #[schema(required = false, pattern = "^[A-Za-z0-9_-]{1,64}$")]
        assigned_to: String,
        /// Tags, at most 100; GHL keeps them in lower case.
        #[schema(required = false, max_items = 100)]
        tags: Vec<String>,
    }
}

contact_body! {
    /// Properties of a contact to change; what is not named stays, `null` clears. Tags have routes of their own.
    #[schema(example = json!({"city": "Denver", "timezone": "America/Denver"}))]
    ContactChange {
        /// Where the contact came from.
        #[schema(max_length = 1000)]
        source: Option<String>,
        /// User it is assigned to.
        #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
        assigned_to: Option<String>,
    }
}

contact_body! {
    /// A contact to find by `email` or `phone`, one of which must be given, and to change or create.
    #[schema(example = json!({
        "email": "rosa.exemplar@example.com", "firstName": "Rosa", "lastName": "Exemplar", "city": "Denver"
    }))]
    ContactUpsert {
        /// Company.
        #[schema(max_length = 1000)]
        company_name: Option<String>,
        /// Gender.
        #[schema(required = false, max_length = 1000)]
        gender: String,
        /// Where the contact came from.
        #[schema(required = false, max_length = 1000)]
        source: String,
        /// User it is assigned to.
        #[schema(required = false, pattern = "^[A-Za-z0-9_-]{1,64}$")]
        assigned_to: String,
        /// Whether to create without looking for one; only where the location permits duplicates.
        #[schema(required = false)]
        create_new_if_duplicate_allowed: bool,
    }
}

/// Whether a channel may be used.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "documents the shape; `domain::write` reads it")]
pub(in crate::http) struct DndSetting {
    /// `active` means: do not disturb. `permanent` is not for `inboundDndSettings`.
    status: DndStatus,
    /// Why.
    #[schema(required = false, max_length = 1000)]
    message: String,
    /// GHL's code; not for `inboundDndSettings`.
    #[schema(required = false, max_length = 1000)]
    code: String,
}

/// Whether do-not-disturb holds.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "documents the words; `domain::write` reads them")]
pub(in crate::http) enum DndStatus {
    Active,
    Inactive,
    Permanent,
}

/// A custom field, by id or key, and its value; `fieldValue` and `value` are taken for `field_value`.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "documents the shape; `domain::write` reads it")]
pub(in crate::http) struct CustomFieldValue {
    /// GHL's id of the field.
    #[schema(required = false, min_length = 1, max_length = 1000)]
    id: String,
    /// Its key, in place of the id.
    #[schema(required = false, min_length = 1, max_length = 1000)]
    key: String,
    /// Text, number, or list of texts, as the field's type wants it.
    #[schema(required = false)]
    field_value: Value,
    /// The same as `field_value`.
    #[serde(rename = "fieldValue")]
    #[schema(required = false)]
    camel_case_value: Value,
    /// The same as `field_value`, as it is read.
    #[schema(required = false)]
    value: Value,
}

/// A note to create.
#[derive(ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(example = json!({"body": "Called about the renewal; wants an offer by Friday."}))]
#[expect(dead_code, reason = "documents the shape; `domain::write` reads it")]
pub(in crate::http) struct NewNote {
    /// Text or HTML, at most 100 KiB. It is data: GHL and this service pass it on as it is.
    #[schema(min_length = 1, max_length = 102_400)]
    body: String,
    /// Title.
    #[schema(required = false, max_length = 1000)]
    title: String,
    /// User who writes it.
    #[schema(required = false, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    user_id: String,
    /// Colour.
    #[schema(required = false, pattern = "^#?([0-9A-Fa-f]{3,4}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})$")]
    color: String,
    /// Whether it is pinned.
    #[schema(required = false)]
    pinned: bool,
}

/// Properties of a note to change; what is not named stays.
#[derive(ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(example = json!({"body": "Called about the renewal; sent the offer."}))]
#[expect(dead_code, reason = "documents the shape; `domain::write` reads it")]
pub(in crate::http) struct NoteChange {
    /// Text or HTML, at most 100 KiB; replaces the old one.
    #[schema(required = false, min_length = 1, max_length = 102_400)]
    body: String,
    /// Title.
    #[schema(required = false, max_length = 1000)]
    title: String,
    /// User who writes it.
    #[schema(required = false, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    user_id: String,
    /// Colour.
    #[schema(required = false, pattern = "^#?([0-9A-Fa-f]{3,4}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})$")]
    color: String,
    /// Whether it is pinned.
    #[schema(required = false)]
    pinned: bool,
}

/// A task to create.
#[derive(ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(example = json!({"title": "Call back", "dueDate": "2026-12-01T09:30:00Z", "completed": false}))]
#[expect(dead_code, reason = "documents the shape; `domain::write` reads it")]
pub(in crate::http) struct NewTask {
    /// Title.
    #[schema(min_length = 1, max_length = 1000)]
    title: String,
    /// Body, at most 100 KiB.
    #[schema(required = false, max_length = 102_400)]
    body: String,
    /// When it is due: RFC 3339 with the zone. GHL keeps it in UTC.
    #[schema(format = DateTime)]
    due_date: String,
    /// Whether it is done; `false` where it is not given.
    #[schema(required = false)]
    completed: bool,
    /// User it is assigned to.
    #[schema(required = false, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    assigned_to: String,
}

/// Properties of a task to change; what is not named stays.
#[derive(ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(example = json!({"dueDate": "2026-12-02T09:30:00+10:00"}))]
#[expect(dead_code, reason = "documents the shape; `domain::write` reads it")]
pub(in crate::http) struct TaskChange {
    /// Title.
    #[schema(required = false, min_length = 1, max_length = 1000)]
    title: String,
    /// Body, at most 100 KiB.
    #[schema(required = false, max_length = 102_400)]
    body: String,
    /// When it is due: RFC 3339 with the zone.
    #[schema(required = false, format = DateTime)]
    due_date: String,
    /// Whether it is done.
    #[schema(required = false)]
    completed: bool,
    /// User it is assigned to.
    #[schema(required = false, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    assigned_to: String,
}

/// Whether a task is done.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"completed": true}))]
#[expect(dead_code, reason = "documents the shape; `domain::write` reads it")]
pub(in crate::http) struct Completion {
    /// `false` opens it again.
    completed: bool,
}

/// Tags to add or to remove.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"tags": ["newsletter", "geo:au"]}))]
#[expect(dead_code, reason = "documents the shape; `domain::write` reads it")]
pub(in crate::http) struct TagList {
    /// 1 to 100 tags of at most 255 characters. They are trimmed and lower-cased, as GHL keeps them; those that differ in
    /// case alone are one.
    #[schema(min_items = 1, max_items = 100)]
    tags: Vec<String>,
}

/// All tags of the contact afterwards.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the shape; the answer is GHL's")]
pub(in crate::http) struct ContactTags {
    /// In lower case.
    tags: Vec<String>,
}

/// What a deletion is answered with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the shape; the answer is GHL's")]
pub(in crate::http) struct Deleted {
    /// Always `true`: what was not deleted is a problem.
    succeeded: bool,
}

/// The contact that was found and changed, or made.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the shape; the answer is made where the contacts are merged")]
pub(in crate::http) struct Upserted {
    #[serde(flatten)]
    contact: Contact,
    /// Whether it was made.
    new: bool,
    /// Properties that were asked for and left as they are, so that nothing is lost.
    #[schema(required = false)]
    kept: Vec<String>,
}
