//! Every bad input comes out as its problem.

use super::{
    Answer, CONTACT, Setup,
    double::{Double, PANICS},
    get, post, public_app, request,
};
use crate::domain::problem::{Problem, ProblemKind};
use actix_web::{
    dev::ServiceResponse,
    http::Method,
    test::{call_service, init_service, try_call_service},
};
use std::{sync::Arc, time::Duration};

#[actix_web::test]
async fn an_id_that_is_none_is_refused_and_reaches_no_other_route() {
    let long = "a".repeat(65);
    for id in ["a%2Fb", "..%2F..%2Fadmin", "%2e%2e", "a%20b", "%C3%A4", "ä", "%00", "a%0Ab", "%FF", "a.b", "a+b", &long]
    {
        let path = format!("/v1/contacts/{id}/profile");
        let answer = Setup::new().ask(get().uri(&path.replace('ä', "%c3%a4"))).await;
        assert_eq!((answer.problem().as_str(), answer.pointer().as_str()), ("invalid-parameter", "contactId"), "{id}");
    }
    for (path, pointer) in [
        (format!("/v1/contacts/{CONTACT}/tasks/a%2Fb"), "taskId"),
        (format!("/v1/contacts/{CONTACT}/notes/a%20b"), "noteId"),
        ("/v1/businesses/a%2Fb/contacts".to_owned(), "businessId"),
        ("/v1/ips/300.1.1.1".to_owned(), "ip"),
        ("/v1/ips/8.8.8.8%2F24".to_owned(), "ip"),
    ] {
        let answer = Setup::new().get(&path).await;
        assert_eq!((answer.problem().as_str(), answer.pointer().as_str()), ("invalid-parameter", pointer), "{path}");
    }
}

#[actix_web::test]
async fn a_parameter_that_is_none_is_named() {
    for (query, pointer) in [
        ("include=notes,nonsense", "include"),
        ("require=insights", "require"),
        ("ip=nonsense", "ip"),
        ("ip=", "ip"),
        ("maxAge=-1", "maxAge"),
        ("maxAge=1.5", "maxAge"),
        ("maxAge=99999999999", "maxAge"),
        ("locationId=", "locationId"),
        ("locationId=a%2Fb", "locationId"),
        ("include=notes&include=tasks", "include"),
    ] {
        let answer = Setup::new().get(&format!("/v1/contacts/{CONTACT}/profile?{query}")).await;
        assert_eq!((answer.problem().as_str(), answer.pointer().as_str()), ("invalid-parameter", pointer), "{query}");
    }
    for query in ["limit=0", "limit=101", "limit=x", &format!("query={}", "x".repeat(76)), "cursor=abc", "query=%0A"] {
        let answer = Setup::new().get(&format!("/v1/contacts?{query}")).await;
        assert_eq!(answer.problem(), "invalid-parameter", "{query}");
    }
}

#[actix_web::test]
async fn an_unknown_path_is_not_found_and_a_known_one_names_its_methods() {
    for path in ["/nowhere", "/v1/contacts//profile", "/v2/contacts", "/v1/contacts/a/b/c/d/e/f", "/docs/nowhere.js"] {
        assert_eq!(Setup::new().get(path).await.problem(), "not-found", "{path}");
    }
    for (method, path, allow) in [
        (Method::POST, format!("/v1/contacts/{CONTACT}/profile"), "GET, HEAD"),
        (Method::GET, "/v1/profiles/batch".to_owned(), "POST"),
        (Method::GET, "/v1/contacts/search".to_owned(), "POST"),
        (Method::PATCH, "/livez".to_owned(), "GET, HEAD"),
        (Method::DELETE, "/openapi.json".to_owned(), "GET, HEAD"),
        (Method::POST, "/docs/".to_owned(), "GET, HEAD"),
    ] {
        let answer = Setup::new().ask(request(method).uri(&path)).await;
        assert_eq!((answer.problem().as_str(), answer.header("allow")), ("method-not-allowed", allow), "{path}");
    }
}

