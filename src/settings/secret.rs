//! Secrets: never shown, and read again when the file that holds them changes.

pub mod signing;

use crate::domain::hex::hex;
use arc_swap::ArcSwap;
use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{
    fmt, io,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};
use zeroize::{Zeroize as _, Zeroizing};

/// The longest secret, in bytes; tokens that are JWTs reach a few thousand.
pub const MAX_SECRET_BYTES: usize = 16 * 1024;

/// The fewest bytes of a secret that signs: as many as its HMAC has (RFC 2104 §3).
pub const MIN_SIGNING_BYTES: usize = 32;

/// Most secrets that may sign at the same time: each signature may be compared with each.
pub const MAX_SECRETS: usize = 8;

/// A secret text. `Debug` and `Display` are redacted; [`Secret::expose`] is the audit's grep. Dropped, it is wiped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Why a text or a file holds no secret. Repeats neither the text nor the path, in whose place people put tokens too.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("the secret's file cannot be read: {0}")]
    Unreadable(String),
    /// Nothing stands there.
    #[error("the secret is empty")]
    Empty,
    /// Longer than [`MAX_SECRET_BYTES`].
    #[error("the secret is longer than {MAX_SECRET_BYTES} bytes")]
    TooLong,
    /// Holds something that no header can carry; the position counts from 1.
    #[error("byte {0} of the secret is a space, a line break or no ASCII character")]
    Alphabet(usize),
    /// A line that is no secret of the kind that is wanted; it counts from 1.
    #[error("line {0} of the file is no secret of the kind that is wanted")]
    Unfit(usize),
    /// More lines than [`MAX_SECRETS`].
    #[error("the file holds more than {MAX_SECRETS} secrets")]
    TooMany,
}

impl Secret {
    /// Wraps a text, whatever it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Takes a text as people store it, with line breaks behind it, and checks that a header can carry it.
    ///
    /// # Errors
    /// Every variant of [`SecretError`] but `Unreadable`.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(SecretError::Empty);
        }
        if text.len() > MAX_SECRET_BYTES {
            return Err(SecretError::TooLong);
        }
        match text.bytes().position(|byte| !byte.is_ascii_graphic()) {
            Some(index) => Err(SecretError::Alphabet(index + 1)),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The text itself, for the wire or a hash.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The 32 bytes that the text stands for, where it is the base64 of so many.
    #[must_use]
    pub fn key_bytes(&self) -> Option<Zeroizing<[u8; 32]>> {
        let bytes = Zeroizing::new(STANDARD.decode(&self.0).ok()?);
        <[u8; 32]>::try_from(bytes.as_slice()).ok().map(Zeroizing::new)
    }

    /// Whether it is long enough to sign with.
    #[must_use]
    pub fn signs(&self) -> bool {
        self.0.len() >= MIN_SIGNING_BYTES
    }

    /// Four hex digits that tell one secret from the next and say nothing else: the end of its SHA-256.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let [.., before, last] = sha256(&self.0);
        hex(&[before, last])
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// SHA-256 of a text, as `auth.keys` holds it.
#[must_use]
pub fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    hash
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

/// A secret that may change while the process runs. Cheap to clone; a change shows in every clone.
#[derive(Debug, Clone)]
pub struct LiveSecret {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    current: ArcSwap<Secret>,
    file: Option<PathBuf>,
    /// Of a file that holds several, one a line: what each must be.
    each_line: Option<fn(&str) -> bool>,
}

/// What came of looking at a secret's file again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    /// The same secret, or one that comes from no file.
    Unchanged,
    /// Another one, which holds from now on.
    Changed,
    /// The file holds no secret now: the former one stays.
    Failed(SecretError),
}

impl LiveSecret {
    /// A secret that came as a value and stays as it is.
    #[must_use]
    pub fn fixed(secret: Secret) -> Self {
        Self { inner: Arc::new(Inner { current: ArcSwap::from_pointee(secret), file: None, each_line: None }) }
    }

    /// A secret that stands in a file, and follows it by [`LiveSecret::refresh`].
    ///
    /// # Errors
    /// Every variant of [`SecretError`].
    pub fn from_file(path: &Path) -> Result<Self, SecretError> {
        Self::follow(path, None)
    }

    /// Several secrets that stand in a file, one a line; blank lines do not count. [`LiveSecret::get`] gives them as
    /// lines.
    ///
    /// # Errors
    /// Every variant of [`SecretError`].
    pub fn lines_from_file(path: &Path, fits: fn(&str) -> bool) -> Result<Self, SecretError> {
        Self::follow(path, Some(fits))
    }

    fn follow(path: &Path, each_line: Option<fn(&str) -> bool>) -> Result<Self, SecretError> {
        let current = ArcSwap::from_pointee(read(path, each_line)?);
        Ok(Self { inner: Arc::new(Inner { current, file: Some(path.to_owned()), each_line }) })
    }

    /// The secret as of now.
    #[must_use]
    pub fn get(&self) -> Arc<Secret> {
        self.inner.current.load_full()
    }

    /// The file it follows, if it does.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.inner.file.as_deref()
    }

    /// Reads the file again, by its path: Kubernetes swaps a link above it, and neither the file's times nor its inode
    /// tell a second write within one clock tick, so the content decides. Replace the file by renaming a new one into
    /// place; one that is rewritten may be caught half-written.
    #[must_use]
    pub fn refresh(&self) -> Refreshed {
        let Some(path) = self.file() else {
            return Refreshed::Unchanged;
        };
        match read(path, self.inner.each_line) {
            Ok(secret) if secret == **self.inner.current.load() => Refreshed::Unchanged,
            Ok(secret) => {
                self.inner.current.store(Arc::new(secret));
                Refreshed::Changed
            }
            Err(error) => Refreshed::Failed(error),
        }
    }
}

fn read(path: &Path, each_line: Option<fn(&str) -> bool>) -> Result<Secret, SecretError> {
    let system = |error: io::Error| SecretError::Unreadable(error.to_string());
    if !std::fs::metadata(path).map_err(system)?.is_file() {
        return Err(SecretError::Unreadable("it is no regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    let bound = MAX_SECRET_BYTES as u64 + 3;
    std::fs::File::open(path).map_err(system)?.take(bound).read_to_end(&mut bytes).map_err(system)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => each_line.map_or_else(|| Secret::parse(text), |fits| lines(text, fits)),
        Err(error) => Err(SecretError::Alphabet(error.valid_up_to() + 1)),
    }
}

fn lines(text: &str, fits: fn(&str) -> bool) -> Result<Secret, SecretError> {
    if text.len() > MAX_SECRET_BYTES {
        return Err(SecretError::TooLong);
    }
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    let mut all = Zeroizing::new(String::with_capacity(text.len()));
    for (count, (index, line)) in lines.enumerate() {
        if count >= MAX_SECRETS {
            return Err(SecretError::TooMany);
        }
        if Secret::parse(line).is_err() || !fits(line) {
            return Err(SecretError::Unfit(index + 1));
        }
        all.push_str(line);
        all.push('\n');
    }
    if all.is_empty() { Err(SecretError::Empty) } else { Ok(Secret(all.trim_end().to_owned())) }
}

#[cfg(test)]
mod tests;
