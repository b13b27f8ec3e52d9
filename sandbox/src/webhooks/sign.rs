//! The signatures over a webhook's raw body, as GHL makes them, with the sandbox's own keys. The Ed25519 key is the same
//! in every sandbox and [`WEBHOOK_PUBLIC_KEY`](crate::tokens::WEBHOOK_PUBLIC_KEY) verifies it; the RSA key is made when
//! it is first wanted, and is another in every process.

use std::sync::LazyLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::plan::WebhookSigning;

/// The header of the Ed25519 signature.
pub(crate) const ED25519_HEADER: &str = "x-ghl-signature";
/// The header of the RSA signature, which GHL has retired.
pub(crate) const RSA_HEADER: &str = "x-wh-signature";
/// What stands in a signature's header that there is none of.
const NO_SIGNATURE: &str = "N/A";

/// Known to all the world: it guards nothing.
const ED25519_SEED: &[u8; 32] = b"ghl-sandbox webhook signing key!";

static ED25519: LazyLock<Option<Ed25519KeyPair>> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(ED25519_SEED).ok());
static RSA: LazyLock<Option<RsaKeyPair>> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).ok());

/// What `X-GHL-Signature` says of a body: the Ed25519 signature in base64, with the key that is the same in every sandbox.
#[must_use]
pub fn ed25519(body: &[u8]) -> String {
    let signature = ED25519.as_ref().map(|key| STANDARD.encode(key.sign(body)));
    signature.unwrap_or_else(|| NO_SIGNATURE.to_owned())
}

/// The RSA signature (2048 bits, PKCS#1 v1.5, SHA-256) in base64.
pub(crate) fn rsa(body: &[u8]) -> String {
    let signature = RSA.as_ref().and_then(|key| {
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), body, &mut signature).ok()?;
        Some(STANDARD.encode(signature))
    });
    signature.unwrap_or_else(|| NO_SIGNATURE.to_owned())
}

/// The RSA public key: SPKI DER in base64.
pub(crate) fn rsa_public_key() -> Option<String> {
    let der = RSA.as_ref()?.public_key().as_der().ok()?;
    Some(STANDARD.encode(der.as_ref()))
}

/// Both headers of a delivery.
pub(crate) fn headers(body: &[u8], signing: WebhookSigning) -> [(&'static str, String); 2] {
    let none = || NO_SIGNATURE.to_owned();
    let (ed25519, rsa) = match signing {
        WebhookSigning::Ed25519 => (ed25519(body), none()),
        WebhookSigning::Rsa => (none(), rsa(body)),
        WebhookSigning::Both => (ed25519(body), rsa(body)),
    };
    [(ED25519_HEADER, ed25519), (RSA_HEADER, rsa)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_key_is_the_one_that_signs() {
        let key = ED25519.as_ref().expect("a key").public_key().as_der().expect("DER");
        assert_eq!(STANDARD.encode(key.as_ref()), crate::tokens::WEBHOOK_PUBLIC_KEY);
    }

    #[test]
    fn a_signature_that_there_is_none_of_says_so() {
        let [(_, ed25519), (_, rsa)] = headers(b"{}", WebhookSigning::Ed25519);
        assert_eq!((ed25519.len(), rsa.as_str()), (88, "N/A"));
        let [(_, ed25519), (_, rsa)] = headers(b"{}", WebhookSigning::Rsa);
        assert_eq!((ed25519.as_str(), rsa.len()), ("N/A", 344));
    }
}
