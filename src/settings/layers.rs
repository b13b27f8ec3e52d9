//! The layers laid over each other: for every known key one value of the right TOML type, and where it came from.
//!
//! The order is defaults < file < well-known variables (`GHL_TOKEN` …) < `ENRICH_SECTION__KEY` < flags. A well-known
//! variable that is empty counts as not set, for compose files like to pass on what is not there; an empty `ENRICH_`
//! variable is an empty text, and so clears what the file says.

use super::{
    DEFAULTS, Sources,
    document::{self, Entry, Which},
    error::{Origin, Problem, SettingsError},
    nearest::nearest,
};
use std::{collections::BTreeMap, io::Read as _, path::Path};
use toml::Value;

const PREFIX: &str = "ENRICH_";

/// Names that people know already, and the keys they set.
const WELL_KNOWN: [(&str, &str); 4] = [
    ("GHL_TOKEN", "ghl.token"),
    ("GHL_TOKEN_FILE", "ghl.token_file"),
    ("IPINFO_TOKEN", "ipinfo.token"),
    ("IPINFO_TOKEN_FILE", "ipinfo.token_file"),
];

/// The largest settings file that is read.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// A value and where it came from.
#[derive(Debug, Clone)]
pub(super) struct Layered {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// All keys, each with its uppermost value.
#[derive(Debug)]
pub(super) struct Layers {
    keys: BTreeMap<String, Layered>,
}

/// Whether a variable is meant for us. Kubernetes puts variables of its own beside ours for every Service in the
/// namespace (`ENRICH_PORT_8080_TCP` for one called "enrich"); a single underscore tells them from `ENRICH_HTTP__BIND`.
pub(super) fn is_ours(name: &str) -> bool {
    WELL_KNOWN.iter().any(|(known, _)| *known == name) || name.starts_with(PREFIX) && !is_service_link(name)
}

fn is_service_link(name: &str) -> bool {
    let port = name.split_once("_PORT").is_some_and(|(_, after)| {
        let of_protocol = ["_TCP", "_UDP", "_SCTP"].iter().any(|protocol| after.contains(protocol));
        after.is_empty() || of_protocol
    });
    !name.contains("__") && (port || name.ends_with("_SERVICE_HOST") || name.contains("_SERVICE_PORT"))
}

impl Layers {
    /// Lays the sources over the defaults. What is unknown or of a wrong type is an error and leaves what lies below.
    pub(super) fn collect(sources: &Sources, errors: &mut Vec<SettingsError>) -> Self {
        let defaults = document::parse(DEFAULTS, Which::Defaults, errors);
        let keys = defaults.into_iter().map(|e| (e.key, Layered { value: e.value, origin: e.origin })).collect();
        let mut layers = Self { keys };
        if let Some(path) = &sources.file {
            layers.lay_file(path, errors);
        }
        for (name, key) in WELL_KNOWN {
            let given = sources.environment.get(name).filter(|value| !value.is_empty());
            if let Some(value) = given {
                layers.lay_text(key, value, Origin::Variable(name.to_owned()), errors);
            }
        }
        for (name, value) in sources.environment.iter().filter(|(name, _)| is_ours(name)) {
            if let Some(rest) = name.strip_prefix(PREFIX) {
                let key = rest.to_ascii_lowercase().replacen("__", ".", 1);
                layers.lay_text(&key, value, Origin::Variable(name.clone()), errors);
            }
        }
        for (key, value) in &sources.flags {
            match value {
                Value::String(text) => layers.lay_text(key, text, Origin::Flag, errors),
                value => layers.lay(Entry { key: key.clone(), value: value.clone(), origin: Origin::Flag }, errors),
            }
        }
        layers
    }

