//! HTTP: routes, authentication, problems, conditional and encoded answers, the OpenAPI document, probes, both ports.
//!
//! Everything of actix is in here (and its use in `app.rs`). A handler parses, calls the service through [`api::Api`] and
//! converts; what is common to all requests (ids, counting, the access log, the final form of problems) is done by one
//! middleware. The warm path allocates little, looks nothing up by label and traces nothing.

mod access_log;
mod admin;
pub mod api;
mod body;
mod caller;
mod coder;
pub mod conditional;
pub mod connect_api;
mod cors;
mod cursor;
mod docs;
pub mod encoding;
mod host;
mod keys;
mod lifecycle;
mod limits;
mod lines;
mod live;
mod middleware;
mod openapi;
pub mod operation_document;
mod page;
mod params;
pub mod problem;
pub mod purge_api;
mod request_id;
mod respond;
mod route_table;
#[expect(unused_qualifications, reason = "utoipa's attribute writes `<T as IntoParams>` for each parameter type")]
mod routes;
mod server;
pub mod source_api;
mod state;
mod tokens;
mod warm;
pub mod webhook_api;
pub mod write_api;
mod writing;

pub use caller::{Admin, Caller, Permission, Read, ReadContact, WholeLocation, Write};
pub use lifecycle::{Lifecycle, Phase};
pub use openapi::openapi;
pub use server::{ServerHandle, Servers};
pub use state::Parts;

#[cfg(test)]
mod tests;
