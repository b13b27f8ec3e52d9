//! Tests of `[sources]`.

use crate::settings::{Loaded, Settings, SettingsErrors, SignatureScheme, Sources, secret::Refreshed, tests::Folder};

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER: &str = "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7";

fn load(file: &str) -> Result<Loaded, SettingsErrors> {
    let folder = Folder::new();
    let path = folder.write("enrich.toml", file);
    Settings::load(Sources { file: Some(path), ..Sources::default() })
}

fn errors(file: &str) -> Vec<String> {
    let shown =
        |error: &crate::settings::SettingsError| format!("{}: {}. {}", error.subject, error.problem, error.remedy);
    load(file).unwrap_err().0.iter().map(shown).collect()
}

#[test]
fn a_source_is_read_with_its_defaults() {
    let file = format!("[ghl]\nlocation_id = 'home'\n[[sources.systems]]\nname = 'insurgo'\nsecrets = ['{SECRET}']");
    let loaded = load(&file).unwrap();
    let system = &loaded.settings.sources.systems[0];
    assert_eq!((system.name.as_str(), system.location.as_str(), &system.preset), ("insurgo", "home", &None));
    let signature = system.signature.as_ref().unwrap();
    assert_eq!((&signature.scheme, signature.tolerance.as_secs()), (&SignatureScheme::Standard, 300));
    assert!(!system.keep_bad_events && !system.delete_contacts && system.mapping.is_empty());
    assert_eq!(
        (system.region.as_deref(), system.tag_prefix.as_str(), system.timezone.iana_name()),
        (None, "", Some("UTC"))
    );
    let shown: Vec<_> = loaded.describe().iter().map(|one| one.shown.as_str()).collect();
    assert!(shown.contains(&"1 (insurgo)") && !shown.iter().any(|shown| shown.contains("whsec_")), "{shown:?}");
    assert!(!format!("{:?}", loaded.settings).contains("AAECAwQF"));
}

#[test]
fn every_key_of_a_source_is_read() {
    let file = "[[sources.systems]]\nname = 'a-1'\npreset = 'form'\nlocation_id = 'loc1'\nsignature = 'hmac-sha256'\nsecrets = \
                ['0123456789abcdef', 'fedcba9876543210']\nsignature_header = 'X-Sign'\nsignature_prefix = \
                'sha256='\nsignature_encoding = 'base64'\ntolerance_seconds = 60\nbad_events = \
                'dead-letter'\ndefault_region = 'de'\ntimezone = 'Europe/Berlin'\non_contact_deleted = 'delete'\ntag_prefix = \
                'a: '\nmapping = { contact.fields.email = 'data.mail' }\n[[sources.systems]]\nname = 'b'\nlocation_id = \
                'loc1'\nsignature = 'api-key'";
    let systems = load(file).unwrap().settings.sources.systems;
    let system = &systems[0];
    let signature = system.signature.as_ref().unwrap();
    let scheme = SignatureScheme::Hmac { header: "x-sign".to_owned(), prefix: "sha256=".to_owned(), base64: true };
    assert_eq!((&signature.scheme, signature.secrets.len(), signature.tolerance.as_secs()), (&scheme, 2, 60));
    assert!(system.keep_bad_events && system.delete_contacts);
    assert_eq!((system.region.as_deref(), system.tag_prefix.as_str()), (Some("DE"), "a: "));
    assert_eq!(system.timezone.iana_name(), Some("Europe/Berlin"));
    assert!(system.mapping["contact"]["fields"]["email"].as_str() == Some("data.mail"));
    assert!(systems[1].signature.is_none());
}

