//! Bodies of writes against GHL's whitelist: one table a record, one walk for all of them.
//!
//! GHL refuses an unknown property with a 422 (reference: GHL contacts API, "Contact write bodies"); here it is refused
//! before a call is spent, with a pointer and, where there is one, the name that was meant.

use super::{
    Fields, Tag,
    errors::{Errors, below},
    nested, tag, text,
};
use crate::domain::problem::FieldError;
use serde_json::{Map, Value, json};

/// What a body is for: GHL's whitelist differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// A new record.
    Create,
    /// A change to a record; what it does not name stays.
    Update,
    /// A contact, found by e-mail or phone, or made.
    Upsert,
}

/// What a property holds.
#[derive(Clone, Copy)]
enum Holds {
    /// A text that the function admits.
    Text(fn(&str) -> text::Checked),
    Flag,
    Tags,
    CustomFields,
    Dnd,
    InboundDnd,
}

/// A property of a body.
struct Property {
    name: &'static str,
    holds: Holds,
    /// Whether GHL admits `null`, which clears it.
    null: bool,
}

const fn may(name: &'static str, holds: Holds) -> Property {
    Property { name, holds, null: false }
}

const fn nullable(name: &'static str, holds: Holds) -> Property {
    Property { name, holds, null: true }
}

const LINE: Holds = Holds::Text(text::line);

/// What creating, changing and upserting a contact have in common.
const CONTACT: [Property; 16] = [
    nullable("firstName", LINE),
    nullable("lastName", LINE),
    nullable("name", LINE),
    nullable("email", Holds::Text(text::email)),
    nullable("phone", Holds::Text(text::phone)),
    nullable("address1", LINE),
    nullable("city", LINE),
    nullable("state", LINE),
    may("postalCode", LINE),
    may("country", Holds::Text(text::country)),
    nullable("timezone", Holds::Text(text::time_zone)),
    nullable("website", Holds::Text(text::website)),
    nullable("dateOfBirth", Holds::Text(text::birth_date)),
    may("dnd", Holds::Flag),
    may("dndSettings", Holds::Dnd),
    may("inboundDndSettings", Holds::InboundDnd),
];
const CUSTOM_FIELDS: Property = may("customFields", Holds::CustomFields);
/// What only a new contact takes; GHL refuses both on a change.
const NEW_CONTACT: [Property; 4] =
    [nullable("companyName", LINE), may("gender", LINE), may("source", LINE), may("assignedTo", Holds::Text(text::id))];
const CHANGED_CONTACT: [Property; 2] = [nullable("source", LINE), nullable("assignedTo", Holds::Text(text::id))];
const TAGS: Property = may("tags", Holds::Tags);
const ALLOW_DUPLICATE: Property = may("createNewIfDuplicateAllowed", Holds::Flag);

const NOTE: [Property; 5] = [
    may("body", Holds::Text(text::message)),
    may("title", LINE),
    may("userId", Holds::Text(text::id)),
    may("color", Holds::Text(text::colour)),
    may("pinned", Holds::Flag),
];

const TASK: [Property; 5] = [
    may("title", Holds::Text(text::title)),
    may("body", Holds::Text(text::body)),
    may("dueDate", Holds::Text(text::instant)),
    may("completed", Holds::Flag),
    may("assignedTo", Holds::Text(text::id)),
];

/// Properties that our records have and nobody can write.
const READ_ONLY: [&str; 19] = [
    "id",
    "contactId",
    "dateAdded",
    "dateUpdated",
    "lastActivity",
    "type",
    "additionalEmails",
    "additionalPhones",
    "followers",
    "businessId",
    "attribution",
    "attributionSource",
    "lastAttributionSource",
    "attributions",
    "createdBy",
    "lastUpdatedBy",
    "visitorId",
    "text",
    "ssn",
];

/// At least this alike, a known name is offered for an unknown one.
const ALIKE: f64 = 0.8;

