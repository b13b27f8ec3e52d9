//! Secrets: never shown, and read again when the file that holds them changes.

use std::fmt;

/// A secret text. `Debug` and `Display` are redacted; [`Secret::expose`] is the audit's grep.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the wire or a hash.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A secret that may change while the process runs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LiveSecret {
    current: std::sync::Arc<arc_swap::ArcSwap<Secret>>,
}

impl LiveSecret {
    /// A secret that came as a value and stays as it is.
    #[must_use]
    pub fn fixed(secret: Secret) -> Self {
        Self { current: std::sync::Arc::new(arc_swap::ArcSwap::from_pointee(secret)) }
    }

    /// The secret as of now.
    #[must_use]
    pub fn get(&self) -> std::sync::Arc<Secret> {
        self.current.load_full()
    }
}
