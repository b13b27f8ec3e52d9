//! What stands in the logs of the real binary, and what never does.

use crate::support::{Client, LOCATION, Process, SHOWCASE, TOKEN, key};
use ghl_sandbox::{ContactSeed, Fault, FaultAction, Sandbox, SandboxConfig};
use serde_json::{Value, json};

const KEY: &str = "ghle_logTestKeyThatMustNotShow";

/// Runs the binary at info level with a line for each request; gives its log, line by line.
async fn log_of<F: Future<Output = ()>>(visit: impl FnOnce(Client, Sandbox) -> F) -> Vec<Value> {
    let sandbox = Sandbox::start(SandboxConfig::default()).await.expect("sandbox starts");
    let base = sandbox.base_url();
    let keys = format!("[{}]", key("dashboard", KEY, &["read"], &[]));
    let mut service = Process::start(
        &["serve"],
        &[
            ("GHL_TOKEN", TOKEN),
            ("IPINFO_TOKEN", "sandboxipinfo1"),
            ("ENRICH_AUTH__KEYS", &keys),
            ("ENRICH_GHL__LOCATION_ID", LOCATION),
            ("ENRICH_GHL__BASE_URL", &base),
            ("ENRICH_IPINFO__PLAN", "lookup"),
            ("ENRICH_IPINFO__BASE_URL", &base),
            ("ENRICH_HTTP__BIND", "127.0.0.1:0"),
            ("ENRICH_HTTP__ADMIN_BIND", "127.0.0.1:0"),
            ("ENRICH_HTTP__DRAIN_MS", "0"),
            ("ENRICH_TELEMETRY__LOG_FORMAT", "json"),
            ("ENRICH_TELEMETRY__ACCESS_LOG", "all"),
        ],
    );
    let (public, _) = service.addresses();
    visit(Client::new(public), sandbox.clone()).await;
    let (code, lines) = service.terminate();
    assert_eq!(code, Some(0));
    lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// Names, addresses, searches, in every place where a client can put them, through success and failure.
async fn visit(client: Client, sandbox: Sandbox) {
    let client = client.with("authorization", &format!("Bearer {KEY}"));
    let seed = ContactSeed::new().location(LOCATION).name("Zebedee", "Quillfeather").email("zq@private.example");
    let seed = seed.phone("+4930123456").last_attribution_ip("58.111.106.198").note("the secret of Zebedee");
    let id = sandbox.add_contact(seed);
    for path in [
        &*format!("/v1/contacts/{id}/profile?ip=8.8.4.4"),
        &format!("/v1/contacts/{id}/profile"),
        &format!("/v1/contacts/{id}/profile"),
        &format!("/v1/contacts/{id}/explain"),
        &format!("/v1/contacts/{SHOWCASE}"),
        "/v1/contacts?query=Quillfeather",
        "/v1/ips/58.111.106.198",
        "/v1/ips/notAnAddressButAName",
        "/v1/contacts/zq%40private.example/profile",
        "/nowhere/zq%40private.example",
    ] {
        client.get(path).await;
    }
    client.post("/v1/contacts/search", &json!({"query": "zq@private.example"})).await;
    client.post("/v1/profiles/batch", &json!({"contactIds": [id, "zq@private.example"]})).await;
    client.post("/v1/ips/batch", &json!({"ips": ["58.111.106.198", "Quillfeather"]})).await;
    let refusal = r#"{"statusCode":422,"message":["email zq@private.example of Zebedee is wrong"]}"#;
    sandbox.inject(Fault::new("ghl.*", FaultAction::status(422, refusal)));
    sandbox.inject(Fault::new("ipinfo.*", FaultAction::Malformed));
    client.get(&format!("/v1/contacts/{id}/profile?maxAge=0")).await;
    client.get("/v1/contacts?query=Zebedee").await;
    client.get("/v1/ips/81.2.69.142").await;
    sandbox.clear_faults();
    sandbox.inject(Fault::new("ghl.*", FaultAction::Malformed));
    client.get("/v1/contacts?query=Zebedee").await;
    client.get(&format!("/v1/contacts/{id}/profile?maxAge=0")).await;
    sandbox.clear_faults();
    sandbox.inject(Fault::new("ghl.*", FaultAction::Reset));
    client.get("/v1/contacts?query=Zebedee").await;
    client.get("/v1/contacts/noSuchContact0000001/profile").await;
}

#[actix_web::test]
async fn nobodys_data_and_no_secret_stands_in_the_log() {
    let log = log_of(visit).await;
    let text = log.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    assert!(log.iter().filter(|line| line["message"] == "request answered").count() >= 20, "{text}");
    for private in [
        "Zebedee",
        "Quillfeather",
        "private.example",
        "4930123456",
        "secret of",
        "Olivia", // people
        "58.111",
        "8.8.4.4",
        "81.2.69",
        "query=",
        "?",
        "notAnAddress", // what they asked
        KEY,
        "ghle_",
        TOKEN,
        "pit-",
        "sandboxipinfo1",
        "Bearer", // secrets
    ] {
        assert!(!text.contains(private), "{private} in {text}");
    }
    assert!(text.contains("\"key.name\":\"dashboard\""), "the key's name is no secret: {text}");
}

#[actix_web::test]
async fn a_failed_request_has_one_line_with_its_id() {
    let log = log_of(|client, sandbox| async move {
        client.with("x-request-id", "stranger-1").get("/v1/contacts").await;
        let client = client.with("x-api-key", KEY);
        client.with("x-request-id", "unknown-1").get("/v1/contacts/noSuchContact0000001/profile").await;
        client.with("x-request-id", "malformed-1").get("/v1/ips/nonsense").await;
        client.with("x-request-id", "nowhere-1").get("/nowhere").await;
        sandbox.inject(Fault::new("ghl.contact", FaultAction::Html502));
        client.with("x-request-id", "upstream-1").get(&format!("/v1/contacts/{SHOWCASE}/profile")).await;
    })
    .await;
    for (id, status, problem, level) in [
        ("stranger-1", 401, "unauthenticated", "INFO"),
        ("unknown-1", 404, "contact-not-found", "INFO"),
        ("malformed-1", 400, "invalid-parameter", "INFO"),
        ("nowhere-1", 404, "not-found", "INFO"),
        ("upstream-1", 503, "upstream-unavailable", "WARN"),
    ] {
        let lines: Vec<_> = log.iter().filter(|line| line["request.id"] == id).collect();
        assert_eq!(lines.len(), 1, "{id}: {lines:?}");
        let line = lines[0];
        assert_eq!((&line["http.status"], &line["problem"]), (&status.into(), &problem.into()), "{line}");
        assert_eq!((&line["level"], &line["target"]), (&level.into(), &"ghl_enrich::access".into()));
        assert!(line["duration_ms"].is_number() && line["http.route"].is_string(), "{line}");
    }
}
