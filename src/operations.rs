//! Writes that are neither lost nor doubled: each is in the store before it is attempted, and an attempt whose outcome is
//! not known is looked for in GHL before it is made again.

mod delivery;

pub use delivery::{Attempted, Delivery, Looked};
