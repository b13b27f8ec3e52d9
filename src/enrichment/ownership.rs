//! Which tags and custom fields belong to the rules: expressions do not see them, and of the tags, those under a managed
//! prefix are removed once they hold no more.

use crate::domain::write::{InvalidTag, Tag};
use std::collections::BTreeSet;

/// What a managed prefix ends with, so that `geo:` does not own a person's `geologist`.
pub(super) const SEPARATORS: [char; 6] = [':', '-', '_', '/', '.', '='];
/// The longest managed prefix, in characters.
const MAX_PREFIX_CHARS: usize = 64;

/// A text as GHL compares tags, whether or not it could be one: [`Tag::parse`] without its checks.
pub(super) fn fold(tag: &str) -> String {
    tag.trim().to_lowercase()
}

/// Why a text cannot be a tag; an empty one is none, which harms nobody.
pub(super) fn refuses(tag: &str) -> Option<String> {
    match Tag::parse(tag) {
        Ok(_) | Err(InvalidTag::Empty) => None,
        Err(invalid) => Some(invalid.to_string()),
    }
}

/// Parses a managed prefix; else what is wrong with it.
pub(super) fn prefix(text: &str) -> Result<String, &'static str> {
    let folded = text.trim_start().to_lowercase();
    if folded.chars().count() > MAX_PREFIX_CHARS {
        return Err("has more than 64 characters");
    }
    if !folded.ends_with(SEPARATORS) {
        return Err("must end with one of : - _ / . =, so that no other word begins with it");
    }
    let body = folded.trim_end_matches(SEPARATORS);
    if !body.starts_with(char::is_alphanumeric) || body.chars().any(char::is_control) {
        return Err("must begin with a letter or digit before that");
    }
    Ok(folded)
}

/// What the rules own, all of them together.
#[derive(Debug, Clone, Default)]
pub(super) struct Ownership {
    /// Beginnings of tags: managed prefixes, and the literal starts of tags that are added and never removed.
    pub(super) prefixes: BTreeSet<String>,
    /// Whole tags of rules without a managed prefix.
    pub(super) tags: BTreeSet<String>,
    /// Ids of custom fields that rules fill.
    pub(super) custom_fields: BTreeSet<String>,
}

impl Ownership {
    /// Whether a folded tag is the rules'.
    pub(super) fn has_tag(&self, tag: &str) -> bool {
        self.tags.contains(tag) || self.prefixes.iter().any(|prefix| tag.starts_with(prefix.as_str()))
    }

    pub(super) fn fills_custom(&self, id: &str) -> bool {
        self.custom_fields.contains(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_end_where_a_word_ends() {
        assert_eq!(prefix("geo:"), Ok("geo:".to_owned()));
        assert_eq!(prefix(" Net-"), Ok("net-".to_owned()));
        for bad in ["geo", ":", "--", " : ", "geo: ", &format!("{}:", "a".repeat(64))] {
            assert!(prefix(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn owns_what_begins_alike_and_nothing_else() {
        let owned = Ownership {
            prefixes: BTreeSet::from(["geo:".to_owned()]),
            tags: BTreeSet::from(["vip".to_owned()]),
            ..Ownership::default()
        };
        assert!(owned.has_tag("geo:de") && owned.has_tag("vip") && owned.has_tag(&fold(" GEO:De ")));
        assert!(!owned.has_tag("geologist") && !owned.has_tag("vip guest"));
    }
}
