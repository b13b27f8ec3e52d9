//! Which address a contact's is, and what sort of address an address is.
//!
//! What GHL keeps as a contact's address is a raw text: an address, a proxy's list of them, one with a port, or nonsense.
//! [`parse_candidate`] reads such a text, [`choose`] reads all of a contact's and says of each why it was taken or not.
//! The raw texts end here: a [`Choice`] holds addresses and verdicts only.

mod bogons;
mod choice;

pub use bogons::{canonical, classify};
pub use choice::{Choice, Considered, Outcome, Verdict, choose};

use super::ip::Scope;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest text [`parse_candidate`] reads, in bytes: some twenty addresses of a proxy's list.
pub const MAX_CANDIDATE_BYTES: usize = 1024;

/// What a raw text turned out to be. Addresses are canonical: IPv4-in-IPv6 is unwrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Candidate {
    /// An address routed on the Internet.
    Global(IpAddr),
    /// An address, of a sort that nobody on the Internet has.
    Reserved(IpAddr, Scope),
    /// Something else than an address.
    Invalid,
    /// Nothing.
    Empty,
}

impl From<IpAddr> for Candidate {
    fn from(address: IpAddr) -> Self {
        let address = canonical(address);
        match classify(address) {
            Scope::Global => Self::Global(address),
            scope => Self::Reserved(address, scope),
        }
    }
}

/// Reads a raw text: quotes, blanks, ports, brackets and zone ids fall off; of a comma list the left-most global address
/// counts, and if there is none the left-most reserved one.
///
/// ```
/// use ghl_enrich::domain::address::{Candidate, parse_candidate};
/// let found = parse_candidate("10.0.0.1, [2001:4860:4860::8888]:443");
/// assert_eq!(found, Candidate::Global("2001:4860:4860::8888".parse().unwrap()));
/// ```
#[must_use]
pub fn parse_candidate(raw: &str) -> Candidate {
    if raw.len() > MAX_CANDIDATE_BYTES {
        return Candidate::Invalid;
    }
    let mut best = Candidate::Empty;
    for part in undecorated(raw).split(',') {
        let found = parse_one(undecorated(part));
        if matches!(found, Candidate::Global(_)) {
            return found;
        }
        if rank(found) > rank(best) {
            best = found;
        }
    }
    best
}

/// How much a finding tells where there is no better one.
const fn rank(candidate: Candidate) -> u8 {
    match candidate {
        Candidate::Empty => 0,
        Candidate::Invalid => 1,
        Candidate::Reserved(..) => 2,
        Candidate::Global(_) => 3,
    }
}

fn undecorated(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '`' | '\u{feff}'))
}

fn parse_one(text: &str) -> Candidate {
    if text.is_empty() {
        return Candidate::Empty;
    }
    address_of(text).map_or(Candidate::Invalid, Candidate::from)
}

/// `1.2.3.4`, `1.2.3.4:80`, `::1`, `::1%eth0`, `[::1]`, `[::1%25eth0]:80`.
fn address_of(text: &str) -> Option<IpAddr> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, after) = rest.split_once(']')?;
        let port_follows = after.strip_prefix(':').is_some_and(is_port);
        return (after.is_empty() || port_follows).then(|| bare_address(inside.trim())).flatten();
    }
    if let Some((address, port)) = text.split_once(':')
        && let Ok(address) = address.parse::<Ipv4Addr>()
    {
        return is_port(port).then_some(IpAddr::V4(address));
    }
    bare_address(text)
}

fn bare_address(text: &str) -> Option<IpAddr> {
    match text.split_once('%') {
        Some((address, zone)) if !zone.is_empty() => address.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        Some(_) => None,
        None => text.parse().ok(),
    }
}

/// Digits of a port; some proxies leave them out after the colon.
fn is_port(text: &str) -> bool {
    text.is_empty() || (text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests;
