//! What was acknowledged outlives the process.

use super::{Rig, Signer, event};
use crate::support::{SHOWCASE, scratch};
use serde_json::json;

#[actix_web::test]
async fn an_event_acknowledged_by_one_process_has_its_fate_in_the_next() {
    let url = format!("sqlite:{}", scratch("webhooks").join("store.db").display());
    // Rules that cannot be run here: GHL is down.
    let rule = "[{ name = 'seen', when = 'contact.id', managed_prefix = 'seen:', tags = ['seen:yes'] }]";
    let settings = [
        ("store.url", &*url),
        ("enrichment.rules", rule),
        ("webhooks.enrich", "[\"ContactUpdate\"]"),
        ("operations.retry_base_ms", "60000"),
        ("operations.retry_cap_ms", "60000"),
        ("operations.max_attempts", "100"),
    ];
    let mut first = Rig::with(&settings).await;
    first.app.sandbox.inject(ghl_sandbox::Fault::new("ghl.*", ghl_sandbox::FaultAction::Reset).times(1000));
    assert_eq!(first.send(&event("ContactUpdate", "w1", json!({}))).await.status, 200);
    first.app.stop().await.expect("ends well");
    let signer = std::mem::replace(&mut first.signer, Signer::new());
    let next = Rig::of(signer, &settings).await;
    next.app.advance(120);
    // A duplicate rings the bell.
    let told = next.told(&event("ContactUpdate", "w1", json!({}))).await;
    assert_eq!((&told["fate"], &told["duplicates"]), (&json!("applied"), &json!(1)), "{told}");
    let held = next.app.get(&format!("/v1/contacts/{SHOWCASE}")).await.json();
    assert!(held["tags"].as_array().unwrap().contains(&json!("seen:yes")), "{held}");
}
