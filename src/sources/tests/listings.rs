//! Full listings.

use super::bench::{Bench, event};
use crate::domain::{
    problem::ProblemKind,
    source::{Listing, RecordKind},
};
use serde_json::{Value, json};

fn line(id: &str, first_name: &str) -> Value {
    json!({"contactId": id, "email": format!("{id}@source.example"), "firstName": first_name})
}

#[tokio::test]
async fn a_listing_applies_the_differences_alone_and_a_dry_one_only_counts_them() {
    let bench = Bench::start("on_contact_deleted = 'delete'").await;
    let known = ["c-1", "c-2", "c-3"].map(|id| event(&format!("e-{id}"), "contact.created", 10, line(id, "Rosa")));
    bench.push(&Value::Array(known.to_vec())).await;
    bench.quiet().await;
    let before = bench.sandbox.writes().len();
    let lines = [line("c-1", "Rosa"), line("c-2", "Marin"), line("c-4", "New"), json!({"firstName": "nobody's"})];
    let contacts = |listing: &mut Listing| listing.kind = Some("contact.updated".to_owned());
    let dry = bench.reconcile(&lines, |listing| {
        contacts(listing);
        listing.dry_run = true;
    });
    let dry = dry.await;
    assert_eq!((dry.lines, dry.differing, dry.unchanged, dry.missing, dry.refused_count), (4, 2, 1, 1, 1), "{dry:?}");
    assert_eq!(dry.refused[0].line, 4);
    bench.quiet().await;
    assert_eq!(bench.sandbox.writes().len(), before, "a dry run writes nothing");
    let done = bench.reconcile(&lines, contacts).await;
    assert_eq!((done.differing, done.calls), (2, dry.calls));
    bench.quiet().await;
    let spent = (bench.sandbox.writes().len() - before) as u64;
    assert!(spent > 0 && spent <= done.calls.writes, "{spent} writes, {:?} foretold", done.calls);
    assert_eq!(bench.contact("c-2@source.example").await.unwrap().first_name.as_deref(), Some("Marin"));
    assert!(bench.contact("c-4@source.example").await.is_some());
    let again = bench.reconcile(&lines, contacts).await;
    assert_eq!((again.differing, again.unchanged), (0, 3));

    // With a line that cannot be understood nobody is deleted: it may have been theirs.
    let delete = |listing: &mut Listing| {
        contacts(listing);
        listing.missing_deleted = vec![RecordKind::Contact];
    };
    assert_eq!(bench.reconcile(&lines, delete).await.missing, 1);
    bench.quiet().await;
    assert!(bench.contact("c-3@source.example").await.is_some());
    assert_eq!(bench.reconcile(&lines[..3], delete).await.missing, 1);
    bench.quiet().await;
    assert!(bench.contact("c-3@source.example").await.is_none(), "it was not listed");
    assert!(bench.contact("c-1@source.example").await.is_some());
}

#[tokio::test]
async fn a_listing_that_verifies_mends_what_somebody_changed_in_ghl() {
    let bench = Bench::start("").await;
    bench.push(&event("e", "contact.created", 10, line("c-1", "Rosa"))).await;
    bench.quiet().await;
    let id = bench.contact("c-1@source.example").await.unwrap().id;
    bench.delete_contact(&id).await;
    let contacts = |listing: &mut Listing| listing.kind = Some("contact.updated".to_owned());
    let plain = bench.reconcile(&[line("c-1", "Rosa")], contacts).await;
    assert_eq!(plain.unchanged, 1);
    bench.quiet().await;
    assert!(bench.contact("c-1@source.example").await.is_none(), "what is known is not looked at");
    bench
        .reconcile(&[line("c-1", "Rosa")], |listing| {
            contacts(listing);
            listing.verify = true;
        })
        .await;
    bench.quiet().await;
    assert!(bench.contact("c-1@source.example").await.is_some());
}

#[tokio::test]
async fn what_no_listing_can_name_is_never_missing_and_a_kind_without_a_line_is_not_deleted() {
    let bench = Bench::start("on_contact_deleted = 'delete'").await;
    let form = json!({"email": "form@source.example", "answers": {"Which?": "Red"}});
    bench.push(&event("form", "form.submitted", 10, form)).await;
    bench.push(&event("e", "contact.created", 10, line("c-1", "Rosa"))).await;
    bench.push(&event("n", "note.added", 20, json!({"contactId": "c-1", "notes": "Called"}))).await;
    bench.quiet().await;
    let contacts = |listing: &mut Listing| {
        listing.kind = Some("contact.updated".to_owned());
        listing.missing_deleted = vec![RecordKind::Contact];
    };
    let done = bench.reconcile(&[line("c-1", "Rosa")], contacts).await;
    assert_eq!((done.missing, done.unchanged), (0, 1), "{done:?}");
    let lines = [line("c-1", "Rosa")];
    let notes = bench.try_reconcile(&lines, |listing| {
        contacts(listing);
        listing.missing_deleted.push(RecordKind::Note);
    });
    assert_eq!(notes.await.unwrap_err().kind, ProblemKind::ValidationFailed);
    bench.quiet().await;
    for email in ["form@source.example", "c-1@source.example"] {
        let contact = bench.contact(email).await.unwrap();
        assert_eq!(bench.notes(&contact.id).await.len(), 1, "{email}");
    }
}

#[tokio::test]
async fn a_listing_is_not_of_the_future() {
    let bench = Bench::start("").await;
    let ahead = jiff::SignedDuration::from_hours(25);
    let lines = [line("c-1", "Rosa")];
    let refused = bench.try_reconcile(&lines, |listing| {
        listing.kind = Some("contact.updated".to_owned());
        listing.as_of = Some(bench.parts.clock.now() + ahead);
    });
    let refused = refused.await.unwrap_err();
    assert_eq!((refused.kind, refused.errors[0].pointer.as_str()), (ProblemKind::InvalidParameter, "asOf"));
}
