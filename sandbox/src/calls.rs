//! What was asked of the sandbox: a counter by endpoint name, the requests it did not know, and the 429s that a
//! client brought upon itself. Control requests are not counted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A snapshot of the counters; taken by [`Sandbox::calls`](crate::Sandbox::calls).
#[derive(Clone, Debug, Default)]
pub struct Calls {
    by_endpoint: BTreeMap<&'static str, u64>,
    unexpected: Vec<String>,
    rate_limited: u64,
}

/// So many unknown requests are kept by name; more would only say the same.
const UNEXPECTED_KEPT: usize = 1_000;

impl Calls {
    /// Requests to one endpoint (`ghl.contact`), or to a family of them (`ghl.*`, `ipinfo.*`, `*`).
    pub fn count(&self, endpoint: &str) -> u64 {
        match endpoint.strip_suffix('*') {
            Some(prefix) => self.by_endpoint.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, n)| n).sum(),
            None => self.by_endpoint.get(endpoint).copied().unwrap_or(0),
        }
    }

    /// All requests, unknown ones included.
    pub fn total(&self) -> u64 {
        self.by_endpoint.values().sum::<u64>() + self.unexpected.len() as u64
    }

    /// The requests that were answered 501 because the sandbox has no such route: `GET /contacts/x/unknown`.
    pub fn unexpected(&self) -> Vec<String> {
        self.unexpected.clone()
    }

    /// 429s that the quota provoked; injected ones are not among them.
    pub fn rate_limited(&self) -> u64 {
        self.rate_limited
    }

    /// Every counter by endpoint name.
    pub fn by_endpoint(&self) -> &BTreeMap<&'static str, u64> {
        &self.by_endpoint
    }

    pub(crate) fn add(&mut self, endpoint: &'static str) {
        *self.by_endpoint.entry(endpoint).or_default() += 1;
    }

    pub(crate) fn add_unexpected(&mut self, request: String) {
        if self.unexpected.len() < UNEXPECTED_KEPT {
            self.unexpected.push(request);
        }
    }

    pub(crate) fn add_rate_limited(&mut self) {
        self.rate_limited += 1;
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "counts": self.by_endpoint,
            "total": self.total(),
            "unexpected": self.unexpected,
            "rateLimited": self.rate_limited,
        })
    }
}
