//! The API's behaviour under a paused clock, with a scripted transport behind the whole pipeline.

mod bench;

use super::super::{
    ApiError, LookupError,
    tests::{context, ip},
};
use crate::{
    domain::{
        ip::{AddressOrigin, Backend, Scope},
        problem::ProblemKind,
    },
    settings::{IpinfoSettings, Plan},
    upstream::{CallContext, Lane, Method},
};
use bench::{Bench, api_alone, backend, code, degraded, knows_all, lite, outcomes, with_token};
use jiff::SignedDuration;
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

#[tokio::test(start_paused = true)]
async fn a_lone_look_up_goes_as_a_single_get() {
    for (plan, path) in [
        (Plan::Lite, "lite/2001:4860:4860::8888"),
        (Plan::Lookup, "lookup/2001:4860:4860::8888"),
        (Plan::Legacy, "2001:4860:4860::8888/json"),
    ] {
        let bench = Bench::new(&IpinfoSettings { plan, ..api_alone() }, |_| (200, lite("x")));
        let looked = bench.look_up("2001:4860:4860:0::8888").await;
        assert_eq!(backend(&looked), Backend::Api);
        let seen = bench.seen();
        assert_eq!((seen[0].method, seen[0].path.as_str()), (Method::Get, path));
        assert_eq!((seen[0].authorization.as_str(), seen.len()), ("Bearer t0ken", 1));
    }
}

#[tokio::test(start_paused = true)]
async fn out_of_quiet_one_leaves_at_once_and_those_in_its_window_travel_as_one_batch() {
    for (plan, path) in [(Plan::Lite, "batch/lite"), (Plan::Lookup, "batch"), (Plan::Legacy, "batch")] {
        let bench = Bench::new(&IpinfoSettings { plan, ..api_alone() }, knows_all);
        let looked = bench.together(&["9.9.9.9", "8.8.8.8", "1.1.1.1", "2606:4700::1111"]).await;
        assert!(looked.iter().all(|one| backend(one) == Backend::Api));
        let seen = bench.seen();
        assert_eq!((seen.len(), seen[0].method), (2, Method::Get), "the first waits for nobody");
        assert_eq!((seen[1].method, seen[1].path.as_str()), (Method::Post, path));
        assert_eq!(seen[1].batch, ["8.8.8.8", "1.1.1.1", "2606:4700::1111"]);
    }
}

