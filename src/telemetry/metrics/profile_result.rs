//! How memory took part in a profile: a label with few values.

/// How memory took part in a profile that was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileResult {
    /// From memory, fresh.
    Hit,
    /// From memory, stale.
    Stale,
    /// Nothing was held: fetched.
    Miss,
    /// What was held was too old: fetched.
    Revalidated,
    /// The caller asked for fresher data than was held: fetched.
    Request,
    /// Fetched by a load that another request had begun.
    Collapsed,
}

impl ProfileResult {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 6] = [Self::Hit, Self::Stale, Self::Miss, Self::Revalidated, Self::Request, Self::Collapsed];

    /// The word used as label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Stale => "stale",
            Self::Miss => "miss",
            Self::Revalidated => "revalidated",
            Self::Request => "request",
            Self::Collapsed => "collapsed",
        }
    }
}
