//! The seam between HTTP and forgetting.

use super::api::Reply;
use crate::domain::{
    erasure::{ErasureScope, PurgeReceipt},
    operation::Requester,
};

/// What the routes that forget need. A returned future may be dropped: what was begun is then to be repeated.
pub trait PurgeApi: Send + Sync + 'static {
    /// Forgets all that is held here of a contact or a location; the latter is disconnected, too.
    fn purge(&self, scope: ErasureScope, by: Requester) -> Reply<'_, PurgeReceipt>;
}
