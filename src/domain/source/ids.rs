//! Names that an outside system gives, parsed once at the door.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

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

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident by $parse:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "CompactString", into = "CompactString")]
        #[schema(value_type = String)]
        pub struct $name(CompactString);

        impl $name {
            /// Parses it; see [`InvalidName`] for what is refused.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                $parse(text).map(Self)
            }

            /// As the source, or the settings, spell it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<CompactString> for $name {
            type Error = InvalidName;

            fn try_from(text: CompactString) -> Result<Self, InvalidName> {
                Self::parse(&text)
            }
        }

        impl From<$name> for CompactString {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// A configured source.
    ///
    /// ```
    /// use ghl_enrich::domain::source::SourceName;
    /// assert!(SourceName::parse("insurgo").is_ok());
    /// assert!(SourceName::parse("../admin").is_err());
    /// ```
    SourceName by source;
    /// A record's id in its source: any text of one line, trimmed.
    ExternalId by external;
    /// An event's id in its source: any text of one line, trimmed.
    SourceEventId by external;
}

impl SourceEventId {
    /// An id for an event that has none: what it is made of, in a word, and a hash of that.
    #[must_use]
    pub fn made(word: &'static str, hash: u128) -> Self {
        Self(compact_str::format_compact!("{word}:{hash:032x}"))
    }
}
