//! Fields a rule may fill: five standard ones and custom fields, each only while it is empty. What is no
//! time zone or country is caught before it is planned.

use super::known;
use crate::domain::write::{Fields, Intent};
use serde_json::{Map, Value, json};

/// Standard fields that can be filled, in GHL's spelling, which is also ours (reference: GHL, "Contact write bodies").
const STANDARD: [&str; 5] = ["timezone", "city", "state", "country", "postalCode"];
/// GHL's ids have 20 characters and more; what is shorter is a name somebody took for one.
const MIN_ID_CHARS: usize = 16;

/// A field that a rule fills.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Standard(&'static str),
    Custom(String),
}

impl Field {
    /// Parses a key of a rule's `fields`; else what is wrong with it.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        if let Some(standard) = STANDARD.into_iter().find(|standard| *standard == name) {
            return Ok(Self::Standard(standard));
        }
        let fillable = STANDARD.join(", ");
        if let Some(meant) = known::nearest(name, STANDARD.into_iter()) {
            return Err(format!("is no field; did you mean {meant}?"));
        }
        if known::CONTACT.contains(&name) {
            return Err(format!("is for people to fill; rules fill {fillable} and custom fields by id"));
        }
        let like_an_id = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !like_an_id || !(MIN_ID_CHARS..=64).contains(&name.len()) {
            return Err(format!("is neither one of {fillable} nor a custom field's id"));
        }
        Ok(Self::Custom(name.to_owned()))
    }

    /// As settings and reports name it.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Standard(name) => name,
            Self::Custom(id) => id,
        }
    }

    /// Whether the contact holds nothing there. What GHL sent and nobody could read is something.
    pub(super) fn is_empty_in(&self, contact: &Value) -> bool {
        match self {
            Self::Standard(name) => {
                let unread = contact.get("unparsed").and_then(|unparsed| unparsed.get(name));
                contact.get(name).is_none_or(is_blank) && unread.is_none_or(is_blank)
            }
            Self::Custom(id) => {
                let fields = contact.get("customFields").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                let mut same = fields.iter().filter(|field| field.get("id").and_then(Value::as_str) == Some(id));
                same.all(|field| field.get("value").is_none_or(is_blank))
            }
        }
    }

    /// The value as it is written there, by the checks that every change to a contact passes; else why it cannot be.
    pub(super) fn check(&self, value: &str) -> Result<Value, String> {
        let value = Value::from(value);
        let body = Value::Object(update_body([(self.name(), &value)].into_iter()));
        match Fields::contact(&body, Intent::Update) {
            Ok(fields) => Ok(fields.as_map().get(self.name()).cloned().unwrap_or(value)),
            Err(errors) => {
                let why = errors.first().map_or("cannot be written", |error| error.message.as_str());
                Err(format!("Its value {why}."))
            }
        }
    }
}

/// Whether a key of a rule's `fields` is a custom field's id.
pub(super) fn is_custom(name: &str) -> bool {
    matches!(Field::parse(name), Ok(Field::Custom(_)))
}

/// Null, an empty text and an empty list are nothing; 0 and false are something.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The body of GHL's update: standard fields by name, custom ones as a list of id and `field_value`, which GHL merges by
/// id (reference: GHL, "Custom fields on PUT").
pub(super) fn update_body<'a>(changes: impl Iterator<Item = (&'a str, &'a Value)>) -> Map<String, Value> {
    let (mut body, mut custom) = (Map::new(), Vec::new());
    for (name, value) in changes {
        if STANDARD.contains(&name) {
            body.insert(name.to_owned(), value.clone());
        } else {
            custom.push(json!({ "id": name, "field_value": value }));
        }
    }
    if !custom.is_empty() {
        body.insert("customFields".to_owned(), Value::Array(custom));
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_standard_fields_or_ids() {
        assert_eq!(Field::parse("timezone"), Ok(Field::Standard("timezone")));
        assert_eq!(Field::parse("c1XyZ0aBcDeFgHiJkLmN"), Ok(Field::Custom("c1XyZ0aBcDeFgHiJkLmN".to_owned())));
        for (name, says) in [
            ("timeZone", "did you mean timezone?"),
            ("postal_code", "did you mean postalCode?"),
            ("email", "is for people to fill"),
            ("favourite", "is neither one of"),
            ("c1XyZ0aBcDeFgHiJkL/N", "is neither one of"),
        ] {
            let error = Field::parse(name).unwrap_err();
            assert!(error.contains(says), "{name}: {error}");
        }
    }

    #[test]
    fn empty_is_what_holds_nothing() {
        let contact = json!({
            "city": "", "state": " ", "country": null, "timezone": "UTC", "unparsed": { "postalCode": [1] },
            "customFields": [{ "id": "aaaaaaaaaaaaaaaaaaaa", "value": "" }, { "id": "bbbbbbbbbbbbbbbbbbbb", "value": 0 }],
        });
        let empty = |name: &str| Field::parse(name).unwrap().is_empty_in(&contact);
        assert!(empty("city") && empty("state") && empty("country") && !empty("timezone"));
        assert!(!empty("postalCode"), "GHL holds something that could not be read");
        assert!(empty("aaaaaaaaaaaaaaaaaaaa") && !empty("bbbbbbbbbbbbbbbbbbbb") && empty("cccccccccccccccccccc"));
    }

    #[test]
    fn values_are_checked() {
        let check = |name: &str, value: &str| Field::parse(name).unwrap().check(value).ok();
        assert_eq!(check("timezone", "Europe/Berlin"), Some(json!("Europe/Berlin")));
        assert_eq!(check("country", "de"), Some(json!("DE")), "as GHL takes it");
        assert_eq!(check("city", "Köln"), Some(json!("Köln")));
        assert_eq!(check("c1XyZ0aBcDeFgHiJkLmN", "any"), Some(json!("any")));
        for (name, value) in [("timezone", "Berlin time"), ("country", "Germany"), ("country", "ZZ"), ("city", "a\nb")]
        {
            assert_eq!(check(name, value), None, "{name}: {value}");
        }
        let why = Field::Standard("country").check("Germany").unwrap_err();
        assert_eq!(why, "Its value must be a country's two-letter code (ISO 3166-1) such as US.");
    }
}
