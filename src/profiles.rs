//! The heart: fetch sections, assemble, cache, coalesce, revalidate, invalidate.

mod served;

pub use served::{CacheResult, ContactKey, Encoding, ProfileRequest, Rendered, Served};
