//! What connects us to GHL by OAuth: whose tokens we hold, and how they stand. Never a token itself.

use super::ids::{CompanyId, LocationId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Whose tokens: each has at most one pair.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holder {
    /// A sub-account. Its token reads and writes contacts.
    Location(LocationId),
    /// An agency. Its token mints those of its locations and does nothing on contacts (reference: "Authentication").
    Company(CompanyId),
}

impl Holder {
    /// The word for its kind, as the store spells it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Location(_) => "location",
            Self::Company(_) => "company",
        }
    }

    /// Its id in GHL.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Location(id) => id.as_str(),
            Self::Company(id) => id.as_str(),
        }
    }

    /// The holder of that kind and id.
    #[must_use]
    pub fn parse(kind: &str, id: &str) -> Option<Self> {
        match kind {
            "location" => LocationId::parse(id).ok().map(Self::Location),
            "company" => CompanyId::parse(id).ok().map(Self::Company),
            _ => None,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.id())
    }
}

/// Why there are no tokens that work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LostBecause {
    /// GHL refused to renew them, and to give new ones.
    Refused,
    /// GHL says that the location is not active: suspended, most likely.
    NotActive,
    /// The app was uninstalled in GHL.
    Uninstalled,
    /// Somebody disconnected it here.
    Disconnected,
}

impl LostBecause {
    /// The word, as the store and the API spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::NotActive => "not-active",
            Self::Uninstalled => "uninstalled",
            Self::Disconnected => "disconnected",
        }
    }

    /// The reason of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Refused, Self::NotActive, Self::Uninstalled, Self::Disconnected]
            .into_iter()
            .find(|one| one.as_str() == word)
    }

    /// Whether trying again, later and seldom, may bring it back without anybody: what people ended on purpose stays
    /// ended until they begin it anew.
    #[must_use]
    pub const fn may_heal(self) -> bool {
        matches!(self, Self::Refused | Self::NotActive)
    }
}

/// When and why a connection was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lost {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub because: LostBecause,
}

/// A connection as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Whose.
    pub holder: Holder,
    /// The agency it belongs to, where GHL said so.
    pub company: Option<CompanyId>,
    /// Whether its tokens were minted by the agency's, and not given for this location's own installation.
    pub minted: bool,
    /// What its tokens may do.
    pub scopes: Vec<String>,
    /// Since when it is there.
    pub connected_at: Timestamp,
    /// Until when its access token is good; it is renewed before.
    pub expires_at: Timestamp,
    /// Whether it was lost.
    pub lost: Option<Lost>,
}

/// How the tokens of a location that requests can name come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Through {
    /// It was installed in the location.
    Location,
    /// It was installed in the agency, whose token mints the location's.
    Company,
    /// A private integration token of the settings.
    PrivateToken,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_store_spells_it_reads() {
        for because in
            [LostBecause::Refused, LostBecause::NotActive, LostBecause::Uninstalled, LostBecause::Disconnected]
        {
            assert_eq!(LostBecause::parse(because.as_str()), Some(because));
            assert_eq!(serde_json::to_value(because).unwrap(), because.as_str());
        }
        for holder in
            [Holder::Location(LocationId::parse("l1").unwrap()), Holder::Company(CompanyId::parse("c1").unwrap())]
        {
            assert_eq!(Holder::parse(holder.kind(), holder.id()), Some(holder));
        }
        assert_eq!((Holder::parse("location", "a/b"), Holder::parse("other", "a")), (None, None));
    }
}
