//! Tokens that hold, and every way not to.

use super::*;
use crate::settings::secret::sha256;
use proptest::prelude::*;

const NOW: &str = "2026-11-22T08:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn secret(text: &str) -> LiveSecret {
    LiveSecret::fixed(Secret::new(text.repeat(32)))
}

fn tokens(current: &str, previous: Option<&str>) -> Tokens {
    Tokens { current: secret(current), previous: previous.map(secret) }
}

fn ids(ids: &[&str]) -> BTreeSet<LocationId> {
    ids.iter().map(|id| LocationId::parse(id).unwrap()).collect()
}

fn key(name: &str, secret: &str, locations: Option<&[&str]>) -> ApiKey {
    let roles = BTreeSet::from([Role::Admin]);
    ApiKey { name: name.to_owned(), sha256: sha256(secret), roles, locations: locations.map(ids) }
}

fn wanted(locations: &[&str]) -> Wanted {
    let contacts = Some(vec![ContactId::parse("contact1").unwrap()]);
    Wanted { locations: ids(locations), contacts, lifetime: Duration::from_secs(900) }
}

fn minted(tokens: &Tokens, maker: Option<&ApiKey>) -> String {
    tokens.mint(maker, wanted(&["l1"]), now()).unwrap().token.expose().to_owned()
}

#[test]
fn a_token_says_what_was_wanted_until_it_expires() {
    let (tokens, keys) = (tokens("a", None), [key("other", "o", None), key("backend", "b", None)]);
    let made = tokens.mint(Some(&keys[1]), wanted(&["l1"]), now()).unwrap();
    let text = made.token.expose();
    let claims = tokens.verify(text, &keys, now()).unwrap();
    assert_eq!((claims.label.as_str(), claims.maker), ("token:backend", Some(1)));
    assert_eq!((&claims.locations, claims.contacts.as_ref().unwrap().len()), (&ids(&["l1"]), 1));
    assert_eq!(claims.expires_at, made.expires_at);
    let end = made.expires_at;
    assert_eq!(end.duration_since(now()), SignedDuration::from_mins(15));
    assert!(tokens.verify(text, &keys, end - SignedDuration::from_millis(1)).is_ok());
    assert_eq!(tokens.verify(text, &keys, end), Err(TokenError::Expired));
    assert!(tokens.verify(text, &keys, now() - SKEW).is_ok(), "another replica's clock is behind");
    let early = now() - SKEW - SignedDuration::from_secs(1);
    assert_eq!(tokens.verify(text, &keys, early), Err(TokenError::NotYet));
}

#[test]
fn a_rotated_key_holds_until_it_is_dropped() {
    let keys = [key("backend", "b", None)];
    let text = minted(&tokens("a", None), Some(&keys[0]));
    assert!(tokens("b", Some("a")).verify(&text, &keys, now()).is_ok());
    assert_eq!(tokens("b", None).verify(&text, &keys, now()), Err(TokenError::UnknownKey));
    assert_eq!(tokens("b", Some("c")).verify(&text, &keys, now()), Err(TokenError::UnknownKey));
    // Somebody else's signature under our key's name.
    let ours = secret("b").get().fingerprint();
    let renamed = text.replacen(&secret("a").get().fingerprint(), &ours, 1);
    assert_eq!(tokens("b", Some("a")).verify(&renamed, &keys, now()), Err(TokenError::Forged));
}

#[test]
fn a_token_is_as_good_as_the_key_that_made_it() {
    let (tokens, maker) = (tokens("a", None), key("backend", "b", None));
    let text = minted(&tokens, Some(&maker));
    let orphaned = |keys: &[ApiKey]| tokens.verify(&text, keys, now()) == Err(TokenError::Orphaned);
    assert!(orphaned(&[]) && orphaned(&[key("other", "b", None)]), "it is gone");
    assert!(orphaned(&[key("backend", "replaced", None)]), "it was replaced");
    assert!(orphaned(&[key("backend", "b", Some(&["l2"]))]), "it may no longer see the location");
    assert!(orphaned(&[ApiKey { roles: BTreeSet::from([Role::Read]), ..maker.clone() }]), "nor make tokens");
    assert!(tokens.verify(&text, &[key("backend", "b", Some(&["l1", "l2"]))], now()).is_ok());
    let nobodys = minted(&tokens, None);
    assert_eq!(tokens.verify(&nobodys, &[], now()).unwrap().label, "token");
    assert_eq!(tokens.verify(&nobodys, &[maker], now()), Err(TokenError::Orphaned), "there are keys now");
}

