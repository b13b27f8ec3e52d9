//! What comes from a source in one request, and how who sends it proves to be the source.

use super::RecordKind;
use crate::domain::{ids::LocationId, operation::Requester, problem::Problem};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use std::{collections::BTreeMap, fmt};

/// How who pushes proves to be the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// By a signature: the request's headers, names in lower case, credentials excepted.
    Signature(BTreeMap<String, String>),
    /// By an API key.
    Key {
        /// Where it may write; `None` is everywhere.
        locations: Option<Vec<LocationId>>,
        /// Whether it may also read what GHL holds, which a dry run shows then.
        reads: bool,
    },
}

/// The longest line of a listing, in bytes.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// A listing on its way in.
pub struct Listing {
    /// What lines without a type of their own are.
    pub kind: Option<String>,
    /// When the listing was made; lines without a time of their own are as old.
    pub as_of: Option<Timestamp>,
    /// Whether records of these kinds that are not listed count as deleted.
    pub missing_deleted: Vec<RecordKind>,
    /// Whether each record is compared with what GHL holds, not with what is known of it.
    pub verify: bool,
    /// Whether nothing is to be stored.
    pub dry_run: bool,
    /// In whose name.
    pub by: Requester,
    /// Locations that the key may write in; `None` is all.
    pub locations: Option<Vec<LocationId>>,
    /// The lines without their ends, in order, empty ones included: those are passed over, and counted. One that is longer
    /// than [`MAX_LINE_BYTES`] comes cut off, one byte longer than that, and is refused. An error ends the listing.
    pub lines: BoxStream<'static, Result<Bytes, Problem>>,
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing").field("kind", &self.kind).field("as_of", &self.as_of).finish_non_exhaustive()
    }
}
