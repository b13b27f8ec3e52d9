//! Profiles on their way out: conditional, encoded, explained by headers, readable from pages that may.

use super::{CONTACT, Setup, double::Double, get, request};
use crate::domain::profile::{Include, Section};
use actix_web::http::Method;
use std::{io::Read as _, sync::Arc, time::Duration};

fn profile() -> String {
    format!("/v1/contacts/{CONTACT}/profile")
}

fn warm() -> Setup {
    Setup { api: Arc::new(Double::warm()), ..Setup::new() }
}

#[actix_web::test]
async fn a_warm_profile_says_where_it_came_from() {
    let answer = warm().get(&profile()).await;
    assert_eq!(answer.status, 200);
    for (name, value) in [
        ("content-type", "application/json"),
        ("etag", "W/\"abc\""),
        ("last-modified", "Sun, 22 Nov 2026 08:00:00 GMT"),
        ("cache-control", "private, max-age=60, stale-while-revalidate=300, stale-if-error=86400"),
        ("age", "23"),
        ("cache-status", "ghl-enrich; hit; ttl=37"),
        ("vary", "Accept-Encoding"),
        ("x-content-type-options", "nosniff"),
        ("server-timing", ""),
        ("content-encoding", ""),
        ("access-control-allow-origin", ""),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    assert_eq!(answer.json()["id"], CONTACT);
}

#[actix_web::test]
async fn a_miss_names_its_upstream_calls() {
    let setup = Setup::new();
    let answer = setup.get(&profile()).await;
    assert_eq!(answer.header("cache-status"), "ghl-enrich; fwd=miss; stored");
    assert_eq!(answer.header("server-timing"), "ghl_contact;dur=80.0");
    let requests = setup.api.requests.lock().unwrap();
    assert_eq!((requests[0].include, requests[0].max_age), (Include::DEFAULT, None));
}

#[actix_web::test]
async fn what_memory_must_not_answer_goes_to_the_service() {
    let setup = warm();
    for query in ["?maxAge=0", "?ip=8.8.8.8", "?require=notes"] {
        assert_eq!(setup.get(&format!("{}{query}", profile())).await.status, 200, "{query}");
    }
    let reload = get().uri(&profile()).insert_header(("cache-control", "max-age=5, No-Cache"));
    assert_eq!(setup.ask(reload).await.header("cache-status"), "ghl-enrich; fwd=request");
    let requests = setup.api.requests.lock().unwrap();
    assert_eq!(requests.len(), 4);
    assert_eq!(requests[0].max_age, Some(Duration::ZERO));
    assert_eq!(requests[1].ip, Some("8.8.8.8".parse().unwrap()));
    assert_eq!(requests[2].require, [Section::Notes]);
    assert_eq!(requests[3].max_age, Some(Duration::ZERO));
}

#[actix_web::test]
async fn what_is_required_is_included_and_the_trace_goes_along() {
    let setup = Setup::new();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let uri = format!("{}?include=&require=appointments,contact", profile());
    setup.ask(get().uri(&uri).insert_header(("traceparent", trace))).await;
    setup.ask(get().uri(&uri).insert_header(("traceparent", "00-zz-00-01"))).await;
    let requests = setup.api.requests.lock().unwrap();
    assert_eq!(requests[0].include, Include::parse("appointments").unwrap());
    assert_eq!(requests[0].require, [Section::Appointments]);
    assert_eq!(requests[0].traceparent.as_deref(), Some(trace));
    assert_eq!(requests[1].traceparent, None);
}

#[actix_web::test]
async fn a_client_that_has_the_content_gets_304() {
    for (name, value) in
        [("if-none-match", "\"other\", W/\"abc\""), ("if-modified-since", "Sun, 22 Nov 2026 08:00:00 GMT")]
    {
        let request = get().uri(&profile()).insert_header((name, value));
        let answer = warm().ask(request.insert_header(("accept-encoding", "br"))).await;
        assert_eq!(answer.status, 304);
        assert!(answer.body.is_empty());
        for kept in ["etag", "cache-control", "age", "vary", "cache-status"] {
            assert!(!answer.header(kept).is_empty(), "{kept}");
        }
        assert_eq!(answer.header("content-type"), "");
    }
}

#[actix_web::test]
async fn a_profile_is_sent_in_the_coding_liked_best() {
    let plain = warm().get(&profile()).await.body;
    let ask = |accept: &'static str| {
        let request = get().uri(&profile()).insert_header(("accept-encoding", accept));
        async move { warm().ask(request).await }
    };
    let br = ask("gzip, br").await;
    assert_eq!(br.header("content-encoding"), "br");
    let mut text = Vec::new();
    brotli::Decompressor::new(&br.body[..], 4096).read_to_end(&mut text).unwrap();
    assert_eq!(text, plain);
    assert_eq!(ask("zstd;q=1, br;q=0.1").await.header("content-encoding"), "zstd");
    assert_eq!(ask("identity").await.body, plain);
    assert_eq!(ask("*;q=0").await.problem(), "not-acceptable");
}

