//! Connections: versions, leases, seals.

use super::{Rig, at, location};
use crate::{
    domain::{
        connection::{Connection, Holder, Lost, LostBecause},
        ids::CompanyId,
    },
    store::{ConnectionStore as _, KeptConnection, OperationStore as _, SealMark, SealedTokens},
};

fn holder() -> Holder {
    Holder::Location(location())
}

fn kept(version: i64) -> KeptConnection {
    let connection = Connection {
        holder: holder(),
        company: Some(CompanyId::parse("company1").unwrap()),
        minted: true,
        scopes: vec!["contacts.readonly".to_owned()],
        connected_at: at(0),
        expires_at: at(86_400),
        lost: None,
    };
    let tokens = SealedTokens { key_id: "k1".to_owned(), access: vec![1, 2], refresh: Some(vec![3]) };
    KeptConnection { connection, tokens: Some(tokens), failures: 0, next_try_at: None, version }
}

#[tokio::test]
async fn a_connection_comes_back_as_it_was_stored_and_after_a_restart() {
    let rig = Rig::file().await;
    assert_eq!(rig.store.connection(holder()).await, Ok(None));
    assert_eq!(rig.store.keep_connection(kept(0)).await, Ok(Some(1)));
    let mut lost = kept(1);
    lost.connection.lost = Some(Lost { since: at(9), because: LostBecause::NotActive });
    (lost.failures, lost.next_try_at) = (3, Some(at(10)));
    assert_eq!(rig.store.keep_connection(lost.clone()).await, Ok(Some(2)));
    rig.store.close().await;
    let (url, _folder) = rig.end().await;
    let rig = Rig::open(url).await;
    let read = KeptConnection { version: 2, ..lost };
    assert_eq!(rig.store.connections().await, Ok(vec![read.clone()]));
    assert_eq!(rig.store.connection(holder()).await, Ok(Some(read)));
    assert_eq!(rig.store.forget_connection(holder()).await, Ok(true));
    assert_eq!(rig.store.forget_connection(holder()).await, Ok(false));
    assert_eq!(rig.store.connections().await, Ok(Vec::new()));
}

#[tokio::test]
async fn of_two_who_change_the_same_version_one_is_told_that_it_was_too_late() {
    let rig = Rig::memory().await;
    assert_eq!(rig.store.keep_connection(kept(1)).await, Ok(None), "there is none to change");
    assert_eq!(rig.store.keep_connection(kept(0)).await, Ok(Some(1)));
    assert_eq!(rig.store.keep_connection(kept(0)).await, Ok(None), "another made it first");
    assert_eq!(rig.store.keep_connection(kept(1)).await, Ok(Some(2)));
    assert_eq!(rig.store.keep_connection(kept(1)).await, Ok(None));
    assert_eq!(rig.store.connection(holder()).await.unwrap().unwrap().version, 2);
}

#[tokio::test]
async fn a_lease_is_one_owners_until_it_ends() {
    let rig = Rig::memory().await;
    let lease = |owner: &str, now, until| rig.store.lease_connection(holder(), owner.to_owned(), at(now), at(until));
    assert_eq!(lease("a", 0, 10).await, Ok(true));
    assert_eq!(lease("b", 5, 15).await, Ok(false));
    assert_eq!(lease("a", 5, 15).await, Ok(true), "its owner makes it longer");
    assert_eq!(lease("b", 12, 20).await, Ok(false));
    assert_eq!(lease("b", 15, 25).await, Ok(true), "it ran out");
    rig.store.release_connection(holder(), "a".to_owned()).await.unwrap();
    assert_eq!(lease("a", 16, 26).await, Ok(false), "only its owner gives it back");
    rig.store.release_connection(holder(), "b".to_owned()).await.unwrap();
    assert_eq!(lease("a", 16, 26).await, Ok(true));
    assert_eq!(rig.store.clear_leases().await, Ok(1));
    assert_eq!(lease("b", 17, 27).await, Ok(true), "whoever had it died");
}

#[tokio::test]
async fn a_key_is_kept_as_long_as_something_is_sealed_with_it() {
    let rig = Rig::memory().await;
    let mark = |proof: u8| SealMark { key_id: "k1".to_owned(), proof: vec![proof] };
    rig.store.add_seal(mark(1)).await.unwrap();
    rig.store.add_seal(mark(2)).await.unwrap();
    assert_eq!(rig.store.seals().await, Ok(vec![mark(1)]), "the first proof stays");
    rig.store.keep_connection(kept(0)).await.unwrap();
    rig.store.drop_seal("k1".to_owned()).await.unwrap();
    assert_eq!(rig.store.seals().await.unwrap().len(), 1);
    rig.store.forget_connection(holder()).await.unwrap();
    rig.store.drop_seal("k1".to_owned()).await.unwrap();
    assert_eq!(rig.store.seals().await, Ok(Vec::new()));
}
