//! What a profile holds, and what a caller may ask of it.

use crate::support::{LOCATION, SHOWCASE, TestApp};

#[actix_web::test]
async fn the_showcase_contact_has_everything() {
    let app = TestApp::start().await;
    let profile = app.profile(SHOWCASE).await;
    assert_eq!(profile["id"], SHOWCASE);
    assert_eq!(profile["locationId"], LOCATION);
    assert!(profile["contact"]["email"].is_string(), "{profile}");
    assert!(!profile["notes"].as_array().unwrap().is_empty());
    assert!(!profile["tasks"].as_array().unwrap().is_empty());
    assert!(profile["appointments"].is_null(), "not asked for");
    assert_eq!(profile["ip"]["address"], "58.111.106.198");
    assert_eq!(profile["ip"]["origin"], "attribution.last");
    assert_eq!(profile["ip"]["geo"]["countryCode"], "AU");
    assert_eq!(profile["ip"]["provider"]["backend"], "api");
    assert_eq!(profile["insights"]["country"]["agreement"], "mismatch");
    assert_eq!(profile["insights"]["timezone"]["from"], "ip");
    for section in ["contact", "notes", "tasks", "ip"] {
        assert_eq!(profile["sections"][section]["status"], "fresh", "{section}");
    }
    assert_eq!(profile["sections"]["appointments"]["status"], "excluded");
}

#[actix_web::test]
async fn include_fetches_only_what_it_names() {
    let app = TestApp::start().await;
    let reply = app.get(&format!("/v1/contacts/{SHOWCASE}/profile?include=notes")).await;
    let profile = reply.json();
    assert!(profile["notes"].is_array() && profile["tasks"].is_null() && profile["insights"].is_null());
    assert_eq!((app.calls("ghl.contact"), app.calls("ghl.notes"), app.calls("ghl.tasks")), (1, 1, 0));
    assert_eq!(app.calls("ipinfo.*"), 0);
    let profile = app.get(&format!("/v1/contacts/{SHOWCASE}/profile?include=appointments,tasks")).await.json();
    assert!(profile["appointments"][0]["startTime"]["zoneless"].is_boolean(), "{profile}");
    assert_eq!((app.calls("ghl.contact"), app.calls("ghl.notes"), app.calls("ghl.tasks")), (1, 1, 1));
}

