//! What a caller asks of [`super::Profiles`] and what it gets: rendered bytes with all that a conditional answer needs.

use crate::{
    domain::{
        ids::{ContactId, LocationId},
        profile::{Include, Section},
    },
    upstream::CallTiming,
};
use bytes::Bytes;
use jiff::Timestamp;
use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::time::Instant;

/// A contact of a location: the key of everything held.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContactKey {
    /// The tenant.
    pub location: LocationId,
    /// The contact.
    pub contact: ContactId,
}

/// A request for one profile.
#[derive(Debug, Clone)]
pub struct ProfileRequest {
    /// Whose.
    pub key: ContactKey,
    /// Which parts. What `require` names is included, too.
    pub include: Include,
    /// Sections without which the answer is that section's problem.
    pub require: Vec<Section>,
    /// An address to look up in place of the contact's own.
    pub ip: Option<IpAddr>,
    /// Oldest data acceptable; zero fetches anew. `None` leaves it to the settings.
    pub max_age: Option<Duration>,
    /// When the answer must be there.
    pub deadline: Instant,
    /// W3C trace context, passed on upstream.
    pub traceparent: Option<Arc<str>>,
}

/// How the cache took part (RFC 9211).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheResult {
    /// Served from memory, fresh.
    Hit,
    /// Served from memory, stale; a refresh runs behind.
    Stale,
    /// Nothing usable was held: fetched.
    Miss {
        /// Whether another request's load was joined, with no upstream call of our own.
        collapsed: bool,
    },
    /// Something was held, but stale beyond its time or marked stale: fetched.
    Revalidated {
        /// As in `Miss`.
        collapsed: bool,
    },
    /// The caller asked for fresher data than was held (`maxAge`, `no-cache`, `ip`): fetched.
    Request,
}

/// A profile on its way to a caller.
#[derive(Debug, Clone)]
pub struct Served {
    /// The document.
    pub document: Arc<Rendered>,
    /// How the cache took part.
    pub cache: CacheResult,
    /// Age of the oldest-expiring section.
    pub age: Duration,
    /// Time until it expires; negative where it is stale.
    pub ttl_seconds: i64,
    /// Upstream calls made for this very answer; empty for a hit.
    pub timings: Vec<CallTiming>,
}

/// A rendered document: bytes made once, and each encoding once, on first use.
#[derive(Debug)]
pub struct Rendered {
    /// JSON, UTF-8.
    pub body: Bytes,
    /// Weak entity tag over the content without its timestamps, `W/"…"`.
    pub etag: Bytes,
    /// IMF-fixdate of the moment this content was first seen.
    pub last_modified: Bytes,
    /// The same moment.
    pub modified_at: Timestamp,
    /// `private, max-age=…, stale-while-revalidate=…, stale-if-error=…`.
    pub cache_control: Bytes,
    /// Encodings made so far, by [`Encoding`].
    pub encoded: [OnceLock<Bytes>; 3],
}

/// Content codings offered, most wanted first where a client likes them equally.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Brotli, RFC 7932.
    Brotli,
    /// Zstandard, RFC 8878.
    Zstd,
    /// gzip, RFC 1952.
    Gzip,
}
