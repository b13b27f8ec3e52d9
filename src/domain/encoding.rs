//! Base64 as RFC 4648 writes it (section 4), strictly: what has two spellings is no signature and no key.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The bytes that a padded text stands for; `None` where it is none, or not the one spelling of its bytes.
#[must_use]
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let digits = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for chunk in digits.chunks(4) {
        let mut group = 0_u32;
        for digit in chunk {
            let value = ALPHABET.iter().position(|known| known == digit)?;
            group = group << 6 | u32::try_from(value).ok()?;
        }
        let length = chunk.len().checked_sub(1).filter(|length| *length > 0)?;
        let group = group << (6 * (4 - chunk.len()));
        let [_, decoded @ ..] = group.to_be_bytes();
        if decoded.iter().skip(length).any(|beyond| *beyond != 0) {
            return None;
        }
        bytes.extend(decoded.iter().take(length));
    }
    // The padding has to be the one its length asks for.
    (text.len() - digits.len() == (4 - digits.len() % 4) % 4).then_some(bytes)
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_rfc_4648_are_read_and_nothing_like_them() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmE=", "fooba")] {
            assert_eq!(base64(text).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        for bad in
            ["Zg", "Zg=", "Zh==", "Zm9=", "Zm9v=", "Zm9v====", "====", "=", "Zm9 ", "Zm9v\n", "Zm-_", "N/A", "Zg==Zg=="]
        {
            assert_eq!(base64(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = base64(&text);
        }
    }
}
