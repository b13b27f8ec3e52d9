//! API keys, roles, locations, and whom the service answers while it has none.

use crate::support::{Client, LOCATION, SHOWCASE, TestApp, key};
use serde_json::json;

const ELSEWHERE: &str = "sandboxLocation00002";

fn profile() -> String {
    format!("/v1/contacts/{SHOWCASE}/profile")
}

async fn guarded(keys: &[String]) -> TestApp {
    TestApp::with(&[("auth.keys", &format!("[{}]", keys.join(", ")))]).await
}

fn bearer(app: &TestApp, secret: &str) -> Client {
    app.client.with("authorization", &format!("Bearer {secret}"))
}

#[actix_web::test]
async fn a_request_needs_a_known_key() {
    let app = guarded(&[key("dashboard", "one", &["read"], &[])]).await;
    let reply = app.get(&profile()).await;
    reply.assert_problem(401, "unauthenticated");
    assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer"), "{reply:?}");
    for (name, value) in [
        ("authorization", "Bearer two"),
        ("authorization", "Bearer "),
        ("authorization", "Basic b25l"),
        ("authorization", "one"),
        ("x-api-key", "two"),
        ("x-api-key", "On"),
    ] {
        app.client.with(name, value).get(&profile()).await.assert_problem(401, "unauthenticated");
    }
    assert_eq!(app.calls("*"), 0, "nothing is asked on behalf of a stranger");
    assert_eq!(bearer(&app, "one").get(&profile()).await.status, 200);
    assert_eq!(app.client.with("x-api-key", "one").get(&profile()).await.status, 200);
    // With a key configured, the name by which a client reached the service does not matter.
    assert_eq!(bearer(&app, "one").with("host", "enrich.example").get(&profile()).await.status, 200);
    assert_eq!(app.get("/readyz").await.status, 200, "probes need no key");
}

#[actix_web::test]
async fn every_route_of_the_api_is_guarded() {
    let app = guarded(&[key("dashboard", "one", &["read"], &[])]).await;
    let document = app.get("/openapi.json").await.json();
    let mut guarded = 0;
    for (pattern, item) in document["paths"].as_object().unwrap() {
        let path = pattern
            .replace("{contactId}", SHOWCASE)
            .replace("{businessId}", "63771dcac1116f0e21de8e12")
            .replace("{ip}", "8.8.8.8")
            .replace("{noteId}", "note1")
            .replace("{taskId}", "task1")
            .replace("{source}", "insurgo")
            .replace("{eventId}", "evt_1")
            .replace("{slug}", "internal");
        for method in item.as_object().unwrap().keys().filter(|key| ["get", "post"].contains(&key.as_str())) {
            let pushes = pattern == "/v1/sources/{source}/events" && method == "post";
            let reply = match pushes {
                true => app.client.post(&path, &json!({})).await,
                false => app.client.send(&method.to_uppercase(), &path, None).await,
            };
            match pattern.as_str() {
                // Guarded by GHL's signature.
                "/webhooks/ghl" => drop(reply.assert_problem(401, "unauthenticated")),
                // Open to browsers where there is an app to connect with; here there is none.
                path if path.starts_with("/oauth/") => drop(reply.assert_problem(404, "not-found")),
                path if path.starts_with("/v1/") => {
                    reply.assert_problem(401, "unauthenticated");
                    guarded += 1;
                }
                _ => assert_eq!(reply.status, 200, "{path}"),
            }
        }
    }
    assert!(guarded > 10, "{guarded} routes");
}

#[actix_web::test]
async fn a_role_stands_alone() {
    let app = guarded(&[key("writer", "w", &["write"], &[]), key("admin", "a", &["admin"], &[])]).await;
    for secret in ["w", "a"] {
        let problem = bearer(&app, secret).get(&profile()).await.assert_problem(403, "forbidden");
        assert!(problem["detail"].as_str().unwrap().contains("read"), "{problem}");
    }
    assert_eq!(app.calls("*"), 0);
}

