//! One location's tokens: renewed once, stored before use, brought back, given up.

use super::{ghl::Fault, *};
use crate::{domain::connection::LostBecause, store::sqlite::Fault as StoreFault};
use futures_util::future::join_all;

const DAY: i64 = 86_400;

#[tokio::test]
async fn however_many_meet_an_expired_token_it_is_renewed_once() {
    let bench = Bench::new(&[]).await;
    bench.connect().await.unwrap();
    let first = bench.token("l1").await.unwrap();
    bench.advance(DAY);
    let tokens = join_all((0..500).map(|_| bench.token("l1"))).await;
    assert_eq!(bench.ghl.calls("refresh_token"), 1);
    let second = tokens[0].clone().unwrap();
    assert!(tokens.iter().all(|token| token.as_ref() == Ok(&second)) && second != first);
    // GHL's word that it has expired, all at once, and late ones with the token before.
    bench.ghl.expire();
    for outcome in join_all((0..500).map(|_| bench.call("l1"))).await {
        outcome.unwrap();
    }
    assert_eq!(bench.ghl.calls("refresh_token"), 2);
    let context = CallContext::new(Lane::Interactive, Duration::from_secs(30));
    let late = bench.connections.renewed(&location("l1"), &first, &context).await.unwrap();
    assert!(late.is_some_and(|token| bench.ghl.accepts(&token)));
    assert_eq!(bench.ghl.calls("refresh_token"), 2, "another one is there already");
}

#[tokio::test]
async fn it_is_renewed_ahead_of_time_behind_everybodys_back() {
    let bench = Bench::new(&[]).await;
    bench.connect().await.unwrap();
    bench.upkeep().await;
    bench.advance(DAY - 4 * 3_600);
    bench.upkeep().await;
    assert_eq!(bench.ghl.calls("refresh_token"), 0, "not yet");
    bench.advance(3 * 3_600 + 60);
    bench.upkeep().await;
    assert_eq!(bench.ghl.calls("refresh_token"), 1);
    bench.upkeep().await;
    assert_eq!(bench.ghl.calls("refresh_token"), 1, "once");
}

#[tokio::test]
async fn a_process_that_dies_between_the_answer_and_the_disk_costs_nobody_a_hand() {
    let mut bench = Bench::new(&[]).await;
    bench.connect().await.unwrap();
    for round in 0..60 {
        bench.advance(DAY);
        // GHL has used the refresh token up, and its answer never reached the disk.
        bench.store.inject(Some(StoreFault::ReadOnly)).await.unwrap();
        let dying = bench.connections.clone();
        let context = CallContext::new(Lane::Interactive, Duration::from_millis(5));
        assert!(dying.token(&location("l1"), &context).await.is_err(), "what is not stored is not used");
        bench.store.inject(None).await.unwrap();
        if round % 2 == 0 {
            // Later than GHL gives the same pair again.
            bench.ghl.kill_refresh_tokens();
        }
        bench.restart().await;
        bench.call("l1").await.unwrap();
        assert_eq!(bench.lost("l1"), None, "round {round}");
    }
    assert!(bench.ghl.calls("oauth/reconnect") >= 30);
}

#[tokio::test]
async fn an_answer_that_got_lost_is_asked_for_again() {
    let bench = Bench::new(&[]).await;
    bench.connect().await.unwrap();
    bench.advance(DAY);
    bench.ghl.fault(Fault::LostAnswer);
    let error = bench.token("l1").await.unwrap_err();
    assert!(matches!(error, GhlError::LeftAlone { .. }) && error.not_sent(), "{error:?}");
    let before = bench.ghl.all_calls();
    assert!(bench.token("l1").await.is_err());
    assert_eq!(bench.ghl.all_calls(), before, "left alone for a moment");
    bench.wait_no_longer("l1");
    bench.call("l1").await.unwrap();
    assert_eq!(bench.ghl.calls("oauth/reconnect"), 0, "within 30 s the same pair comes again");
}

