//! What is refused, and how it is said.

use super::{Folder, load};
use crate::settings::{Settings, Sources};
use proptest::prelude::*;

/// The errors of a file and variables, as they are printed.
fn errors(file: &str, variables: &[(&str, &str)]) -> String {
    load(file, variables).err().map_or_else(String::new, |errors| errors.to_string())
}

#[track_caller]
fn refused(file: &str, variables: &[(&str, &str)], said: &[&str]) {
    let text = errors(file, variables);
    for part in said {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
}

#[test]
fn unknown_keys_name_the_nearest_known_one() {
    refused("[ghl]\n  timeout_seconds = 5", &[], &["ghl.timeout_seconds (", "line 2, column 3", "timeout_ms in [ghl]"]);
    refused("[ghl]\ntimeout = '5s'", &[], &["Did you mean timeout_ms in [ghl]?"]);
    refused("[gohl]\na = 1\nb = 2", &[], &["have 1 error:", "gohl (", "is no section", "[ghl]"]);
    refused("bind = 'x'", &[], &["bind (", "Did you mean bind in [http]?"]);
    refused("[zz]\na = 1", &[], &["The sections are auth, cache, drift, enrichment, ghl,"]);
    refused("", &[("ENRICH_HTTP__BNID", "x")], &["http.bnid (variable ENRICH_HTTP__BNID)", "ENRICH_HTTP__BIND?"]);
    refused("", &[("ENRICH_BIND", "x")], &["ENRICH_HTTP__BIND"]);
    refused("", &[("ENRICH_QQ", "x")], &["ENRICH_SECTION__KEY"]);
}

#[test]
fn wrong_types_say_what_to_write() {
    refused(
        "[http]\ndeadline_ms = '5s'",
        &[],
        &["must be a whole number, not a text", "counts milliseconds: write 5000."],
    );
    refused("[http]\nkeep_alive_seconds = '2 minutes'", &[], &["counts seconds: write 120."]);
    refused("[http]\nmax_body_bytes = '5MB'", &[], &["number of bytes, without a unit"]);
    refused("[ghl]\nversion = 2021-07-28", &[], &["must be a text, not a date", "in quotes: \"2021-07-28\""]);
    refused("[http]\nworkers = 1.5", &[], &["not a number with a fraction"]);
    refused("[http]\nworkers = 99999999999999999999", &[], &["http.workers (", "line 2", "too large"]);
    refused("[http]\nhosts = 'a'", &[], &["must be a list, not a text", "[\"one\", \"two\"]"]);
    refused("[http]\nhosts = [1]", &[], &["http.hosts[0] (", "is no text"]);
    refused("", &[("ENRICH_HTTP__WORKERS", "")], &["must be a whole number, not nothing"]);
    refused("", &[("ENRICH_AUTH__ALLOW_ANONYMOUS", "yes")], &["must be true or false"]);
}

#[test]
fn wrong_values_say_what_to_write() {
    for (file, said) in [
        ("[http]\nbind = 'localhost:81'", &["\"localhost:81\" is no IP address", "127.0.0.1:81"][..]),
        ("[http]\nworkers = -1", &["-1 is out of bounds", "from 0 to 1024"]),
        ("[http]\nadmin_bind = '0.0.0.0:8080'", &["http.admin_bind (", "collides with http.bind"]),
        ("[profile]\nown_servers = ['10.1.2.3/8', '::1/64']", &["Write 10.0.0.0/8.", "servers[1]", "Write ::/64."]),
        ("[http]\ncors_origins = ['https://a.example/', 'null']", &["cors_origins[0]", "cors_origins[1]", "no origin"]),
        ("[http]\nhosts = ['http://a']", &["is no host name"]),
        (
            "[operations]\nretry_base_ms = 5000\nretry_cap_ms = 1000",
            &[
                "operations.retry_cap_ms (",
                "line 3",
                "shorter than operations.retry_base_ms, 5000",
                "Write at least 5000.",
            ],
        ),
        (
            "[operations]\nattempt_timeout_ms = 5000",
            &["operations.attempt_timeout_ms (", "shorter than ghl.timeout_ms, 10000", "Write at least 10000."],
        ),
        ("[ghl]\nbase_url = 'services.example'", &["does not begin with https://"]),
        ("[ghl]\nbase_url = 'https:///x'", &["names no host"]),
        ("[store]\nurl = 'writes.db'", &["names no store", "sqlite:/var/lib"]),
        ("[store]\nurl = 'sqlite:writes.db?mode=ro'", &["holds a '?'", "no parameters"]),
        ("[ghl]\nbase_url = 'https://a:99999'", &["names no host, or a port that is none"]),
        ("[ghl]\nbase_url = 'https://a?b'", &["without user, password, query"]),
        ("[ghl]\nlocation_id = 'a/b'", &["is no location id"]),
        ("[ghl]\ntimezone = 'Europe/Berln'", &["no IANA time zone", "Did you mean Europe/Berlin?"]),
        ("[profile]\nredact = ['email', 'LocationId']", &["profile.redact[1]", "cannot be redacted", "Remove it"]),
        ("[ipinfo]\nplan = 'core'", &["one of lite, lookup, legacy"]),
        ("[ipinfo]\nbackends = ['mdb']", &["backends[0]", "Did you mean mmdb?"]),
        ("[ipinfo]\nbackends = ['api', 'api']", &["names a backend twice"]),
        ("[ipinfo]\nbackends = []", &["names no backend"]),
        ("[telemetry]\nlog_level = 'inof'", &["\"inof\" is no log level"]),
        ("[telemetry]\nlog_level = 'a=b=c'", &["is no log level"]),
        ("[telemetry]\naccess_log = 'some'", &["sampled, all, none"]),
    ] {
        refused(file, &[], said);
    }
}

#[test]
fn keys_are_checked_one_by_one() {
    let hash = "0".repeat(64);
    let twice = format!("[auth]\nkeys = [{0}, {0}]", format_args!("{{name='a', sha256='{hash}', roles=['read']}}"));
    refused(&twice, &[], &["auth.keys[1].name (", "the name of [0]", "auth.keys[1].sha256 (", "the hash of [0]"]);
    let bad = "[auth]\nkeys = [{name='a b', sha256='ghle_x', roles=['raed'], locations=[], colour=1}, 5]";
    refused(
        bad,
        &[],
        &["keys[0].name", "a key itself", "Did you mean read?", "no location", "\"colour\"", "keys[1] ("],
    );
    refused("[auth]\nkeys = [{}]", &[], &["keys[0].roles", "at least one role", "is no SHA-256"]);
}

#[test]
fn an_open_port_without_keys_must_be_wanted() {
    let open = [("ENRICH_HTTP__BIND", "0.0.0.0:8080")];
    refused("", &open, &["http.bind (variable", "no API key", "auth.keys", "allow_anonymous = true", "127.0.0.1"]);
    assert_eq!(errors("[auth]\nallow_anonymous = true", &open), "");
    for loopback in ["127.0.0.2:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
        assert_eq!(errors("", &[("ENRICH_HTTP__BIND", loopback)]), "", "{loopback}");
    }
}

/// A key for one location must never be answered with the token of another.
#[test]
fn a_token_without_its_location_is_refused() {
    let folder = Folder::new();
    let path = folder.write("token", "pit-x");
    let file = path.to_str().unwrap();
    let named = ["ghl.location_id (default)", "sub-account's URL", "ENRICH_GHL__LOCATION_ID"];
    for (variable, value, key) in [
        ("GHL_TOKEN", "pit-x", "ghl.token (variable GHL_TOKEN)"),
        ("ENRICH_GHL__TOKEN", "pit-x", "ghl.token (variable ENRICH_GHL__TOKEN)"),
        ("GHL_TOKEN_FILE", file, "ghl.token_file (variable GHL_TOKEN_FILE)"),
        ("GHL_TOKEN_FILE", "/gone", "ghl.token_file (variable GHL_TOKEN_FILE)"),
    ] {
        refused("", &[(variable, value)], &named);
        refused("", &[(variable, value)], &[key]);
    }
    assert_eq!(errors("[ghl]\nlocation_id = 'l1'\ntoken = 'pit-x'", &[]), "");
    assert_eq!(errors("", &[("GHL_TOKEN", "")]), "", "no token needs no location");
    refused("[ghl]\nlocation_id = 5\ntoken = 'pit-x'", &[], &["have 1 error:"]);
}

#[test]
fn secret_files_must_hold_a_secret() {
    let folder = Folder::new();
    for (name, bytes, said) in [
        ("empty", b"\n".to_vec(), "the secret is empty"),
        ("large", vec![b'x'; 100_000], "longer than"),
        ("spaced", b"Bearer s3cret".to_vec(), "byte 7 of the secret"),
        ("binary", vec![b's', 0xff, 0xfe], "byte 2 of the secret"),
    ] {
        let path = folder.write(name, bytes);
        refused("", &[("GHL_TOKEN_FILE", path.to_str().unwrap())], &["ghl.token_file (variable GHL_TOKEN_FILE)", said]);
    }
    let missing = folder.path("missing");
    refused("", &[("GHL_TOKEN_FILE", missing.to_str().unwrap())], &["cannot be read: No such file"]);
    refused("", &[("GHL_TOKEN_FILE", folder.path("").to_str().unwrap())], &["no regular file"]);
    let pasted = errors("", &[("IPINFO_TOKEN_FILE", "aec4f5e1234567")]);
    assert!(pasted.contains("ipinfo.token_file") && !pasted.contains("aec4f5"), "{pasted}");
    let both = [("GHL_TOKEN", "a"), ("ENRICH_GHL__TOKEN_FILE", missing.to_str().unwrap())];
    refused("", &both, &["ghl.token_file (variable ENRICH", "so is ghl.token (variable GHL_TOKEN)", "Keep one"]);
}

#[test]
fn a_key_that_signs_is_long_enough() {
    let short = "k".repeat(31);
    for key in ["token_key", "previous_token_key"] {
        refused(
            &format!("[auth]\n{key} = '{short}'"),
            &[],
            &[&format!("auth.{key} ("), "fewer than 32", "keys token-key"],
        );
    }
    let folder = Folder::new();
    let file = folder.write("key", &short);
    refused(
        "",
        &[("ENRICH_AUTH__TOKEN_KEY_FILE", file.to_str().unwrap())],
        &["auth.token_key_file (", "fewer than 32"],
    );
    assert_eq!(errors(&format!("[auth]\ntoken_key = '{short}k'"), &[]), "");
}

#[test]
fn all_errors_come_at_once() {
    let file = "[http]\nbind = 1\nworkers = -1\nnope = 1\n[ghl]\ntimezone = 'x'\n[auth]\nkeys = 5";
    refused(file, &[("ENRICH_CACHE__MAX_BYTES", "x")], &["have 6 errors:"]);
    let lines: Vec<_> = errors(file, &[]).lines().skip(1).map(|line| line.contains("line 2")).collect();
    assert!(lines[0] && lines.iter().filter(|second| **second).count() == 1, "in the file's order");
    let text = errors("[http]\nbind = = 1\nworkers = oops\n", &[("ENRICH_CACHE__MAX_BYTES", "x")]);
    assert!(text.contains("line 2, column 8): not TOML"), "{text}");
    assert!(text.contains("cache.max_bytes"), "{text}");
}

#[test]
fn the_file_itself_must_be_readable() {
    let folder = Folder::new();
    let load = |path| Settings::load(Sources { file: Some(path), ..Sources::default() }).unwrap_err().to_string();
    assert!(load(folder.path("none.toml")).contains("settings file ("));
    assert!(load(folder.write("latin1.toml", b"# \xe4")).contains("is not UTF-8 text"));
    assert!(load(folder.write("large.toml", vec![b'#'; 2_000_000])).contains("is larger than"));
}

/// Wherever a token is put by mistake, no error repeats it.
#[test]
fn no_error_repeats_a_secret() {
    const TOKEN: &str = "pit-5ec7e700-0000-4000-8000-000000000000";
    let layers =
        ["ghl.token", "ghl.token_file", "ghl.location_id", "http.bind", "http.workers", "http.hosts", "auth.keys"];
    let spoil = [
        TOKEN.to_owned(),
        format!("{TOKEN} "),
        format!("'{TOKEN}"),
        format!("['{TOKEN}/ä']"),
        format!("https://u:{TOKEN}@x y"),
    ];
    for key in layers {
        for value in &spoil {
            let (section, name) = key.split_once('.').unwrap();
            let variable = crate::settings::layers::variable_of(key);
            let told = [
                errors("", &[(&variable, value)]),
                errors(&format!("[{section}]\n{name} = {value}"), &[]),
                errors(&format!("[{section}]\n{name} = {value:?}"), &[]),
            ];
            assert!(told.iter().all(|text| !text.contains("5ec7e7")), "{key} = {value}: {told:?}");
        }
    }
    let key =
        format!("[auth]\nkeys = [{{name='{TOKEN}', sha256='{TOKEN}', roles=['{TOKEN}'], locations=['{TOKEN}']}}]");
    assert!(!errors(&key, &[]).contains("5ec7e7"));
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(text in ".*", name in "[a-z_.]{1,20}", value in "[-0-9a-z\"'\\[\\]{}=,.: ]{0,40}") {
        let _ = errors(&text, &[]);
        let _ = errors(&format!("[http]\n{name} = {value}\n[auth]\nkeys = [{{ {name} = {value} }}]"), &[]);
        let known = ["http.bind", "http.hosts", "ghl.base_url", "ghl.timezone", "telemetry.log_level", "auth.keys"];
        for key in known {
            let _ = Settings::load(Sources::default().with(key, value.as_str()));
        }
    }
}

#[test]
fn half_of_what_connecting_takes_is_told_key_by_key() {
    let errors = load("[store]\nurl = ''\n[oauth]\nclient_id = 'app-1'", &[]).unwrap_err();
    let subjects: Vec<_> = errors.0.iter().map(|error| error.subject.as_str()).collect();
    assert_eq!(subjects.len(), 4, "{errors}");
    for key in ["oauth.client_secret", "oauth.redirect_url", "store.url", "store.encryption_key"] {
        assert!(subjects.contains(&key), "{key}: {errors}");
    }
    let errors = load("[oauth]\nclient_secret = 's3cret'", &[]).unwrap_err().to_string();
    assert!(errors.contains("oauth.client_id") && !errors.contains("s3cret"), "{errors}");
}

#[test]
fn what_is_no_key_and_where_people_cannot_come_back_to_is_refused() {
    let errors = load("[store]\nencryption_key = 'dG9vIHNob3J0'", &[]).unwrap_err().to_string();
    assert!(errors.contains("store.encryption_key") && errors.contains("32 bytes"), "{errors}");
    assert!(!errors.contains("dG9v"), "{errors}");
    for url in
        ["https://enrich.example", "http://enrich.example/oauth/callback", "https://a.example/oauth/callback?x=1"]
    {
        let errors = load(&format!("[oauth]\nredirect_url = '{url}'"), &[]).unwrap_err().to_string();
        assert!(errors.contains("oauth.redirect_url"), "{url}: {errors}");
    }
}
