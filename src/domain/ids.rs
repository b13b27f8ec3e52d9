//! Identifiers, parsed once at the door and trusted afterwards.
//!
//! GHL documents contact and location ids as 20 alphanumerics and gives other resources 24 hex digits or UUIDs
//! (reference: GHL contacts API, "Contact as returned"), so an id is an opaque, bounded string over one alphabet.
//!
//! ```
//! use ghl_enrich::domain::ids::ContactId;
//! assert!(ContactId::parse("seD4PfOuKoVMLkEZqohJ").is_ok());
//! assert!(ContactId::parse("../admin").is_err());
//! ```

use super::hex::hex;
use compact_str::CompactString;

/// The longest id accepted, in bytes: room for a UUID and then some, small enough to log.
pub const MAX_ID_BYTES: usize = 64;

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Nothing stands there.
    #[error("an id must not be empty")]
    Empty,
    /// Longer than [`MAX_ID_BYTES`].
    #[error("an id has at most {MAX_ID_BYTES} characters")]
    TooLong,
    /// Holds something else than ASCII letters, digits, `-` and `_`.
    #[error("an id consists of ASCII letters, digits, '-' and '_'")]
    Alphabet,
}

fn parse_id(text: &str) -> Result<CompactString, InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty);
    }
    if text.len() > MAX_ID_BYTES {
        return Err(InvalidId::TooLong);
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Err(InvalidId::Alphabet);
    }
    Ok(CompactString::from(text))
}

/// Names from outside as types of their own: each is parsed once, by a function that says why a text is none, and is
/// written as it was read.
macro_rules! names {
    (parsed by $parse:path, or $error:ty, shown as $schema:tt: $($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
        )]
        #[serde(try_from = "CompactString", into = "CompactString")]
        #[schema $schema]
        pub struct $name(CompactString);

        impl $name {
            #[doc = concat!("Parses it; see [`", stringify!($error), "`] for what is refused.")]
            pub fn parse(text: &str) -> Result<Self, $error> {
                $parse(text).map(Self)
            }

            /// As whoever gave it spells it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<CompactString> for $name {
            type Error = $error;

            fn try_from(text: CompactString) -> Result<Self, $error> {
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

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

pub(super) use names;

names! {
    parsed by parse_id, or InvalidId, shown as (value_type = String, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]{1,64}$"):
    /// A contact of a location.
    ContactId;
    /// A GHL sub-account: the tenant.
    LocationId;
    /// A GHL agency, which locations belong to.
    CompanyId;
    /// A note of a contact.
    NoteId;
    /// A task of a contact.
    TaskId;
    /// An appointment (GHL: event) of a contact.
    AppointmentId;
    /// A durable write of ours.
    OperationId;
    /// A business (company) of a location.
    BusinessId;
    /// An event that GHL told of by webhook.
    WebhookId;
}

impl WebhookId {
    /// The id of an event whose body names none: of the body's hash, as far as there is room.
    #[must_use]
    pub fn of_hash(hash: &[u8]) -> Self {
        const PREFIX: &str = "body-";
        let digits = hex(hash);
        let room = (MAX_ID_BYTES - PREFIX.len()).min(digits.len());
        Self(CompactString::from(format!("{PREFIX}{}", &digits[..room])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_no_id() {
        assert_eq!(ContactId::parse(""), Err(InvalidId::Empty));
        assert_eq!(ContactId::parse(&"a".repeat(65)), Err(InvalidId::TooLong));
        for bad in ["a/b", "a%2Fb", "a b", "ä", "a\0", "a\n", "..", "a.b"] {
            assert_eq!(ContactId::parse(bad), Err(InvalidId::Alphabet), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_id_is_printed_as_it_came(text in "[A-Za-z0-9_-]{1,64}") {
            prop_assert_eq!(ContactId::parse(&text).unwrap().to_string(), text);
        }

        #[test]
        fn never_panics(text in ".*") {
            let _ = ContactId::parse(&text);
        }
    }
}