impl Fields {
    /// A contact.
    ///
    /// # Errors
    /// Everything that GHL would refuse, by JSON pointer.
    pub fn contact(body: &Value, intent: Intent) -> Result<Self, Vec<FieldError>> {
        let own: &[Property] = if intent == Intent::Update { &CHANGED_CONTACT } else { &NEW_CONTACT };
        let mut properties: Vec<&Property> = CONTACT.iter().chain(own).collect();
        properties.push(&CUSTOM_FIELDS);
        match intent {
            Intent::Create => properties.push(&TAGS),
            Intent::Upsert => properties.push(&ALLOW_DUPLICATE),
            Intent::Update => {}
        }
        let mut walk = Walk::over(body, &properties, |name| contact_refusal(name, intent));
        match intent {
            Intent::Create => walk.need_one(&["firstName", "lastName", "name", "email", "phone"]),
            Intent::Upsert => walk.need_one(&["email", "phone"]),
            Intent::Update => walk.need_any(),
        }
        walk.end()
    }

    /// Whether a contact has a property of this name that can be written when it is made.
    ///
    /// # Errors
    /// Why it has none, naming the one that was meant.
    pub fn contact_has(name: &str) -> Result<(), String> {
        let properties: Vec<&Property> = CONTACT.iter().chain(&NEW_CONTACT).collect();
        has(name, &properties)
    }

    /// Whether a task has a property of this name that can be written.
    ///
    /// # Errors
    /// As with [`Self::contact_has`].
    pub fn task_has(name: &str) -> Result<(), String> {
        has(name, &TASK.iter().collect::<Vec<_>>())
    }

    /// What of a contact that was to be made or found can be changed in one that is there: the rest is left out.
    ///
    /// # Errors
    /// As with [`Self::contact`]; also where nothing is left.
    pub fn change_of(body: &Value) -> Result<Self, Vec<FieldError>> {
        let taken: Vec<&str> =
            CONTACT.iter().chain(&CHANGED_CONTACT).chain([&CUSTOM_FIELDS]).map(|property| property.name).collect();
        let mut body = body.clone();
        if let Value::Object(map) = &mut body {
            map.retain(|name, _| taken.contains(&name.as_str()));
        }
        Self::contact(&body, Intent::Update)
    }

    /// A note.
    ///
    /// # Errors
    /// As with [`Self::contact`].
    pub fn note(body: &Value, intent: Intent) -> Result<Self, Vec<FieldError>> {
        let mut walk = Walk::over(body, &NOTE.iter().collect::<Vec<_>>(), |_| None);
        match intent {
            Intent::Update => walk.need_any(),
            Intent::Create | Intent::Upsert => walk.need_each(&["body"]),
        }
        walk.end()
    }

    /// A task. A new one is open unless it says otherwise.
    ///
    /// # Errors
    /// As with [`Self::contact`].
    pub fn task(body: &Value, intent: Intent) -> Result<Self, Vec<FieldError>> {
        let mut walk = Walk::over(body, &TASK.iter().collect::<Vec<_>>(), |_| None);
        match intent {
            Intent::Update => walk.need_any(),
            Intent::Create | Intent::Upsert => {
                walk.need_each(&["title", "dueDate"]);
                walk.fields.entry("completed").or_insert(Value::Bool(false));
            }
        }
        walk.end()
    }
}

/// `{completed}`: whether a task is done.
///
/// # Errors
/// As with [`Fields::contact`].
pub fn completion(body: &Value) -> Result<bool, Vec<FieldError>> {
    let mut walk = Walk::over(body, &[&may("completed", Holds::Flag)], |_| None);
    walk.need_each(&["completed"]);
    walk.end().map(|fields| fields.as_map().get("completed") == Some(&Value::Bool(true)))
}

/// `{tags}`: at least one.
///
/// # Errors
/// As with [`Fields::contact`].
pub fn tags(body: &Value) -> Result<Vec<Tag>, Vec<FieldError>> {
    let mut walk = Walk::over(body, &[&TAGS], |_| None);
    walk.need_each(&["tags"]);
    if body.get("tags").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        walk.errors.add("/tags", "must hold at least one tag");
    }
    let given = body.get("tags").filter(|tags| tags.is_array());
    let tags = given.map_or_else(Vec::new, |given| tag::list(given, "/tags", &mut Errors::default()));
    walk.end().map(|_| tags)
}