#[test]
fn a_file_of_secrets_is_followed() {
    let folder = Folder::new();
    let path = folder.write("secrets", format!("{SECRET}\n\n {OTHER} \n"));
    let path = path.to_str().unwrap();
    let file = format!("[[sources.systems]]\nname = 'a'\nlocation_id = 'l'\nsecrets_file = '{path}'");
    let settings = load(&file).unwrap().settings;
    let (name, secret) = settings.live_secrets().remove(0);
    assert_eq!((name, secret.get().expose()), ("sources.systems", format!("{SECRET}\n{OTHER}").as_str()));
    folder.write("secrets", OTHER);
    assert_eq!((secret.refresh(), secret.get().expose()), (Refreshed::Changed, OTHER));
    folder.write("secrets", format!("{OTHER}\nwhsec_short"));
    assert!(matches!(secret.refresh(), Refreshed::Failed(_)));
    assert_eq!(secret.get().expose(), OTHER, "the old one stays");
    folder.write("secrets", format!("{OTHER}\n").repeat(9));
    assert!(matches!(secret.refresh(), Refreshed::Failed(_)), "a ninth would never be compared with");
    assert_eq!(secret.get().expose(), OTHER);
    assert!(errors(&file)[0].contains("more than 8 secrets"), "{:?}", errors(&file));
    folder.write("secrets", format!("{OTHER}\nwhsec_short"));
    let told = errors(&file);
    assert!(told[0].contains("line 2 of the file is no secret") && !told[0].contains("whsec_short"), "{told:?}");
}

#[test]
fn a_region_has_phone_numbers() {
    let of = |region: &str| {
        format!(
            "[[sources.systems]]\nname = 'a'\nlocation_id = 'l'\nsignature = 'api-key'\ndefault_region = '{region}'"
        )
    };
    assert!(load(&of("de")).is_ok());
    assert!(errors(&of("AQ"))[0].contains("has no phone numbers of its own"), "{:?}", errors(&of("AQ")));
}

#[test]
fn everything_wrong_is_told_at_once() {
    let told = errors(
        "[[sources.systems]]\nname = 'In surgo'\nsecret = ['s3cret-value']\npreset = 5\nlocation_id = \
         'pit-x'\nsignature = 'standard'\nbad_events = 'drop'\ndefault_region = 'XX'\ntimezone = \
         'Europe/Berln'\non_contact_deleted = 'remove'\ntag_prefix = \"a\\nb\"\nmapping = 'x'\n[[sources.systems]]\nname = \
         'b'\nsecrets = ['whsec_s3cret']\ntolerance_seconds = 0\nsignature_header = 'x'\n[[sources.systems]]\nname = \
         'c'\nlocation_id = 'l'\nsignature = 'hmac-sha256'\nsecrets = ['s3cret']\n[[sources.systems]]\nname = 'd'\nlocation_id = \
         'l'\nsignature = 'api-key'\nsecrets = ['s3cret']\n[[sources.systems]]\nname = 'e'\nlocation_id = \
         'l'\n[[sources.systems]]\nname = 'f'\nlocation_id = 'l'\nsignature = 'api-key'\n[[sources.systems]]\nname = \
         'f'\nlocation_id = 'l'\nsignature = 'api-key'\n",
    );
    for expected in [
        "[0]: has an unknown field \"secret\". Did you mean secrets?",
        "[0].name: \"In surgo\" is no name for a source",
        "[0].preset: is no text",
        "[0].location_id: the text given is no location id",
        "[0].signature: \"standard\" is none of the choices. Did you mean standard-webhooks?",
        "[0].bad_events: \"drop\" is none of the choices",
        "[0].default_region: \"XX\" is no country",
        "[0].timezone: \"Europe/Berln\" is no IANA time zone. Did you mean Europe/Berlin?",
        "[0].on_contact_deleted: \"remove\" is none of the choices",
        "[0].tag_prefix: a tag must not hold control characters",
        "[0].mapping: is no table",
        "[1].location_id: is not set, and neither is ghl.location_id",
        "[1].secrets[0]: is no secret of Standard Webhooks",
        "[1].tolerance_seconds: is no time in bounds",
        "[1].signature_header: is set, and only signature = \"hmac-sha256\" has it",
        "[2].signature_header: is missing",
        "[2].secrets[0]: is too short to sign with",
        "[3].secrets: is set, and signature = \"api-key\" takes none",
        "[4].secrets: must hold 1 to 8 secrets",
        "[6].name: is the name of another source",
    ] {
        assert!(
            told.iter().any(|error| error.starts_with(&format!("sources.systems{expected}"))),
            "{expected}\n{told:#?}"
        );
    }
    assert_eq!(told.len(), 20, "{told:#?}");
    assert!(!told.iter().any(|error| error.contains("s3cret")), "{told:#?}");
    assert!(errors("[sources]\nwait_hours = 800")[0].contains("Write at most 720"));
}
