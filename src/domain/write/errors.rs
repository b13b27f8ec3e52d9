//! What is wrong with a body, gathered to the end: whoever sends it should have to mend it once.

use crate::domain::problem::FieldError;

/// Most errors that are told one by one.
const MAX_ERRORS: usize = 50;
/// Longest property name that is told back whole, in characters.
const MAX_NAME_CHARS: usize = 64;

/// Errors found so far.
#[derive(Debug, Default)]
pub(super) struct Errors {
    found: Vec<FieldError>,
    further: usize,
}

impl Errors {
    /// Adds one, by JSON pointer (RFC 6901).
    pub(super) fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        if self.found.len() < MAX_ERRORS {
            self.found.push(FieldError { pointer: pointer.into(), message: message.into() });
        } else {
            self.further += 1;
        }
    }

    /// Whether nothing was found.
    pub(super) const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether something was found at a pointer.
    pub(super) fn names(&self, pointer: &str) -> bool {
        self.found.iter().any(|error| error.pointer == pointer)
    }

    /// The value, if nothing was found.
    pub(super) fn or_else<T>(mut self, value: T) -> Result<T, Vec<FieldError>> {
        if self.found.is_empty() {
            return Ok(value);
        }
        if self.further > 0 {
            let message = format!("and {} more", self.further);
            self.found.push(FieldError { pointer: String::new(), message });
        }
        Err(self.found)
    }
}

/// The pointer to a property of what `at` points to.
pub(super) fn below(at: &str, name: &str) -> String {
    let mut shown: String = name.chars().take(MAX_NAME_CHARS).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    format!("{at}/{}", shown.replace('~', "~0").replace('/', "~1"))
}
