//! The sending task: takes out what is to leave, sends it, and tells what came back.

use actix_web::web;
use tokio::time::Instant;

use super::{Job, sign};
use crate::server::Shared;

/// No more of an answer is read; its connection is not used again.
const ANSWER_MAX: usize = 64 * 1024;

/// Sends for as long as the sandbox runs.
pub(crate) async fn deliver(shared: web::Data<Shared>) {
    let wake = std::sync::Arc::clone(&shared.lock().webhooks.wake);
    let mut http = None;
    loop {
        let (life, (jobs, next)) = {
            let mut state = shared.lock();
            (state.resets, state.webhooks.take(Instant::now()))
        };
        if !jobs.is_empty() && http.is_none() {
            // Only now: most sandboxes send nothing, and roots of trust take time to load.
            http = client();
        }
        for job in jobs {
            actix_web::rt::spawn(send(shared.clone(), http.clone(), life, job));
        }
        match next {
            Some(at) => drop(tokio::time::timeout_at(at, wake.notified()).await),
            None => wake.notified().await,
        }
    }
}

fn client() -> Option<reqwest::Client> {
    let built = reqwest::Client::builder()
        .user_agent(concat!("ghl-sandbox/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build();
    built.map_err(|error| tracing::error!(%error, "the sandbox cannot send webhooks")).ok()
}

async fn send(shared: web::Data<Shared>, http: Option<reqwest::Client>, life: u64, job: Job) {
    let status = match http {
        Some(http) => post(&http, &job).await,
        None => None,
    };
    let mut state = shared.lock();
    // What was sent before a reset says nothing of the events after it.
    if state.resets == life {
        let stamp = state.now();
        state.webhooks.ended(&job, status, Instant::now(), stamp);
    }
}

/// The status of the answer, if there was one in time.
async fn post(http: &reqwest::Client, job: &Job) -> Option<u16> {
    let mut request = http.post(&*job.url).timeout(job.timeout).header("content-type", "application/json");
    for (name, value) in sign::headers(&job.body, job.signing) {
        request = request.header(name, value);
    }
    let mut response = request.body(job.body.clone()).send().await.ok()?;
    let mut read = 0;
    while read < ANSWER_MAX {
        match response.chunk().await {
            Ok(Some(chunk)) => read += chunk.len(),
            Ok(None) => break,
            Err(_) => return None,
        }
    }
    Some(response.status().as_u16())
}
