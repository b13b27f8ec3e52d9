//! From the order to stop to the end, and secrets that change on the way.

mod secrets;
mod stopping;