#[actix_web::test]
async fn keys_of_two_locations_learn_nothing_of_each_others_contacts() {
    let app = guarded(&[key("here", "h", &["read"], &[LOCATION]), key("there", "t", &["read"], &[ELSEWHERE])]).await;
    let (here, there) = (bearer(&app, "h"), bearer(&app, "t"));
    let own = here.get(&profile()).await;
    assert_eq!((own.status, &own.json()["locationId"]), (200, &LOCATION.into()));
    let etag = own.header("etag").unwrap();

    // Named outright: refused at the door, whatever is asked.
    let batch = json!({"contactIds": [SHOWCASE]});
    for path in [
        profile(),
        format!("/v1/contacts/{SHOWCASE}"),
        format!("/v1/contacts/{SHOWCASE}/notes"),
        format!("/v1/contacts/{SHOWCASE}/explain"),
        "/v1/contacts".to_owned(),
    ] {
        there.get(&format!("{path}?locationId={LOCATION}")).await.assert_problem(403, "forbidden");
    }
    let reply = there.post(&format!("/v1/profiles/batch?locationId={LOCATION}"), &batch).await;
    reply.assert_problem(403, "forbidden");
    let reply = there.post(&format!("/v1/contacts/search?locationId={LOCATION}"), &json!({})).await;
    reply.assert_problem(403, "forbidden");

    // Not named, it is the key's own location, where this contact is not: neither found nor served from memory.
    for path in [profile(), format!("/v1/contacts/{SHOWCASE}"), format!("/v1/contacts/{SHOWCASE}/explain")] {
        let reply = there.with("if-none-match", etag).get(&path).await;
        assert!([404, 502].contains(&reply.status), "{path}: {reply:?}");
        assert!(!reply.text().contains("Olivia"), "{path}: {reply:?}");
    }
    let reply = there.post("/v1/profiles/batch", &batch).await;
    assert!(!reply.text().contains("Olivia") && reply.json()["items"][0]["problem"].is_object(), "{reply:?}");
    assert_eq!(here.get(&profile()).await.status, 200, "and the owner's copy is as it was");
}

#[actix_web::test]
async fn a_key_of_several_locations_must_say_which() {
    let app = guarded(&[key("both", "b", &["read"], &["sandboxLocation00009", ELSEWHERE])]).await;
    let problem = bearer(&app, "b").get(&profile()).await.assert_problem(400, "invalid-parameter");
    assert_eq!(problem["errors"][0]["pointer"], "locationId");
}

#[actix_web::test]
async fn without_keys_only_names_of_this_machine_are_answered() {
    let app = TestApp::with(&[("http.hosts", r#"["enrich.internal"]"#)]).await;
    for host in ["evil.example", "localhost.evil.example:80", "10.0.0.1", "169.254.169.254"] {
        app.client.with("host", host).get(&profile()).await.assert_problem(403, "forbidden");
        app.client
            .with("host", host)
            .post("/v1/ips/batch", &json!({"ips": ["8.8.8.8"]}))
            .await
            .assert_problem(403, "forbidden");
    }
    assert_eq!(app.calls("*"), 0);
    for host in ["localhost:8080", "127.0.0.1", "[::1]:80", "enrich.internal"] {
        assert_eq!(app.client.with("host", host).get(&profile()).await.status, 200, "{host}");
    }
}

#[actix_web::test]
async fn a_key_that_asks_too_often_is_told_when_to_come_back() {
    let keys = format!("[{}]", [key("busy", "b", &["read"], &[]), key("calm", "c", &["read"], &[])].join(", "));
    let app = TestApp::with(&[("auth.keys", &keys), ("http.requests_per_second", "1")]).await;
    let busy = bearer(&app, "b");
    let mut refused = None;
    for _ in 0..20 {
        let reply = busy.get("/v1/attribution").await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.expect("twenty at once are more than one a second");
    let problem = refused.assert_problem(429, "too-many-requests");
    assert_eq!(refused.header("retry-after").unwrap(), problem["retryAfterSeconds"].to_string());
    assert_eq!(bearer(&app, "c").get("/v1/attribution").await.status, 200, "another key has its own limit");
}
