//! What stands in the path and in the query, understood or refused by name.

use crate::support::{SHOWCASE, TestApp};

#[actix_web::test]
async fn what_is_no_id_is_refused_by_name() {
    let app = TestApp::start().await;
    let long = "a".repeat(65);
    for id in
        ["a%2Fb", "a%2fb", "a%20b", "%00", "a%0d%0ab", "%7f", "%c3%a4", "..", "a.b", "a%3Fb", "%F0%9F%90%B1", &long]
    {
        for (path, name) in [
            (format!("/v1/contacts/{id}/profile"), "contactId"),
            (format!("/v1/contacts/{id}/explain"), "contactId"),
            (format!("/v1/contacts/{id}"), "contactId"),
            (format!("/v1/contacts/{id}/appointments"), "contactId"),
            (format!("/v1/contacts/{SHOWCASE}/notes/{id}"), "noteId"),
            (format!("/v1/contacts/{SHOWCASE}/tasks/{id}"), "taskId"),
            (format!("/v1/businesses/{id}/contacts"), "businessId"),
        ] {
            let problem = app.get(&path).await.assert_problem(400, "invalid-parameter");
            assert_eq!(problem["errors"][0]["pointer"], name, "{path}: {problem}");
        }
    }
    assert_eq!(app.get("/v1/contacts/ä").await.status, 400, "no HTTP: actix refuses it before it is a request");
    assert_eq!(app.calls("*"), 0, "no such text reaches GHL");
}

#[actix_web::test]
async fn a_query_that_cannot_be_understood_is_refused_by_name() {
    let app = TestApp::start().await;
    let profile = format!("/v1/contacts/{SHOWCASE}/profile");
    for (path, query, name) in [
        (&*profile, "include=nots", "include"),
        (&profile, "include=notes,,nots", "include"),
        (&profile, "include=notes&include=tasks", "include"),
        (&profile, "require=insights", "require"),
        (&profile, "ip=nonsense", "ip"),
        (&profile, "ip=", "ip"),
        (&profile, "ip=8.8.8.8&ip=8.8.4.4", "ip"),
        (&profile, "ip=8.8.8.0/24", "ip"),
        (&profile, "maxAge=-1", "maxAge"),
        (&profile, "maxAge=1.5", "maxAge"),
        (&profile, "maxAge=soon", "maxAge"),
        (&profile, "maxAge=99999999999999999999", "maxAge"),
        (&profile, "maxAge=1&maxAge=1", "maxAge"),
        (&profile, "locationId=a/b", "locationId"),
        (&profile, "locationId=", "locationId"),
        ("/v1/contacts", "limit=0", "limit"),
        ("/v1/contacts", "limit=101", "limit"),
        ("/v1/contacts", "query=%00", "query"),
        ("/v1/contacts", "cursor=nonsense", "cursor"),
    ] {
        let problem = app.get(&format!("{path}?{query}")).await.assert_problem(400, "invalid-parameter");
        assert_eq!(problem["errors"][0]["pointer"], name, "{query}: {problem}");
    }
    let long = "q".repeat(76);
    app.get(&format!("/v1/contacts?query={long}")).await.assert_problem(400, "invalid-parameter");
    assert_eq!(app.calls("*"), 0);
    assert_eq!(app.get(&format!("{profile}?_=123")).await.status, 200, "an unknown parameter is nobody's business");
}

#[actix_web::test]
async fn a_known_path_with_another_method_names_its_own() {
    let app = TestApp::start().await;
    let profile = format!("/v1/contacts/{SHOWCASE}/profile");
    for (method, path, allow) in [
        ("DELETE", &*profile, "GET, HEAD"),
        ("PATCH", "/v1/contacts", "GET, HEAD, POST, PUT"),
        ("GET", "/v1/contacts/search", "POST"),
        ("GET", "/v1/profiles/batch", "POST"),
        ("PATCH", "/v1/ips/8.8.8.8", "GET, HEAD"),
        ("POST", "/openapi.json", "GET, HEAD"),
    ] {
        let reply = app.client.send(method, path, None).await;
        reply.assert_problem(405, "method-not-allowed");
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
    }
}

#[actix_web::test]
async fn an_unknown_route_is_a_problem_too() {
    let app = TestApp::start().await;
    for path in ["/nowhere", "/v2/contacts", "/v1", "/v1/contacts/", "//", "/v1/contacts/x/profile/y", "/metrics"] {
        let reply = app.get(path).await;
        let problem = reply.assert_problem(404, "not-found");
        assert_eq!(problem["instance"], path);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
}

#[actix_web::test]
async fn every_problem_type_leads_to_its_description() {
    let app = TestApp::start().await;
    let problem = app.get("/v1/contacts/noSuchContact0000001/profile").await.json();
    let description = app.get(problem["type"].as_str().unwrap()).await.json();
    assert_eq!((&description["type"], &description["status"]), (&problem["type"], &problem["status"]));
    app.get("/problems/no-such-kind").await.assert_problem(404, "not-found");
}
