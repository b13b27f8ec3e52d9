//! `sources.systems`: a list of tables, each an outside system that pushes.

use super::{SignatureScheme, SignatureSettings, SystemSettings};
use crate::{
    domain::{
        country::Country,
        ids::LocationId,
        source::SourceName,
        write::{InvalidTag, Tag},
    },
    settings::{
        auth_keys::Placed,
        error::{Problem, quoted},
        nearest::nearest,
        secret::{LiveSecret, MAX_SECRETS, Secret, signing},
        values,
    },
};
use jiff::tz::TimeZone;
use phonenumber::metadata::DATABASE;
use std::{path::PathBuf, time::Duration};
use toml::{Table, Value};

const FIELDS: [&str; 16] = [
    "name",
    "preset",
    "location_id",
    "signature",
    "secrets",
    "secrets_file",
    "signature_header",
    "signature_prefix",
    "signature_encoding",
    "tolerance_seconds",
    "bad_events",
    "default_region",
    "timezone",
    "on_contact_deleted",
    "tag_prefix",
    "mapping",
];

/// Most sources: each costs a lane of work and a line in every list.
const MAX_SYSTEMS: usize = 100;
const TOLERANCE_SECONDS: i64 = 300;

/// A way of proving, before its secrets are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    Standard,
    Hmac,
    ApiKey,
}

const PROOFS: [(&str, Proof); 3] =
    [("standard-webhooks", Proof::Standard), ("hmac-sha256", Proof::Hmac), ("api-key", Proof::ApiKey)];

/// Parses the whole list; names are unique in it.
pub(super) fn parse(value: &Value, home: Option<&LocationId>) -> Result<Vec<SystemSettings>, Vec<Placed>> {
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    let mut problems = Vec::new();
    if items.len() > MAX_SYSTEMS {
        let problem = Problem::new(format!("lists {} sources", items.len()), format!("List at most {MAX_SYSTEMS}."));
        problems.push((String::new(), problem));
    }
    let mut systems: Vec<SystemSettings> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate().take(MAX_SYSTEMS) {
        let Some(table) = item.as_table() else {
            let problem = Problem::new("is no table", "Write [[sources.systems]] and its keys.");
            problems.push((format!("[{index}]"), problem));
            continue;
        };
        let Some(system) = (System { index, table, problems: &mut problems }).read(home) else { continue };
        if systems.iter().any(|known| known.name == system.name) {
            let problem = Problem::new("is the name of another source", "Give each source its own name.");
            problems.push((format!("[{index}].name"), problem));
        }
        systems.push(system);
    }
    if problems.is_empty() { Ok(systems) } else { Err(problems) }
}

/// One table on its way.
struct System<'a> {
    index: usize,
    table: &'a Table,
    problems: &'a mut Vec<Placed>,
}

