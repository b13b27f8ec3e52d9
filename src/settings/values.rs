//! The texts of settings, parsed into what they mean. Pure functions; none repeats a secret.

use super::{
    StoreUrl,
    error::{Problem, quoted},
    nearest::nearest,
    secret::SecretError,
};
use crate::domain::ids::LocationId;
use ipnetwork::IpNetwork;
use jiff::tz::TimeZone;
use std::{
    net::{Ipv6Addr, SocketAddr},
    path::PathBuf,
};
use tracing_subscriber::EnvFilter;

/// The longest URL, name or directive accepted, in bytes.
const MAX_TEXT_BYTES: usize = 2048;

/// An address with its port.
pub(super) fn address(text: &str) -> Result<SocketAddr, Problem> {
    text.parse().map_err(|_| {
        let port = text.rsplit(':').next().unwrap_or(text);
        let port = port.parse::<u16>().unwrap_or(8080);
        let remedy = format!("Write for example 127.0.0.1:{port}, 0.0.0.0:{port} for all addresses, or [::]:{port}.");
        Problem::new(format!("{} is no IP address with a port", quoted(text)), remedy)
    })
}

/// A network; a bare address is a network of one.
pub(super) fn network(text: &str) -> Result<IpNetwork, Problem> {
    let network: IpNetwork = text.parse().map_err(|_| {
        Problem::new(format!("{} is no network", quoted(text)), "Write for example 10.0.0.0/8 or 2001:db8::/32.")
    })?;
    if network.ip() == network.network() {
        return Ok(network);
    }
    let meant = format!("Write {}/{}.", network.network(), network.prefix());
    Err(Problem::new(format!("{} has bits set beyond its prefix", quoted(text)), meant))
}

/// The base of a service's URLs, without a slash at its end.
pub(super) fn base_url(text: &str) -> Result<String, Problem> {
    let wrong = |what: &str| {
        Problem::new(
            format!("{} {what}", quoted(text)),
            "Write for example https://services.example or http://host:4010.",
        )
    };
    let (scheme, rest) = split_scheme(text).ok_or_else(|| wrong("does not begin with https:// or http://"))?;
    if text.len() > MAX_TEXT_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong("is no URL: it is too long or holds a space or a character that is not ASCII"));
    }
    if rest.contains(['?', '#', '@', '\\']) {
        return Err(wrong("must be a base alone, without user, password, query or fragment"));
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !is_authority(authority) {
        return Err(wrong("names no host, or a port that is none"));
    }
    let url = format!("{scheme}://{}/{path}", authority.to_ascii_lowercase());
    Ok(url.trim_end_matches('/').to_owned())
}

/// An origin as browsers send it, or `*`.
pub(super) fn origin(text: &str) -> Result<String, Problem> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    let lower = text.to_ascii_lowercase();
    match split_scheme(&lower) {
        Some((_, authority)) if is_authority(authority) => Ok(lower),
        _ => Err(Problem::new(
            format!("{} is no origin", quoted(text)),
            "Write scheme, host and port alone, e.g. https://app.example or http://localhost:5173, or * for any.",
        )),
    }
}

/// A host name or address without scheme, port and path; lower case, an IPv6 address with or without its brackets.
pub(super) fn host(text: &str) -> Result<String, Problem> {
    let lower = text.to_ascii_lowercase();
    let address = lower.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&lower);
    if is_host_name(&lower) || address.parse::<Ipv6Addr>().is_ok() {
        return Ok(lower);
    }
    Err(Problem::new(format!("{} is no host name", quoted(text)), "Write the name alone, e.g. enrich.internal."))
}

fn split_scheme(text: &str) -> Option<(&'static str, &str)> {
    ["https", "http"].into_iter().find_map(|scheme| {
        let (given, rest) = text.split_once("://")?;
        given.eq_ignore_ascii_case(scheme).then_some((scheme, rest))
    })
}

fn is_authority(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((inside, after)) = rest.split_once(']') else { return false };
        return inside.parse::<Ipv6Addr>().is_ok()
            && (after.is_empty() || after.strip_prefix(':').is_some_and(is_port));
    }
    match text.split_once(':') {
        Some((host, port)) => is_host_name(host) && is_port(port),
        None => is_host_name(text),
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        inner && !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(label)
}

/// Where writes are kept: `sqlite:` and a path, or `sqlite::memory:`.
pub(super) fn store_url(text: &str) -> Result<StoreUrl, Problem> {
    let path = text.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
    match path {
        Some(":memory:") => Ok(StoreUrl::SqliteMemory),
        Some(path) if !path.is_empty() && !path.contains(['?', '#', '\0']) => {
            Ok(StoreUrl::SqliteFile(PathBuf::from(path)))
        }
        Some(path) if !path.is_empty() => Err(Problem::new(
            format!("{} holds a '?', a '#' or a NUL", quoted(text)),
            "It takes no parameters, and a path without these.",
        )),
        Some(_) | None => Err(Problem::new(
            format!("{} names no store", quoted(text)),
            "Write for example sqlite:/var/lib/ghl-enrich/store.db, or sqlite::memory: to lose writes with the process.",
        )),
    }
}

