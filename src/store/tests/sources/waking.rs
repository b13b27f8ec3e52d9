//! Tasks and notes of a contact that comes to stand at a GHL contact.

use super::*;

/// Notes where a task stands, and at which contact.
async fn put(store: &SqliteStore, id: &str, status: RecordStatus, fate: SourceFate, ghl: Option<&str>) {
    let seen = record(store, RecordKind::Task, id).await.unwrap();
    let noted = RecordStep {
        ghl_id: ghl.map(|_| format!("g-{id}")),
        ghl_contact: ghl.map(contact),
        ..step(&seen, status, Some(fate))
    };
    store.step(vec![noted], at(3)).await.unwrap();
}

async fn statuses(store: &SqliteStore, ids: &[&str]) -> Vec<RecordStatus> {
    let mut statuses = Vec::new();
    for id in ids {
        statuses.push(record(store, RecordKind::Task, id).await.unwrap().status);
    }
    statuses
}

#[tokio::test]
async fn what_waits_is_not_looked_at_until_its_contact_is_known() {
    let rig = Rig::file().await;
    let store = &rig.store;
    take_and_lay(store, "c", RecordKind::Contact, "p1", None).await;
    let ids: Vec<String> = (0..510).map(|number| format!("t{number}")).collect();
    let laid = ids.iter().map(|id| laid(RecordKind::Task, id, Some("p1"), 2)).collect();
    store.lay(laid, Vec::new(), at(2)).await.unwrap();
    let waiting = ids.iter().map(|id| {
        let key = key(RecordKind::Task, id);
        async move {
            let seen = store.records(vec![key]).await.unwrap().pop().unwrap();
            step(&seen, RecordStatus::Waiting, None)
        }
    });
    let waiting = futures_util::future::join_all(waiting).await;
    store.step(waiting, at(3)).await.unwrap();
    assert_eq!(store.lane(of("p1"), at(3)).await.unwrap().len(), 1, "the contact alone");
    assert_eq!(store.lane(of("p1"), at(900)).await.unwrap().len(), 501, "they have waited long enough");
    stand_at(store, RecordKind::Contact, "p1", "c1").await;
    assert_eq!(due(store, 5, vec![]).await, [of("p1")]);
    let first = store.lane(of("p1"), at(5)).await.unwrap();
    assert_eq!(first.len(), 501);
    let ends = first[1..].iter().map(|seen| step(seen, RecordStatus::Settled, None)).collect();
    store.step(ends, at(6)).await.unwrap();
    assert_eq!(store.lane(of("p1"), at(6)).await.unwrap().len(), 11, "the others have their turn");
}

#[tokio::test]
async fn a_contact_that_comes_to_stand_elsewhere_wakes_what_is_not_there() {
    let rig = Rig::file().await;
    let store = &rig.store;
    take_and_lay(store, "c", RecordKind::Contact, "p1", None).await;
    let tasks = ["waits", "given-up", "refused", "there", "elsewhere"];
    for id in tasks {
        take_and_lay(store, id, RecordKind::Task, id, Some("p1")).await;
    }
    stand_at(store, RecordKind::Contact, "p1", "c1").await;
    put(store, "waits", RecordStatus::Waiting, SourceFate::Waiting, None).await;
    put(store, "given-up", RecordStatus::Failed, SourceFate::Failed, None).await;
    put(store, "refused", RecordStatus::Failed, SourceFate::Failed, Some("c1")).await;
    put(store, "there", RecordStatus::Settled, SourceFate::Applied, Some("c2")).await;
    put(store, "elsewhere", RecordStatus::Settled, SourceFate::Applied, Some("c1")).await;
    let before = statuses(store, &tasks).await;
    stand_at(store, RecordKind::Contact, "p1", "c1").await;
    assert_eq!(statuses(store, &tasks).await, before, "it stands where it stood");
    stand_at(store, RecordKind::Contact, "p1", "c2").await;
    let woken = [true, true, false, false, true].map(|woken| woken.then_some(RecordStatus::Due));
    let is_due = |status| (status == RecordStatus::Due).then_some(status);
    assert_eq!(statuses(store, &tasks).await.into_iter().map(is_due).collect::<Vec<_>>(), woken);
    let fates = [fate(store, "given-up").await, fate(store, "refused").await, fate(store, "elsewhere").await];
    assert_eq!(fates, [SourceFate::Pending, SourceFate::Failed, SourceFate::Applied]);
    assert_eq!(due(store, 5, vec![]).await, [of("p1")]);
}
