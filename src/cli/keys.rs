//! `keys new`: a random API key, shown once, and what the settings hold of it. `keys token-key`: what signs tokens.
//! `keys encryption`: what seals tokens in the store.

use super::args::{KeysArgs, KeysCommand, NewKeyArgs};
use crate::{
    domain::hex::hex,
    settings::secret::{Secret, sha256},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{fmt, io};

/// How every key of ours begins, so that scanners and people recognise one.
pub const PREFIX: &str = "ghle_";

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Digits of 256 bits in base 62.
const DIGITS: usize = 43;

/// Why no key was made.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The system has no randomness.
    #[error("the system gave no random bytes")]
    Random,
    /// The key was made, but could not be shown.
    #[error("the new key could not be written")]
    Write(#[source] io::Error),
}

/// Does what the command line says, printing to `out`.
///
/// # Errors
/// Both variants of [`KeysError`].
pub fn run(args: &KeysArgs, out: &mut impl io::Write) -> Result<(), KeysError> {
    let shown = match &args.command {
        KeysCommand::New(args) => NewKey::new(args, &random()?).to_string(),
        // Alone on its line, so that it can be led into a file.
        KeysCommand::TokenKey => format!("{}\n", base62(&random()?)),
        KeysCommand::Encryption => encryption_key(&random()?),
    };
    write!(out, "{shown}").and_then(|()| out.flush()).map_err(KeysError::Write)
}

/// How a key for `store.encryption_key` is shown: alone on its line, so that it can be cut out.
fn encryption_key(bytes: &[u8; 32]) -> String {
    format!(
        "The key that tokens are sealed with, shown this once:\n\n  {}\n\nPut it into a file that the service's user alone \
         reads, and name that file:\n\n  [store]\n  encryption_key_file = \"/run/secrets/ghl-enrich-encryption-key\"\n\nor \
         into the variable ENRICH_STORE__ENCRYPTION_KEY. Without it what is stored cannot be opened: keep a copy, and not \
         beside a back-up of the store.\n",
        STANDARD.encode(bytes)
    )
}

fn random() -> Result<[u8; 32], KeysError> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| KeysError::Random)?;
    Ok(bytes)
}

/// A key that nobody has seen yet. `Display` shows it.
#[derive(Debug)]
pub struct NewKey {
    name: String,
    key: Secret,
    entry: String,
}

impl NewKey {
    /// The key that 32 random bytes make.
    #[must_use]
    pub fn new(args: &NewKeyArgs, bytes: &[u8; 32]) -> Self {
        let key = Secret::new(format!("{PREFIX}{}", base62(bytes)));
        let hash = hex(&sha256(key.expose()));
        let roles: Vec<_> = args.roles.iter().map(|role| format!("\"{}\"", role.as_str())).collect();
        let locations: Vec<_> = args.locations.iter().map(|id| format!("\"{id}\"")).collect();
        let locations =
            if locations.is_empty() { String::new() } else { format!(", locations = [{}]", locations.join(", ")) };
        let entry =
            format!("{{ name = \"{}\", sha256 = \"{hash}\", roles = [{}]{locations} }}", args.name, roles.join(", "));
        Self { name: args.name.clone(), key, entry }
    }

    /// The key itself, as a caller sends it.
    #[must_use]
    pub fn key(&self) -> &Secret {
        &self.key
    }

    /// What `auth.keys` holds of it: an inline table.
    #[must_use]
    pub fn entry(&self) -> &str {
        &self.entry
    }
}

impl fmt::Display for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, key, entry } = self;
        writeln!(f, "The key {name}, shown this once; callers send it as \"Authorization: Bearer …\":\n")?;
        writeln!(f, "  {}\n", key.expose())?;
        writeln!(
            f,
            "The settings hold only its SHA-256. Put this into the file, beside keys that are there already:\n"
        )?;
        writeln!(f, "  [auth]\n  keys = [\n    {entry},\n  ]\n")?;
        writeln!(f, "or into a variable:\n\n  ENRICH_AUTH__KEYS='[{entry}]'")
    }
}

/// 32 bytes as 43 digits: letters and digits alone, so that a double click selects the whole key.
fn base62(bytes: &[u8; 32]) -> String {
    let mut number = *bytes;
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0u16;
        for byte in &mut number {
            let value = rest << 8 | u16::from(*byte);
            // The quotient fits: the rest carried over is below 62.
            *byte = (value / 62) as u8;
            rest = value % 62;
        }
        *digit = ALPHABET[usize::from(rest)];
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::ids::LocationId,
        settings::{Role, Settings, Sources},
    };

    fn args() -> NewKeyArgs {
        let locations = vec![LocationId::parse("ve9EPM428h8vShlRW1KT").unwrap()];
        NewKeyArgs { name: "dashboard".to_owned(), roles: vec![Role::Read, Role::Write], locations }
    }

    #[test]
    fn digits_are_those_of_the_number() {
        let mut bytes = [0; 32];
        assert_eq!(base62(&bytes), "0".repeat(43));
        bytes[30..].copy_from_slice(&[0x0f, 0x04]); // 3844 = 62²
        assert_eq!(base62(&bytes), format!("{}100", "0".repeat(40)));
        assert_ne!(base62(&[0xff; 32]).as_bytes()[0], b'0', "43 digits are just enough");
    }

    #[test]
    fn what_is_printed_is_what_the_settings_read() {
        let new = NewKey::new(&args(), &[7; 32]);
        let printed = new.to_string();
        assert!(printed.contains(new.key().expose()));
        let line = printed.lines().find_map(|line| line.trim().strip_prefix("ENRICH_AUTH__KEYS=")).unwrap();
        let loaded = Settings::load(Sources::default().with("auth.keys", line.trim_matches('\''))).unwrap();
        let key = &loaded.settings.auth.keys[0];
        assert_eq!(key.sha256, sha256(new.key().expose()));
        assert_eq!((key.name.as_str(), key.roles.len(), key.locations.as_ref().unwrap().len()), ("dashboard", 2, 1));
    }

    #[test]
    fn a_token_key_is_one_the_settings_take() {
        let mut printed = Vec::new();
        run(&KeysArgs { command: KeysCommand::TokenKey }, &mut printed).unwrap();
        let key = String::from_utf8(printed).unwrap();
        let loaded = Settings::load(Sources::default().with("auth.token_key", key.trim_end())).unwrap();
        assert_eq!(loaded.settings.auth.token_key.unwrap().get().expose(), key.trim_end());
    }

    #[test]
    fn an_encryption_key_is_one_that_the_settings_take() {
        let shown = encryption_key(&[7; 32]);
        let key = shown.lines().map(str::trim).find(|line| line.ends_with('=')).unwrap();
        let loaded = Settings::load(Sources::default().with("store.encryption_key", key)).unwrap();
        assert_eq!(*loaded.settings.store.encryption_key.unwrap().get().key_bytes().unwrap(), [7; 32]);
    }

    #[test]
    fn two_keys_differ() {
        let made = || NewKey::new(&args(), &random().unwrap()).key().expose().to_owned();
        let (one, other) = (made(), made());
        assert!(one != other && one.starts_with(PREFIX) && one.len() == PREFIX.len() + DIGITS);
    }
}
