//! IPinfo's products.

use ghl_sandbox::{IpinfoPlan, SandboxConfig, tokens};
use serde_json::{Value, json};

use super::support::{Client, start, with};

async fn client() -> Client {
    start().await.token(Some(tokens::IPINFO_TOKEN)).version(None)
}

#[tokio::test]
async fn lite_is_flat_and_plus_is_deep() {
    let client = client().await;
    let lite = client.get("/lite/58.111.106.198").await.expect(200);
    assert_eq!(
        (&lite["asn"], &lite["country"], &lite["country_code"]),
        (&json!("AS4804"), &json!("Australia"), &json!("AU"))
    );
    assert_eq!(lite["continent_code"], "OC");
    let plus = client.get("/lookup/58.111.106.198").await.expect(200);
    assert_eq!((&plus["geo"]["city"], &plus["as"]["type"]), (&json!("Sydney"), &json!("isp")));
    assert!(plus["geo"]["latitude"].is_f64() && plus["geo"]["geoname_id"].is_string());
    assert_eq!((&plus["mobile"], &plus["is_mobile"]), (&json!({}), &json!(false)));
    let v6 = client.get("/lookup/2a02:8108:8ac0:1e00::5f3").await.expect(200);
    assert_eq!((&v6["geo"]["city"], &v6["ip"]), (&json!("Berlin"), &json!("2a02:8108:8ac0:1e00::5f3")));
    client.get("/lookup/2a02%3A8108%3A%3A1").await.expect(400);
}

#[tokio::test]
async fn plans_differ_in_what_they_tell() {
    for (plan, plus, max) in
        [(IpinfoPlan::Core, false, false), (IpinfoPlan::Plus, true, false), (IpinfoPlan::Max, true, true)]
    {
        let client = with(SandboxConfig { ipinfo_plan: plan, ..SandboxConfig::default() }).await;
        let body = client.token(Some(tokens::IPINFO_TOKEN)).get("/lookup/70.67.12.200").await.expect(200);
        assert_eq!(body.get("anonymous").is_some(), plus, "{plan:?}");
        assert_eq!(body["geo"].get("radius").is_some(), plus, "{plan:?}");
        assert_eq!(body["anonymous"]["is_res_proxy"] == true, max, "{plan:?}");
    }
}

#[tokio::test]
async fn legacy_has_the_code_for_a_country_and_html_for_browsers() {
    let client = client().await;
    let paid = client.get("/58.111.106.198/json").await.expect(200);
    assert_eq!((&paid["country"], &paid["loc"]), (&json!("AU"), &json!("-33.8678,151.2073")));
    assert_eq!((&paid["asn"]["asn"], paid.get("org")), (&json!("AS4804"), None));
    let anonymous = client.token(None).get("/8.8.8.8").await.expect(200);
    assert_eq!((&anonymous["org"], &anonymous["anycast"]), (&json!("AS15169 Google LLC"), &json!(true)));
    assert!(anonymous.get("readme").is_some());
    let error = client.get("/nonsense/json").await.expect(404);
    assert_eq!(error["error"]["title"], "Wrong ip");
    let page = reqwest::get(format!("{}/8.8.8.8", client.sandbox.base_url())).await.expect("an answer");
    assert!(page.headers()["content-type"].to_str().is_ok_and(|kind| kind.starts_with("text/html")));
}

#[tokio::test]
async fn tokens_come_in_three_ways_and_are_refused_in_one() {
    let client = client().await;
    let none = client.token(None);
    none.get("/lite/8.8.8.8?token=sandboxipinfo1").await.expect(200);
    let basic = reqwest::Client::new().get(format!("{}/lite/8.8.8.8", client.sandbox.base_url()));
    let basic = basic.basic_auth(tokens::IPINFO_TOKEN, Some("")).send().await.expect("an answer");
    assert_eq!(basic.status().as_u16(), 200);
    for stranger in [none.clone(), client.token(Some("wrong")), client.token(Some(tokens::PIT_LOCATION_1))] {
        let body = stranger.get("/lite/8.8.8.8").await.expect(403);
        assert_eq!((&body["status"], &body["error"]["title"]), (&json!(403), &json!("Unknown token")));
    }
    let free = client.token(Some(tokens::IPINFO_LITE_TOKEN));
    free.get("/lite/8.8.8.8").await.expect(200);
    free.get("/lookup/8.8.8.8").await.expect(403);
    free.post("/batch", json!(["8.8.8.8"])).await.expect(403);
    free.post("/batch/lite", json!(["8.8.8.8"])).await.expect(200);
    assert_eq!(none.get("/me").await.expect(400), json!({"error": "Invalid API token"}));
}

#[tokio::test]
async fn errors_and_bogons() {
    let client = client().await;
    for product in ["lite", "lookup", "resproxy"] {
        let body = client.get(&format!("/{product}/nonsense")).await.expect(400);
        assert_eq!(body, json!({"error": "Please provide a valid IP address"}));
        let body = client.get(&format!("/{product}/192.168.1.1")).await.expect(200);
        assert_eq!(body, json!({"ip": "192.168.1.1", "bogon": true}));
    }
    assert_eq!(client.get("/lite/me").await.expect(200)["bogon"], true);
    assert_eq!(client.get("/lite/8.8.8.8/country_code").await.text, "US");
    assert_eq!(client.get("/lookup/8.8.8.8/geo/city").await.text, "Mountain View");
    assert_eq!(client.get("/8.8.8.8/country").await.text, "US");
    let body = client.get("/lite/8.8.8.8/shoe_size").await.expect(400);
    assert_eq!(body["error"], "shoe_size is not a valid field.");
    assert_eq!(client.get("/resproxy/70.67.12.200").await.expect(200)["service"], "resnet");
    assert_eq!(client.get("/resproxy/8.8.8.8").await.expect(200), json!({"ip": "8.8.8.8"}));
}

