//! What a client sends to a token endpoint: a form or JSON, in the spelling of its version.

use serde_json::{Value, json};

use crate::ghl::{Version, errors};
use crate::state::State;
use crate::wire::{Reply, Request, parse_query};

/// How a version writes the names of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// `client_id`: every version before v3, and no version at all.
    Snake,
    /// `clientId`: v3.
    Camel,
}

/// A member's name in both spellings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    snake: &'static str,
    camel: &'static str,
}

impl Name {
    pub(super) const fn new(snake: &'static str, camel: &'static str) -> Self {
        Self { snake, camel }
    }

    pub(super) fn spelt(self, spelling: Spelling) -> &'static str {
        match spelling {
            Spelling::Snake => self.snake,
            Spelling::Camel => self.camel,
        }
    }
}

pub(super) const GRANT_TYPE: Name = Name::new("grant_type", "grantType");

impl Spelling {
    /// The header is optional on the token endpoint, where v3 alone says that it is wanted; a wrong one is wrong here too.
    pub(super) fn read(state: &mut State, req: &Request) -> Result<Self, Reply> {
        if req.version.is_none() {
            return Ok(Self::Snake);
        }
        Ok(if Version::read(state, req)?.is_v3() { Self::Camel } else { Self::Snake })
    }
}

/// The members of a body, all as text.
#[derive(Debug)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    pub(super) fn read(req: &Request) -> Result<Self, String> {
        if !req.content_type.contains("json") {
            let form = std::str::from_utf8(&req.body).map_err(|error| error.to_string())?;
            return Ok(Self(parse_query(form)));
        }
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        match req.json()? {
            Value::Object(map) => {
                Ok(Self(map.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect()))
            }
            _ => Err("the body is no object".to_owned()),
        }
    }

    /// The body of a request that must have one that can be read.
    pub(super) fn require(state: &mut State, req: &Request) -> Result<Self, Reply> {
        Self::read(req).map_err(|error| errors::bad_request(state, &format!("Unexpected token in body: {error}")))
    }

    /// A member that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        found.filter(|value| !value.is_empty())
    }

    pub(super) fn named(&self, name: Name, spelling: Spelling) -> Option<&str> {
        self.get(name.spelt(spelling))
    }

    /// A member that the token endpoint cannot do without.
    pub(super) fn need(&self, name: Name, spelling: Spelling) -> Result<&str, Reply> {
        self.named(name, spelling).ok_or_else(|| complaint("Missing", name, spelling))
    }
}

/// The 400 that GHL's document of v3 gives for a member that is missing or wrong: `Missing parameter: clientId`.
pub(super) fn complaint(what: &str, name: Name, spelling: Spelling) -> Reply {
    let message = format!("{what} parameter: {}", name.spelt(spelling));
    Reply::json(400, &json!({"statusCode": 400, "message": message}))
}

/// The words of GHL's validator for members that must be there.
pub(super) fn missing(names: &[&str]) -> Vec<String> {
    names.iter().flat_map(|name| [format!("{name} should not be empty"), format!("{name} must be a string")]).collect()
}

/// RFC 3986: everything but unreserved characters as `%XX`.
pub(super) fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::percent_decode;

    #[test]
    fn what_is_encoded_reads_back() {
        assert_eq!(percent_encode("a b&c=é~"), "a%20b%26c%3D%C3%A9~");
        assert_eq!(percent_decode(&percent_encode("a b&c=é+%~")), "a b&c=é+%~");
    }
}
