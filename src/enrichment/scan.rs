//! Names of filters and tests in an expression or a template, with where they stand. The engine looks them up only when
//! it meets them, and short-circuits hide them for long: a misspelt one must be an error at the start.

use std::ops::Range;

/// What a name is used as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// After a `|`.
    Filter,
    /// After `is` or `is not`.
    Test,
}

/// A name and the bytes it stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named<'a> {
    pub(super) used_as: Use,
    pub(super) name: &'a str,
    pub(super) offset: usize,
}

/// The names in an expression.
pub(super) fn in_expression(source: &str) -> Vec<Named<'_>> {
    let mut found = Vec::new();
    scan_code(source, 0..source.len(), &mut found);
    found
}

/// The names in the code of a template; its text and its comments do not count.
pub(super) fn in_template(source: &str) -> Vec<Named<'_>> {
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
pub(super) fn literal_start(source: &str) -> &str {
    next_tag(source, 0).map_or(source, |(start, _)| source.get(..start).unwrap_or_default())
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

    proptest! {
        #[test]
        fn never_panics(source in "[a-c|{}%#'\"\\\\ isnotä]{0,40}") {
            in_expression(&source);
            in_template(&source);
            literal_start(&source);
        }
    }
}