impl System<'_> {
    fn refuse(&mut self, key: &str, problem: Problem) {
        let key = if key.is_empty() { String::new() } else { format!(".{key}") };
        self.problems.push((format!("[{}]{key}", self.index), problem));
    }

    fn read(&mut self, home: Option<&LocationId>) -> Option<SystemSettings> {
        self.check_keys();
        // All are read before the first missing one ends it, so that all errors are noted.
        let name = self.required("name", "Write for example name = \"insurgo\".", name);
        let preset = self.text("preset", |text| Ok(text.to_owned()));
        let location = self.location(home);
        let proof = self.text("signature", |text| values::choice(text, &PROOFS));
        let signature = proof.and_then(|proof| self.signature(proof.unwrap_or(Proof::Standard)));
        let bad_events =
            self.text("bad_events", |text| values::choice(text, &[("refuse", false), ("dead-letter", true)]));
        let region = self.text("default_region", region);
        let timezone = self.text("timezone", values::zone);
        let deleted =
            self.text("on_contact_deleted", |text| values::choice(text, &[("keep", false), ("delete", true)]));
        let tag_prefix = self.text("tag_prefix", tag_prefix);
        let mapping = self.mapping();
        Some(SystemSettings {
            name: name?,
            preset: preset?,
            location: location?,
            signature: signature?,
            keep_bad_events: bad_events?.unwrap_or(false),
            region: region?,
            timezone: timezone?.unwrap_or(TimeZone::UTC),
            delete_contacts: deleted?.unwrap_or(false),
            tag_prefix: tag_prefix?.unwrap_or_default(),
            mapping: mapping?,
        })
    }

    fn check_keys(&mut self) {
        let table = self.table;
        for strange in table.keys().filter(|key| !FIELDS.contains(&key.as_str())) {
            let remedy = match nearest(strange, FIELDS) {
                Some(meant) => format!("Did you mean {meant}?"),
                None => format!("A source has {}.", FIELDS.join(", ")),
            };
            self.refuse("", Problem::new(format!("has an unknown field {}", quoted(strange)), remedy));
        }
    }

    /// A text, `None` where it is not set or empty.
    #[expect(clippy::option_option, reason = "outside: is there an error; inside: is it set")]
    fn text<T>(&mut self, key: &str, parse: impl FnOnce(&str) -> Result<T, Problem>) -> Option<Option<T>> {
        let parsed = match self.table.get(key) {
            None => return Some(None),
            Some(Value::String(text)) if text.is_empty() => return Some(None),
            Some(Value::String(text)) => parse(text),
            Some(_) => Err(Problem::new("is no text", "Write it in quotes.")),
        };
        parsed.map(Some).map_err(|problem| self.refuse(key, problem)).ok()
    }

    fn required<T>(&mut self, key: &str, remedy: &str, parse: impl FnOnce(&str) -> Result<T, Problem>) -> Option<T> {
        let value = self.text(key, parse)?;
        if value.is_none() {
            self.refuse(key, Problem::new("is missing", remedy));
        }
        value
    }

    fn location(&mut self, home: Option<&LocationId>) -> Option<LocationId> {
        let own = self.text("location_id", values::location)?;
        let location = own.or_else(|| home.cloned());
        if location.is_none() {
            let remedy = "Write the location that its records go to, or set ghl.location_id.";
            self.refuse("location_id", Problem::new("is not set, and neither is ghl.location_id", remedy));
        }
        location
    }

    #[expect(clippy::option_option, reason = "outside: is there an error; inside: does it sign")]
    fn signature(&mut self, proof: Proof) -> Option<Option<SignatureSettings>> {
        if proof == Proof::ApiKey {
            self.forbid(&["secrets", "secrets_file", "tolerance_seconds"], "signature = \"api-key\" takes none");
        }
        if proof != Proof::Hmac {
            let keys = ["signature_header", "signature_prefix", "signature_encoding"];
            self.forbid(&keys, "only signature = \"hmac-sha256\" has it");
        }
        let tolerance = self.tolerance();
        let scheme = match proof {
            Proof::ApiKey => return Some(None),
            Proof::Standard => Some(SignatureScheme::Standard),
            Proof::Hmac => self.hmac(),
        };
        let secrets = self.secrets(proof);
        Some(Some(SignatureSettings { scheme: scheme?, secrets: secrets?, tolerance: tolerance? }))
    }

    fn forbid(&mut self, keys: &[&str], why: &str) {
        for key in keys.iter().filter(|key| self.table.contains_key(**key)).copied().collect::<Vec<_>>() {
            self.refuse(key, Problem::new(format!("is set, and {why}"), "Remove it, or write another signature."));
        }
    }

    fn hmac(&mut self) -> Option<SignatureScheme> {
        let remedy = "Write the header that bears the signature, e.g. x-signature-256.";
        let header = self.required("signature_header", remedy, header);
        let prefix = self.text("signature_prefix", prefix);
        let base64 = self.text("signature_encoding", |text| values::choice(text, &[("hex", false), ("base64", true)]));
        Some(SignatureScheme::Hmac {
            header: header?,
            prefix: prefix?.unwrap_or_default(),
            base64: base64?.unwrap_or(false),
        })
    }

    fn tolerance(&mut self) -> Option<Duration> {
        let seconds = match self.table.get("tolerance_seconds") {
            None => Some(TOLERANCE_SECONDS),
            Some(value) => value.as_integer().filter(|seconds| (1..=86_400).contains(seconds)),
        };
        if seconds.is_none() {
            let problem = Problem::new("is no time in bounds", "Write a number of seconds from 1 to 86400.");
            self.refuse("tolerance_seconds", problem);
        }
        seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs)
    }

    fn secrets(&mut self, proof: Proof) -> Option<Vec<LiveSecret>> {
        let fits = if proof == Proof::Standard { signing::is_standard } else { signing::is_plain };
        let file = self.text("secrets_file", |path| Ok(PathBuf::from(path)))?;
        let given = match self.table.get("secrets") {
            None => &[][..],
            Some(Value::Array(items)) => items.as_slice(),
            Some(_) => {
                self.refuse("secrets", Problem::new("is no list", "Write for example secrets = [\"whsec_…\"]."));
                return None;
            }
        };
        if let Some(path) = file {
            if !given.is_empty() {
                self.refuse("secrets_file", Problem::new("is set, and so is secrets", "Keep one of the two."));
                return None;
            }
            let read = LiveSecret::lines_from_file(&path, fits).map_err(values::secret_problem);
            return read.map(|secret| vec![secret]).map_err(|problem| self.refuse("secrets_file", problem)).ok();
        }
        if given.is_empty() || given.len() > MAX_SECRETS {
            let problem = format!("must hold 1 to {MAX_SECRETS} secrets");
            let remedy = "Write secrets or secrets_file, or signature = \"api-key\" where the system signs nothing.";
            self.refuse("secrets", Problem::new(problem, remedy));
            return None;
        }
        let mut good = Vec::with_capacity(given.len());
        for (at, item) in given.iter().enumerate() {
            match Secret::parse(item.as_str().unwrap_or_default()) {
                Ok(secret) if fits(secret.expose()) => good.push(LiveSecret::fixed(secret)),
                Ok(_) => self.refuse(&format!("secrets[{at}]"), unfit(proof)),
                Err(error) => self.refuse(&format!("secrets[{at}]"), values::secret_problem(error)),
            }
        }
        (good.len() == given.len()).then_some(good)
    }

    fn mapping(&mut self) -> Option<Table> {
        match self.table.get("mapping") {
            None => Some(Table::new()),
            Some(Value::Table(table)) => Some(table.clone()),
            Some(_) => {
                let remedy = "Write [sources.systems.mapping] and its keys.";
                self.refuse("mapping", Problem::new("is no table", remedy));
                None
            }
        }
    }
}

