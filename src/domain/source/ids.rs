//! Names that an outside system gives, parsed once at the door.
//!
//! ```
//! use ghl_enrich::domain::source::SourceName;
//! assert!(SourceName::parse("insurgo").is_ok());
//! assert!(SourceName::parse("../admin").is_err());
//! ```

use crate::domain::ids::names;
use compact_str::CompactString;

/// The longest name of a source, in bytes.
const MAX_SOURCE_BYTES: usize = 32;

/// The longest id that a source gives, in bytes: room for a URL or an e-mail address.
const MAX_EXTERNAL_BYTES: usize = 256;

/// Why a text is no such name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing stands there, or blanks alone.
    #[error("must not be empty")]
    Empty,
    /// Longer than there is room for.
    #[error("has at most {0} bytes")]
    TooLong(usize),
    /// Holds a line break, a tabulator or the like.
    #[error("must not hold control characters")]
    Control,
    /// Not in the alphabet of a source's name.
    #[error("consists of a-z, 0-9 and '-', and begins with a letter")]
    Alphabet,
}

fn source(text: &str) -> Result<CompactString, InvalidName> {
    if text.is_empty() {
        return Err(InvalidName::Empty);
    }
    if text.len() > MAX_SOURCE_BYTES {
        return Err(InvalidName::TooLong(MAX_SOURCE_BYTES));
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !text.bytes().all(plain) || !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err(InvalidName::Alphabet);
    }
    Ok(CompactString::from(text))
}

fn external(text: &str) -> Result<CompactString, InvalidName> {
    let text = text.trim();
    if text.is_empty() {
        return Err(InvalidName::Empty);
    }
    if text.len() > MAX_EXTERNAL_BYTES {
        return Err(InvalidName::TooLong(MAX_EXTERNAL_BYTES));
    }
    if text.chars().any(char::is_control) {
        return Err(InvalidName::Control);
    }
    Ok(CompactString::from(text))
}

names! {
    parsed by source, or InvalidName, shown as (value_type = String, min_length = 1, max_length = 32, pattern = "^[a-z][a-z0-9-]{0,31}$"):
    /// A configured source.
    SourceName;
}

names! {
    parsed by external, or InvalidName, shown as (value_type = String, min_length = 1, max_length = 256):
    /// A record's id in its source: any text of one line, trimmed.
    ExternalId;
    /// An event's id in its source: any text of one line, trimmed.
    SourceEventId;
}

impl SourceEventId {
    /// An id for an event that has none: what it is made of, in a word, and a hash of that.
    #[must_use]
    pub fn made(word: &'static str, hash: u128) -> Self {
        Self(compact_str::format_compact!("{word}:{hash:032x}"))
    }
}
