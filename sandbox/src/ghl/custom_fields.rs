//! Custom fields: written as `{id | key, field_value}`, read as `{id, value}`, merged by id, each type with its habits.

use serde_json::{Value, json};

use crate::model::{Contact, FieldDefinition, FieldKind};

/// Merges what a body sent into what the contact has. Fields the location does not define are dropped silently.
pub(crate) fn merge(contact: &mut Contact, sent: Option<&Value>, definitions: &[FieldDefinition]) {
    for entry in sent.and_then(Value::as_array).into_iter().flatten() {
        let Some(definition) = definition_of(entry, definitions) else { continue };
        let Some(value) = entry.get("field_value").or_else(|| entry.get("fieldValue")) else { continue };
        let Some(stored) = stored(definition.kind, value) else { continue };
        contact.custom_fields.retain(|(id, _)| id != &definition.id);
        if stored != Value::Null {
            contact.custom_fields.push((definition.id.clone(), stored));
        }
    }
}

/// Does a body write files, and no other field?
pub(crate) fn only_files(sent: &Value, definitions: &[FieldDefinition]) -> bool {
    let is_file = |entry| definition_of(entry, definitions).is_some_and(|field| field.kind == FieldKind::FileUpload);
    sent.as_array().is_some_and(|entries| entries.iter().all(is_file))
}

fn definition_of<'a>(entry: &Value, definitions: &'a [FieldDefinition]) -> Option<&'a FieldDefinition> {
    let id = entry.get("id").and_then(Value::as_str);
    let key = entry.get("key").and_then(Value::as_str);
    definitions.iter().find(|definition| {
        let short = definition.key.strip_prefix("contact.").unwrap_or(&definition.key);
        id == Some(&definition.id) || key.is_some_and(|key| key == definition.key || key == short)
    })
}

/// The value as stored: `Null` clears, `None` leaves the field as it is (an empty string does, for some types).
fn stored(kind: FieldKind, value: &Value) -> Option<Value> {
    let empty = value.as_str() == Some("");
    match kind {
        FieldKind::Numerical | FieldKind::Monetory | FieldKind::Date if empty => None,
        _ if empty || value.is_null() => Some(Value::Null),
        FieldKind::Numerical | FieldKind::Monetory => match value {
            Value::String(text) => text.parse::<f64>().ok().map(|number| json!(number)),
            other => Some(other.clone()),
        },
        FieldKind::Date => value.as_str().map(|text| text.split('T').next().unwrap_or_default().into()),
        FieldKind::Checkbox | FieldKind::MultipleOptions => match value {
            Value::Array(_) => Some(value.clone()),
            other => Some(json!([other])),
        },
        FieldKind::FileUpload => value.is_object().then(|| value.clone()),
        FieldKind::Text | FieldKind::LargeText | FieldKind::SingleOptions => match value {
            Value::String(_) => Some(value.clone()),
            other => Some(other.to_string().into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_its_habits() {
        assert_eq!(stored(FieldKind::Date, &json!("2026-03-02T10:00:00Z")), Some(json!("2026-03-02")));
        assert_eq!(stored(FieldKind::Numerical, &json!("12.5")), Some(json!(12.5)));
        assert_eq!(stored(FieldKind::Numerical, &json!("")), None);
        assert_eq!(stored(FieldKind::Text, &json!("")), Some(Value::Null));
        assert_eq!(stored(FieldKind::Checkbox, &json!(["a", "b"])), Some(json!(["a", "b"])));
    }
}
