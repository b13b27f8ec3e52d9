//! Names of filters and tests in an expression or a template, with where they stand. The engine looks them up only when
//! it meets them, and short-circuits hide them for long: a misspelt one must be an error at the start.

use std::ops::Range;

/// What a name is used as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// After a `|`.
    Filter,
    /// After `is` or `is not`.
    Test,
}

/// A name and the bytes it stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<'a> {
    /// What it is used as.
    pub used_as: Use,
    /// The name.
    pub name: &'a str,
    /// Its first byte.
    pub offset: usize,
}

/// The names in an expression.
#[must_use]
pub fn in_expression(source: &str) -> Vec<Named<'_>> {
    let mut found = Vec::new();
    scan_code(source, 0..source.len(), &mut found);
    found
}

/// The names in the code of a template; its text and its comments do not count.
#[must_use]
pub fn in_template(source: &str) -> Vec<Named<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((start, end)) = next_tag(source, at) {
        let after = source.get(start..).unwrap_or_default();
        at = if after.starts_with("{#") {
            after.find("#}").map_or(source.len(), |length| start + length + 2)
        } else {
            scan_code(source, start + 2..source.len().min(end), &mut found)
        };
    }
    found
}

/// What a template begins with before any of its code.
#[must_use]
pub fn literal_start(source: &str) -> &str {
    next_tag(source, 0).map_or(source, |(start, _)| source.get(..start).unwrap_or_default())
}

/// A step of a path: a property by its name, or an element by its place.
pub type Path = Vec<String>;

/// The paths in an expression, in its order, as steps: `data.a['b c'][0]` is `data`, `a`, `b c`, `0`. A path ends where
/// its next step is not spelt out. Words of the language and names of filters and tests are none.
#[must_use]
pub fn paths(source: &str) -> Vec<Path> {
    const WORDS: [&str; 12] = ["and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False"];
    let (mut found, mut at, mut named) = (Vec::new(), 0, in_expression(source).into_iter().peekable());
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or_default();
        if first == '"' || first == '\'' {
            at += literal_length(rest, first);
        } else if first.is_alphabetic() || first == '_' {
            let word = word(rest);
            while named.next_if(|named| named.offset < at).is_some() {}
            if named.peek().is_some_and(|named| named.offset == at) || WORDS.contains(&word) {
                at += word.len();
            } else {
                let (path, length) = path(rest);
                found.push(path);
                at += length;
            }
        } else if first.is_ascii_digit() {
            at += word(rest).len().max(1);
        } else {
            at += first.len_utf8();
        }
    }
    found
}

/// The path that a text is, where it is one and nothing else.
#[must_use]
pub fn whole_path(text: &str) -> Option<Path> {
    let text = text.trim();
    let begins = text.starts_with(|first: char| first.is_alphabetic() || first == '_');
    let (path, length) = path(text);
    (begins && length == text.len()).then_some(path)
}

/// The path that a text begins with, and its length in bytes.
fn path(text: &str) -> (Path, usize) {
    let first = word(text);
    let (mut path, mut at) = (vec![first.to_owned()], first.len());
    while let Some((step, length)) = step(text.get(at..).unwrap_or_default()) {
        path.push(step);
        at += length;
    }
    (path, at)
}

/// `.name`, `['name']` or `[0]` at the beginning of a text, and its length in bytes.
fn step(text: &str) -> Option<(String, usize)> {
    if let Some(rest) = text.strip_prefix('.') {
        let name = word(rest);
        return (!name.is_empty()).then(|| (name.to_owned(), 1 + name.len()));
    }
    let rest = text.strip_prefix('[')?;
    let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
    let inside = match quote {
        Some(quote) => rest.get(..literal_length(rest, quote))?,
        None => rest.get(..rest.find(|c: char| !c.is_ascii_digit())?).filter(|digits| !digits.is_empty())?,
    };
    rest.get(inside.len()..)?.strip_prefix(']')?;
    let name = if quote.is_some() { inside.get(1..inside.len().checked_sub(1)?)? } else { inside };
    (!name.contains('\\')).then(|| (name.to_owned(), inside.len() + 2))
}

