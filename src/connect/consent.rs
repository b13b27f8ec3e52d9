//! Sending somebody to GHL's page of consent, and taking them in again.
//!
//! The state is bound to the browser and works once: its code of authentication covers a cookie that only the browser which
//! began has. Nothing is remembered of those who begin, so nobody can crowd out others by beginning often; of those who
//! come back with a code, the state is remembered until it expires. A key to it all comes from `store.encryption_key`, so
//! that another process may take in whom this one sent; that a restart forgets which states were spent costs nothing, as
//! GHL's code in it works once, too.

use super::{
    Connections, Inner,
    landing::{Over, Terms},
    renew::{RenewError, context},
    survey,
};
use crate::{
    domain::{
        connection::{Connection, Holder},
        ids::LocationId,
    },
    ghl::oauth::OauthError,
    settings::secret::Secret,
    store::StoreError,
};
use aws_lc_rs::{hmac, rand};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

const NONCE_BYTES: usize = 16;
const MAC_BYTES: usize = 32;
/// Nonce, expiry, code of authentication.
const STATE_BYTES: usize = NONCE_BYTES + 8 + MAC_BYTES;

/// So many who come back are taken in within [`RATE_WINDOW`]: each costs a call to GHL, and a stranger can come back, too.
const RATE: usize = 30;
const RATE_WINDOW: Duration = Duration::from_secs(60);

/// Where to send somebody who wants to connect, and what their browser must keep meanwhile.
#[derive(Debug)]
pub struct Begun {
    /// GHL's page of consent.
    pub url: String,
    /// The cookie's value.
    pub cookie: String,
    /// How long they may take.
    pub within: Duration,
}

/// What a browser comes back with.
#[derive(Debug)]
pub enum Came {
    /// A code to exchange.
    Code(Secret),
    /// GHL's word for why there is none.
    Error(String),
}

/// Somebody who comes back.
#[derive(Debug)]
pub struct Callback {
    /// `state` in the query.
    pub state: Option<String>,
    /// The cookie of [`Begun`].
    pub cookie: Option<String>,
    /// What they bring.
    pub came: Came,
}

/// Why somebody who came back is not connected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsentError {
    /// The state is missing, not ours, another browser's, expired or spent.
    #[error("the state {0}")]
    State(&'static str),
    /// Too many come back at present.
    #[error("too many come back")]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// GHL sent them back without a code.
    #[error("GHL gave no code")]
    Denied(String),
    /// GHL does not take the code.
    #[error("GHL does not take the code")]
    Code {
        /// Its status.
        status: u16,
        /// Its words, masked and cut.
        said: Option<String>,
    },
    /// The settings do not admit this location or agency.
    #[error("the settings do not admit {0}")]
    NotAdmitted(Holder),
    /// Another location was chosen than the one that was to be connected.
    #[error("another location was chosen")]
    OtherLocation,
    /// GHL's token endpoint is not available, or answered nonsense. The code is used up, perhaps.
    #[error("GHL's token endpoint failed: {0}")]
    Ghl(OauthError),
    /// The tokens could not be stored.
    #[error("the store failed: {}", .0.in_full())]
    Store(StoreError),
}

/// Which states were spent, and how many came back of late.
#[derive(Debug, Default)]
pub(super) struct Consents(Mutex<Spent>);

#[derive(Debug, Default)]
struct Spent {
    states: HashMap<[u8; NONCE_BYTES], Timestamp>,
    came: VecDeque<Instant>,
}

impl Consents {
    /// Spends a state, if it was not yet.
    fn spend(&self, nonce: [u8; NONCE_BYTES], expires: Timestamp, now: Timestamp) -> Result<(), ConsentError> {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let moment = Instant::now();
        while spent.came.front().is_some_and(|at| *at + RATE_WINDOW <= moment) {
            spent.came.pop_front();
        }
        if let Some(first) = spent.came.front().filter(|_| spent.came.len() >= RATE) {
            let retry_after = (*first + RATE_WINDOW).saturating_duration_since(moment);
            return Err(ConsentError::TooMany { retry_after });
        }
        // At most so many as the rate admits while a state lives.
        spent.states.retain(|_, expires| *expires > now);
        if spent.states.insert(nonce, expires).is_some() {
            return Err(ConsentError::State("was used before"));
        }
        spent.came.push_back(moment);
        Ok(())
    }
}

impl Connections {
    /// Begins: for one location, where one is named.
    ///
    /// # Errors
    /// Where the system gives no random bytes.
    pub fn begin(&self, location: Option<&LocationId>) -> Result<Begun, aws_lc_rs::error::Unspecified> {
        let inner = &self.inner;
        let (mut nonce, mut secret) = ([0; NONCE_BYTES], [0; 32]);
        rand::fill(&mut nonce)?;
        rand::fill(&mut secret)?;
        let mut cookie = URL_SAFE_NO_PAD.encode(secret);
        if let Some(location) = location {
            cookie.push('.');
            cookie.push_str(location.as_str());
        }
        let now = inner.clock.now();
        let life = SignedDuration::try_from(inner.settings.state).unwrap_or(SignedDuration::ZERO);
        let expires = now.checked_add(life).unwrap_or(now).as_millisecond().to_be_bytes();
        let mut state = Vec::with_capacity(STATE_BYTES);
        state.extend_from_slice(&nonce);
        state.extend_from_slice(&expires);
        let mac = hmac::sign(inner.vault.mac(), &covered(&state, &cookie));
        state.extend_from_slice(mac.as_ref());
        let url = inner.oauth.consent_url(&inner.settings, &URL_SAFE_NO_PAD.encode(state));
        Ok(Begun { url, cookie, within: inner.settings.state })
    }

