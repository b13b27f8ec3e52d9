//! Forgetting while everybody reads and writes.

use super::{House, MARK, forgotten, holding};
use futures_util::future::join_all;
use std::cell::Cell;

#[actix_web::test]
async fn purges_reads_and_writes_side_by_side_leave_nothing_and_break_nothing() {
    let mut house = House::new("races").await;
    let mut contacts = Vec::new();
    for number in 0..4 {
        contacts.push(house.person(number).await);
    }
    let done = Cell::new(0_usize);
    let writers = contacts.iter().enumerate().map(|(index, contact)| {
        let (house, done) = (&house, &done);
        async move {
            for number in 0..25 {
                let reply = house.note(contact, &format!("n-{index}-{number}")).await;
                let told = reply.status == 409 && reply.json()["type"] == "/problems/operation-conflict";
                assert!(matches!(reply.status, 201 | 202) || told, "{reply:?}");
                done.set(done.get() + 1);
            }
        }
    });
    let readers = contacts.iter().map(|contact| {
        let (house, done) = (&house, &done);
        async move {
            while done.get() < 100 {
                let reply = house.app.get(&format!("/v1/contacts/{contact}/profile")).await;
                assert_eq!(reply.status, 200, "{}", reply.text());
            }
        }
    });
    let purges = contacts.iter().map(|contact| {
        let (house, done) = (&house, &done);
        async move {
            while done.get() < 100 {
                house.forget(contact).await;
            }
        }
    });
    tokio::join!(join_all(writers), join_all(readers), join_all(purges));
    let receipt = forgotten(&house.app.client.delete("/v1/locations/sandboxLocation00001").await);
    assert_eq!(receipt["operations"]["running"], 0, "everybody was answered: {receipt}");
    assert_eq!(holding(&house.folder, MARK), Vec::<String>::new());
    let open = house.app.get("/v1/operations?state=pending&state=running").await.json();
    assert_eq!(open["items"].as_array().unwrap().len(), 0, "{open}");
    let export = house.app.client.with("accept", "application/x-ndjson").get("/v1/audit").await.text();
    let seqs: Vec<i64> = export
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"].as_i64().unwrap())
        .collect();
    assert!(seqs.windows(2).all(|pair| pair[0] == pair[1] + 1), "the log has no gaps");
    house.app.stop().await.unwrap();
    assert_eq!(holding(&house.folder, MARK), Vec::<String>::new());
}
