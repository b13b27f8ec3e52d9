//! What is wrong with settings: which key, where its value came from, what is wrong, and what to do.
//!
//! An error never holds a secret: [`Problem`]s quote a value only through [`quoted`], and secret keys do not call it.

use std::{fmt, path::PathBuf};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `settings.default.toml`, compiled in.
    Default,
    /// The settings file as a whole.
    File(PathBuf),
    /// A place in the settings file; lines and columns count from 1.
    FileAt {
        /// The file.
        path: PathBuf,
        /// Its line.
        line: usize,
        /// The character of that line.
        column: usize,
    },
    /// An environment variable.
    Variable(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::FileAt { path, line, column } => write!(f, "{}, line {line}, column {column}", path.display()),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{subject} ({origin}): {problem}. {remedy}")]
pub struct SettingsError {
    /// The dotted key, or "settings file" where no key is to blame.
    pub subject: String,
    /// Where the value stands.
    pub origin: Origin,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl SettingsError {
    pub(super) fn new(subject: impl Into<String>, origin: &Origin, problem: Problem) -> Self {
        Self { subject: subject.into(), origin: origin.clone(), problem: problem.problem, remedy: problem.remedy }
    }
}

/// Everything that is wrong, at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsErrors(pub Vec<SettingsError>);

impl fmt::Display for SettingsErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the settings have 1 error:")?,
            count => write!(f, "the settings have {count} errors:")?,
        }
        self.0.iter().try_for_each(|error| write!(f, "\n  {error}"))
    }
}

/// What is wrong with a value, before it is known whose value it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) problem: String,
    pub(super) remedy: String,
}

impl Problem {
    pub(super) fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { problem: problem.into(), remedy: remedy.into() }
    }
}

/// The longest value an error repeats, in characters.
const MAX_QUOTED: usize = 60;

/// A value as an error repeats it: cut, and masked where somebody may have put a secret into the wrong key.
pub(super) fn quoted(text: &str) -> String {
    if looks_secret(text) {
        return "the text given".to_owned();
    }
    let mut shown: String = text.chars().take(MAX_QUOTED).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// Private integration tokens, our own keys and JWTs have known beginnings; what stands before an `@` in an address may
/// be a password.
fn looks_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["pit-", "ghle_", "bearer ", "eyj"].iter().any(|sign| lower.contains(sign)) || text.contains('@')
}
