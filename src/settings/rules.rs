//! `enrichment.rules`: a list of tables, each a rule as it is written. Whether its expressions compile, the rules engine says.

use super::{
    auth_keys::Placed,
    error::{Problem, quoted},
    nearest::nearest,
};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// One rule as it is written; the rules engine compiles it.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSettings {
    /// Its name, unique.
    pub name: String,
    /// The condition, an expression over the profile; empty holds always.
    pub when: String,
    /// Tags it manages begin with this.
    pub managed_prefix: String,
    /// Templates of tags.
    pub tags: Vec<String>,
    /// Templates of values by field: a standard field's name, or a custom field's id.
    pub fields: BTreeMap<String, String>,
}

const FIELDS: [&str; 5] = ["name", "when", "managed_prefix", "tags", "fields"];

/// Parses the whole list; names are unique in it.
pub(super) fn parse(value: &Value) -> Result<Vec<RuleSettings>, Vec<Placed>> {
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    let mut problems = Vec::new();
    let mut rules: Vec<RuleSettings> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let Some(table) = item.as_table() else {
            problems
                .push((format!("[{index}]"), Problem::new("is no table", "Write [[enrichment.rules]] and its keys.")));
            continue;
        };
        let rule = parse_rule(index, table, &mut problems);
        if rules.iter().any(|known| known.name == rule.name) {
            let problem = Problem::new("is the name of another rule", "Give each rule its own name.");
            problems.push((format!("[{index}].name"), problem));
        }
        rules.push(rule);
    }
    if problems.is_empty() { Ok(rules) } else { Err(problems) }
}

fn parse_rule(index: usize, table: &Table, problems: &mut Vec<Placed>) -> RuleSettings {
    for strange in table.keys().filter(|field| !FIELDS.contains(&field.as_str())) {
        let remedy = match nearest(strange, FIELDS) {
            Some(meant) => format!("Did you mean {meant}?"),
            None => format!("A rule has {}.", FIELDS.join(", ")),
        };
        problems
            .push((format!("[{index}]"), Problem::new(format!("has an unknown field {}", quoted(strange)), remedy)));
    }
    let mut take = |field: &str, what: &str, remedy: &str| {
        problems.push((format!("[{index}].{field}"), Problem::new(what.to_owned(), remedy.to_owned())));
    };
    let mut text = |field: &str| match table.get(field) {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(_) => {
            take(field, "is no text", "Write it in quotes.");
            String::new()
        }
    };
    let (name, when, managed_prefix) = (text("name"), text("when"), text("managed_prefix"));
    if name.is_empty() || name.len() > 64 {
        take("name", "is missing, empty or longer than 64 bytes", "Give the rule a short name.");
    }
    let tags = match table.get("tags") {
        None => Some(Vec::new()),
        Some(value) => {
            value.as_array().and_then(|list| list.iter().map(|tag| tag.as_str().map(str::to_owned)).collect())
        }
    };
    if tags.is_none() {
        take("tags", "is no list of texts", "Write for example tags = [\"geo:{{ ip.geo.countryCode }}\"].");
    }
    let fields = match table.get("fields") {
        None => Some(BTreeMap::new()),
        Some(value) => value.as_table().and_then(|fields| {
            fields.iter().map(|(field, value)| Some((field.clone(), value.as_str()?.to_owned()))).collect()
        }),
    };
    if fields.is_none() {
        take("fields", "is no table of texts", "Write for example fields = { timezone = \"{{ ip.geo.timezone }}\" }.");
    }
    RuleSettings { name, when, managed_prefix, tags: tags.unwrap_or_default(), fields: fields.unwrap_or_default() }
}
