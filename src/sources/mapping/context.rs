//! A payload as expressions see it: what is `null` is not there, and properties stand in the order of the payload.

use minijinja::{
    Value as Jinja,
    value::{Enumerator, Object},
};
use serde_json::{Map, Value};
use std::{collections::HashMap, sync::Arc};

/// The engine's own maps are sorted: a form's answers would change their order.
#[derive(Debug)]
struct Properties {
    names: Vec<Jinja>,
    values: HashMap<String, Jinja>,
}

impl Object for Properties {
    fn get_value(self: &Arc<Self>, name: &Jinja) -> Option<Jinja> {
        self.values.get(name.as_str()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.names.clone())
    }
}

/// JSON for the engine.
pub(super) fn jinja(value: &Value) -> Jinja {
    match value {
        Value::Null => Jinja::from(()),
        Value::Bool(truth) => Jinja::from(*truth),
        Value::String(text) => Jinja::from(text.as_str()),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Jinja::from(number),
            (None, Some(number)) => Jinja::from(number),
            (None, None) => Jinja::from(number.as_f64().unwrap_or_default()),
        },
        Value::Array(items) => items.iter().map(jinja).collect(),
        Value::Object(map) => properties(map),
    }
}

fn properties(map: &Map<String, Value>) -> Jinja {
    let known = || map.iter().filter(|(_, value)| !value.is_null());
    Jinja::from_object(Properties {
        names: known().map(|(name, _)| Jinja::from(name.as_str())).collect(),
        values: known().map(|(name, value)| (name.clone(), jinja(value))).collect(),
    })
}

/// What an expression is evaluated in: `payload`, and as far as they are known `data` and `type`.
pub(super) fn roots(payload: &Jinja, data: Option<&Jinja>, kind: Option<&str>) -> Jinja {
    let all = [("payload", Some(payload.clone())), ("data", data.cloned()), ("type", kind.map(Jinja::from))];
    Jinja::from_iter(all.into_iter().filter_map(|(name, value)| Some((name, value?))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn properties_keep_their_order_and_nulls_are_gone() {
        let value = json!({"z": 1, "a": {"y": [null, 1.5], "b": true}, "n": null});
        let shown = serde_json::to_string(&jinja(&value)).unwrap();
        assert_eq!(shown, r#"{"z":1,"a":{"y":[null,1.5],"b":true}}"#);
    }
}
