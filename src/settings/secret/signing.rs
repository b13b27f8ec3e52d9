//! Which texts are secrets that an outside system signs with.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// The fewest bytes of a secret of a plain HMAC. Other systems choose these, so it is less than what we ask of our own.
pub const MIN_PLAIN_BYTES: usize = 16;

/// Bytes that a secret of Standard Webhooks stands for ("Symmetric signatures": 24 to 64).
const STANDARD_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The key that a secret of Standard Webhooks stands for: base64, after `whsec_` or without it.
#[must_use]
pub fn standard_key(secret: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digits = secret.strip_prefix("whsec_").unwrap_or(secret);
    let key = Zeroizing::new(STANDARD.decode(digits).ok()?);
    STANDARD_BYTES.contains(&key.len()).then_some(key)
}

/// Whether a text is a secret of Standard Webhooks.
#[must_use]
pub fn is_standard(secret: &str) -> bool {
    standard_key(secret).is_some()
}

/// Whether a text is long enough for a plain HMAC.
#[must_use]
pub const fn is_plain(secret: &str) -> bool {
    secret.len() >= MIN_PLAIN_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standard_secret_is_base64_of_24_to_64_bytes() {
        for (bytes, good) in [(23, false), (24, true), (64, true), (65, false)] {
            let secret = STANDARD.encode(vec![7; bytes]);
            assert_eq!((is_standard(&secret), is_standard(&format!("whsec_{secret}"))), (good, good), "{bytes}");
        }
        assert!(!is_standard("whsec_no base64 at all, though long enough"));
        assert!(is_plain("0123456789abcdef") && !is_plain("0123456789abcde"));
    }
}
