//! Streams of events: what is told, what it costs, and how a stream ends.

mod bounds;
mod changes;

use crate::support::{Client, Event, Events, SHOWCASE, TOKEN, TestApp};

fn events_of(contact: &str) -> String {
    format!("/v1/contacts/{contact}/profile/events")
}

/// The showcase's stream past its first event.
async fn open(client: &Client) -> (Events, Event) {
    let mut events = Events::open(client, &events_of(SHOWCASE)).await;
    assert_eq!(events.status, 200, "{}", events.head);
    let first = events.event().await.expect("an event at once");
    (events, first)
}

/// GHL itself, to change something behind the service's back.
fn ghl(app: &TestApp) -> Client {
    let ghl = Client::new(app.sandbox.addr()).with("version", "2021-07-28");
    ghl.with("authorization", &format!("Bearer {TOKEN}"))
}
