//! Tokens in the form of GHL's: JSON web tokens, three parts of base64url. The third is noise, since nobody holds the key
//! to check it: a token is good because the sandbox remembers it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Grant, USER};
use crate::clock::Millis;
use crate::rng::Rng;
use crate::tokens;

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
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The reverse of [`encode`].
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_written_as_ghl_writes_them() {
        // The one that GHL's document shows.
        assert_eq!(encode(br#"{"offset":20}"#), "eyJvZmZzZXQiOjIwfQ");
        assert_eq!(decode("eyJvZmZzZXQiOjIwfQ").as_deref(), Some(br#"{"offset":20}"#.as_slice()));
        assert_eq!(decode("Zg=="), None);
    }
}