#[tokio::test]
async fn an_outage_of_the_token_endpoint_disconnects_nobody() {
    let bench = Bench::new(&[]).await;
    bench.connect().await.unwrap();
    bench.advance(DAY);
    bench.ghl.fault(Fault::Down);
    for _ in 0..20 {
        assert!(matches!(bench.token("l1").await, Err(GhlError::LeftAlone { .. })));
        bench.wait_no_longer("l1");
    }
    assert_eq!(bench.lost("l1"), None);
    bench.ghl.well();
    bench.call("l1").await.unwrap();
}

#[tokio::test]
async fn a_refused_refresh_token_is_answered_by_reconnecting() {
    let bench = Bench::new(&[]).await;
    bench.connect().await.unwrap();
    bench.advance(DAY);
    bench.ghl.kill_refresh_tokens();
    bench.call("l1").await.unwrap();
    assert_eq!((bench.ghl.calls("refresh_token"), bench.ghl.calls("oauth/reconnect")), (1, 1));
    assert_eq!(bench.lost("l1"), None);
}

#[tokio::test]
async fn what_is_revoked_is_disconnected_and_not_hammered_and_comes_back_with_an_install() {
    let mut bench = Bench::new(&[]).await;
    bench.connect().await.unwrap();
    bench.ghl.revoke();
    bench.advance(DAY);
    assert_eq!(bench.token("l1").await, Err(GhlError::Disconnected));
    assert_eq!(bench.lost("l1").map(|lost| lost.because), Some(LostBecause::Refused));
    assert_eq!(bench.connections.counts(), (0, 1));
    let before = bench.ghl.all_calls();
    for _ in 0..1_000 {
        assert_eq!(bench.token("l1").await, Err(GhlError::Disconnected));
    }
    assert_eq!(bench.ghl.all_calls(), before);
    // A day of upkeep, every ten minutes, a restart in the middle of it.
    for round in 0..144 {
        bench.advance(600);
        if round == 70 {
            bench.restart().await;
        }
        bench.upkeep().await;
    }
    let spent = bench.ghl.all_calls() - before;
    assert!((40..=70).contains(&spent), "about an hour apart, two calls each: {spent}");
    bench.ghl.installs_again();
    bench.connections.installed(Install::Location(location("l1"), None)).await.unwrap();
    bench.call("l1").await.unwrap();
    assert_eq!(bench.lost("l1"), None);
}

#[tokio::test]
async fn a_suspended_location_comes_back_by_itself() {
    let bench = Bench::new(&[]).await;
    bench.connect().await.unwrap();
    bench.ghl.suspend(true);
    bench.advance(DAY);
    assert_eq!(bench.token("l1").await, Err(GhlError::Disconnected));
    assert_eq!(bench.lost("l1").map(|lost| lost.because), Some(LostBecause::NotActive));
    assert_eq!(bench.ghl.calls("oauth/reconnect"), 0, "it would be told the same");
    assert!(bench.connections.serves(&location("l1")).is_ok(), "writes wait for it");
    bench.ghl.suspend(false);
    bench.advance(3_600);
    bench.upkeep().await;
    bench.call("l1").await.unwrap();
}

