//! What GHL gave goes to the disk, and only then into use: a pair that cannot be stored is not used, for after a crash nobody
//! would know it.

use super::{Inner, flights::Outcome, held::Held, renew::RenewError, vault::Tokens};
use crate::{
    domain::connection::Connection,
    ghl::oauth::Grant,
    store::{KeptConnection, StoreError},
};
use jiff::{SignedDuration, Timestamp};
use std::{sync::Arc, time::Duration};

/// Pauses before what GHL gave is stored once more, where that failed: together within the 30 s in which GHL gives the same
/// pair again.
const STORE_PAUSES: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(4),
];

/// Over what a grant is stored that somebody else changed while it was on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// Over nothing: what they did holds, and what was ended stays so.
    Nothing,
    /// Over everything: a person consented.
    All,
}

/// How a grant came about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// By an agency's token.
    pub(super) minted: bool,
    /// See there.
    pub(super) over: Over,
    /// How many in a row were given in vain before.
    pub(super) in_vain: u32,
}

impl Inner {
    /// Stores what GHL gave, and only then lets it be used.
    pub(super) async fn land(&self, mut before: Option<Arc<Held>>, grant: Grant, terms: Terms) -> Outcome {
        let (holder, now, life) = (grant.holder.clone(), self.clock.now(), grant.expires_in);
        let tokens = Tokens { access: Arc::clone(&grant.access), refresh: grant.refresh.clone() };
        let sealed = self.vault.seal(&holder, &tokens);
        let sealed = sealed.map_err(|error| RenewError::Store(StoreError::Failed(error.to_string())))?;
        // The second time over a survey, which noted the location meanwhile without tokens.
        for _ in 0..2 {
            let connection = connection(before.as_deref().map(|held| &held.connection), &grant, terms.minted, now);
            let kept = KeptConnection {
                connection: connection.clone(),
                tokens: Some(sealed.clone()),
                failures: 0,
                next_try_at: None,
                version: before.as_ref().map_or(0, |held| held.version),
            };
            if let Some(version) = self.keep(kept, terms.over).await? {
                let held = Held::new(connection, Some(tokens), Some(life), self.ahead(&holder));
                let held = Arc::new(Held { version, obtained: Some(now), in_vain: terms.in_vain, ..held });
                self.table.put(Arc::clone(&held));
                tracing::debug!(%holder, "tokens were renewed and stored");
                return Ok(held);
            }
            let there = self.reread(&holder).await?.ok_or(RenewError::Nobody)?;
            if there.connection.lost.is_some() {
                return Err(RenewError::Lost);
            }
            if there.tokens.is_some() {
                // They were quicker after our lease ran out, and then have the same pair.
                return Ok(there);
            }
            before = Some(there);
        }
        Err(RenewError::Store(too_fast()))
    }

    /// Stores, again where that fails: what GHL gave is lost otherwise. `None`: somebody else changed it meanwhile, and this is
    /// to be stored over nothing.
    async fn keep(&self, mut kept: KeptConnection, over: Over) -> Result<Option<i64>, RenewError> {
        let mut last = StoreError::Closed;
        for pause in STORE_PAUSES {
            tokio::time::sleep(pause).await;
            match self.store.keep_connection(kept.clone()).await {
                Ok(Some(version)) => return Ok(Some(version)),
                Ok(None) => match over {
                    Over::Nothing => return Ok(None),
                    Over::All => {
                        let there = self.store.connection(kept.connection.holder.clone()).await;
                        kept.version = there.map_err(RenewError::Store)?.map_or(0, |there| there.version);
                        last = too_fast();
                    }
                },
                Err(StoreError::Closed) => break,
                Err(error) => last = error,
            }
        }
        tracing::error!(holder = %kept.connection.holder, cause = %last, "new tokens could not be stored and are not used");
        Err(RenewError::Store(last))
    }
}

fn too_fast() -> StoreError {
    StoreError::Failed("the connection changes faster than its tokens can be stored".to_owned())
}

/// The connection that a grant makes of what was known.
fn connection(known: Option<&Connection>, grant: &Grant, minted: bool, now: Timestamp) -> Connection {
    let life = SignedDuration::try_from(grant.expires_in).ok();
    Connection {
        holder: grant.holder.clone(),
        company: grant.company.clone().or_else(|| known.and_then(|known| known.company.clone())),
        minted,
        scopes: match known {
            Some(known) if grant.scopes.is_empty() => known.scopes.clone(),
            Some(_) | None => grant.scopes.clone(),
        },
        connected_at: known.filter(|known| known.lost.is_none()).map_or(now, |known| known.connected_at),
        expires_at: life.and_then(|life| now.checked_add(life).ok()).unwrap_or(now),
        lost: None,
    }
}