#[tokio::test]
async fn batches_answer_under_what_was_sent() {
    let client = client().await;
    let asked =
        json!(["8.8.8.8", "lite/1.1.1.1", "10.0.0.1", "nope", "8.8.8.8/geo/city", "2001:4860:4860:0:0:0:0:8888"]);
    let body = client.post("/batch", asked).await.expect(200);
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(6));
    assert_eq!(body["8.8.8.8"]["geo"]["country_code"], "US");
    assert_eq!(body["lite/1.1.1.1"]["country_code"], "AU");
    assert_eq!(body["10.0.0.1"], json!({"ip": "10.0.0.1", "bogon": true}));
    assert!(body["nope"]["error"].is_string());
    assert_eq!(body["8.8.8.8/geo/city"], "Mountain View");
    assert_eq!(body["2001:4860:4860:0:0:0:0:8888"]["ip"], "2001:4860:4860::8888");
    let body = client.post("/batch/lite?filter=1", json!(["nope", "8.8.8.8", "8.8.8.8"])).await.expect(200);
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(1));
    let many: Vec<String> = (0..1_001).map(|n| format!("9.9.{}.{}", n / 250, n % 250)).collect();
    client.post("/batch/lite", json!(many)).await.expect(400);
    let body = client.post("/batch/lite", json!(many[..1_000])).await.expect(200);
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(1_000));
    client.post("/batch/lite", json!({"not": "a list"})).await.expect(400);
    let legacy = client.post("/batch/legacy", json!(["8.8.8.8"])).await.expect(200);
    assert_eq!(legacy["8.8.8.8"]["country"], "US");
    client.token(None).post("/batch/legacy", json!(["8.8.8.8"])).await.expect(403);
}

#[tokio::test]
async fn any_public_address_has_an_answer_that_never_changes() {
    let client = client().await;
    let other = with(SandboxConfig { seed: 99, ..SandboxConfig::default() }).await.token(Some(tokens::IPINFO_TOKEN));
    let mut without_asn = 0;
    for n in 0..60 {
        let path = format!("/lite/{}.{}.7.9", 11 + n, n * 3);
        let (first, second) = (client.get(&path).await.expect(200), other.get(&path).await.expect(200));
        assert_eq!(first, second);
        assert!(first["country_code"].as_str().is_some_and(|code| code.len() == 2));
        without_asn += u32::from(first.get("asn").is_none());
    }
    assert!(without_asn > 3, "some networks have no ASN");
    let near = client.get("/lookup/11.22.33.44").await.expect(200);
    assert_eq!(client.get("/lookup/11.22.33.99").await.expect(200)["geo"], near["geo"], "a network is in one place");
}

#[tokio::test]
async fn quota_is_spent_by_entries() {
    let client =
        with(SandboxConfig { ipinfo_monthly: 5, ..SandboxConfig::default() }).await.token(Some(tokens::IPINFO_TOKEN));
    client.post("/batch", json!(["8.8.8.8", "1.1.1.1", "9.9.9.9"])).await.expect(200);
    let me = client.get("/me").await.expect(200);
    assert_eq!(me["requests"], json!({"day": 3, "month": 3, "limit": 5, "remaining": 2}));
    client.post("/batch", json!(["8.8.8.8", "1.1.1.1", "9.9.9.9"])).await.expect(429);
    client.get("/lite/8.8.8.8").await.expect(200);
    client.get("/lite/8.8.8.8").await.expect(200);
    let body = client.get("/lite/8.8.8.8").await.expect(429);
    assert_eq!(body["error"]["title"], "Rate limit exceeded");
    assert_eq!(client.sandbox.calls().rate_limited(), 2);
}

#[tokio::test]
async fn data_files_redirect_and_have_checksums() {
    let client = client().await;
    client.get("/data/ipinfo_lite.mmdb").await.expect(404);
    client.sandbox.set_data_file("ipinfo_lite.mmdb", "abc");
    let url = "/data/ipinfo_lite.mmdb?token=sandboxipinfo1";
    let sent = client.token(None).get(url).await;
    assert_eq!(sent.status, 302);
    let place = sent.header("location").to_owned();
    assert!(!place.contains("sandboxipinfo1"));
    assert_eq!(client.token(None).get(&place).await.text, "abc");
    let sums = client.get("/data/ipinfo_lite.mmdb/checksums").await.expect(200);
    let sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sums["checksums"]["sha256"], sha);
    client.token(None).get("/data/ipinfo_lite.mmdb").await.expect(403);
    let calls = client.sandbox.calls();
    assert_eq!((calls.count("ipinfo.data"), calls.count("ipinfo.checksums")), (3, 1));
    let value: Value = client.get("/data/none/checksums").await.expect(404);
    assert_eq!(value["status"], 404);
}
