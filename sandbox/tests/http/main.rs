//! The sandbox held to the reference, over real HTTP. One binary; a module a subject.
#![expect(clippy::expect_used, clippy::panic, reason = "a test may fail where it stands")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod contract;
mod contract_deviations;
mod contract_schema;
mod control;
mod faults;
mod ipinfo;
mod journal;
mod lists;
mod nonsense;
mod oauth;
mod oauth_agency;
mod oauth_contract;
mod oauth_refresh;
mod reads;
mod receiver;
mod rules;
mod search;
mod seed;
mod support;
mod tasks_search;
mod upserts;
mod webhook_delivery;
mod webhooks;
mod writes;
