//! One profile, end to end.

mod addresses;
mod coalescing;
mod complete;
mod freshness;
mod upstream_faults;
