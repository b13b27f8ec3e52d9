//! IP intelligence alone.

use crate::support::TestApp;
use serde_json::json;

#[actix_web::test]
async fn a_global_address_is_looked_up() {
    let app = TestApp::start().await;
    let known = app.get("/v1/ips/58.111.106.198").await.json();
    assert_eq!(known["address"], "58.111.106.198");
    assert_eq!(
        (&known["origin"], &known["scope"], &known["version"]),
        (&"request".into(), &"global".into(), &4.into())
    );
    assert_eq!((&known["geo"]["countryCode"], &known["geo"]["city"]), (&"AU".into(), &"Sydney".into()));
    assert_eq!((&known["provider"]["backend"], &known["usable"]), (&"api".into(), &true.into()));
    let known = app.get("/v1/ips/2001:4860:4860::8888").await.json();
    assert_eq!((&known["version"], &known["scope"]), (&6.into(), &"global".into()));
    assert!(known["geo"]["countryCode"].is_string(), "{known}");
    let known = app.get("/v1/ips/::ffff:58.111.106.198").await.json();
    assert_eq!((&known["address"], &known["version"]), (&"58.111.106.198".into(), &4.into()), "unmapped");
    assert!(app.calls("ipinfo.*") <= 2, "one address in two spellings is one");
}

#[actix_web::test]
async fn a_reserved_address_is_told_from_its_range_and_stays_here() {
    let app = TestApp::start().await;
    for (ip, scope) in [
        ("10.1.2.3", "private"),
        ("127.0.0.1", "loopback"),
        ("169.254.169.254", "link-local"),
        ("192.0.2.1", "documentation"),
        ("::1", "loopback"),
        ("fe80::1", "link-local"),
        ("2001:db8::1", "documentation"),
        ("::ffff:10.1.2.3", "private"),
    ] {
        let reply = app.get(&format!("/v1/ips/{ip}")).await;
        let known = reply.json();
        assert_eq!((reply.status, &known["scope"]), (200, &scope.into()), "{ip}: {known}");
        assert_eq!((&known["usable"], &known["geo"]["countryCode"]), (&false.into(), &json!(null)));
    }
    assert_eq!(app.calls("ipinfo.*"), 0);
}

#[actix_web::test]
async fn what_is_no_address_is_refused() {
    let app = TestApp::start().await;
    for ip in [
        "nonsense",
        "1.2.3",
        "999.1.1.1",
        "1.2.3.4%2F8",
        "1.2.3.4:80",
        "[::1]",
        "::g",
        "0x7f.1",
        "1.2.3.4%00",
        "fe80::1%25eth0",
    ] {
        let problem = app.get(&format!("/v1/ips/{ip}")).await.assert_problem(400, "invalid-parameter");
        assert_eq!(problem["errors"][0]["pointer"], "ip");
    }
}

#[actix_web::test]
async fn a_batch_answers_each_in_its_place() {
    let app = TestApp::start().await;
    let ips = ["8.8.8.8", "nonsense", "10.0.0.1", "58.111.106.198", "8.8.8.8", "::ffff:8.8.8.8"];
    let reply = app.client.post("/v1/ips/batch", &json!({"ips": ips})).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let items = reply.json()["items"].clone();
    for (index, ip) in ips.iter().enumerate() {
        assert_eq!(items[index]["ip"], *ip);
    }
    assert_eq!(
        (&items[1]["status"], &items[1]["problem"]["type"]),
        (&400.into(), &"/problems/invalid-parameter".into())
    );
    assert_eq!(items[2]["intelligence"]["scope"], "private");
    assert_eq!(items[3]["intelligence"]["geo"]["countryCode"], "AU");
    assert_eq!(items[0]["intelligence"], items[4]["intelligence"]);
    assert_eq!(items[5]["intelligence"]["address"], "8.8.8.8");
    assert_eq!(app.calls("ipinfo.*"), 1, "two distinct addresses travel together");
}
