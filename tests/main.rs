//! Capabilities over real HTTP, against the sandbox in process. One binary, so that it links once.

#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cli;
mod crash;
mod deletion;
mod delivery;
mod drift;
mod events;
mod house;
mod http;
mod isolation;
mod lifecycle;
mod live;
mod logs;
mod mmdb;
mod oauth;
mod profile;
mod quota;
mod readme;
mod sources;
mod support;
mod tokens;
mod webhooks;
mod writes;
