//! Fields that leave the process nowhere: cut out of GHL's JSON before anything is made of it, so that no cache, log or
//! answer can hold them.

use crate::settings::is_structural;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Names under which GHL sends the same thing: who redacts one redacts all of its row.
const SAME: &[&[&str]] = &[
    &["firstName", "firstNameRaw", "firstNameLowerCase"],
    &["lastName", "lastNameRaw", "lastNameLowerCase"],
    &["name", "contactName", "fullNameLowerCase"],
    &["email", "emailLowerCase"],
    &["address1", "address"],
    &["companyName", "businessName"],
    &["url", "pageUrl"],
    &["sessionSource", "utmSessionSource"],
    &["customFields", "customField"],
];

/// The redacted names: `ssn` always, and those configured. Cheap to clone.
///
/// A name counts at any depth of a record, without regard to case, and for a custom field's id or key too.
#[derive(Debug, Clone)]
pub struct Redaction {
    names: Arc<[String]>,
}

impl Redaction {
    /// `ssn` and the names given (`profile.redact`); those without which a record is none are passed over.
    pub fn new(names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut all = vec!["ssn".to_owned()];
        for name in names {
            let name = name.as_ref().trim();
            if name.is_empty() || is_structural(name) {
                continue;
            }
            all.push(name.to_owned());
            let row = SAME.iter().find(|row| row.iter().any(|same| same.eq_ignore_ascii_case(name)));
            all.extend(row.into_iter().flat_map(|row| row.iter().map(|&same| same.to_owned())));
        }
        Self { names: all.into() }
    }

    /// Whether a field of this name is redacted.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        self.names.iter().any(|redacted| redacted.eq_ignore_ascii_case(name))
    }

    /// Cuts redacted fields out, at every depth.
    pub fn strip(&self, map: &mut Map<String, Value>) {
        map.retain(|name, value| {
            let kept = !self.covers(name);
            if kept {
                self.strip_value(value);
            }
            kept
        });
    }

    fn strip_value(&self, value: &mut Value) {
        match value {
            Value::Object(map) => self.strip(map),
            Value::Array(list) => {
                list.retain(|entry| !self.names_a_redacted_field(entry));
                list.iter_mut().for_each(|entry| self.strip_value(entry));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// A custom field says which field it is in a value, not in a key.
    fn names_a_redacted_field(&self, entry: &Value) -> bool {
        ["id", "key", "fieldKey", "field_key"].iter().any(|&holder| {
            let named = entry.get(holder).and_then(Value::as_str);
            named.is_some_and(|named| self.covers(named.strip_prefix("contact.").unwrap_or(named)))
        })
    }
}

impl Default for Redaction {
    /// `ssn` alone.
    fn default() -> Self {
        Self::new([""; 0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stripped(names: &[&str], value: Value) -> Value {
        let mut map = value.as_object().unwrap().clone();
        Redaction::new(names).strip(&mut map);
        Value::Object(map)
    }

    #[test]
    fn ssn_goes_always_and_at_every_depth() {
        let given = json!({"id": "a", "ssn": "1", "more": {"SSN": "1", "kept": [{"ssn": 1, "b": 2}]}});
        assert_eq!(stripped(&[], given), json!({"id": "a", "more": {"kept": [{"b": 2}]}}));
    }

    #[test]
    fn a_custom_field_goes_by_its_id_or_key() {
        let given =
            json!({"customFields": [{"id": "f1", "value": 1}, {"id": "f2", "key": "contact.salary"}, {"id": "f3"}]});
        assert_eq!(stripped(&["f1", "salary"], given), json!({"customFields": [{"id": "f3"}]}));
    }

    #[test]
    fn custom_fields_go_as_a_whole_under_either_name() {
        let given = json!({"id": "a", "customFields": [{"id": "f1"}], "customField": [{"id": "f1"}], "tags": []});
        assert_eq!(stripped(&["customFields"], given), json!({"id": "a", "tags": []}));
    }

    #[test]
    fn other_spellings_of_a_redacted_field_go_with_it() {
        let given = json!({"firstName": "d", "firstNameRaw": "D", "firstNameLowerCase": "d", "lastName": "o"});
        assert_eq!(stripped(&["firstName"], given), json!({"lastName": "o"}));
    }

    #[test]
    fn what_makes_a_record_cannot_be_redacted() {
        let given = json!({"id": "a", "locationId": "b"});
        assert_eq!(stripped(&["id", "locationId"], given.clone()), given);
    }
}
