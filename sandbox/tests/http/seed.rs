//! The seeded data: the same for the same seed, believable, and odd where it should be.

use std::collections::BTreeSet;

use ghl_sandbox::{Sandbox, SandboxConfig, examples, tokens};
use serde_json::Value;

use super::support::{HERE, OLIVIA, start, with};

#[tokio::test]
async fn the_seed_decides_everything() {
    let ids = async |seed: u64, contacts: usize| {
        let sandbox =
            Sandbox::start(SandboxConfig { seed, contacts, ..SandboxConfig::default() }).await.expect("starts");
        (sandbox.contact_ids(HERE), sandbox.contact_ids(tokens::LOCATION_2))
    };
    let (first, again, other, more) = (ids(1, 200).await, ids(1, 200).await, ids(2, 200).await, ids(1, 300).await);
    assert_eq!(first, again);
    assert_ne!(first, other);
    assert_eq!(first.0[..], more.0[..200], "more contacts come after");
    assert_eq!(first.1, more.1);
    assert_eq!((first.0.len(), first.1.len()), (200, 20));
    assert_eq!(first.0[0], OLIVIA);
}

#[tokio::test]
async fn contacts_are_many_kinds_of_people() {
    let client = start().await;
    let state = client.get("/__sandbox/state").await.expect(200);
    let all = state["contacts"].as_array().expect("contacts");
    assert_eq!(all.len(), 220);
    let with_ip = all.iter().filter(|whole| {
        ["attributionSource", "lastAttributionSource"].iter().any(|key| whole["contact"][*key]["ip"].is_string())
    });
    let share = with_ip.count() * 100 / all.len();
    assert!((68..=85).contains(&share), "{share} % with an address");
    let text = state.to_string();
    for part in ["😊", "とても", "العميل", "<strong>", "Müller", "appointmentStatus\":\"noshow"] {
        assert!(text.contains(part), "{part}");
    }
    let apostrophe = |whole: &&Value| whole["contact"]["lastName"].as_str().is_some_and(|name| name.contains('\''));
    assert!(all.iter().filter(apostrophe).count() > 2);
    let emails: BTreeSet<&str> = all.iter().filter_map(|whole| whole["contact"]["email"].as_str()).collect();
    let phones: BTreeSet<&str> = all.iter().filter_map(|whole| whole["contact"]["phone"].as_str()).collect();
    assert_eq!((emails.len(), phones.len()), (220, 220));
    assert!(emails.iter().all(|email| email.contains("@example.")));
    let now = state["now"].as_str().expect("now").to_owned();
    let dates = |whole: &Value| whole["notes"].as_array().cloned().unwrap_or_default();
    let future = all.iter().flat_map(dates).filter(|note| note["dateAdded"].as_str() > Some(now.as_str())).count();
    assert_eq!(future, 0);
}

#[tokio::test]
async fn each_example_is_what_it_says() {
    let client = start().await;
    let ip = async |id: &str| {
        let body = client.get(&format!("/contacts/{id}")).await.expect(200);
        body["contact"]["lastAttributionSource"]["ip"].as_str().map(str::to_owned)
    };
    assert_eq!(ip(examples::PRIVATE_IP).await.as_deref(), Some("192.168.1.23"));
    assert_eq!(ip(examples::COMMA_LIST).await.as_deref(), Some("10.0.0.7, 81.2.69.142, 172.16.0.1"));
    assert_eq!(ip(examples::IPV6_WITH_ZONE).await.as_deref(), Some("fe80::1c2d:3e4f:5a6b:7c8d%en0"));
    for none in [examples::CRM_ONLY, examples::EMPTY_ATTRIBUTION, examples::FIRST_ONLY] {
        assert_eq!(ip(none).await, None, "{none}");
    }
    let lookup = async |id: &str| {
        let ip = ip(id).await.expect("an address");
        let client = client.token(Some(tokens::IPINFO_TOKEN));
        client.get(&format!("/lookup/{ip}")).await.expect(200)
    };
    assert_eq!(lookup(examples::VPN).await["anonymous"]["is_vpn"], true);
    assert_eq!(lookup(examples::TOR).await["anonymous"]["is_tor"], true);
    assert_eq!(lookup(examples::RELAY).await["anonymous"]["is_relay"], true);
    assert_eq!(lookup(examples::HOSTING).await["is_hosting"], true);
    assert_eq!(lookup(examples::MOBILE).await["mobile"]["mcc"], "310");
    assert_eq!(lookup(examples::EU_IP).await["geo"]["country_code"], "DE");
    assert_eq!(lookup(examples::IPV6).await["geo"]["city"], "Berlin");
    let nameless = client.get(&format!("/contacts/{}", examples::NO_NAMES)).await.expect(200);
    assert!(nameless["contact"].get("firstName").is_none());
    let tagless = client.get(&format!("/contacts/{}", examples::NULL_TAGS)).await.expect(200);
    assert_eq!(tagless["contact"].get("tags"), Some(&Value::Null));
}

#[tokio::test]
async fn small_and_empty_sandboxes_work() {
    for contacts in [0, 1, 5] {
        let client = with(SandboxConfig { contacts, ..SandboxConfig::default() }).await;
        assert_eq!(client.sandbox.contact_ids(HERE).len(), contacts);
        let body = client.get(&format!("/contacts/?locationId={HERE}")).await.expect(200);
        assert_eq!(body["meta"]["total"], contacts);
    }
}
