//! Clients that do what a backend should: one idempotency key a write, and the same request again until it is answered.

use super::ledger::{Entry, Ledger};
use crate::support::{Dice, Killable, LOCATION, until};
use ghl_sandbox::Sandbox;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// How long one write may stay unanswered.
const BOUND: Duration = Duration::from_secs(120);

pub struct Writer<'a> {
    number: usize,
    contact: String,
    service: &'a Killable,
    dice: Dice,
}

/// One request.
struct Request {
    method: Method,
    path: String,
    body: Value,
}

/// Ids of that many contacts of the sandbox.
pub async fn contacts(sandbox: &Sandbox, count: usize) -> Vec<String> {
    let url = format!("{}/__sandbox/contacts?locationId={LOCATION}", sandbox.base_url());
    let listed: Value = reqwest::get(url).await.expect("answers").json().await.expect("JSON");
    let ids = listed["contacts"].as_array().expect("a list").iter();
    let ids: Vec<String> = ids.filter_map(|one| one["id"].as_str()).map(str::to_owned).take(count).collect();
    assert_eq!(ids.len(), count);
    ids
}

impl<'a> Writer<'a> {
    pub fn new(number: usize, contact: String, service: &'a Killable) -> Self {
        Self { number, contact, service, dice: Dice::new(number as u64 + 11) }
    }

    /// Makes so many writes, spread over so many kills.
    pub async fn write(mut self, writes: usize, kills: u32) -> Ledger {
        let mut ledger = Ledger::new(&self.contact);
        for n in 0..writes {
            self.keep_pace(n, writes, kills).await;
            let marker = format!("crash.w{}.{n}.end", self.number);
            let (alone, request) = self.request(&marker);
            let accepted = self.accepted(&request, &marker).await;
            ledger.add(Entry { marker, accepted, alone });
        }
        ledger
    }

    /// Ahead of the kills it waits for the next one, so that they meet writes to the end.
    async fn keep_pace(&self, n: usize, writes: usize, kills: u32) {
        let due = (kills as usize * n / writes) as u32;
        until("the next kill", BOUND, async || (self.service.kills() >= due).then_some(())).await;
    }

    /// One of the kinds of writes. Says as well whether it is about a contact of its own.
    fn request(&mut self, marker: &str) -> (bool, Request) {
        let of_contact = |rest: &str| format!("/v1/contacts/{}{rest}", self.contact);
        let request = |method, path, body| Request { method, path, body };
        match self.dice.below(10) {
            0..3 => (false, request(Method::POST, of_contact("/notes"), json!({"body": format!("Call {marker}")}))),
            3..6 => {
                let task = json!({"title": marker, "dueDate": "2027-03-01T09:00:00Z", "completed": false});
                (false, request(Method::POST, of_contact("/tasks"), task))
            }
            6..8 => (false, request(Method::POST, of_contact("/tags"), json!({"tags": [marker]}))),
            8 => {
                let fields = json!({"website": format!("https://example.com/{marker}")});
                (false, request(Method::PUT, of_contact(""), fields))
            }
            _ => {
                let person = json!({"firstName": "Crash", "email": format!("{marker}@example.com")});
                (true, request(Method::POST, "/v1/contacts".to_owned(), person))
            }
        }
    }

    /// Asks until there is an answer. `false` where the connection broke and the client does not ask again.
    async fn accepted(&mut self, request: &Request, marker: &str) -> bool {
        let asynchronous = self.dice.below(3) == 0;
        let gives_up = self.dice.below(20) == 0;
        until(&format!("an answer to {marker}"), BOUND, async || {
            let mut call = self.service.client.request(request.method.clone(), self.service.url(&request.path));
            call = call.header("idempotency-key", marker).json(&request.body);
            if asynchronous {
                call = call.header("prefer", "respond-async");
            }
            match call.send().await {
                Ok(answer) if answer.status().is_success() => Some(true),
                Ok(answer) => {
                    let status = answer.status();
                    let text = answer.text().await.unwrap_or_default();
                    assert!(status.is_server_error(), "{} {}: {status} {text}", request.method, request.path);
                    None
                }
                // Nobody listens at this moment: it was not sent.
                Err(error) if error.is_connect() => None,
                Err(error) if error.is_timeout() => panic!("no answer: {error}"),
                Err(_) => gives_up.then_some(false),
            }
        })
        .await
    }
}