#[actix_web::test]
async fn head_is_answered_as_get() {
    let answer = warm().ask(request(Method::HEAD).uri(&profile())).await;
    assert_eq!((answer.status.as_u16(), answer.header("etag")), (200, "W/\"abc\""));
}

#[actix_web::test]
async fn a_request_id_is_taken_if_well_formed() {
    let ask = |id: &'static str| {
        let request = get().uri("/livez").insert_header(("x-request-id", id));
        async move { Setup::new().ask(request).await.header("x-request-id").to_owned() }
    };
    assert_eq!(ask("trace.1_A-b").await, "trace.1_A-b");
    let made = ask("no good").await;
    assert!(made.len() == 32 && made != ask("no good").await, "{made}");
}

#[actix_web::test]
async fn pages_of_listed_origins_may_read_and_others_not() {
    let setup = warm().with(|settings| settings.http.cors_origins = vec!["https://app.example".into()]);
    let from = |origin: &'static str| get().uri(&profile()).insert_header(("origin", origin));
    let listed = setup.ask(from("https://app.example")).await;
    assert_eq!(listed.header("access-control-allow-origin"), "https://app.example");
    let exposed = listed.header("access-control-expose-headers").to_ascii_lowercase();
    for name in ["etag", "cache-status", "server-timing", "x-request-id", "location", "retry-after", "age"] {
        assert!(exposed.contains(name), "{name} in {exposed}");
    }
    let vary = listed.header("vary").to_ascii_lowercase();
    assert!(vary.contains("origin") && vary.contains("accept-encoding"), "{vary}");
    assert_eq!(listed.header("access-control-allow-credentials"), "");
    let other = setup.ask(from("https://evil.example")).await;
    assert_eq!(other.header("access-control-allow-origin"), "");
}

#[actix_web::test]
async fn a_preflight_is_answered_for_listed_origins_only() {
    let setup = warm().with(|settings| settings.http.cors_origins = vec!["https://app.example".into()]);
    let preflight = |origin: &'static str, method: &'static str| {
        request(Method::OPTIONS)
            .uri(&profile())
            .insert_header(("origin", origin))
            .insert_header(("access-control-request-method", method))
            .insert_header(("access-control-request-headers", "x-api-key, if-none-match"))
    };
    let listed = setup.ask(preflight("https://app.example", "GET")).await;
    assert_eq!(listed.status, 200);
    assert_eq!(listed.header("access-control-max-age"), "600");
    assert!(listed.header("access-control-allow-methods").contains("DELETE"));
    assert_eq!(setup.ask(preflight("https://evil.example", "GET")).await.problem(), "forbidden");
    assert_eq!(setup.ask(preflight("https://app.example", "PATCH")).await.problem(), "forbidden");
}

#[actix_web::test]
async fn problems_can_be_read_by_listed_pages_too() {
    let setup = Setup::new().with(|settings| settings.http.cors_origins = vec!["*".into()]);
    let request = get().uri("/v1/contacts/unknown/profile").insert_header(("origin", "https://any.example"));
    let answer = setup.ask(request).await;
    assert_eq!(answer.problem(), "contact-not-found");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
}

#[actix_web::test]
async fn a_warm_profile_that_is_compressed_by_its_route_is_taken_from_memory_once() {
    let setup = Setup { api: Arc::new(Double { large: true, ..Double::warm() }), ..Setup::new() };
    let answer = setup.ask(get().uri(&profile()).insert_header(("accept-encoding", "br"))).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-encoding")), (200, "br"));
    assert!(answer.header("cache-status").contains("hit"), "{answer:?}");
    assert_eq!(*setup.api.warm_hits.lock().unwrap(), 1, "one profile was served, one is counted");
    assert!(setup.api.requests.lock().unwrap().is_empty());
}
