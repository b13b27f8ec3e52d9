//! What must outlive the process of connections: tokens, sealed before they come here, and how each connection stands.
//!
//! A refresh token works once, so two processes must never renew the same one: they take a lease here first, and a change
//! names the version that it was made from.

use super::Stored;
use crate::domain::connection::{Connection, Holder};
use jiff::Timestamp;
use std::fmt;

/// Tokens as they are stored: the store can open none of them.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedTokens {
    /// Which key sealed them.
    pub key_id: String,
    /// The access token.
    pub access: Vec<u8>,
    /// The refresh token, where there is one.
    pub refresh: Option<Vec<u8>>,
}

impl fmt::Debug for SealedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedTokens").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// A connection as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptConnection {
    /// The connection.
    pub connection: Connection,
    /// Its tokens; none once somebody ended it.
    pub tokens: Option<SealedTokens>,
    /// How often in a row bringing it back has failed.
    pub failures: u32,
    /// When that is tried next, where it is lost.
    pub next_try_at: Option<Timestamp>,
    /// The version that this was read as; 0 was never stored.
    pub version: i64,
}

/// A key that something is sealed with, and what proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealMark {
    /// Which key.
    pub key_id: String,
    /// What only that key opens.
    pub proof: Vec<u8>,
}

/// The durable side of connections. Methods may be called from any task, any number at once.
pub trait ConnectionStore: Send + Sync + fmt::Debug {
    /// Every connection.
    fn connections(&self) -> Stored<'_, Vec<KeptConnection>>;

    /// One connection.
    fn connection(&self, holder: Holder) -> Stored<'_, Option<KeptConnection>>;

    /// Stores a connection, if the one that is there still has the version that this was read as (0: there is none).
    /// Answers the new version, or `None` where somebody else was quicker.
    fn keep_connection(&self, kept: KeptConnection) -> Stored<'_, Option<i64>>;

    /// Forgets a connection. Says whether there was one.
    fn forget_connection(&self, holder: Holder) -> Stored<'_, bool>;

    /// Takes the lease of a holder's tokens, or makes it longer where `owner` has it. `false`: somebody else has it.
    fn lease_connection(&self, holder: Holder, owner: String, now: Timestamp, until: Timestamp) -> Stored<'_, bool>;

    /// Gives a lease back, if `owner` still has it.
    fn release_connection(&self, holder: Holder, owner: String) -> Stored<'_, ()>;

    /// At the start of the only process on this store: whoever had a lease has died. Says how many there were.
    fn clear_leases(&self) -> Stored<'_, u64>;

    /// The keys that something is sealed with.
    fn seals(&self) -> Stored<'_, Vec<SealMark>>;

    /// Adds a key to them, unless it is there.
    fn add_seal(&self, mark: SealMark) -> Stored<'_, ()>;

    /// Takes a key from them that no connection is sealed with any more.
    fn drop_seal(&self, key_id: String) -> Stored<'_, ()>;
}