/// Where the next `{{`, `{%` or `{#` stands at or after `at`, and the end of the source.
fn next_tag(source: &str, at: usize) -> Option<(usize, usize)> {
    let rest = source.get(at..)?;
    let start = ["{{", "{%", "{#"].into_iter().filter_map(|open| rest.find(open)).min()?;
    Some((at + start, source.len()))
}

/// Scans code up to its `}}` or `%}` or the end of the range, and says where it stopped.
fn scan_code<'a>(source: &'a str, range: Range<usize>, found: &mut Vec<Named<'a>>) -> usize {
    let mut at = range.start;
    let mut next: Option<Use> = None;
    while at < range.end {
        let Some(rest) = source.get(at..range.end) else { break };
        let Some(first) = rest.chars().next() else { break };
        if rest.starts_with("}}") || rest.starts_with("%}") {
            return at + 2;
        }
        if first == '"' || first == '\'' {
            at += literal_length(rest, first);
            next = None;
        } else if first.is_alphabetic() || first == '_' {
            let word = word(rest);
            next = take(next, word, at, found);
            at += word.len();
        } else {
            next = match first {
                '|' => Some(Use::Filter),
                space if space.is_whitespace() => next,
                _ => None,
            };
            at += first.len_utf8();
        }
    }
    range.end
}

/// Notes a word that stands where a name is wanted; what the word after it would be.
fn take<'a>(wanted: Option<Use>, word: &'a str, offset: usize, found: &mut Vec<Named<'a>>) -> Option<Use> {
    match wanted {
        Some(Use::Test) if word == "not" => Some(Use::Test),
        Some(used_as) => {
            found.push(Named { used_as, name: word, offset });
            None
        }
        None => (word == "is").then_some(Use::Test),
    }
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// Bytes of a text in quotes, the quotes included; to the end where the closing one is missing.
fn literal_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (offset, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return offset + c.len_utf8();
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(found: Vec<Named<'_>>) -> Vec<(Use, &str, usize)> {
        found.into_iter().map(|named| (named.used_as, named.name, named.offset)).collect()
    }

    #[test]
    fn finds_filters_and_tests_outside_of_texts() {
        let source = "a|lower == 'x|no is no' and b is not defined and c | default(d|upper)";
        assert_eq!(
            names(in_expression(source)),
            [
                (Use::Filter, "lower", 2),
                (Use::Test, "defined", 37),
                (Use::Filter, "default", 53),
                (Use::Filter, "upper", 63)
            ]
        );
    }

    #[test]
    fn reads_the_code_of_a_template_alone() {
        let source = "x|y {# a|b #}{{ c|lower }} is z {% if d is defined %}|e{% endif %}";
        assert_eq!(names(in_template(source)), [(Use::Filter, "lower", 18), (Use::Test, "defined", 43)]);
        assert_eq!(literal_start(source), "x|y ");
        assert_eq!(literal_start("plain"), "plain");
    }

    #[test]
    fn a_word_that_begins_with_is_is_a_word() {
        assert_eq!(in_expression("island == isthmus"), []);
        assert_eq!(names(in_expression("(a)is defined")), [(Use::Test, "defined", 6)]);
    }

    #[test]
    fn reads_paths_with_all_their_steps() {
        let source = "data.a['b c'][0]|phone('DE') ~ x[y].z if data.e is not none and 'data.f' != 1.5e3 else type";
        let paths: Vec<String> = paths(source).iter().map(|path| path.join("/")).collect();
        assert_eq!(paths, ["data/a/b c/0", "x", "y", "z", "data/e", "type"]);
        assert_eq!(whole_path(" payload['a'].b "), Some(["payload", "a", "b"].map(str::to_owned).to_vec()));
        assert_eq!(whole_path("payload.a|first"), None);
        assert_eq!(whole_path(""), None);
    }

    proptest! {
        #[test]
        fn never_panics(source in "[a-c|{}%#'\"\\\\ isnotä]{0,40}") {
            let _ = in_expression(&source);
            let _ = in_template(&source);
            let _ = paths(&source);
            let _ = literal_start(&source);
        }
    }
}