#[tokio::test(start_paused = true)]
async fn look_ups_apart_travel_apart() {
    let bench = Bench::new(&api_alone(), knows_all);
    bench.look_up("8.8.8.8").await.unwrap();
    bench.look_up("1.1.1.1").await.unwrap();
    assert!(bench.seen().iter().all(|seen| seen.method == Method::Get));
    assert_eq!(bench.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_a_window_each_goes_alone() {
    let bench = Bench::new(&IpinfoSettings { batch_window: Duration::ZERO, ..api_alone() }, knows_all);
    bench.together(&["8.8.8.8", "1.1.1.1"]).await;
    assert_eq!(bench.seen().iter().filter(|seen| seen.method == Method::Get).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_leaves_before_the_window_closes() {
    let settings = IpinfoSettings { batch_max: 2, batch_window: Duration::from_secs(2), ..api_alone() };
    let bench = Bench::new(&settings, knows_all);
    let started = tokio::time::Instant::now();
    bench.together(&["8.8.8.8", "1.1.1.1", "8.8.4.4"]).await;
    assert_eq!((bench.calls(), started.elapsed().as_millis()), (2, 100));
    bench.together(&["1.0.0.1", "9.9.9.9", "9.9.9.10"]).await;
    let sizes: Vec<_> = bench.seen().iter().map(|seen| seen.batch.len()).collect();
    assert_eq!(sizes, [0, 2, 2, 0], "the third of them waits, and goes alone");
}

#[tokio::test(start_paused = true)]
async fn the_same_address_in_flight_is_one_call() {
    let bench = Bench::new(&api_alone(), knows_all);
    let late = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        bench.look_up("::ffff:8.8.8.8").await
    };
    let (together, late) = futures_util::future::join(bench.together(&["8.8.8.8"; 20]), late).await;
    assert!(together.iter().chain([&late]).all(|looked| backend(looked) == Backend::Api));
    assert_eq!((bench.calls(), bench.seen()[0].method), (1, Method::Get));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_as_long_as_the_clock_says() {
    let bench = Bench::new(&api_alone(), knows_all);
    assert!(!bench.look_up("8.8.8.8").await.unwrap().from_cache);
    assert!(bench.look_up("8.8.8.8").await.unwrap().from_cache);
    assert_eq!(bench.calls(), 1);
    bench.clock.advance(SignedDuration::from_hours(25));
    assert!(!bench.look_up("8.8.8.8").await.unwrap().from_cache);
    assert_eq!(bench.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_not_kept() {
    let bench = Bench::new(&api_alone(), |_| (500, json!("oops")));
    assert_eq!(code(&bench.look_up("8.8.8.8").await), "status");
    let problem = bench.look_up("8.8.8.8").await.unwrap_err().to_problem();
    assert_eq!((problem.kind, problem.upstream.unwrap().status), (ProblemKind::UpstreamUnavailable, Some(500)));
    assert_eq!(bench.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_passes_on_and_the_answer_says_so() {
    let bench = Bench::new(&with_token(), |_| (503, json!({})));
    let looked = bench.look_up("8.8.8.8").await;
    assert_eq!((backend(&looked), degraded(&looked)), (Backend::Embedded, true));
    assert_eq!(outcomes(&looked), [("mmdb", "skipped"), ("api", "failed"), ("embedded", "answered")]);
    let unknown = bench.look_up("2003::1").await;
    assert!(unknown.is_ok(), "the embedded table knows the block");
    let status = bench.lookup.status();
    assert_eq!(status[1].last_error.as_deref(), Some("IPinfo failed with 503"));
    assert!(!status[1].circuit_open);
}

#[tokio::test(start_paused = true)]
async fn a_miss_passes_on_and_is_no_failure() {
    let bench = Bench::new(&with_token(), |_| (200, json!({"ip": "8.8.8.8"})));
    let looked = bench.look_up("8.8.8.8").await;
    assert_eq!((backend(&looked), degraded(&looked)), (Backend::Embedded, false));
    assert_eq!(outcomes(&looked)[1], ("api", "miss"));
}

#[tokio::test(start_paused = true)]
async fn a_bad_entry_fails_alone() {
    let bench = Bench::new(&with_token(), |seen| {
        let (status, mut body) = knows_all(seen);
        body["1.1.1.1"] = json!({"error": "Please provide a valid IP address"});
        body["9.9.9.9"] = json!("AU");
        body.as_object_mut().unwrap().remove("8.8.4.4");
        (status, body)
    });
    let looked = bench.together(&["8.8.8.8", "1.1.1.1", "9.9.9.9", "8.8.4.4"]).await;
    let backends: Vec<_> = looked.iter().map(|one| (backend(one), degraded(one))).collect();
    let fallen_back = (Backend::Embedded, true);
    assert_eq!(backends, [(Backend::Api, false), fallen_back, fallen_back, fallen_back]);
    let details: Vec<_> =
        looked[1..].iter().map(|one| one.as_ref().unwrap().trail[1].detail.clone().unwrap()).collect();
    assert_eq!(details, ["invalid-input", "decode", "no-entry"]);
    assert!(!bench.lookup.status()[1].circuit_open);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_opens_the_circuit_for_a_while() {
    let bench = Bench::new(&with_token(), |_| (403, json!({"status": 403, "error": {"title": "Unknown token"}})));
    let first = bench.look_up("8.8.8.8").await;
    assert_eq!((outcomes(&first)[1], degraded(&first)), (("api", "failed"), true));
    let second = bench.together(&["1.1.1.1", "9.9.9.9"]).await;
    assert!(second.iter().all(|one| outcomes(one)[1] == ("api", "skipped") && degraded(one)));
    assert_eq!(bench.calls(), 1);
    let status = &bench.lookup.status()[1];
    assert!(status.circuit_open && status.retry_in_seconds.is_some_and(|left| left <= 60));
    tokio::time::advance(Duration::from_secs(61)).await;
    assert!(!bench.lookup.status()[1].circuit_open);
    bench.look_up("1.1.1.1").await.unwrap();
    assert_eq!(bench.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_a_problem_where_nothing_else_answers() {
    let bench = Bench::new(&api_alone(), |_| (403, json!({"error": "token"})));
    for _ in 0..2 {
        let error = bench.look_up("8.8.8.8").await.unwrap_err();
        let problem = error.to_problem();
        assert_eq!((problem.kind, problem.upstream.unwrap().status), (ProblemKind::UpstreamUnauthorized, Some(403)));
        assert!(problem.retry_after.is_some_and(|wait| wait <= Duration::from_secs(60)));
    }
    assert_eq!(bench.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_batch_refused_under_200_is_an_error_for_all_of_it() {
    let bench = Bench::new(&api_alone(), |_| (200, json!({"error": "Unknown token"})));
    let looked = bench.together(&["9.9.9.9", "8.8.8.8", "1.1.1.1"]).await;
    assert!(looked.iter().all(|one| code(one) == "token"));
    let odd = Bench::new(&api_alone(), |_| (200, json!({"error": "Something broke"})));
    let looked = odd.together(&["9.9.9.9", "8.8.8.8", "1.1.1.1"]).await;
    assert!(looked[1..].iter().all(|one| code(one) == "refused"));
    assert!(!odd.lookup.status()[0].circuit_open);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_as_a_whole_fails_for_all_of_it() {
    let bench = Bench::new(&api_alone(), |_| (400, json!({"title": "Bad request", "message": "no"})));
    let looked = bench.together(&["9.9.9.9", "8.8.8.8", "1.1.1.1"]).await;
    assert!(looked[1..].iter().all(|one| code(one) == "refused"));
    let single = bench.look_up("8.8.8.8").await;
    assert_eq!(code(&single), "invalid-input");
}

#[tokio::test(start_paused = true)]
async fn a_spent_quota_is_left_alone_as_long_as_it_asks() {
    let bench = Bench::new(&api_alone(), |_| (429, json!({"status": 429, "error": {"title": "Rate limit exceeded"}})));
    let error = bench.look_up("8.8.8.8").await.unwrap_err();
    assert_eq!(error, LookupError::Api(ApiError::Quota { retry_after: Some(Duration::from_secs(30)) }));
    assert_eq!(code(&bench.look_up("1.1.1.1").await), "quota");
    assert_eq!(bench.calls(), 1);
    tokio::time::advance(Duration::from_secs(31)).await;
    assert_eq!(code(&bench.look_up("1.1.1.1").await), "quota");
    assert_eq!(bench.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_hangs_up_cancels_nothing() {
    let bench = Bench::new(&api_alone(), knows_all);
    // Something else opens the window.
    let opener = bench.look_up("9.9.9.10");
    let _ = tokio::time::timeout(Duration::ZERO, opener).await;
    let first = bench.look_up("8.8.8.8");
    // Gone in the window.
    assert!(tokio::time::timeout(Duration::from_millis(1), first).await.is_err());
    // Gone in flight.
    let second = bench.look_up("8.8.8.8");
    assert!(tokio::time::timeout(Duration::from_millis(50), second).await.is_err());
    assert_eq!(backend(&bench.look_up("8.8.8.8").await), Backend::Api);
    assert_eq!(bench.calls(), 2, "the opener and the one");
}

#[tokio::test(start_paused = true)]
async fn a_flight_lands_though_everybody_left() {
    let bench = Bench::new(&api_alone(), knows_all);
    assert!(tokio::time::timeout(Duration::from_millis(1), bench.look_up("8.8.8.8")).await.is_err());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(bench.look_up("8.8.8.8").await.unwrap().from_cache);
    assert_eq!(bench.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hasty_caller_gives_up_and_the_rest_get_their_answer() {
    let bench = Bench::new(&api_alone(), knows_all);
    let hasty = CallContext::new(Lane::Interactive, Duration::from_millis(20));
    let hasty = bench.lookup.look_up(ip("8.8.8.8"), AddressOrigin::Request, &hasty);
    let (hasty, patient) = futures_util::future::join(hasty, bench.look_up("8.8.8.8")).await;
    assert_eq!(hasty.unwrap_err().to_problem().kind, ProblemKind::UpstreamTimeout);
    assert_eq!((backend(&patient), bench.calls()), (Backend::Api, 1));
}

#[tokio::test(start_paused = true)]
async fn each_caller_learns_the_time_of_its_call_once() {
    let bench = Bench::new(&api_alone(), knows_all);
    let (first, second, many) = (context(), context(), context());
    let one = bench.lookup.look_up(ip("8.8.8.8"), AddressOrigin::Request, &first);
    let two = bench.lookup.look_up(ip("1.1.1.1"), AddressOrigin::Request, &second);
    let _ = futures_util::future::join(one, two).await;
    let _ = bench.lookup.look_up_many(&[ip("9.9.9.9"), ip("8.8.4.4")], &many).await;
    for (context, endpoint) in [(first, "lite"), (second, "lite"), (many, "batch")] {
        let timings = context.timings.snapshot();
        assert_eq!(timings.len(), 1);
        assert_eq!((timings[0].endpoint, timings[0].took.as_millis()), (endpoint, 100));
    }
}

#[tokio::test(start_paused = true)]
async fn many_travel_in_as_few_batches_as_may_be() {
    let settings = IpinfoSettings { batch_max: 3, batch_window: Duration::ZERO, ..api_alone() };
    let bench = Bench::new(&settings, knows_all);
    let texts = ["8.8.8.8", "10.0.0.1", "1.1.1.1", "8.8.8.8", "9.9.9.9", "8.8.4.4", "1.0.0.1", "::ffff:1.1.1.1"];
    let addresses: Vec<_> = texts.iter().map(|text| ip(text)).collect();
    let looked = bench.lookup.look_up_many(&addresses, &context()).await;
    let answered: Vec<_> = looked.iter().map(|one| one.as_ref().unwrap().intelligence.address).collect();
    assert_eq!(answered, addresses.iter().map(std::net::IpAddr::to_canonical).collect::<Vec<_>>());
    assert_eq!(backend(&looked[1]), Backend::Local);
    let mut sizes: Vec<_> = bench.seen().iter().map(|seen| seen.batch.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [2, 3], "five distinct global addresses");
    assert!(bench.seen().iter().all(|seen| !seen.batch.contains(&"10.0.0.1".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_reserved_address_is_never_sent() {
    let bench = Bench::new(&with_token(), knows_all);
    for text in ["10.0.0.1", "::1", "fe80::1", "100.64.0.1", "64:ff9b::a00:1", "2002:a00:1::", "4000::1"] {
        assert_eq!(backend(&bench.look_up(text).await), Backend::Local);
    }
    assert_eq!(bench.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_ipinfo_calls_a_bogon_is_reserved() {
    let bench = Bench::new(&with_token(), |_| (200, json!({"ip": "8.8.8.8", "bogon": true})));
    let looked = bench.look_up("8.8.8.8").await.unwrap();
    let found = &looked.intelligence;
    assert_eq!((found.scope, found.usable, found.provider.backend), (Scope::Reserved, false, Backend::Api));
}

#[tokio::test(start_paused = true)]
async fn a_flight_that_panics_fails_its_waiters_and_no_later_one() {
    let failing = Arc::new(Mutex::new(true));
    let script = Arc::clone(&failing);
    let bench = Bench::new(&api_alone(), move |seen| {
        assert!(!std::mem::replace(&mut *script.lock().unwrap(), false), "as planned");
        knows_all(seen)
    });
    assert_eq!(code(&bench.look_up("8.8.8.8").await), "abandoned");
    // The panic was in the script's own lock.
    failing.clear_poison();
    assert_eq!(backend(&bench.look_up("8.8.8.8").await), Backend::Api);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_json_is_a_decode_error() {
    let bench = Bench::new(&api_alone(), |_| (200, json!(["not", "an", "object"])));
    let error = bench.look_up("8.8.8.8").await.unwrap_err();
    assert_eq!((error.code(), error.to_problem().kind), ("decode", ProblemKind::UpstreamInvalidResponse));
    assert_eq!(code(&bench.together(&["8.8.8.8", "1.1.1.1"]).await[0]), "decode");
}

#[tokio::test(start_paused = true)]
async fn no_token_shows_in_an_error() {
    let bench = Bench::new(&api_alone(), |_| (403, json!({"error": "Unknown token"})));
    let error = bench.look_up("8.8.8.8").await.unwrap_err();
    let shown = format!("{error} {error:?} {:?} {:?}", error.to_problem(), bench.lookup);
    assert!(!shown.contains("t0ken"), "{shown}");
}
