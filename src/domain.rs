//! Pure types and pure functions: what a contact, a profile, an address and a problem are.
//!
//! Nothing here performs I/O, reads a clock or knows HTTP; time arrives as an argument called `now`.

pub mod address;
pub mod appointment;
pub mod connection;
pub mod contact;
pub mod country;
pub mod erasure;
pub mod hex;
pub mod ids;
pub mod insights;
pub mod ip;
pub(crate) mod json_guard;
pub mod note;
pub mod operation;
pub mod problem;
pub mod profile;
pub mod quota;
pub mod rules;
pub mod source;
pub mod task;
pub mod webhook;
pub mod write;