#[tokio::test]
async fn what_somebody_ended_stays_ended_even_by_a_renewal_under_way() {
    let mut bench = Bench::new(&[]).await;
    bench.connect().await.unwrap();
    bench.advance(DAY);
    bench.ghl.fault(Fault::Slow(Duration::from_millis(50)));
    let id = location("l1");
    let (token, ended) = tokio::join!(bench.token("l1"), async {
        while bench.ghl.calls("refresh_token") == 0 {
            tokio::task::yield_now().await;
        }
        bench.connections.disconnect(&id).await
    });
    assert_eq!(ended.unwrap().unwrap().lost.map(|lost| lost.because), Some(LostBecause::Disconnected));
    assert_eq!(token, Err(GhlError::Disconnected));
    assert_eq!(bench.connections.serves(&id), Err(GhlError::Disconnected), "nobody waits for it");
    bench.restart().await;
    for _ in 0..30 {
        bench.advance(DAY);
        bench.upkeep().await;
    }
    assert_eq!((bench.token("l1").await, bench.ghl.calls("oauth/reconnect")), (Err(GhlError::Disconnected), 0));
    let kept = bench.store.connection(Holder::Location(id)).await.unwrap().unwrap();
    assert_eq!(kept.tokens, None, "its tokens are gone from the disk");
    bench.connect().await.unwrap();
    bench.call("l1").await.unwrap();
}

#[tokio::test]
async fn two_processes_on_one_store_renew_once() {
    let mut bench = Bench::new(&[]).await;
    bench.connect().await.unwrap();
    bench.advance(DAY);
    let other = bench.connections.clone();
    bench.restart().await;
    bench.ghl.fault(Fault::Slow(Duration::from_millis(30)));
    let context = CallContext::new(Lane::Interactive, Duration::from_secs(30));
    let id = location("l1");
    let (one, two) = tokio::join!(bench.token("l1"), other.token(&id, &context));
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!(bench.ghl.calls("refresh_token"), 1);
}

#[tokio::test]
async fn what_is_refused_ahead_of_time_serves_until_its_token_expires() {
    let bench = Bench::new(&[]).await;
    bench.connect().await.unwrap();
    let token = bench.token("l1").await;
    bench.ghl.revoke();
    let before = bench.ghl.all_calls();
    bench.advance(DAY - 3_600 + 60);
    for _ in 0..10 {
        bench.upkeep().await;
    }
    assert_eq!(bench.ghl.all_calls() - before, 2, "a refresh and a reconnection, and then not at once again");
    assert_eq!((bench.lost("l1"), bench.token("l1").await), (None, token));
    bench.advance(120);
    bench.upkeep().await;
    assert_eq!(bench.ghl.all_calls() - before, 4, "but later");
    bench.advance(3_600);
    assert_eq!(bench.token("l1").await, Err(GhlError::Disconnected));
    assert_eq!(bench.lost("l1").map(|lost| lost.because), Some(LostBecause::Refused));
}

#[tokio::test]
async fn a_token_that_is_rejected_though_it_is_new_uses_up_no_pair_after_another() {
    let bench = Bench::new(&[]).await;
    bench.connect().await.unwrap();
    let (id, context) = (location("l1"), CallContext::new(Lane::Interactive, Duration::from_secs(30)));
    let mut token = bench.token("l1").await.unwrap();
    let mut given = async |seconds| {
        bench.advance(seconds);
        let before = bench.ghl.calls("refresh_token");
        for _ in 0..10 {
            match bench.connections.renewed(&id, &token, &context).await.unwrap() {
                Some(other) => token = other,
                None => break,
            }
        }
        bench.ghl.calls("refresh_token") - before
    };
    assert_eq!(given(0).await, 2, "then GHL's 401 is told");
    assert_eq!(given(0).await, 0);
    for _ in 0..5 {
        assert_eq!(given(60).await, 1, "one a minute");
    }
    assert_eq!(given(3_600).await, 3, "it was good for long, and may have expired");
}

#[tokio::test]
async fn from_the_order_to_stop_on_nothing_is_renewed() {
    let bench = Bench::new(&[]).await;
    bench.connect().await.unwrap();
    bench.advance(DAY);
    let (before, stop) = (bench.ghl.all_calls(), CancellationToken::new());
    stop.cancel();
    bench.connections.inner.renew_due(&stop).await;
    assert_eq!(bench.ghl.all_calls(), before);
    bench.upkeep().await;
    assert_eq!(bench.ghl.calls("refresh_token"), 1);
}