    /// Takes somebody in who comes back. Nothing is asked of GHL unless the state is good.
    ///
    /// # Errors
    /// Each of [`ConsentError`].
    pub async fn finish(&self, callback: Callback) -> Result<Connection, ConsentError> {
        let inner = &self.inner;
        let wanted = inner.verify(&callback)?;
        let code = match callback.came {
            Came::Code(code) => code,
            Came::Error(error) => return Err(ConsentError::Denied(error)),
        };
        // It goes on, whoever hangs up: the code is used up by it.
        let inner = Arc::clone(inner);
        let tasks = inner.tasks.clone();
        let finished = tasks.spawn_load("oauth-callback", async move { inner.connect(&code, wanted).await });
        finished.await.unwrap_or_else(|_| Err(ConsentError::Store(StoreError::Failed("it panicked".to_owned()))))
    }
}

/// What the code of authentication covers.
fn covered(head: &[u8], cookie: &str) -> Vec<u8> {
    [head, cookie.as_bytes()].concat()
}

impl Inner {
    /// Checks a state against its cookie and spends it; says which location was to be connected, where one was.
    fn verify(&self, callback: &Callback) -> Result<Option<LocationId>, ConsentError> {
        let state = callback.state.as_deref().ok_or(ConsentError::State("is missing"))?;
        let cookie =
            callback.cookie.as_deref().ok_or(ConsentError::State("comes without the cookie of its browser"))?;
        let strange = ConsentError::State("is not one that this browser was given");
        let bytes = URL_SAFE_NO_PAD.decode(state).ok().filter(|bytes| bytes.len() == STATE_BYTES);
        let bytes = bytes.ok_or_else(|| strange.clone())?;
        let (head, mac) = bytes.split_at(NONCE_BYTES + 8);
        hmac::verify(self.vault.mac(), &covered(head, cookie), mac).map_err(|_| strange.clone())?;
        let (nonce, expires) = head.split_at(NONCE_BYTES);
        let nonce = <[u8; NONCE_BYTES]>::try_from(nonce).map_err(|_| strange.clone())?;
        let expires = <[u8; 8]>::try_from(expires).map_err(|_| strange.clone())?;
        let expires = Timestamp::from_millisecond(i64::from_be_bytes(expires)).map_err(|_| strange.clone())?;
        let now = self.clock.now();
        if expires <= now {
            return Err(ConsentError::State("has expired"));
        }
        // Without a code nothing is asked of GHL, so there is nothing that coming back often could wear out.
        if let Came::Code(_) = callback.came {
            self.consents.spend(nonce, expires, now)?;
        }
        cookie.split_once('.').map(|(_, id)| LocationId::parse(id)).transpose().map_err(|_| strange)
    }

    async fn connect(self: Arc<Self>, code: &Secret, wanted: Option<LocationId>) -> Result<Connection, ConsentError> {
        let grant =
            self.oauth.exchange(code, self.settings.user_type, &context()).await.map_err(|error| match error {
                OauthError::Refused { status, said, .. } => ConsentError::Code { status, said },
                OauthError::NotActive | OauthError::Unavailable { .. } | OauthError::Invalid(_) => {
                    ConsentError::Ghl(error)
                }
            })?;
        let holder = grant.holder.clone();
        if !self.admits(&holder, grant.company.as_ref()) {
            tracing::warn!(%holder, "somebody installed the app where the settings do not admit it; its tokens are dropped");
            return Err(ConsentError::NotAdmitted(holder));
        }
        if let (Some(wanted), Holder::Location(chosen)) = (&wanted, &holder)
            && wanted != chosen
        {
            return Err(ConsentError::OtherLocation);
        }
        let approved = grant.approved.clone();
        let terms = Terms { minted: false, over: Over::All, in_vain: 0 };
        let held = self.land(None, grant, terms).await.map_err(|error| match error {
            RenewError::Store(error) => ConsentError::Store(error),
            RenewError::Lost | RenewError::Nobody | RenewError::Unavailable { .. } => {
                ConsentError::Store(StoreError::Failed(error.to_string()))
            }
        })?;
        self.troubles.clear(&holder);
        self.count();
        tracing::info!(%holder, "connected");
        match &holder {
            Holder::Location(location) => self.strangers.remove(location),
            Holder::Company(company) => {
                self.strangers.clear();
                survey::start(&self, company.clone(), approved);
            }
        }
        Ok(held.connection.clone())
    }
}
