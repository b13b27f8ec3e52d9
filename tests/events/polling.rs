//! A dashboard polls while things change: what that costs, and how old what it shows may be.

use super::{changes::People, wanted};
use crate::support::{LOCATION, TestApp, pause, until};
use futures_util::future::join_all;
use ghl_sandbox::{QuotaProfile, SandboxConfig, WebhookPlan, tokens};
use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// Nobody may be shown what is older than this after its event.
const OLDEST: Duration = Duration::from_secs(5);
/// Pages that poll side by side.
const PAGES: usize = 8;
/// GHL calls that a change may cost: one for the section it is in, and some for chance.
const CALLS_A_CHANGE: f64 = 1.2;

/// What was changed, and when.
#[derive(Default)]
struct Change(Mutex<Option<(String, Instant)>>);

impl Change {
    fn set(&self, marker: String) {
        *self.0.lock().expect("no panic") = Some((marker, Instant::now()));
    }

    /// The marker that a profile asked for now has to show.
    fn due(&self) -> Option<String> {
        let change = self.0.lock().expect("no panic");
        change.as_ref().filter(|(_, at)| at.elapsed() >= OLDEST).map(|(marker, _)| marker.clone())
    }
}

struct Board {
    app: TestApp,
    contacts: Vec<String>,
    changes: Vec<Change>,
    stopped: AtomicBool,
    polls: AtomicUsize,
    shown: AtomicUsize,
}

impl Board {
    /// One page: all contacts, again and again.
    async fn page(&self, first: usize) {
        let mut n = first;
        while !self.stopped.load(Ordering::Relaxed) {
            let index = n % self.contacts.len();
            let due = self.changes[index].due();
            let reply = self.app.get(&format!("/v1/contacts/{}/profile", self.contacts[index])).await;
            assert_eq!(reply.status, 200, "{}", reply.text());
            self.polls.fetch_add(1, Ordering::Relaxed);
            if let Some(marker) = due {
                assert!(reply.text().contains(&marker), "{} lacks {marker} after its time", self.contacts[index]);
                self.shown.fetch_add(1, Ordering::Relaxed);
            }
            n += PAGES;
            pause(Duration::from_millis(2)).await;
        }
    }

    /// People change each contact once, and then a dashboard looks on until the last change is due.
    async fn work(&self, every: Duration) {
        let mut people = People::new(&self.app.sandbox, 5);
        for (index, contact) in self.contacts.iter().enumerate() {
            // Marked first: what a page sees before is fresher than it has to be.
            self.changes[index].set(people.add(contact));
            pause(every).await;
        }
        pause(OLDEST + Duration::from_millis(500)).await;
        self.stopped.store(true, Ordering::Relaxed);
    }
}

#[actix_web::test]
#[expect(clippy::print_stdout, reason = "the full form is run for its figures")]
async fn a_polling_dashboard_costs_one_call_a_change_and_shows_nothing_old() {
    let count = wanted("POLLED").unwrap_or(150);
    let key = format!("[\"{}\"]", tokens::WEBHOOK_PUBLIC_KEY);
    let config = SandboxConfig { quota: QuotaProfile::Unlimited, contacts: count, ..SandboxConfig::default() };
    let app = TestApp::over(config, &[("webhooks.public_keys", &key)]).await;
    let url = format!("http://{}/webhooks/ghl", app.client.address());
    app.sandbox.webhooks_to(&url, WebhookPlan::default()).expect("a plan");
    let contacts: Vec<String> = app.sandbox.contact_ids(LOCATION).into_iter().take(count).collect();
    // The first event tells the service that it is told.
    app.sandbox.add_note(&contacts[0], "The first.").expect("noted");
    until("the first event", Duration::from_secs(10), async || {
        (app.get("/v1/webhooks/events?fate=pending").await.json()["items"] == serde_json::json!([])
            && app.get("/v1/webhooks/events").await.json()["items"] != serde_json::json!([]))
        .then_some(())
    })
    .await;
    for contact in &contacts {
        app.profile(contact).await;
    }
    let changes = contacts.iter().map(|_| Change::default()).collect();
    let (stopped, polls, shown) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let board = Board { app, contacts, changes, stopped, polls, shown };
    let before = board.app.calls("ghl.*");
    let pages = join_all((0..PAGES).map(|page| board.page(page)));
    tokio::join!(board.work(Duration::from_millis(20)), pages);
    let spent = board.app.calls("ghl.*") - before;
    let a_change = spent as f64 / count as f64;
    println!(
        "{count} contacts, each changed once: {} polls, {} of them after a change was due; {spent} calls, {a_change:.2} a change",
        board.polls.load(Ordering::Relaxed),
        board.shown.load(Ordering::Relaxed)
    );
    assert!(board.shown.load(Ordering::Relaxed) >= count, "each change was looked for");
    assert!(a_change <= CALLS_A_CHANGE, "{spent} calls for {count} changes");
}
