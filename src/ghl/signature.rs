//! Whether a webhook is GHL's: its signature over the body as it came, before anything of it is parsed.
//!
//! `X-GHL-Signature` is Ed25519, `x-wh-signature` RSA with PKCS#1 v1.5 and SHA-256, both base64; either may hold the
//! literal `N/A`, which is none (reference: "Signatures"). GHL says that it has retired the second, so it counts only
//! where a setting admits it. Several keys may be in force: GHL names none in the request.

use crate::settings::WebhookSettings;
use aws_lc_rs::signature::{ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::fmt;

/// The header of the Ed25519 signature.
pub const GHL_SIGNATURE: &str = "x-ghl-signature";
/// The header of the retired RSA signature.
pub const RSA_SIGNATURE: &str = "x-wh-signature";

/// The longest signature that is looked at, in characters: RSA with 8192 bits.
const MAX_CHARS: usize = 1368;

/// What stood in the two headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signatures {
    /// `X-GHL-Signature`
    pub ed25519: Option<String>,
    /// `x-wh-signature`
    pub rsa: Option<String>,
}

/// No signature that counts, or none that fits. Which of it is nobody's business who sends such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the webhook bears no signature of GHL's")]
pub struct Forged;

/// Knows GHL's keys.
pub struct Verifier {
    ed25519: Vec<ParsedPublicKey>,
    /// Empty where RSA does not count.
    rsa: Vec<ParsedPublicKey>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("ed25519", &self.ed25519.len()).field("rsa", &self.rsa.len()).finish()
    }
}

impl Verifier {
    /// With the keys of the settings, which were checked when they were read.
    #[must_use]
    pub fn new(settings: &WebhookSettings) -> Self {
        let parse = |keys: &[crate::settings::PublicKey], algorithm: &'static dyn VerificationAlgorithm| {
            keys.iter().filter_map(|key| ParsedPublicKey::new(algorithm, key.der()).ok()).collect::<Vec<_>>()
        };
        let rsa: &[_] = if settings.accept_rsa { &settings.rsa_public_keys } else { &[] };
        Self { ed25519: parse(&settings.public_keys, &ED25519), rsa: parse(rsa, &RSA_PKCS1_2048_8192_SHA256) }
    }

    /// Whether the headers hold anything that could be a signature: where not, the body need not be read.
    ///
    /// # Errors
    /// [`Forged`]
    pub fn admits(&self, signatures: &Signatures) -> Result<(), Forged> {
        self.candidates(signatures).next().map(drop).ok_or(Forged)
    }

    /// Verifies a body. An Ed25519 signature that does not fit is not made good by an RSA one.
    ///
    /// # Errors
    /// [`Forged`]
    pub fn verify(&self, body: &[u8], signatures: &Signatures) -> Result<(), Forged> {
        let (signature, keys) = self.candidates(signatures).next().ok_or(Forged)?;
        let fits = keys.iter().any(|key| key.verify_sig(body, &signature).is_ok());
        if fits { Ok(()) } else { Err(Forged) }
    }

    /// The signatures that count, the better one first.
    fn candidates<'a>(
        &'a self,
        signatures: &'a Signatures,
    ) -> impl Iterator<Item = (Vec<u8>, &'a [ParsedPublicKey])> + 'a {
        let present = |text: &&str| !text.is_empty() && *text != "N/A";
        let of = move |text: &'a Option<String>| text.as_deref().map(str::trim).filter(present);
        let ed25519 = of(&signatures.ed25519);
        // One that is there and wrong is a forgery, whatever stands beside it.
        let rsa = of(&signatures.rsa).filter(|_| ed25519.is_none());
        let both = [(ed25519, &*self.ed25519), (rsa, &*self.rsa)];
        both.into_iter().filter_map(|(text, keys)| {
            // Strict: a signature has one spelling.
            let signature = STANDARD.decode(text.filter(|text| text.len() <= MAX_CHARS)?).ok()?;
            (!keys.is_empty() && !signature.is_empty()).then_some((signature, keys))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, Sources};
    use aws_lc_rs::{
        encoding::{AsDer as _, PublicKeyX509Der},
        rand::SystemRandom,
        rsa::KeySize,
        signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
    };

    fn verifier(key: &[u8], rsa: Option<&[u8]>) -> Verifier {
        let list = |key: &[u8]| format!("[\"{}\"]", STANDARD.encode(key));
        let mut sources = Sources::default().with("webhooks.public_keys", list(key));
        if let Some(rsa) = rsa {
            sources = sources.with("webhooks.rsa_public_keys", list(rsa)).with("webhooks.accept_rsa", true);
        }
        Verifier::new(&Settings::load(sources).unwrap().settings.webhooks)
    }

    fn der(pair: &Ed25519KeyPair) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        der.as_ref().to_vec()
    }

    fn ed25519(text: &str) -> Signatures {
        Signatures { ed25519: Some(text.to_owned()), rsa: None }
    }

    #[test]
    fn a_signature_fits_its_body_and_its_key_alone() {
        let (pair, other) = (Ed25519KeyPair::generate().unwrap(), Ed25519KeyPair::generate().unwrap());
        let verifier = verifier(&der(&pair), None);
        let body = br#"{"type":"ContactUpdate"}"#;
        let good = STANDARD.encode(pair.sign(body));
        assert_eq!(verifier.verify(body, &ed25519(&good)), Ok(()));
        assert_eq!(verifier.verify(b"{}", &ed25519(&good)), Err(Forged));
        let foreign = STANDARD.encode(other.sign(body));
        // The last digit stands for two bits and four zeros.
        let digit = good.as_bytes()[85] + 1;
        let respelt = format!("{}{}==", &good[..85], char::from(digit));
        for bad in ["", "N/A", " ", &good[..40], &good[..87], "no base64!", &foreign, &format!("{good}AAAA"), &respelt]
        {
            assert_eq!(verifier.verify(body, &ed25519(bad)), Err(Forged), "{bad}");
        }
        assert_eq!(verifier.verify(body, &Signatures::default()), Err(Forged));
        assert_eq!(verifier.admits(&ed25519("N/A")), Err(Forged));
    }

    #[test]
    fn rsa_counts_where_it_is_admitted_and_ed25519_says_nothing() {
        let pair = Ed25519KeyPair::generate().unwrap();
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let public: PublicKeyX509Der<'_> = rsa.public_key().as_der().unwrap();
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"body", &mut signature).unwrap();
        let with = |ed25519: Option<&str>| Signatures {
            ed25519: ed25519.map(str::to_owned),
            rsa: Some(STANDARD.encode(&signature)),
        };
        let (off, on) = (verifier(&der(&pair), None), verifier(&der(&pair), Some(public.as_ref())));
        assert_eq!(off.verify(b"body", &with(None)), Err(Forged));
        for absent in [None, Some("N/A"), Some("")] {
            assert_eq!(on.verify(b"body", &with(absent)), Ok(()), "{absent:?}");
        }
        assert_eq!(on.verify(b"other", &with(None)), Err(Forged));
        assert_eq!(on.verify(b"body", &with(Some("AAAA"))), Err(Forged), "a wrong one is not made good");
    }

    #[test]
    fn the_published_keys_are_keys() {
        let settings = Settings::load(Sources::default().with("webhooks.accept_rsa", true)).unwrap().settings;
        let verifier = Verifier::new(&settings.webhooks);
        assert_eq!((verifier.ed25519.len(), verifier.rsa.len()), (1, 1));
    }
}
