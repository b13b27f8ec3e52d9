//! All routes, and what each may answer to whoever may not see the location that is asked for.

use super::{requests, worlds::Things};
use crate::support::TestApp;
pub use routes::{ROUTES, UNDOCUMENTED};
use std::collections::BTreeSet;

/// What a route may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A problem, and the same one as for what is not there.
    Refused,
    /// The same as for what is not there, be it a success: entries that fail each for themselves.
    Same,
    /// A success about the asker's own, in which nothing of the other stands.
    Own,
    /// Has nothing to do with locations, and why.
    Open(&'static str),
}

mod routes {
    use super::Answer::{self, Open, Own, Refused, Same};

    const PROBE: &str = "says how the process is";
    const ADDRESS: &str = "an address is nobody's: what is known of it comes from public data";

    pub const ROUTES: &[(&str, &str, Answer)] = &[
        ("get", "/livez", Open(PROBE)),
        ("get", "/readyz", Open(PROBE)),
        ("get", "/problems/{slug}", Open("documentation")),
        ("get", "/v1/attribution", Open("credits for data that all share")),
        ("get", "/v1/ips/{ip}", Open(ADDRESS)),
        ("post", "/v1/ips/batch", Open(ADDRESS)),
        ("get", "/v1/audit", Own),
        ("get", "/v1/operations", Own),
        ("get", "/v1/operations/{operationId}", Refused),
        ("post", "/v1/operations/{operationId}/retry", Refused),
        ("post", "/v1/operations/{operationId}/resolve", Refused),
        ("post", "/v1/operations/{operationId}/cancel", Refused),
        ("post", "/webhooks/ghl", Refused),
        ("get", "/v1/webhooks/events", Own),
        ("get", "/v1/webhooks/events/{webhookId}", Refused),
        ("post", "/v1/webhooks/events/{webhookId}/replay", Refused),
        ("get", "/v1/sources", Own),
        ("post", "/v1/sources/{source}/events", Refused),
        ("get", "/v1/sources/{source}/events", Same),
        ("get", "/v1/sources/{source}/events/{eventId}", Refused),
        ("post", "/v1/sources/{source}/events/{eventId}/replay", Refused),
        ("post", "/v1/sources/{source}/reconcile", Refused),
        ("get", "/oauth/install", Open("sends a browser to GHL; what it says of a location has a test of its own")),
        ("get", "/oauth/callback", Open("needs a state of the browser's own; has a test of its own")),
        ("get", "/v1/locations", Own),
        ("get", "/v1/locations/{locationId}", Refused),
        ("delete", "/v1/locations/{locationId}", Refused),
        ("get", "/v1/locations/{locationId}/quota", Refused),
        ("post", "/v1/tokens", Own),
        ("get", "/v1/businesses/{businessId}/contacts", Own),
        ("get", "/v1/contacts", Own),
        ("post", "/v1/contacts", Own),
        ("put", "/v1/contacts", Own),
        ("post", "/v1/contacts/search", Own),
        ("post", "/v1/profiles/batch", Same),
        ("get", "/v1/contacts/{contactId}", Refused),
        ("put", "/v1/contacts/{contactId}", Refused),
        ("delete", "/v1/contacts/{contactId}", Refused),
        ("delete", "/v1/contacts/{contactId}/data", Same),
        ("get", "/v1/contacts/{contactId}/profile", Refused),
        ("get", "/v1/contacts/{contactId}/profile/events", Refused),
        ("get", "/v1/contacts/{contactId}/explain", Refused),
        ("post", "/v1/contacts/{contactId}/enrichment", Refused),
        ("get", "/v1/contacts/{contactId}/appointments", Refused),
        ("get", "/v1/contacts/{contactId}/notes", Refused),
        ("post", "/v1/contacts/{contactId}/notes", Refused),
        ("get", "/v1/contacts/{contactId}/notes/{noteId}", Refused),
        ("put", "/v1/contacts/{contactId}/notes/{noteId}", Refused),
        ("delete", "/v1/contacts/{contactId}/notes/{noteId}", Refused),
        ("get", "/v1/contacts/{contactId}/tasks", Refused),
        ("post", "/v1/contacts/{contactId}/tasks", Refused),
        ("get", "/v1/contacts/{contactId}/tasks/{taskId}", Refused),
        ("put", "/v1/contacts/{contactId}/tasks/{taskId}", Refused),
        ("delete", "/v1/contacts/{contactId}/tasks/{taskId}", Refused),
        ("put", "/v1/contacts/{contactId}/tasks/{taskId}/completed", Refused),
        ("post", "/v1/contacts/{contactId}/tags", Refused),
        ("delete", "/v1/contacts/{contactId}/tags", Refused),
    ];

    /// Routes that the document does not list: whether the public port has them, and why there is nothing to be learned.
    pub const UNDOCUMENTED: &[(&str, bool, &str)] = &[
        ("/", true, "leads to the page"),
        ("/openapi.json", true, "the document"),
        ("/docs", true, "leads to the page"),
        ("/docs/", true, "the page"),
        ("/docs/{file}", true, "the page"),
        ("/startupz", false, "the admin port's"),
        ("/metrics", false, "the admin port's, which is the operator's and names locations"),
        ("/admin/cache/flush", false, "the admin port's: a loopback peer, or a key that may see every location"),
    ];
}

pub fn rows() -> &'static [(&'static str, &'static str, Answer)] {
    ROUTES
}

#[actix_web::test]
async fn every_route_has_its_row_and_every_row_its_route() {
    let app = TestApp::start().await;
    let document = app.get("/openapi.json").await.json();
    let of = |(path, item): (&String, &serde_json::Value)| -> Vec<(String, String)> {
        item.as_object().expect("operations").keys().map(|method| (method.clone(), path.clone())).collect()
    };
    let served: BTreeSet<_> = document["paths"].as_object().expect("paths").iter().flat_map(of).collect();
    let known: BTreeSet<_> =
        ROUTES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(known.len(), ROUTES.len(), "a row twice");
    let (unknown, gone): (Vec<_>, Vec<_>) = (served.difference(&known).collect(), known.difference(&served).collect());
    assert!(unknown.is_empty(), "say what a key of another location may learn from {unknown:?}");
    assert!(gone.is_empty(), "no such route: {gone:?}");
}

#[test]
fn every_undocumented_route_has_its_row() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/route_table.rs");
    let source = std::fs::read_to_string(source).expect("the list of routes");
    let list = source.split("const UNDOCUMENTED").nth(1).and_then(|rest| rest.split("];").next()).expect("the list");
    let served: BTreeSet<&str> = list.split("(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let known: BTreeSet<&str> = UNDOCUMENTED.iter().map(|(path, ..)| *path).collect();
    assert_eq!(served, known);
}

#[actix_web::test]
async fn every_member_of_a_body_that_names_something_is_asked() {
    let app = TestApp::start().await;
    let document = app.get("/openapi.json").await.json();
    let things = Things::none("nowhereLocation00001");
    let mut members = 0;
    for (method, path, answer) in ROUTES.iter().filter(|(.., answer)| !matches!(answer, Answer::Open(_))) {
        let operation = &document["paths"][path][method];
        let asks = requests::of(operation, (method, path), 0, &things, "own");
        for member in requests::members(&document, operation) {
            let said = asks.iter().any(|ask| ask.body.as_ref().is_some_and(|body| body.get(&member).is_some()));
            assert!(said, "{method} {path} ({answer:?}) takes {member}, and nothing was put there");
            members += 1;
        }
    }
    assert_eq!(members, 4, "the batch's, the tokens' and the choice of a contact");
}