#[actix_web::test]
async fn the_embedded_database_answers_alone_without_a_token() {
    let app = TestApp::with(&[("ipinfo.token", ""), ("ipinfo.backends", r#"["mmdb", "api", "embedded"]"#)]).await;
    let profile = app.profile(SHOWCASE).await;
    assert_eq!(profile["ip"]["geo"]["countryCode"], "AU");
    assert_eq!(profile["ip"]["geo"]["country"], "Australia");
    assert_eq!(profile["ip"]["geo"]["city"], serde_json::Value::Null);
    assert_eq!(profile["ip"]["provider"]["backend"], "embedded");
    assert_eq!(profile["ip"]["provider"]["precision"], "country");
    assert_eq!(app.calls("ipinfo.*"), 0);
}

#[actix_web::test]
async fn a_contact_of_another_location_does_not_exist_here() {
    let app = TestApp::start().await;
    let foreign = app.sandbox.contact_ids("sandboxLocation00002").remove(0);
    let reply = app.get(&format!("/v1/contacts/{foreign}/profile")).await;
    assert!([403, 404].contains(&reply.status) || reply.status == 502, "{}", reply.text());
    assert!(!reply.text().contains("firstName"));
}

#[actix_web::test]
async fn an_unknown_contact_is_a_404_and_briefly_remembered() {
    let app = TestApp::start().await;
    let path = "/v1/contacts/noSuchContact0000001/profile";
    app.get(path).await.assert_problem(404, "contact-not-found");
    app.get(path).await.assert_problem(404, "contact-not-found");
    assert_eq!(app.calls("ghl.contact"), 1, "a second look within the hold costs nothing");
    assert_eq!(app.calls("ghl.notes"), 1, "nor for what would belong to it");
    app.advance(11);
    app.get(path).await.assert_problem(404, "contact-not-found");
    assert_eq!(app.calls("ghl.contact"), 2);
}

#[actix_web::test]
async fn a_poll_of_unchanged_data_is_a_304() {
    let app = TestApp::start().await;
    let path = format!("/v1/contacts/{SHOWCASE}/profile");
    let first = app.get(&path).await;
    let etag = first.header("etag").expect("an etag").to_owned();
    assert!(etag.starts_with("W/\""));
    assert!(first.header("cache-status").unwrap().contains("fwd=miss"), "{first:?}");
    assert!(first.header("server-timing").unwrap().contains("contact"), "{first:?}");
    let second = app.client.with("if-none-match", &etag).get(&path).await;
    assert_eq!((second.status, second.body.len()), (304, 0));
    assert!(second.header("cache-status").unwrap().contains("hit"));
    app.advance(500);
    let third = app.client.with("if-none-match", &etag).get(&path).await;
    assert_eq!(third.status, 304, "fetched anew, yet the same content: {}", third.text());
    assert_eq!(app.calls("ghl.contact"), 2);
    let since = first.header("last-modified").expect("a date").to_owned();
    let fourth = app.client.with("if-modified-since", &since).get(&path).await;
    assert_eq!(fourth.status, 304, "unchanged since {since}: {:?}", fourth.header("last-modified"));
}

#[actix_web::test]
async fn secrets_of_a_contact_stay_inside() {
    let app = TestApp::with(&[("profile.redact", r#"["dateOfBirth"]"#)]).await;
    let raw = serde_json::json!({"contact": {
        "id": SHOWCASE, "locationId": LOCATION, "firstName": "Ada", "ssn": "078-05-1120", "dateOfBirth": "1815-12-10",
        "brandNewField": {"kept": true}
    }});
    app.sandbox.set_raw_contact(SHOWCASE, raw);
    let text = app.get(&format!("/v1/contacts/{SHOWCASE}/profile")).await.text();
    assert!(text.contains("brandNewField") && text.contains("Ada"));
    assert!(!text.contains("078-05-1120") && !text.contains("1815-12-10"), "{text}");
}

#[actix_web::test]
async fn without_a_token_the_service_says_whose_rejection_it_is() {
    let app = TestApp::with(&[("ghl.token", "")]).await;
    let path = format!("/v1/contacts/{SHOWCASE}/profile");
    let problem = app.get(&path).await.assert_problem(502, "upstream-unauthorized");
    assert_eq!(problem["upstream"]["service"], "ghl", "{problem}");
    assert_eq!(app.calls("ghl.*"), 0);
    assert_eq!(app.get("/v1/ips/8.8.8.8").await.status, 200, "what needs no token works");
    let app = TestApp::with(&[("ghl.location_id", ""), ("ghl.token", "")]).await;
    let problem = app.get(&path).await.assert_problem(400, "invalid-parameter");
    assert_eq!(problem["errors"][0]["pointer"], "locationId");
    app.get(&format!("{path}?locationId={LOCATION}")).await.assert_problem(502, "upstream-unauthorized");
    assert_eq!(app.calls("ghl.*"), 0);
}

#[actix_web::test]
async fn what_must_leave_nowhere_is_in_no_answer() {
    let app = TestApp::with(&[("profile.redact", r#"["dateOfBirth", "nickname"]"#)]).await;
    let seed = ghl_sandbox::ContactSeed::new().location(LOCATION).name("Rosa", "Ed");
    let seed = seed.field("ssn", "078-05-1120").field("dateOfBirth", "1990-09-25").extra("nickname", "Rosie");
    let seed = seed.extra("favouriteColour", "sea green");
    let id = app.sandbox.add_contact(seed);
    for path in
        [format!("/v1/contacts/{id}/profile"), format!("/v1/contacts/{id}"), format!("/v1/contacts/{id}/explain")]
    {
        let reply = app.get(&path).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        for secret in ["078-05", "1990-09-25", "Rosie"] {
            assert!(!reply.text().contains(secret), "{secret} in {path}");
        }
    }
    let profile = app.profile(&id).await;
    assert_eq!(profile["contact"]["favouriteColour"], "sea green", "what is new at GHL passes: {profile}");
    for reply in [app.get("/v1/contacts?query=Rosa").await, app.get("/v1/contacts?limit=5").await] {
        assert!(!reply.text().contains("078-05") && !reply.text().contains("Rosie"), "{reply:?}");
    }
}