fn unfit(proof: Proof) -> Problem {
    match proof {
        Proof::Standard => Problem::new(
            "is no secret of Standard Webhooks",
            "Write whsec_ and the base64 of 24 to 64 bytes, as the system shows it.",
        ),
        Proof::Hmac | Proof::ApiKey => {
            Problem::new("is too short to sign with", format!("Use at least {} bytes.", signing::MIN_PLAIN_BYTES))
        }
    }
}

fn name(text: &str) -> Result<SourceName, Problem> {
    SourceName::parse(text).map_err(|invalid| {
        Problem::new(format!("{} is no name for a source: it {invalid}", quoted(text)), "Write for example insurgo.")
    })
}

fn region(text: &str) -> Result<String, Problem> {
    let code = text.to_ascii_uppercase();
    let problem = || {
        let remedy = "Write its two-letter code (ISO 3166-1), e.g. US or DE.";
        Problem::new(format!("{} is no country", quoted(text)), remedy)
    };
    if Country::by_code(&code).is_none() {
        return Err(problem());
    }
    if DATABASE.by_id(code.as_str()).is_none() {
        let remedy = "Write the country whose numbers the system means, or leave it out.";
        return Err(Problem::new(format!("{} has no phone numbers of its own", quoted(text)), remedy));
    }
    Ok(code)
}

/// A prefix that stands before at least one character of a tag.
fn tag_prefix(text: &str) -> Result<String, Problem> {
    let checked = Tag::parse(&format!("{text}x")).map_err(|invalid: InvalidTag| invalid.to_string());
    let remedy = "Write for example tag_prefix = \"insurgo:\".";
    let problem = match checked {
        Err(invalid) => invalid,
        Ok(_) if text.chars().count() > 64 => "has more than 64 characters".to_owned(),
        Ok(_) if text.starts_with(char::is_whitespace) => "begins with a blank".to_owned(),
        Ok(_) => return Ok(text.to_owned()),
    };
    Err(Problem::new(problem, remedy))
}

fn header(text: &str) -> Result<String, Problem> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let lower = text.to_ascii_lowercase();
    let remedy = "Write a header's name, e.g. x-signature-256; what says who a caller is cannot be one.";
    if text.len() > 64 || !text.bytes().all(token) || matches!(&*lower, "authorization" | "cookie" | "x-api-key") {
        return Err(Problem::new(format!("{} is no header for a signature", quoted(text)), remedy));
    }
    Ok(lower)
}

fn prefix(text: &str) -> Result<String, Problem> {
    let plain = text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_graphic());
    let problem = || Problem::new(format!("{} is no prefix", quoted(text)), "Write for example sha256=.");
    if plain { Ok(text.to_owned()) } else { Err(problem()) }
}
