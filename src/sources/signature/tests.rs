//! Tests of signatures, by vectors that Python's `hmac` made.

use super::*;
use crate::settings::secret::{LiveSecret, Secret};
use std::time::Duration;

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const SIGNED: &str = "v1,A4B1PlRHlLdXK5AF1DsLBAuCqpEoTervauVKBDJfwsk=";
const OTHER_SECRET: &str = "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7";
const OTHER_SIGNED: &str = "v1,wHh0LJ7IdCwAAKsp43eM6jCCZSyoGnaHESWcw1inoH4=";
const BODY: &[u8] = br#"{"type":"contact.updated"}"#;
const PLAIN_SECRET: &str = "a plain secret of some length";
const PLAIN_HEX: &str = "97a01758d64f2d3bbf20bf1f81e6f7579ef8e63555ebb1a8e3b194b50a49910d";
const PLAIN_BASE64: &str = "l6AXWNZPLTu/IL8fgeb3V5745jVV67Go47GUtQpJkQ0=";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn verifier(scheme: SignatureScheme, secrets: &[&str]) -> Verifier {
    let secrets = secrets.iter().map(|secret| LiveSecret::fixed(Secret::new(*secret))).collect();
    Verifier::new(&SignatureSettings { scheme, secrets, tolerance: Duration::from_secs(300) })
}

fn headers(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn standard(signature: &str) -> BTreeMap<String, String> {
    headers(&[(ID, "msg_1"), (TIMESTAMP, "1795338000"), (SIGNATURE, signature)])
}

#[test]
fn standard_webhooks_are_verified_with_any_secret_in_force() {
    let now = at(1_795_338_010);
    let signed = Ok(Signed { id: Some("msg_1".to_owned()) });
    let one = verifier(SignatureScheme::Standard, &[SECRET]);
    assert_eq!(one.verify(&standard(SIGNED), BODY, now), signed);
    assert_eq!(one.verify(&standard(OTHER_SIGNED), BODY, now), Err(Forged));
    assert_eq!(one.verify(&standard(&format!("{OTHER_SIGNED} v1a,xx {SIGNED}")), BODY, now), signed);
    // Two secrets while one is changed, in settings or as the lines of a file.
    for both in [&[OTHER_SECRET, SECRET][..], &[&format!("{OTHER_SECRET}\n{SECRET}")]] {
        let both = verifier(SignatureScheme::Standard, both);
        assert_eq!(both.verify(&standard(SIGNED), BODY, now), signed);
        assert_eq!(both.verify(&standard(OTHER_SIGNED), BODY, now), signed);
        assert_eq!(both.verify(&standard(SIGNED), b"{}", now), Err(Forged));
    }
    let many = vec![OTHER_SIGNED; 20].join(" ");
    assert_eq!(one.verify(&standard(&format!("{many} {SIGNED}")), BODY, now), Err(Forged), "only so many are compared");
}

#[test]
fn the_time_and_the_id_are_signed_too() {
    let one = verifier(SignatureScheme::Standard, &[SECRET]);
    let verify = |headers: &BTreeMap<String, String>, now: i64| one.verify(headers, BODY, at(now)).is_ok();
    for (now, good) in [(1_795_337_700, true), (1_795_337_699, false), (1_795_338_300, true), (1_795_338_301, false)] {
        assert_eq!(verify(&standard(SIGNED), now), good, "{now}");
    }
    for (name, value) in [
        (ID, "msg_2"),
        (ID, ""),
        (ID, " msg_1"),
        (TIMESTAMP, "1795338001"),
        (TIMESTAMP, "1795338000.0"),
        (TIMESTAMP, "+1795338000"),
        (TIMESTAMP, "99999999999999999999"),
        (TIMESTAMP, ""),
        (SIGNATURE, ""),
        (SIGNATURE, "v1,"),
        (SIGNATURE, "v2,A4B1PlRHlLdXK5AF1DsLBAuCqpEoTervauVKBDJfwsk="),
        (SIGNATURE, "v1,A4B1PlRHlLdXK5AF1DsLBAuCqpEoTervauVKBDJfwsl="),
        (SIGNATURE, "v1,A4B1PlRHlLdXK5AF1DsLBAuCqpEoTervauVKBDJfws"),
    ] {
        let mut forged = standard(SIGNED);
        forged.insert(name.to_owned(), value.to_owned());
        assert!(!verify(&forged, 1_795_338_000), "{name}: {value}");
        forged.remove(name);
        assert!(one.admits(&forged, at(1_795_338_000)).is_err(), "without {name}");
    }
    assert_eq!(one.admits(&standard(OTHER_SIGNED), at(1_795_338_000)), Ok(()), "it could be one");
}

#[test]
fn a_plain_hmac_stands_in_a_header() {
    let scheme =
        |prefix: &str, base64| SignatureScheme::Hmac { header: "x-sign".to_owned(), prefix: prefix.to_owned(), base64 };
    let verify = |scheme, value: &str, body| {
        verifier(scheme, &["another secret, of length", PLAIN_SECRET]).verify(
            &headers(&[("x-sign", value)]),
            body,
            at(0),
        )
    };
    let signed = Ok(Signed { id: None });
    assert_eq!(verify(scheme("", false), PLAIN_HEX, BODY), signed);
    assert_eq!(verify(scheme("sha256=", false), &format!("sha256={}", PLAIN_HEX.to_uppercase()), BODY), signed);
    assert_eq!(verify(scheme("", true), PLAIN_BASE64, BODY), signed);
    for (scheme, value) in [
        (scheme("sha256=", false), PLAIN_HEX.to_owned()),
        (scheme("", false), PLAIN_BASE64.to_owned()),
        (scheme("", false), PLAIN_HEX[..62].to_owned()),
        (scheme("", false), format!("{}é", &PLAIN_HEX[..62])),
        (scheme("", false), format!("{}0", &PLAIN_HEX[..63])),
        (scheme("", true), PLAIN_HEX.to_owned()),
    ] {
        assert_eq!(verify(scheme, &value, BODY), Err(Forged), "{value}");
    }
    assert_eq!(verify(scheme("", false), PLAIN_HEX, b""), Err(Forged));
    let short = verifier(scheme("", false), &["short"]);
    assert_eq!(short.verify(&headers(&[("x-sign", PLAIN_HEX)]), BODY, at(0)), Err(Forged));
}

#[test]
fn what_is_signed_here_is_verified_here() {
    let signed = standard_headers(SECRET, "msg_1", at(1_795_338_000), BODY).unwrap();
    assert_eq!(
        signed,
        [(ID, "msg_1".to_owned()), (TIMESTAMP, "1795338000".to_owned()), (SIGNATURE, SIGNED.to_owned())]
    );
    assert_eq!(standard_headers("no secret", "msg_1", at(0), BODY), None);
}
