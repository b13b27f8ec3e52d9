//! A process that is killed between GHL's answer and its own commit: the location always comes back, and nobody is asked.

use super::{APP, connect};
use crate::support::{Client, Dice, Killable, LOCATION, SHOWCASE, pause, scratch, until};
use ghl_sandbox::{QuotaProfile, Sandbox, SandboxConfig};
use std::time::Duration;

const KILLS: u32 = 50;
const BOUND: Duration = Duration::from_secs(60);

#[actix_web::test]
async fn fifty_kills_between_the_answer_and_the_commit_cost_nobody_a_hand() {
    let folder = scratch("oauth-kills");
    let config = SandboxConfig { quota: QuotaProfile::Unlimited, ..SandboxConfig::default() };
    let sandbox = Sandbox::start(config).await.expect("starts");
    let mut changes: Vec<(&str, String)> =
        vec![("GHL__BURST_LIMIT", "1000000".to_owned()), ("GHL__TOKEN", String::new())];
    let names = ["OAUTH__CLIENT_ID", "OAUTH__CLIENT_SECRET", "OAUTH__REDIRECT_URL", "STORE__ENCRYPTION_KEY"];
    changes.extend(names.into_iter().zip(APP).map(|(name, (_, value))| (name, value.to_owned())));
    let service = Killable::new(&sandbox.base_url(), &folder, &changes);
    let path = format!("/v1/contacts/{SHOWCASE}");
    let serves = async || {
        until("the location serves", BOUND, async || {
            // As a supervisor would: the lock on the file may outlive the process that was killed by a moment.
            if service.has_ended() {
                service.start();
            }
            let answer = service.client.get(service.url(&path)).send().await.ok()?;
            (answer.status() == 200).then_some(())
        })
        .await;
    };
    service.start();
    until("it serves", BOUND, async || service.try_json("/readyz").await).await;
    let address = service.url("").trim_start_matches("http://").parse().expect("an address");
    connect(&Client::new(address), &Client::new(sandbox.addr()), "").await;
    serves().await;
    let (mut dice, mut interrupted) = (Dice::new(7), 0);
    for round in 0..KILLS {
        sandbox.advance_clock(Duration::from_secs(25 * 3_600));
        let rotations = || sandbox.oauth_counts().rotations;
        let before = rotations();
        let asking = service.client.get(service.url(&path)).send();
        let mut asking = std::pin::pin!(asking);
        // Up to the moment when GHL has used the refresh token up, and a little further.
        loop {
            tokio::select! {
                biased;
                _ = &mut asking => break,
                () = pause(Duration::from_micros(50)) => {}
            }
            if rotations() > before {
                break;
            }
        }
        pause(Duration::from_micros(dice.below(1_500))).await;
        service.kill();
        interrupted += u32::from(rotations() > before);
        if round % 2 == 1 {
            // The old refresh token gives nothing any more: only reconnecting helps, where the new one was lost.
            sandbox.advance_clock(Duration::from_secs(31));
        }
        service.start();
        serves().await;
    }
    let state = service.try_json(&format!("/v1/locations/{LOCATION}")).await.expect("it runs");
    assert_eq!(state["state"], "connected", "{state}");
    assert_eq!(service.kills(), KILLS);
    assert!(interrupted >= KILLS / 2, "only {interrupted} kills came after GHL's answer");
    let calls = sandbox.calls();
    assert!(calls.count("oauth.reconnect") > 0, "no new pair was ever lost: the kills come too late");
    service.assert_never_panicked();
}
