//! An agency's installation: its locations' tokens are minted when they are wanted, and of nobody else's.

use super::{ghl::Fault, *};
use crate::domain::{connection::LostBecause, ids::CompanyId};
use futures_util::future::join_all;

const DAY: i64 = 86_400;

fn company() -> CompanyId {
    CompanyId::parse("c1").unwrap()
}

async fn agency(installed: &[&str]) -> Bench {
    let bench = Bench::new(&[("oauth.user_type", "Company")]).await;
    bench.ghl.is_agency(installed);
    let connection = bench.connect().await.unwrap();
    assert_eq!(connection.holder, Holder::Company(company()));
    assert!(bench.tasks.shut_down(Duration::from_secs(5)).await, "the survey ends");
    bench
}

#[tokio::test]
async fn its_locations_are_listed_and_their_tokens_minted_when_wanted() {
    let mut bench = agency(&["l1", "l2"]).await;
    bench.restart().await;
    assert_eq!(bench.connections.all().len(), 3);
    assert_eq!(bench.ghl.calls("oauth/locationToken"), 0, "nobody wants one yet");
    for outcome in join_all((0..100).map(|_| bench.call("l1"))).await {
        outcome.unwrap();
    }
    assert_eq!(bench.ghl.calls("oauth/locationToken"), 1);
    assert_ne!(bench.token("l1").await.unwrap(), bench.token("l2").await.unwrap());
    bench.advance(DAY);
    bench.call("l1").await.unwrap();
    assert_eq!((bench.ghl.calls("oauth/locationToken"), bench.ghl.calls("refresh_token")), (3, 1), "the agency's own");
}

#[tokio::test]
async fn an_agencys_token_that_expired_at_ghl_is_renewed_once_and_minting_goes_on() {
    let mut bench = agency(&["l1"]).await;
    bench.restart().await;
    bench.ghl.expire();
    bench.call("l1").await.unwrap();
    assert_eq!((bench.ghl.calls("oauth/locationToken"), bench.ghl.calls("refresh_token")), (2, 1));
}

#[tokio::test]
async fn a_location_installed_later_is_found_and_a_stranger_is_asked_for_once() {
    let mut bench = agency(&["l1"]).await;
    bench.restart().await;
    for _ in 0..5 {
        assert_eq!(bench.token("stranger").await, Err(GhlError::NoToken));
    }
    assert_eq!(bench.ghl.calls("oauth/locationToken"), 1);
    assert_eq!(bench.connections.serves(&location("stranger")), Err(GhlError::NoToken));
    bench.ghl.is_agency(&["l1", "l3", "stranger"]);
    bench.call("l3").await.unwrap();
    bench.connections.installed(Install::Location(location("stranger"), Some(company()))).await.unwrap();
    bench.call("stranger").await.unwrap();
}

#[tokio::test]
async fn with_the_agency_its_locations_go() {
    let mut bench = agency(&["l1", "l2"]).await;
    bench.restart().await;
    bench.call("l1").await.unwrap();
    let mut gone = bench.connections.uninstalled(Holder::Company(company())).await.unwrap();
    gone.sort();
    assert_eq!(gone, [location("l1"), location("l2")]);
    assert_eq!(bench.token("l1").await, Err(GhlError::Disconnected));
    assert_eq!(bench.lost("l2").map(|lost| lost.because), Some(LostBecause::Uninstalled));
}

#[tokio::test]
async fn a_location_that_somebody_disconnected_is_not_minted_anew() {
    let mut bench = agency(&["l1"]).await;
    bench.restart().await;
    bench.call("l1").await.unwrap();
    bench.connections.disconnect(&location("l1")).await.unwrap();
    let before = bench.ghl.all_calls();
    assert_eq!(bench.token("l1").await, Err(GhlError::Disconnected));
    assert_eq!(bench.ghl.all_calls(), before);
}

#[tokio::test]
async fn with_the_agency_its_locations_come_back_but_not_what_somebody_disconnected() {
    let mut bench = agency(&["l1", "l2", "l3"]).await;
    bench.restart().await;
    bench.call("l1").await.unwrap();
    bench.connections.disconnect(&location("l3")).await.unwrap();
    for _ in 0..2 {
        // GHL may tell more than once.
        bench.connections.uninstalled(Holder::Company(company())).await.unwrap();
    }
    assert_eq!(bench.lost("l3").map(|lost| lost.because), Some(LostBecause::Disconnected));
    assert_eq!(bench.connections.counts(), (0, 0), "nothing was lost that nobody meant");
    assert!(bench.connections.installed(Install::Company(company())).await.unwrap());
    assert!(bench.tasks.shut_down(Duration::from_secs(5)).await, "the survey ends");
    bench.restart().await;
    bench.call("l1").await.unwrap();
    bench.call("l2").await.unwrap();
    assert_eq!(bench.token("l3").await, Err(GhlError::Disconnected));
}

