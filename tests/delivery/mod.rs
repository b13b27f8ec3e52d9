//! Writes on their way to GHL, whatever GHL does to them: one attempt after another, as the worker makes them, against the
//! sandbox.

mod faults;
mod merging;
mod refusals;
mod rig;
