//! A cache that is right because GHL says what changed: under a storm of events with everything that happens to them on
//! their way, and under a dashboard that polls while people work in GHL.
//!
//! `cargo test` runs bounded forms. The full ones: `STORM_EVENTS=100000 STORM_KILLS=40 POLLED=1000 cargo test --test main
//! events -- --nocapture --test-threads 1`.

mod changes;
mod polling;
mod storm;

/// A number that whoever runs the full form gives.
fn wanted(name: &str) -> Option<usize> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}