#[actix_web::test]
async fn a_body_that_is_none_is_told_from_one_of_another_shape() {
    let deep = format!(r#"{{"ips":{}{}}}"#, "[".repeat(60), "]".repeat(60));
    for (body, kind, pointer) in [
        ("", "malformed-body", ""),
        ("{", "malformed-body", ""),
        (r#"{"ips":["8.8.8.8"]} trailing"#, "malformed-body", ""),
        (r#"{"ips":["8.8.8.8"],"ips":["1.1.1.1"]}"#, "malformed-body", ""),
        (&deep, "malformed-body", "*"),
        (r#"{"ips":"8.8.8.8"}"#, "validation-failed", "/ips"),
        (r#"{"ips":["8.8.8.8",5]}"#, "validation-failed", "/ips/1"),
        (r#"{"ips":["8.8.8.8"],"more":1}"#, "validation-failed", "*"),
        (r"{}", "validation-failed", ""),
        (r#"{"ips":[]}"#, "validation-failed", "/ips"),
    ] {
        let answer = Setup::new().post("/v1/ips/batch", body).await;
        assert_eq!(answer.problem(), kind, "{body}");
        assert!(pointer == "*" || answer.pointer() == pointer, "{body}: {:?}", answer.body);
    }
}

#[actix_web::test]
async fn a_body_too_large_or_of_another_type_is_refused() {
    let setup = Setup::new().with(|settings| settings.http.max_body_bytes = 100);
    assert_eq!(setup.post("/v1/ips/batch", &"x".repeat(101)).await.problem(), "body-too-large");
    let declared = post().uri("/v1/ips/batch").insert_header(("content-length", "999999999"));
    let declared = declared.insert_header(("content-type", "application/json"));
    assert_eq!(setup.ask(declared).await.problem(), "body-too-large");
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-encoding", "gzip"),
    ] {
        let request = post().uri("/v1/ips/batch").set_payload(r#"{"ips":["8.8.8.8"]}"#);
        let answer = setup.ask(request.insert_header((name, value))).await;
        assert_eq!(answer.problem(), "unsupported-media-type", "{value}");
    }
    let bare = post().uri("/v1/ips/batch").set_payload("{}");
    assert_eq!(setup.ask(bare).await.problem(), "unsupported-media-type");
}

#[actix_web::test]
async fn a_batch_within_its_bounds_only() {
    let setup = Setup::new().with(|settings| settings.http.max_batch = 2);
    let answer = setup.post("/v1/profiles/batch", r#"{"contactIds":["a","b","c"]}"#).await;
    assert_eq!((answer.problem().as_str(), answer.pointer().as_str()), ("validation-failed", "/contactIds"));
    let unknown = setup.post("/v1/profiles/batch", r#"{"contactIds":["a"],"include":["ip","all"]}"#).await;
    assert_eq!((unknown.problem().as_str(), unknown.pointer().as_str()), ("validation-failed", "/include/1"));
}

#[actix_web::test]
async fn a_head_too_large_is_refused() {
    let request = get().uri("/livez").insert_header(("x-padding", "x".repeat(33 * 1024)));
    assert_eq!(Setup::new().ask(request).await.problem(), "invalid-parameter");
}

#[actix_web::test]
async fn a_problem_of_the_service_keeps_all_it_says() {
    let problem = Problem::new(ProblemKind::QuotaExhausted, "The day's quota is spent.")
        .with_upstream("ghl", Some(429), "daily")
        .with_retry_after(Duration::from_millis(61_500))
        .with_cause("what the log alone should know");
    let setup = Setup { api: Arc::new(Double::failing(problem)), ..Setup::new() };
    let answer = setup.get(&format!("/v1/contacts/{CONTACT}/profile")).await;
    assert_eq!((answer.problem().as_str(), answer.status.as_u16()), ("quota-exhausted", 503));
    assert_eq!(answer.header("retry-after"), "62");
    let document = answer.json();
    assert_eq!(document["retryAfterSeconds"], 62);
    assert_eq!(document["upstream"]["status"], 429);
    assert!(!String::from_utf8_lossy(&answer.body).contains("the log alone"));
}

#[actix_web::test]
async fn a_handler_that_panics_is_our_fault_and_not_the_workers_end() {
    for double in [Double::default(), Double::warm()] {
        let setup = Setup { api: Arc::new(double), ..Setup::new() };
        let state = setup.state();
        let app = init_service(public_app(&state, &[])).await;
        let request = |contact: &str| get().uri(&format!("/v1/contacts/{contact}/profile?include=notes"));
        let panicking = request(PANICS).insert_header(("x-request-id", "id-1"));
        let error = try_call_service(&app, panicking.to_request()).await.map(|response| response.status()).unwrap_err();
        let response = error.as_response_error().error_response();
        let answer = Answer::of(ServiceResponse::new(get().to_http_request(), response)).await;
        assert_eq!((answer.problem().as_str(), answer.status.as_u16()), ("internal", 500));
        assert_eq!(answer.header("x-request-id"), "id-1");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.json()["instance"], format!("/v1/contacts/{PANICS}/profile"));
        assert_eq!(call_service(&app, request(CONTACT).to_request()).await.status(), 200);
        let metrics = setup.metrics.render();
        assert!(metrics.contains(r#"route="/v1/contacts/{contactId}/profile",status="5xx"} 1"#), "{metrics}");
    }
}
