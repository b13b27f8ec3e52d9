//! What statements cost: which indexes they go by.

use crate::store::sqlite::{
    lists::{OLDEST_OPEN, list},
    open,
    prune::Old,
    sources::costly,
    turns::{AWAITED, DUE, LOST, NEXT_DUE, PROMOTE},
};
use crate::{
    domain::{
        operation::{OperationFilter, OperationState},
        source::{SourceEventFilter, SourceFate, SourceName},
    },
    store::tests::{contact, location},
};
use sqlx::{Row as _, SqliteConnection};

/// How `SQLite` goes about a statement.
async fn plan(connection: &mut SqliteConnection, statement: &str) -> Vec<String> {
    let question = format!("EXPLAIN QUERY PLAN {statement}");
    let mut query = sqlx::query(sqlx::AssertSqlSafe(question));
    for _ in 1..=(1..=9).filter(|number| statement.contains(&format!("${number}"))).max().unwrap_or(0) {
        query = query.bind(None::<i64>);
    }
    let steps = query.fetch_all(connection).await.unwrap();
    steps.iter().map(|step| step.get("detail")).collect()
}

#[tokio::test]
async fn what_is_asked_often_looks_at_nothing_but_what_it_finds() {
    let mut connection = open::memory().await.unwrap();
    let page = |filter: &str| format!("SELECT * FROM {filter} AND seq < $2 ORDER BY seq DESC LIMIT $3");
    let statements = [
        (LOST.to_owned(), "operations_lease"),
        (PROMOTE.to_owned(), "operations_open"),
        (NEXT_DUE.to_owned(), "operations_due"),
        (OLDEST_OPEN.to_owned(), "operations_waiting_since"),
        (Old::Keys.statement().to_owned(), "idempotency_keys_by_age"),
        (Old::Operations.statement().to_owned(), "operations_ended"),
        (Old::Audit.statement().to_owned(), "audit_by_time"),
        (page("operations WHERE 1 = 1 AND location = $1"), "operations_by_location"),
        (page("operations WHERE 1 = 1 AND location = $1 AND contact = $4"), "operations_by_contact"),
        (page("operations WHERE 1 = 1 AND state = $1"), "operations_by_state"),
        (page("audit WHERE 1 = 1 AND location = $1"), "audit_by_location"),
        (page("audit WHERE 1 = 1 AND contact = $1"), "audit_by_contact"),
        (page("audit WHERE 1 = 1 AND operation = $1"), "audit_by_operation"),
    ];
    for (statement, index) in statements {
        let steps = plan(&mut connection, &statement).await;
        assert!(steps.iter().any(|step| step.contains(index)), "{statement}: {steps:#?}");
        let sorts = steps.iter().any(|step| step.contains("ORDER BY"));
        let scans = steps.iter().any(|step| step.starts_with("SCAN operations") && !step.contains("INDEX"));
        assert!(!sorts && !scans, "{statement}: {steps:#?}");
    }
}

/// A location that GHL takes nothing for may have a hundred thousand operations waiting.
#[tokio::test]
async fn a_claim_passes_over_a_closed_location_as_a_whole() {
    let mut connection = open::memory().await.unwrap();
    let steps = plan(&mut connection, DUE).await;
    assert!(steps.iter().any(|step| step.contains("(location=? AND due_at<?)")), "{steps:#?}");
    assert!(!steps.iter().any(|step| step.starts_with("SCAN operations")), "{steps:#?}");
}

/// A contact has few operations; a state may have all.
#[tokio::test]
async fn a_contacts_operations_are_found_by_the_contact_whatever_else_is_asked() {
    let filter = OperationFilter {
        locations: Some(vec![location()]),
        contact: Some(contact("c1")),
        states: vec![OperationState::Done],
        kind: None,
    };
    let question = list(&filter, Some(9), 10);
    let steps = plan(&mut open::memory().await.unwrap(), question.sql().as_str()).await;
    assert!(steps.iter().any(|step| step.contains("operations_by_contact")), "{steps:#?}");
}

/// A source may have a hundred thousand records and events: what is asked with each of them finds its rows by an index.
#[tokio::test]
async fn what_is_asked_of_sources_looks_at_nothing_but_what_it_finds() {
    let mut connection = open::memory().await.unwrap();
    let list = |filter: SourceEventFilter| costly::list(&filter, Some(9), 10).sql().as_str().to_owned();
    let all = SourceEventFilter::default;
    let source = Some(SourceName::parse("insurgo").unwrap());
    let statements = [
        (costly::ARRIVED.to_owned(), "source_events_new"),
        (costly::WAITING.to_owned(), "PRIMARY KEY"),
        (costly::FORGET.to_owned(), "source_events_ended"),
        (costly::DROP_BODIES.to_owned(), "source_events_bodies"),
        (costly::RECORDS.to_owned(), "(source=? AND kind=? AND id=?)"),
        (costly::FIRST_DUE.to_owned(), "(source=? AND lane_kind=? AND lane_id=?)"),
        (costly::SHARED.to_owned(), "source_records_by_contact"),
        (AWAITED.to_owned(), "source_records_by_operation"),
        (costly::OPEN.to_owned(), "(source=? AND lane_kind=? AND lane_id=? AND due_at<?)"),
        (costly::GIVEN_UP.to_owned(), "source_events_of_record"),
        (costly::WAKE.to_owned(), "(source=? AND lane_kind=? AND lane_id=?)"),
        (costly::TIMES.to_owned(), "source_events_open"),
        (list(SourceEventFilter { locations: Some(vec![location()]), ..all() }), "source_events_by_location"),
        (
            list(SourceEventFilter { source: source.clone(), locations: Some(vec![location()]), ..all() }),
            "source_events_by_source",
        ),
        (list(SourceEventFilter { source, fates: vec![SourceFate::Failed], ..all() }), "source_events_by_fate"),
    ];
    for (statement, index) in statements {
        let steps = plan(&mut connection, &statement).await;
        assert!(steps.iter().any(|step| step.contains(index)), "{statement}: {steps:#?}");
        let sorts = steps.iter().any(|step| step.contains("ORDER BY"));
        let scans = steps.iter().any(|step| step.starts_with("SCAN source_") && !step.contains("INDEX"));
        assert!(!sorts && !scans, "{statement}: {steps:#?}");
    }
    let steps = plan(&mut connection, costly::STUCK).await;
    assert!(steps.iter().any(|step| step.contains("source_records_by_operation")), "{steps:#?}");
}

/// Sources and lanes that are passed over cost an index step each, however much waits in them.
#[tokio::test]
async fn due_lanes_are_found_by_one_step_a_source() {
    let mut connection = open::memory().await.unwrap();
    let steps = plan(&mut connection, costly::LANES).await;
    let scans: Vec<_> = steps.iter().filter(|step| step.starts_with("SCAN source_lanes")).collect();
    assert!(scans.iter().all(|step| step.contains("COVERING INDEX")), "{steps:#?}");
    assert!(steps.iter().any(|step| step.contains("(source=? AND due_at<?)")), "{steps:#?}");
    assert!(steps.iter().any(|step| step.contains("(source=? AND kind=? AND id=?)")), "{steps:#?}");
}