#[tokio::test]
async fn what_somebody_disconnects_in_an_agency_that_is_gone_stays_so() {
    let mut bench = agency(&["l1"]).await;
    bench.restart().await;
    bench.connections.uninstalled(Holder::Company(company())).await.unwrap();
    assert_eq!(bench.connections.disconnect(&location("l1")).await.unwrap(), None, "it had ended");
    bench.connections.installed(Install::Company(company())).await.unwrap();
    assert!(bench.tasks.shut_down(Duration::from_secs(5)).await, "the survey ends");
    bench.restart().await;
    assert_eq!(bench.token("l1").await, Err(GhlError::Disconnected));
}

/// Does something while GHL mints the first token of `l9`.
async fn while_l9_is_minted(bench: &Bench, act: impl Future<Output = ()>) -> Result<Bearer, GhlError> {
    bench.ghl.is_agency(&["l1", "l9"]);
    bench.ghl.fault(Fault::Slow(Duration::from_millis(50)));
    let (token, ()) = tokio::join!(bench.token("l9"), async {
        while bench.ghl.calls("oauth/locationToken") == 0 {
            tokio::task::yield_now().await;
        }
        act.await;
    });
    token
}

#[tokio::test]
async fn a_mint_under_way_does_not_bring_what_somebody_ended() {
    let mut bench = agency(&["l1"]).await;
    bench.restart().await;
    let id = location("l9");
    let token = while_l9_is_minted(&bench, async {
        assert_eq!(bench.connections.disconnect(&id).await.unwrap(), None, "it was not connected");
    });
    assert_eq!(token.await, Err(GhlError::Disconnected));
    bench.restart().await;
    let before = bench.ghl.all_calls();
    assert_eq!(bench.token("l9").await, Err(GhlError::Disconnected));
    assert_eq!(bench.ghl.all_calls(), before);
    assert_eq!(bench.store.connection(Holder::Location(id)).await.unwrap().unwrap().tokens, None);
}

#[tokio::test]
async fn a_mint_under_way_lands_where_a_survey_noted_the_location() {
    let mut bench = agency(&["l1"]).await;
    bench.restart().await;
    let holder = Holder::Location(location("l9"));
    let token = while_l9_is_minted(&bench, async {
        let noted = unknown(&holder, bench.clock.now());
        assert_eq!(bench.store.keep_connection(noted).await, Ok(Some(1)));
    });
    assert!(bench.ghl.accepts(&token.await.unwrap()));
    assert_eq!(bench.ghl.calls("oauth/locationToken"), 1);
}

#[tokio::test]
async fn an_agency_that_is_lost_is_not_tried_for_each_of_its_locations() {
    let mut bench = agency(&["l1", "l2", "l3"]).await;
    bench.restart().await;
    bench.ghl.revoke();
    bench.advance(DAY);
    assert_eq!(bench.token("l1").await, Err(GhlError::Disconnected));
    let before = bench.ghl.all_calls();
    for id in ["l2", "l3"] {
        assert_eq!(bench.token(id).await, Err(GhlError::Disconnected));
    }
    assert_eq!(bench.ghl.all_calls(), before);
}

#[tokio::test]
async fn an_agency_whose_new_tokens_are_rejected_loses_no_location_and_uses_up_few_of_them() {
    let mut bench = agency(&["l1"]).await;
    bench.restart().await;
    bench.ghl.reject_agencies(true);
    for _ in 0..5 {
        assert!(matches!(bench.token("l1").await, Err(GhlError::LeftAlone { .. })));
        bench.wait_no_longer("l1");
    }
    assert_eq!((bench.lost("l1"), bench.ghl.calls("refresh_token")), (None, 3));
    bench.ghl.reject_agencies(false);
    bench.call("l1").await.unwrap();
}

#[tokio::test]
async fn an_agency_in_trouble_keeps_none_of_the_others_from_minting() {
    let mut bench = agency(&["l1"]).await;
    // GHL answers this one with tokens of somebody else.
    let troubled = Holder::parse("company", "c0").unwrap();
    let tokens = Tokens { access: Arc::new(Secret::new("a0")), refresh: Some(Arc::new(Secret::new("r0"))) };
    bench.store.keep_connection(kept(&bench.connections.inner.vault, &troubled, &tokens)).await.unwrap();
    bench.restart().await;
    bench.ghl.is_agency(&["l1", "l9"]);
    bench.call("l9").await.unwrap();
    // Of a stranger nobody can say that it is one, and nothing is kept for long of it.
    for number in 0..5 {
        assert!(matches!(bench.token("made-up").await, Err(GhlError::LeftAlone { .. })), "{number}");
    }
    let inner = &bench.connections.inner;
    assert_eq!(inner.troubles.left(&Holder::Location(location("made-up"))), None);
    assert!(inner.strangers.left(&location("made-up")).is_some());
    assert_eq!(bench.ghl.calls("oauth/locationToken"), 4, "one by each agency for l9, and for the stranger once");
}
