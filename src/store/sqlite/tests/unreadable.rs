//! Rows that this version cannot read: a newer one wrote them, or something damaged them.

use super::{foreign, path, say};
use crate::{
    domain::{
        ids::OperationId,
        operation::{AuditEvent, AuditFilter, NewOperation, OperationFilter, OperationState},
    },
    store::{
        Changed, OperationStore as _, StoreError,
        tests::{On, Rig, entry, key, new, note},
    },
};

/// Makes an operation one of a kind that is not known yet.
const INVENTED: &str = r#"
    UPDATE operations SET kind = 'invented-later', write_json = '{"kind":"invented-later"}' WHERE id = 'a';
    UPDATE audit SET kind = 'invented-later' WHERE operation = 'a'"#;

#[tokio::test]
async fn one_that_cannot_be_read_fails_and_holds_up_nobody() {
    let rig = Rig::file().await;
    let on = On(&rig.store);
    let keyed = NewOperation { idempotency: Some(key("k", 1)), ..new("a", note("c1")) };
    rig.store.accept(keyed, entry("a", AuditEvent::Accepted)).await.unwrap();
    for (id, contact) in [("b", "c1"), ("c", "c2")] {
        on.accept(id, note(contact)).await;
    }
    let mut other = foreign(path(&rig)).await;
    say(&mut other, INVENTED).await;
    assert_eq!(on.claim(1).await, ["c"], "another contact's is not held up");
    assert_eq!(on.claim(2).await, ["b"], "nor the next one of the same contact");
    assert!(on.claim(3).await.is_empty(), "it is tried no more");
    let stood: String =
        sqlx::query_scalar("SELECT state FROM operations WHERE id = 'a'").fetch_one(&mut other).await.unwrap();
    assert_eq!(stood, "failed");
    assert_eq!(rig.store.health(), Ok(()), "the store itself is well");
    let depth = rig.store.depth().await.unwrap();
    assert!(depth.by_state.contains(&(OperationState::Failed, 1)), "{depth:?}");
    let id = OperationId::parse("a").unwrap();
    let of_it = AuditFilter { operation: Some(id.clone()), ..AuditFilter::default() };
    let log = rig.store.audit(of_it, None, 10).await.unwrap().items;
    assert_eq!(log.iter().map(|entry| entry.outcome.as_str()).collect::<Vec<_>>(), ["failed"]);
    // A version that knows it can take it up again.
    assert!(matches!(rig.store.operation(id.clone()).await, Err(StoreError::Corrupt(_))));
    say(
        &mut other,
        r#"UPDATE operations SET kind = 'add-tags', write_json =
        '{"kind":"add-tags","contact":"c1","tags":["a"]}' WHERE id = 'a'"#,
    )
    .await;
    let retried = rig.store.retry(id, entry("a", AuditEvent::Retried), super::at(4)).await.unwrap();
    assert!(matches!(retried, Changed::Yes(_)), "{retried:?}");
}

#[tokio::test]
async fn one_whose_lease_ran_out_fails_as_well() {
    let rig = Rig::file().await;
    let on = On(&rig.store);
    for (id, contact) in [("a", "c1"), ("b", "c1")] {
        on.accept(id, note(contact)).await;
    }
    assert_eq!(on.claim(1).await, ["a"]);
    say(&mut foreign(path(&rig)).await, INVENTED).await;
    assert!(on.claim(61).await.is_empty());
    assert_eq!(on.claim(62).await, ["b"]);
}

#[tokio::test]
async fn lists_pass_over_what_cannot_be_read() {
    let rig = Rig::file().await;
    let on = On(&rig.store);
    for id in ["z", "a", "b"] {
        on.accept(id, note(id)).await;
    }
    say(&mut foreign(path(&rig)).await, INVENTED).await;
    let page = rig.store.operations(OperationFilter::default(), None, 2).await.unwrap();
    assert_eq!(page.items.iter().map(|operation| operation.id.as_str()).collect::<Vec<_>>(), ["b"]);
    let rest = rig.store.operations(OperationFilter::default(), page.next, 2).await.unwrap();
    assert_eq!(rest.items.iter().map(|operation| operation.id.as_str()).collect::<Vec<_>>(), ["z"]);
    let log = rig.store.audit(AuditFilter::default(), None, 2).await.unwrap();
    assert_eq!((log.items.len(), log.next.is_some()), (1, true));
    assert_eq!(rig.store.audit(AuditFilter::default(), log.next, 2).await.unwrap().items.len(), 1);
}
