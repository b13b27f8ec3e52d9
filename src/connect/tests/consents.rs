//! Who comes back from GHL's page of consent, and how.

use super::*;

fn state_of(begun: &Begun) -> String {
    begun.url.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned()
}

fn callback(state: Option<String>, cookie: Option<&str>, code: &str) -> Callback {
    Callback { state, cookie: cookie.map(str::to_owned), came: Came::Code(Secret::new(code)) }
}

#[tokio::test]
async fn where_somebody_is_sent_says_what_ghl_must_know() {
    let bench = Bench::new(&[("oauth.app_version_id", "v1")]).await;
    let url = bench.connections.begin(None).unwrap().url;
    let begin = "https://marketplace.gohighlevel.com/oauth/chooselocation?response_type=code&client_id=app0-1&\
                 redirect_uri=https%3A%2F%2Fenrich.example%2Foauth%2Fcallback&scope=contacts.readonly%20contacts.write%20";
    assert!(url.starts_with(begin), "{url}");
    assert!(url.ends_with("&version_id=v1"), "{url}");
    let states: std::collections::BTreeSet<_> =
        (0..100).map(|_| state_of(&bench.connections.begin(None).unwrap())).collect();
    assert_eq!(states.len(), 100);
}

#[tokio::test]
async fn a_state_that_is_not_this_browsers_own_costs_no_call() {
    let bench = Bench::new(&[]).await;
    let (one, other) = (bench.connections.begin(None).unwrap(), bench.connections.begin(None).unwrap());
    let good = state_of(&one);
    let mut bent = good.clone().into_bytes();
    bent[3] = if bent[3] == b'A' { b'B' } else { b'A' };
    let bent = String::from_utf8(bent).unwrap();
    for (state, cookie) in [
        (None, Some(one.cookie.as_str())),
        (Some(good.clone()), None),
        (Some(good.clone()), Some(other.cookie.as_str())),
        (Some(good.clone()), Some("")),
        (Some(bent), Some(one.cookie.as_str())),
        (Some(String::new()), Some(one.cookie.as_str())),
        (Some("x".repeat(5_000)), Some(one.cookie.as_str())),
        (Some(good[..good.len() - 4].to_owned()), Some(one.cookie.as_str())),
    ] {
        let refused = bench.connections.finish(callback(state.clone(), cookie, "code-1")).await;
        assert!(matches!(refused, Err(ConsentError::State(_))), "{state:?} {cookie:?}: {refused:?}");
    }
    assert_eq!(bench.ghl.all_calls(), 0);
    let code = bench.ghl.code();
    bench.connections.finish(callback(Some(good.clone()), Some(&one.cookie), &code)).await.unwrap();
    let calls = bench.ghl.all_calls();
    let again = bench.connections.finish(callback(Some(good), Some(&one.cookie), &bench.ghl.code())).await;
    assert_eq!(again, Err(ConsentError::State("was used before")));
    assert_eq!(bench.ghl.all_calls(), calls);
}

#[tokio::test]
async fn a_state_expires() {
    let bench = Bench::new(&[]).await;
    let begun = bench.connections.begin(None).unwrap();
    bench.advance(601);
    let late = bench.connections.finish(callback(Some(state_of(&begun)), Some(&begun.cookie), "code-1")).await;
    assert_eq!(late, Err(ConsentError::State("has expired")));
}

#[tokio::test]
async fn a_code_works_once_and_a_refusal_is_told() {
    let bench = Bench::new(&[]).await;
    let code = bench.ghl.code();
    for round in 0..2 {
        let begun = bench.connections.begin(None).unwrap();
        let outcome = bench.connections.finish(callback(Some(state_of(&begun)), Some(&begun.cookie), &code)).await;
        assert_eq!(outcome.is_ok(), round == 0, "{outcome:?}");
        if round == 1 {
            assert!(matches!(outcome, Err(ConsentError::Code { status: 401, .. })), "{outcome:?}");
        }
    }
    let begun = bench.connections.begin(None).unwrap();
    let came = Came::Error("access_denied".to_owned());
    let denied = Callback { state: Some(state_of(&begun)), cookie: Some(begun.cookie), came };
    assert_eq!(bench.connections.finish(denied).await, Err(ConsentError::Denied("access_denied".to_owned())));
}

#[tokio::test]
async fn only_whom_the_settings_admit_and_the_location_that_was_meant_is_connected() {
    let bench = Bench::new(&[("oauth.allowed_locations", "[\"l2\"]")]).await;
    let refused = bench.connect().await.unwrap_err();
    assert_eq!(refused, ConsentError::NotAdmitted(Holder::Location(location("l1"))));
    let bench = Bench::new(&[]).await;
    let begun = bench.connections.begin(Some(&location("l2"))).unwrap();
    let outcome = bench.connections.finish(callback(Some(state_of(&begun)), Some(&begun.cookie), &bench.ghl.code()));
    assert_eq!(outcome.await, Err(ConsentError::OtherLocation));
    assert!(bench.connections.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_crowd_that_comes_back_costs_few_calls() {
    let bench = Bench::new(&[]).await;
    for _ in 0..200 {
        let begun = bench.connections.begin(None).unwrap();
        drop(bench.connections.finish(callback(Some(state_of(&begun)), Some(&begun.cookie), "made-up")).await);
    }
    assert_eq!(
        bench.connect().await.map(drop).map_err(|error| error.to_string()),
        Err("too many come back".to_owned())
    );
    assert!(bench.ghl.all_calls() <= 30, "{}", bench.ghl.all_calls());
    tokio::time::advance(Duration::from_secs(60)).await;
    bench.connect().await.unwrap();
}

#[tokio::test]
async fn those_who_come_back_without_a_code_are_in_nobodys_way() {
    let bench = Bench::new(&[]).await;
    let begun = bench.connections.begin(None).unwrap();
    for _ in 0..200 {
        let came = Came::Error("access_denied".to_owned());
        let back = Callback { state: Some(state_of(&begun)), cookie: Some(begun.cookie.clone()), came };
        assert!(matches!(bench.connections.finish(back).await, Err(ConsentError::Denied(_))));
    }
    bench.connect().await.unwrap();
    // Whoever changes their mind need not begin anew.
    let back = callback(Some(state_of(&begun)), Some(&begun.cookie), &bench.ghl.code());
    bench.connections.finish(back).await.unwrap();
}
