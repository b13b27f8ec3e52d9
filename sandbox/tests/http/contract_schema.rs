//! A validator for the part of JSON Schema that GHL's OpenAPI uses. It names every departure, undeclared properties
//! included, so that a misspelt key cannot hide.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// GHL's documents, as the team shares them.
#[derive(Debug)]
pub(crate) struct Documents {
    spec: Value,
    common: Value,
}

/// One departure from a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Departure {
    /// `contact.tags.0`
    pub(crate) at: String,
    pub(crate) what: String,
}

/// Where the shared documents lie: named by the environment, or beside the workspace.
pub(crate) fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("GHL_ENRICH_SHARED").map(PathBuf::from);
    let beside = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared"));
    let folder = named.unwrap_or_else(|| beside.to_owned()).join("ghl-openapi");
    folder.is_dir().then_some(folder)
}

impl Documents {
    pub(crate) fn load(folder: &Path, name: &str) -> Self {
        let read = |name: &str| {
            let text = std::fs::read_to_string(folder.join(name)).expect("a shared document");
            serde_json::from_str(&text).expect("JSON")
        };
        Self { spec: read(name), common: read("common-schemas.json") }
    }

    /// (method, path, operation)
    pub(crate) fn operations(&self) -> Vec<(String, String, &Value)> {
        let paths = self.spec["paths"].as_object().into_iter().flatten();
        let all = paths.flat_map(|(path, methods)| {
            let methods = methods.as_object().into_iter().flatten();
            methods.map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
        });
        all.collect()
    }

    pub(crate) fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let Some(reference) = schema["$ref"].as_str() else { return schema };
        let (file, pointer) = reference.split_once('#').unwrap_or(("", reference));
        let document = if file.is_empty() { &self.spec } else { &self.common };
        let target = document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"));
        self.resolve(target)
    }

    /// Every departure of a value from a schema.
    pub(crate) fn check(&self, schema: &Value, value: &Value) -> Vec<Departure> {
        let mut found = Vec::new();
        self.walk(schema, value, "", &mut found);
        found
    }

    fn walk(&self, schema: &Value, value: &Value, at: &str, found: &mut Vec<Departure>) {
        let nullable = schema["nullable"] == true;
        let schema = self.resolve(schema);
        let mut say = |what: String| found.push(Departure { at: at.to_owned(), what });
        if value.is_null() {
            if !nullable && schema["nullable"] != true && !is_open(schema) {
                say("is null".to_owned());
            }
            return;
        }
        if let Some(wanted) = schema["type"].as_str().filter(|wanted| !is_of(value, wanted)) {
            say(format!("is no {wanted}"));
            return;
        }
        if schema["enum"].as_array().is_some_and(|values| !values.contains(value)) {
            say("is none of the listed values".to_owned());
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.walk(part, value, at, found);
        }
        for key in ["anyOf", "oneOf"] {
            let options = schema[key].as_array();
            if options.is_some_and(|options| options.iter().all(|option| !self.check(option, value).is_empty())) {
                found.push(Departure { at: at.to_owned(), what: format!("fits nothing of {key}") });
            }
        }
        self.members(schema, value, at, found);
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            if !schema["items"].is_null() {
                self.walk(&schema["items"], item, &join(at, &index.to_string()), found);
            }
        }
    }

    fn members(&self, schema: &Value, value: &Value, at: &str, found: &mut Vec<Departure>) {
        let (Some(properties), Some(map)) = (schema["properties"].as_object(), value.as_object()) else { return };
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !map.contains_key(name) {
                found.push(Departure { at: join(at, name), what: "is missing".to_owned() });
            }
        }
        for (name, member) in map {
            match properties.get(name) {
                Some(schema) => self.walk(schema, member, &join(at, name), found),
                None => found.push(Departure { at: join(at, name), what: "is not declared".to_owned() }),
            }
        }
    }

    /// A value for everything that a schema declares, so that a request can carry all of it.
    pub(crate) fn sample(&self, name: &str, schema: &Value) -> Value {
        let schema = self.resolve(schema);
        if let Some(first) = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema[*key].get(0)) {
            return self.sample(name, first);
        }
        if let Some(first) = schema["enum"].get(0) {
            return first.clone();
        }
        match schema["type"].as_str() {
            Some("object") => {
                let members = schema["properties"].as_object().into_iter().flatten();
                members
                    .map(|(name, schema)| (name.clone(), self.sample(name, schema)))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }
            Some("array") => json!([self.sample(name, &schema["items"])]),
            Some("boolean") => json!(true),
            Some("number") => json!(1),
            _ => json!(format!("sample {name}")),
        }
    }
}

/// A schema that says nothing takes anything.
fn is_open(schema: &Value) -> bool {
    schema.as_object().is_some_and(serde_json::Map::is_empty)
}

fn is_of(value: &Value, wanted: &str) -> bool {
    match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => false,
    }
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

#[test]
fn the_validator_finds_what_it_should() {
    let common = json!({"components": {"schemas": {"Far": {"type": "string", "enum": ["a"]}}}});
    let near = json!({"type": "object", "required": ["id", "gone"], "properties": {
        "id": {"type": "string"}, "list": {"type": "array", "items": {"type": "number"}},
        "far": {"$ref": "../common/common-schemas.json#/components/schemas/Far"},
        "maybe": {"type": "string", "nullable": true}, "one": {"oneOf": [{"type": "number"}, {"type": "boolean"}]},
        "wrapped": {"allOf": [{"$ref": "#/components/schemas/Wrapped"}]},
    }});
    let spec = json!({"components": {"schemas": {"Near": near, "Wrapped": {"type": "object", "properties": {}}}}});
    let documents = Documents { spec, common };
    let value =
        json!({"id": null, "list": [1, "x"], "far": "b", "maybe": null, "one": "x", "wrapped": {"y": 1}, "extra": 1});
    let found = documents.check(&json!({"$ref": "#/components/schemas/Near"}), &value);
    let mut lines: Vec<String> = found.iter().map(|departure| format!("{} {}", departure.at, departure.what)).collect();
    lines.sort();
    let expected = [
        "extra is not declared",
        "far is none of the listed values",
        "gone is missing",
        "id is null",
        "list.1 is no number",
        "one fits nothing of oneOf",
        "wrapped.y is not declared",
    ];
    assert_eq!(lines, expected);
}
