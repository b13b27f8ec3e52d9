//! Tags as GHL keeps them.
//!
//! GHL lower-cases a tag when it saves it (reference: GHL contacts API, "Write semantics"); whether it trims is not known,
//! so we do, and compare as it does.

use super::errors::Errors;
use serde_json::Value;
use std::fmt;

/// Longest tag, in characters. GHL publishes no bound; this is ours.
pub const MAX_TAG_CHARS: usize = 255;
/// Most distinct tags in one request.
pub const MAX_TAGS: usize = 100;

/// A tag as GHL keeps it: trimmed, lower case, of bounded length.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Tag(String);

/// Why a text is no tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTag {
    /// Nothing stands there, or blanks alone.
    #[error("a tag must not be empty")]
    Empty,
    /// Longer than [`MAX_TAG_CHARS`].
    #[error("a tag has at most {MAX_TAG_CHARS} characters")]
    TooLong,
    /// Holds a line break, a tabulator or the like.
    #[error("a tag must not hold control characters")]
    Control,
}

impl Tag {
    /// Folds a text into the tag that GHL would make of it.
    ///
    /// # Errors
    /// [`InvalidTag`].
    ///
    /// ```
    /// use ghl_enrich::domain::write::Tag;
    /// assert_eq!(Tag::parse(" VIP ").unwrap().as_str(), "vip");
    /// assert!(Tag::parse("  ").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidTag> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(InvalidTag::Empty);
        }
        // A character has at most four bytes: what is longer need not be folded to be refused.
        if trimmed.len() > 4 * MAX_TAG_CHARS {
            return Err(InvalidTag::TooLong);
        }
        if trimmed.chars().any(char::is_control) {
            return Err(InvalidTag::Control);
        }
        let folded = trimmed.to_lowercase();
        if folded.chars().count() > MAX_TAG_CHARS {
            return Err(InvalidTag::TooLong);
        }
        Ok(Self(folded))
    }

    /// The tag's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The tags of a list, each once: those that differ in case or blanks alone are one.
pub(super) fn list(value: &Value, at: &str, errors: &mut Errors) -> Vec<Tag> {
    let Value::Array(items) = value else {
        errors.add(at, "must be a list of texts");
        return Vec::new();
    };
    let mut tags: Vec<Tag> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match item.as_str().map(Tag::parse) {
            None => errors.add(format!("{at}/{index}"), "must be a text"),
            Some(Err(invalid)) => errors.add(format!("{at}/{index}"), invalid.to_string()),
            Some(Ok(tag)) if tags.contains(&tag) => {}
            // One too many is enough to know, and keeps the comparison short.
            Some(Ok(tag)) if tags.len() <= MAX_TAGS => tags.push(tag),
            Some(Ok(_)) => {}
        }
    }
    if tags.len() > MAX_TAGS {
        errors.add(at, format!("has at most {MAX_TAGS} distinct tags"));
    }
    tags
}