    pub(super) fn get(&self, key: &str) -> Option<&Layered> {
        self.keys.get(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Layered)> {
        self.keys.iter().map(|(key, layered)| (key.as_str(), layered))
    }

    /// A key is secret if there is one beside it that names a file for it.
    pub(super) fn is_secret(&self, key: &str) -> bool {
        self.keys.contains_key(&format!("{key}_file"))
    }

    fn lay_file(&mut self, path: &Path, errors: &mut Vec<SettingsError>) {
        match read_file(path) {
            Ok(text) => {
                let entries = document::parse(&text, Which::File(path), errors);
                let (known, strange): (Vec<_>, Vec<_>) =
                    entries.into_iter().partition(|entry| self.has_section(section_of(&entry.key)));
                self.refuse_sections(&strange, errors);
                for entry in known {
                    self.lay(entry, errors);
                }
            }
            Err(problem) => errors.push(SettingsError::new("settings file", &Origin::File(path.to_owned()), problem)),
        }
    }

    /// Lays a text, which stands for a value of the key's own type.
    fn lay_text(&mut self, key: &str, text: &str, origin: Origin, errors: &mut Vec<SettingsError>) {
        let wants_text = self.keys.get(key).is_none_or(|below| below.value.is_str());
        let parsed = if wants_text { None } else { document::parse_value(text) };
        let value = parsed.unwrap_or_else(|| Value::String(text.to_owned()));
        self.lay(Entry { key: key.to_owned(), value, origin }, errors);
    }

    fn lay(&mut self, entry: Entry, errors: &mut Vec<SettingsError>) {
        let Entry { key, value, origin } = entry;
        let secret = self.is_secret(&key);
        match self.keys.get_mut(&key) {
            Some(below) if below.value.same_type(&value) => *below = Layered { value, origin },
            Some(below) => {
                let problem = wrong_type(&key, &below.value, &value, secret);
                errors.push(SettingsError::new(key, &origin, problem));
            }
            None => {
                let problem = self.unknown(&key, &origin);
                errors.push(SettingsError::new(key, &origin, problem));
            }
        }
    }

    fn has_section(&self, section: &str) -> bool {
        self.sections().any(|known| known == section)
    }

    fn sections(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(|key| section_of(key))
    }

    /// One error for each unknown section, not one for each of its keys.
    fn refuse_sections(&self, entries: &[Entry], errors: &mut Vec<SettingsError>) {
        let mut refused: Vec<&str> = Vec::new();
        for Entry { key, origin, .. } in entries {
            let section = section_of(key);
            if section == key {
                errors.push(SettingsError::new(key, origin, self.unknown(key, origin)));
            } else if !refused.contains(&section) {
                refused.push(section);
                let remedy = nearest(section, self.sections())
                    .map_or_else(|| self.list_sections(), |meant| format!("Did you mean [{meant}]?"));
                errors.push(SettingsError::new(section, origin, Problem::new("is no section of the settings", remedy)));
            }
        }
    }

    fn list_sections(&self) -> String {
        let mut names: Vec<_> = self.sections().collect();
        names.dedup();
        format!("The sections are {}.", names.join(", "))
    }

    fn unknown(&self, key: &str, origin: &Origin) -> Problem {
        let meant = nearest(key, self.keys.keys().map(String::as_str));
        let remedy = match (meant, origin) {
            (Some(meant), Origin::Variable(_)) => format!("Did you mean {}?", variable_of(meant)),
            (Some(meant), _) => match meant.split_once('.') {
                Some((section, name)) => format!("Did you mean {name} in [{section}]?"),
                None => format!("Did you mean {meant}?"),
            },
            (None, Origin::Variable(_)) => {
                "A variable is named ENRICH_SECTION__KEY, e.g. ENRICH_HTTP__BIND.".to_owned()
            }
            (None, _) => "`ghl-enrich check` lists every key.".to_owned(),
        };
        Problem::new("is no known key", remedy)
    }
}

/// The variable that sets a key.
pub(super) fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replacen('.', "__", 1).to_ascii_uppercase())
}

fn section_of(key: &str) -> &str {
    key.split_once('.').map_or(key, |(section, _)| section)
}

fn wrong_type(key: &str, wanted: &Value, given: &Value, secret: bool) -> Problem {
    let name = match wanted {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list",
        Value::Float(_) | Value::Datetime(_) | Value::Table(_) => "of another type",
    };
    let example = match (wanted, given) {
        (Value::String(_), _) if secret => "Put it in quotes.".to_owned(),
        (Value::String(_), Value::Integer(_) | Value::Datetime(_) | Value::Boolean(_) | Value::Float(_)) => {
            format!("Put it in quotes: \"{given}\".")
        }
        (Value::Integer(_), Value::String(text)) => converted(key, text),
        (Value::Array(_), _) if key == "sources.systems" => "Write [[sources.systems]] and its keys.".to_owned(),
        (Value::Array(_), _) if key == "auth.keys" => "`ghl-enrich keys new` prints what to write.".to_owned(),
        (Value::Array(_), _) => "Write for example [\"one\", \"two\"], or [] for none.".to_owned(),
        _ => format!("Write for example {wanted}."),
    };
    Problem::new(format!("must be {name}, not {}", spoken(given)), example)
}

/// What to write in place of `"5s"`.
fn converted(key: &str, text: &str) -> String {
    let (unit, milliseconds) = match key {
        _ if key.ends_with("_ms") => ("milliseconds", 1),
        _ if key.ends_with("_seconds") => ("seconds", 1_000),
        _ if key.ends_with("_minutes") => ("minutes", 60_000),
        _ if key.ends_with("_hours") => ("hours", 3_600_000),
        _ if key.ends_with("_days") => ("days", 86_400_000),
        _ if key.ends_with("_bytes") => return "Write the number of bytes, without a unit.".to_owned(),
        _ => return "Write the number alone.".to_owned(),
    };
    match text.parse::<jiff::SignedDuration>() {
        Ok(time) if time.as_millis() % milliseconds == 0 => {
            format!("The key counts {unit}: write {}.", time.as_millis() / milliseconds)
        }
        _ => format!("Write the number of {unit}, without a unit."),
    }
}

fn spoken(value: &Value) -> &'static str {
    match value {
        Value::String(text) if text.is_empty() => "nothing",
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}

fn read_file(path: &Path) -> Result<String, Problem> {
    let unreadable = |error: std::io::Error| {
        Problem::new(format!("cannot be read: {error}"), "Check the path given with --config and its permissions.")
    };
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(Problem::new(format!("is larger than {MAX_FILE_BYTES} bytes"), "Give the settings file itself."));
    }
    String::from_utf8(text).map_err(|_| Problem::new("is not UTF-8 text", "Save it as UTF-8."))
}
