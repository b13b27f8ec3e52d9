//! `auth.keys`: a list of tables, each an API key's name, hash, roles and locations.

use super::{
    ApiKey, Role,
    error::{Problem, quoted},
    nearest::nearest,
    values,
};
use crate::domain::ids::LocationId;
use std::collections::BTreeSet;
use toml::{Table, Value};

/// A problem and where in the list it is, such as `[1].roles`.
pub(super) type Placed = (String, Problem);

/// The roles by their names in settings.
pub(super) const ROLES: [(&str, Role); 3] = [("read", Role::Read), ("write", Role::Write), ("admin", Role::Admin)];

const FIELDS: [&str; 4] = ["name", "sha256", "roles", "locations"];

const MAKE_ONE: &str = "`ghl-enrich keys new --name NAME --role read` prints a line to paste.";

/// Parses the whole list; names and hashes are unique in it.
pub(super) fn parse(value: &Value) -> Result<Vec<ApiKey>, Vec<Placed>> {
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    let mut problems = Vec::new();
    let mut keys: Vec<(usize, ApiKey)> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let Some(key) = parse_key(index, item, &mut problems) else { continue };
        for (other, known) in &keys {
            if known.name == key.name {
                let problem = Problem::new(format!("has the name of [{other}]"), "Give each key its own name.");
                problems.push((format!("[{index}].name"), problem));
            }
            if known.sha256 == key.sha256 {
                let problem =
                    Problem::new(format!("has the hash of [{other}]"), "List each key once, with all its roles.");
                problems.push((format!("[{index}].sha256"), problem));
            }
        }
        keys.push((index, key));
    }
    if problems.is_empty() { Ok(keys.into_iter().map(|(_, key)| key).collect()) } else { Err(problems) }
}

fn parse_key(index: usize, item: &Value, problems: &mut Vec<Placed>) -> Option<ApiKey> {
    let Some(table) = item.as_table() else {
        problems.push((format!("[{index}]"), Problem::new("is no table", MAKE_ONE)));
        return None;
    };
    for strange in table.keys().filter(|field| !FIELDS.contains(&field.as_str())) {
        let remedy = match nearest(strange, FIELDS) {
            Some(meant) => format!("Did you mean {meant}?"),
            None => format!("A key has {}.", FIELDS.join(", ")),
        };
        problems
            .push((format!("[{index}]"), Problem::new(format!("has an unknown field {}", quoted(strange)), remedy)));
    }
    let mut take = |field: &str, problem: Problem| problems.push((format!("[{index}].{field}"), problem));
    let name = parse_name(table).map_err(|problem| take("name", problem)).ok();
    let sha256 = parse_hash(table).map_err(|problem| take("sha256", problem)).ok();
    let roles = parse_roles(table).map_err(|problem| take("roles", problem)).ok();
    let locations = parse_locations(table).map_err(|problem| take("locations", problem)).ok();
    Some(ApiKey { name: name?, sha256: sha256?, roles: roles?, locations: locations? })
}

fn parse_name(table: &Table) -> Result<String, Problem> {
    let name = table.get("name").and_then(Value::as_str).unwrap_or_default();
    check_name(name).map(|()| name.to_owned())
}

/// Whether a text can name a key: it stands in logs, in the audit and in a metric's label.
pub(super) fn check_name(name: &str) -> Result<(), Problem> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !name.is_empty() && name.len() <= 64 && name.bytes().all(plain) && !name.starts_with("ghle_") {
        return Ok(());
    }
    let remedy = "Write up to 64 letters, digits, '-', '_' or '.', e.g. name = \"dashboard\".";
    Err(Problem::new(format!("{} is no name for a key", quoted(name)), remedy))
}

fn parse_hash(table: &Table) -> Result<[u8; 32], Problem> {
    // Never quoted: a plain key is what people put here by mistake.
    let text = table.get("sha256").and_then(Value::as_str).unwrap_or_default();
    if text.starts_with("ghle_") {
        let remedy = "Make a new key, since this one now stands in a file: `ghl-enrich keys new`.";
        return Err(Problem::new("is a key itself, not its SHA-256", remedy));
    }
    from_hex(text).ok_or_else(|| Problem::new("is no SHA-256: that has 64 hex digits", MAKE_ONE))
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}

fn parse_roles(table: &Table) -> Result<BTreeSet<Role>, Problem> {
    let missing = || Problem::new("must list at least one role", "Write for example roles = [\"read\"].");
    let names = table.get("roles").and_then(Value::as_array).filter(|names| !names.is_empty()).ok_or_else(missing)?;
    names.iter().map(|name| values::choice(name.as_str().unwrap_or_default(), &ROLES)).collect()
}

fn parse_locations(table: &Table) -> Result<Option<BTreeSet<LocationId>>, Problem> {
    let Some(given) = table.get("locations") else { return Ok(None) };
    let empty =
        || Problem::new("lists no location, so the key could do nothing", "Leave it out to mean all locations.");
    let ids = given.as_array().filter(|ids| !ids.is_empty()).ok_or_else(empty)?;
    ids.iter().map(|id| values::location(id.as_str().unwrap_or_default())).collect::<Result<_, _>>().map(Some)
}
