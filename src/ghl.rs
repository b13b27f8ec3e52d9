//! Everything that knows GHL's wire format: one method an endpoint ([`Client`]), a lenient model that turns GHL's JSON
//! into domain types, and GHL's overloaded errors told apart ([`GhlError`]).
//!
//! What leaves here is in our spelling and free of redacted fields ([`Redaction`]). It knows neither the cache nor who
//! asked; whether a contact belongs to the location asked for is checked here, because only here both are seen.

mod client;
mod decode;
pub mod error;
pub mod model;
pub mod oauth;
mod redact;
mod search;
pub mod signature;
mod task_index;
pub mod text;
pub mod tokens;
pub mod webhook;

pub use client::{Client, Identity, Loaded};
pub use error::{Endpoint, Flaw, GhlError, Late, Resource, TokenFault};
pub use redact::Redaction;
pub use search::{BusinessQuery, Direction, SearchAfter, SearchPage, SearchQuery, Sort, TaskQuery};

#[cfg(test)]
mod tests;