/// A sentence of its own for a property that a contact has, but not here.
fn contact_refusal(name: &str, intent: Intent) -> Option<String> {
    match name {
        "tags" => Some(
            "cannot be given here: GHL would replace all tags by it; use POST and DELETE …/tags, which add and remove"
                .to_owned(),
        ),
        "gender" | "companyName" if intent == Intent::Update => {
            Some("can be set when the contact is created, and not changed afterwards".to_owned())
        }
        _ => None,
    }
}

/// A body on its way through the table.
struct Walk {
    fields: Map<String, Value>,
    errors: Errors,
    /// Whether the body is an object at all: otherwise nothing more is to be said of it.
    object: bool,
}

impl Walk {
    fn over(body: &Value, properties: &[&Property], refusal: impl Fn(&str) -> Option<String>) -> Self {
        let mut walk = Self { fields: Map::new(), errors: Errors::default(), object: body.is_object() };
        let Value::Object(map) = body else {
            walk.errors.add("", "must be a JSON object");
            return walk;
        };
        for (name, value) in map {
            let at = below("", name);
            match properties.iter().find(|property| property.name == name) {
                Some(property) => walk.take(property, value, &at),
                None => walk.errors.add(at, refusal(name).unwrap_or_else(|| unknown(name, properties))),
            }
        }
        walk
    }

    fn take(&mut self, property: &Property, value: &Value, at: &str) {
        let taken = match (property.holds, value) {
            (_, Value::Null) if property.null => Value::Null,
            (_, Value::Null) => return self.errors.add(at, "must not be null; leave it out to leave it as it is"),
            (Holds::Text(check), Value::String(text)) => match check(text) {
                Ok(text) => Value::String(text),
                Err(message) => return self.errors.add(at, message),
            },
            (Holds::Text(_), _) => return self.errors.add(at, "must be a text"),
            (Holds::Flag, Value::Bool(flag)) => Value::Bool(*flag),
            (Holds::Flag, _) => return self.errors.add(at, "must be true or false"),
            (Holds::Tags, list) => json!(tag::list(list, at, &mut self.errors)),
            (Holds::CustomFields, list) => nested::custom_fields(list, at, &mut self.errors),
            (Holds::Dnd, map) => nested::dnd(map, at, &mut self.errors),
            (Holds::InboundDnd, map) => nested::inbound_dnd(map, at, &mut self.errors),
        };
        self.fields.insert(property.name.to_owned(), taken);
    }

    /// Whether anything was given: if all of it was refused, that has been said.
    fn need_any(&mut self) {
        if self.object && self.fields.is_empty() && self.errors.is_empty() {
            self.errors.add("", "must name at least one property to change");
        }
    }

    fn need_each(&mut self, names: &[&str]) {
        for name in names {
            let given = self.fields.contains_key(*name) || self.errors.names(&below("", name));
            if self.object && !given {
                self.errors.add(below("", name), "is required");
            }
        }
    }

    /// Of these, one that says something.
    fn need_one(&mut self, names: &[&str]) {
        let says = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
        let given =
            names.iter().any(|name| self.fields.get(*name).is_some_and(says) || self.errors.names(&below("", name)));
        if self.object && !given {
            self.errors.add("", format!("must have at least one of {}", names.join(", ")));
        }
    }

    fn end(self) -> Result<Fields, Vec<FieldError>> {
        self.errors.or_else(Fields(self.fields))
    }
}

fn has(name: &str, properties: &[&Property]) -> Result<(), String> {
    let known = properties.iter().any(|property| property.name == name);
    if known { Ok(()) } else { Err(unknown(name, properties)) }
}

fn unknown(name: &str, properties: &[&Property]) -> String {
    if name == "locationId" {
        return "does not belong into the body: the query parameter locationId names the location".to_owned();
    }
    if READ_ONLY.contains(&name) {
        return "is read-only".to_owned();
    }
    let folded = folded(name);
    let nearest = properties
        .iter()
        .map(|property| (strsim::jaro_winkler(&folded, &property.name.to_lowercase()), property.name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    match nearest {
        Some((_, meant)) => format!("is not known here; did you mean {meant}?"),
        None => "is not known here".to_owned(),
    }
}

/// One spelling for `firstName`, `first_name` and `FirstName`. Long names are like none.
fn folded(name: &str) -> String {
    name.chars().take(64).filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}