/// A location's id.
pub(super) fn location(text: &str) -> Result<LocationId, Problem> {
    LocationId::parse(text).ok().filter(|_| !text.starts_with("pit-")).ok_or_else(|| {
        let remedy =
            "Write the id from the sub-account's URL in GHL, e.g. ve9EPM428h8vShlRW1KT; a token goes to ghl.token.";
        Problem::new(format!("{} is no location id", quoted(text)), remedy)
    })
}

/// A custom field's id, or the name of a contact's field.
pub(super) fn field(text: &str) -> Result<String, Problem> {
    // GHL's ids share one alphabet, and field names keep to it too.
    match LocationId::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(Problem::new(
            format!("{} is no field", quoted(text)),
            "Write it in letters, digits, - and _, as GHL's API spells it.",
        )),
    }
}

/// What makes a record of GHL's one, and tells whose it is.
const STRUCTURAL: [&str; 5] = ["id", "_id", "locationId", "contactId", "contact"];

/// Whether a record would be none without the field of this name.
pub(crate) fn is_structural(name: &str) -> bool {
    STRUCTURAL.iter().any(|kept| kept.eq_ignore_ascii_case(name))
}

/// A field that can be left out of records.
pub(super) fn redactable(text: &str) -> Result<String, Problem> {
    if is_structural(text) {
        let problem = format!("{} cannot be redacted: a record would be none without it", quoted(text));
        let remedy = "Remove it, and name fields that hold data, e.g. email, customFields or a custom field's id.";
        return Err(Problem::new(problem, remedy));
    }
    field(text)
}

/// A header's value.
pub(super) fn version(text: &str) -> Result<String, Problem> {
    let plain = !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_graphic());
    let problem = || Problem::new(format!("{} is no version", quoted(text)), "Write for example 2021-07-28.");
    plain.then(|| text.to_owned()).ok_or_else(problem)
}

/// An IANA time zone.
pub(super) fn zone(text: &str) -> Result<TimeZone, Problem> {
    if let Ok(zone) = TimeZone::get(text) {
        return Ok(zone);
    }
    let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    let remedy = match nearest(text, known.iter().map(String::as_str)) {
        Some(meant) => format!("Did you mean {meant}?"),
        None if known.is_empty() => "This system has no time zone database (package tzdata).".to_owned(),
        None => "Write for example Europe/Berlin or America/New_York.".to_owned(),
    };
    Err(Problem::new(format!("{} is no IANA time zone", quoted(text)), remedy))
}

/// One of a few words.
pub(super) fn choice<T: Copy>(text: &str, choices: &[(&'static str, T)]) -> Result<T, Problem> {
    if let Some((_, meant)) = choices.iter().find(|(word, _)| *word == text) {
        return Ok(*meant);
    }
    let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
    let all = format!("Write one of {}.", words.join(", "));
    let remedy = match nearest(text, words) {
        Some(meant) => format!("Did you mean {meant}? {all}"),
        None => all,
    };
    Err(Problem::new(format!("{} is none of the choices", quoted(text)), remedy))
}

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// The filter that a level or directives describe. Left to itself the filter takes a lone word for a module's name, so
/// that `inof` would silence the log; here a lone word is a level.
pub(crate) fn log_filter(text: &str) -> Option<EnvFilter> {
    let mut lone_words = text.split(',').filter(|part| !part.contains(['=', '['])).map(str::trim);
    let all_levels = lone_words.all(|word| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word)));
    EnvFilter::builder().parse(text).ok().filter(|_| all_levels)
}

/// The same, kept as text.
pub(super) fn directives(text: &str) -> Result<String, Problem> {
    let remedy = "Write error, warn, info, debug, trace or off, or directives such as info,ghl_enrich=debug.";
    let wrong = || Problem::new(format!("{} is no log level", quoted(text)), remedy);
    log_filter(text).map(|_| text.to_owned()).ok_or_else(wrong)
}

/// What to do about a secret that is none.
pub(super) fn secret_problem(error: SecretError) -> Problem {
    let remedy = match &error {
        SecretError::Unreadable(_) => "Check the path, and that the process may read the file.",
        SecretError::Empty => "Write the secret into the file, or remove the setting.",
        SecretError::TooLong => "Name the file that holds the secret and nothing else.",
        SecretError::TooMany => "Remove those that nothing signs with any more.",
        SecretError::Unfit(_) => "Write one secret a line, as the system that signs shows it.",
        SecretError::Alphabet(_) => "Give the secret alone, without quotes, spaces or a word such as Bearer.",
    };
    Problem::new(error.to_string(), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_nothing_else() {
        for text in ["enrich.internal", "enrich.internal.", "192.0.2.7", "2001:db8::1", "[2001:DB8::1]"] {
            assert_eq!(host(text).ok(), Some(text.to_ascii_lowercase()), "{text}");
        }
        for text in ["", "enrich.internal:80", "[2001:db8::1]:80", "[2001:db8::1", "[enrich.internal]", "a/b"] {
            assert!(host(text).is_err(), "{text}");
        }
    }
}
