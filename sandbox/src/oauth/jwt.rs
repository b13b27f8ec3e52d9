//! Tokens in the form of GHL's: JSON web tokens, three parts of base64url. The third is noise, since nobody holds the key
//! to check it: a token is good because the sandbox remembers it.

use serde_json::{Value, json};

use super::{Grant, USER};
use crate::clock::Millis;
use crate::rng::Rng;
use crate::tokens;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// An access token: says whose it is, and when it ends.
pub(super) fn access(rng: &mut Rng, grant: &Grant, now: Millis, expires: Millis) -> String {
    let owner = &grant.owner;
    let payload = json!({
        "authClass": owner.class.name(), "authClassId": owner.id, "primaryAuthClassId": owner.id,
        "source": "INTEGRATION", "sourceId": tokens::OAUTH_CLIENT_ID, "channel": "OAUTH",
        "oauthMeta": {"scopes": *grant.scopes, "client": tokens::APP_ID, "versionId": tokens::APP_VERSION_ID},
        "iat": now / 1_000, "exp": expires / 1_000, "jti": rng.uuid(),
    });
    assemble(rng, &payload)
}

pub(super) fn refresh(rng: &mut Rng, grant: &Grant, id: &str, expires: Millis) -> String {
    let payload = json!({
        "authClass": grant.owner.class.name(), "authClassId": grant.owner.id, "refreshTokenId": id, "userId": USER,
        "exp": expires / 1_000, "jti": rng.uuid(),
    });
    assemble(rng, &payload)
}

fn assemble(rng: &mut Rng, payload: &Value) -> String {
    let signature: Vec<u8> = (0..4).flat_map(|_| rng.next().to_be_bytes()).collect();
    let head = json!({"alg": "RS256", "typ": "JWT"}).to_string();
    [head.as_bytes(), payload.to_string().as_bytes(), &signature].map(encode).join(".")
}

/// base64url without padding.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let digit = |at: u32| char::from(DIGITS[(bits >> (18 - 6 * at)) as usize & 63]);
        out.extend((0..=chunk.len() as u32).map(digit));
    }
    out
}

/// The reverse of [`encode`].
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut bits, mut held) = (0_u32, 0);
    for digit in text.bytes() {
        let value = DIGITS.iter().position(|known| *known == digit)?;
        bits = (bits << 6 | u32::try_from(value).ok()?) & 0xFFFF;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_is_that_of_the_standard_and_round_trips() {
        // RFC 4648, section 10, and the one token that GHL's document shows.
        let known = [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE")];
        for (plain, coded) in known.into_iter().chain([(r#"{"offset":20}"#, "eyJvZmZzZXQiOjIwfQ")]) {
            assert_eq!(encode(plain.as_bytes()), coded);
            assert_eq!(decode(coded).as_deref(), Some(plain.as_bytes()));
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&all)), Some(all));
        assert_eq!(decode("Zg=="), None);
    }
}