#[test]
fn what_is_cut_grown_or_foreign_is_forged() {
    let (tokens, keys) = (tokens("a", None), [key("backend", "b", None)]);
    let text = minted(&tokens, Some(&keys[0]));
    for end in 0..text.len() {
        assert!(tokens.verify(&text[..end], &keys, now()).is_err(), "cut at {end}");
    }
    // Its last digit stands for four bits and two zeros: this one is another spelling of the same bytes.
    let (rest, last) = text.split_at(text.len() - 1);
    let respelt = char::from(last.as_bytes()[0] + 1);
    for forged in [
        format!("{rest}{respelt}"),
        format!("{text}="),
        format!("{text}A"),
        format!("{text}."),
        format!("{text}.{text}"),
        text.replacen("ghle_t1.", "ghle_t2.", 1),
        format!("{PREFIX}{}", "a".repeat(MAX_BYTES)),
        format!("{PREFIX}{}", "x".repeat(1_000_000)),
        String::new(),
        PREFIX.to_owned(),
        format!("{PREFIX}...."),
    ] {
        assert_eq!(tokens.verify(&forged, &keys, now()), Err(TokenError::Forged), "{:.60}", forged);
    }
}

#[test]
fn the_largest_token_is_read() {
    let id = |n: usize| format!("{n:0>64}");
    let wanted = Wanted {
        locations: (0..MAX_LOCATIONS).map(|n| LocationId::parse(&id(n)).unwrap()).collect(),
        contacts: Some((0..MAX_CONTACTS).map(|n| ContactId::parse(&id(n)).unwrap()).collect()),
        lifetime: Duration::from_secs(60),
    };
    let (tokens, maker) = (tokens("a", None), key(&"n".repeat(64), "b", None));
    let made = tokens.mint(Some(&maker), wanted, now()).unwrap();
    assert!(tokens.verify(made.token.expose(), &[maker], now()).is_ok(), "{} bytes", made.token.expose().len());
}

#[test]
fn a_process_without_a_key_makes_its_own() {
    let settings = crate::settings::Settings::load(crate::settings::Sources::default()).unwrap().settings;
    let (one, other) = (Tokens::new(&settings.auth), Tokens::new(&settings.auth));
    let text = minted(&one, None);
    assert!(one.verify(&text, &[], now()).is_ok());
    assert!(other.verify(&text, &[], now()).is_err(), "and nobody else has it");
}

#[test]
fn a_key_whose_file_became_too_short_signs_nothing() {
    let short = Tokens { current: LiveSecret::fixed(Secret::new("short")), previous: Some(secret("a")) };
    let problem = short.mint(None, wanted(&["l1"]), now()).unwrap_err();
    assert!(problem.kind == ProblemKind::Internal && problem.cause.is_some());
    assert!(short.verify(&minted(&tokens("a", None), None), &[], now()).is_ok(), "the previous one still holds");
}

#[test]
fn debug_shows_neither_token_nor_contact() {
    let tokens = tokens("a", None);
    let made = tokens.mint(None, wanted(&["l1"]), now()).unwrap();
    let claims = tokens.verify(made.token.expose(), &[], now()).unwrap();
    let shown = format!("{made:?} {claims:?} {tokens:?}");
    assert!(!shown.contains(PREFIX) && !shown.contains("contact1") && !shown.contains("aaaa"), "{shown}");
}

proptest! {
    #[test]
    fn a_changed_character_is_noticed(position in any::<prop::sample::Index>(), replacement in "[A-Za-z0-9_.-]") {
        let tokens = tokens("a", None);
        let text = minted(&tokens, None);
        let position = position.index(text.len());
        let mut changed = text.clone();
        changed.replace_range(position..=position, &replacement);
        if changed != text {
            prop_assert!(tokens.verify(&changed, &[], now()).is_err());
        }
    }

    #[test]
    fn never_panics(rest in ".{0,200}") {
        let _ = tokens("a", None).verify(&format!("{PREFIX}{rest}"), &[], now());
    }
}
