//! `ghl-enrich`: one complete, enriched profile for a `GoHighLevel` contact, served from memory.
//!
//! `ARCHITECTURE.md` is the map of this crate.

pub mod app;
pub mod cli;
pub mod clock;
pub mod connect;
pub mod domain;
pub mod drift;
pub mod enrichment;
pub mod expressions;
pub mod ghl;
pub mod http;
pub mod ipinfo;
pub mod liveness;
pub mod operations;
pub mod profiles;
pub mod purging;
pub mod settings;
pub mod sources;
pub mod store;
pub mod tasks;
pub mod telemetry;
pub mod upstream;
pub mod webhooks;
