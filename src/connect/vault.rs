//! Tokens at rest: AES-256-GCM under a key of the settings. What is sealed is bound to its place, so that nobody who can
//! write the store can put one location's token in another's row.

use crate::{
    domain::{connection::Holder, hex::hex},
    settings::secret::{Secret, sha256},
    store::{ConnectionStore, SealMark, SealedTokens, StoreError},
};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hmac,
};
use std::{fmt, sync::Arc};
use zeroize::Zeroize as _;

/// What is sealed to prove a key.
const PROOF: &str = "ghl-enrich";

/// Why what is sealed cannot be opened, or nothing be sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The key is none.
    #[error("store.encryption_key holds no key of 32 bytes; `ghl-enrich keys encryption` makes one")]
    NoKey,
    /// The store holds what another key sealed.
    #[error(
        "store.encryption_key is not the key that tokens in the store are sealed with (key {stored}; the one given is \
         {given}): give that one, or as store.previous_encryption_key to have them sealed anew. Nothing was changed"
    )]
    OtherKey {
        /// Id of the key in the store.
        stored: String,
        /// Id of the key given.
        given: String,
    },
    /// What is there was not sealed here, or not for this place.
    #[error("a sealed token in the store is damaged, or stands in another's place")]
    Damaged,
    /// The same, of a connection.
    #[error("the sealed tokens of {0} in the store are damaged, or stand in another's place")]
    DamagedTokens(Holder),
    /// The store failed.
    #[error("the store failed: {}", .0.in_full())]
    Store(StoreError),
}

/// Tokens, opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) access: Arc<Secret>,
    pub(super) refresh: Option<Arc<Secret>>,
}

/// Seals and opens.
pub(super) struct Vault {
    current: Key,
    previous: Option<Key>,
    /// For what must be known again and not be read.
    mac: hmac::Key,
}

struct Key {
    id: String,
    aead: RandomizedNonceKey,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("key", &self.current.id).finish_non_exhaustive()
    }
}

impl Key {
    fn new(secret: &Secret) -> Result<Self, VaultError> {
        let bytes = secret.key_bytes().ok_or(VaultError::NoKey)?;
        let aead = RandomizedNonceKey::new(&AES_256_GCM, bytes.as_slice()).map_err(|_| VaultError::NoKey)?;
        Ok(Self { id: key_id(secret), aead })
    }

    fn seal(&self, place: &str, plain: &str) -> Result<Vec<u8>, VaultError> {
        let mut sealed = plain.as_bytes().to_vec();
        let nonce =
            self.aead.seal_in_place_append_tag(Aad::from(place), &mut sealed).map_err(|_| VaultError::Damaged)?;
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut sealed);
        Ok(whole)
    }

    fn open(&self, place: &str, whole: &[u8]) -> Result<Secret, VaultError> {
        let (nonce, sealed) = whole.split_at_checked(NONCE_LEN).ok_or(VaultError::Damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Damaged)?;
        let mut bytes = sealed.to_vec();
        let opened = self.aead.open_in_place(nonce, Aad::from(place), &mut bytes).map_err(|_| VaultError::Damaged)?;
        let text = std::str::from_utf8(opened).map(str::to_owned);
        bytes.zeroize();
        text.map(Secret::new).map_err(|_| VaultError::Damaged)
    }
}

/// Tells keys apart and says nothing else of them.
fn key_id(secret: &Secret) -> String {
    let text = zeroize::Zeroizing::new(format!("ghl-enrich key id {}", secret.expose()));
    let [a, b, c, d, ..] = sha256(&text);
    hex(&[a, b, c, d])
}

fn place(holder: &Holder, column: &str) -> String {
    // No id holds a slash.
    format!("connections/{}/{}/{column}", holder.kind(), holder.id())
}

impl Vault {
    /// A vault that seals with `current`, and opens what `previous` sealed as well.
    pub(super) fn new(current: &Secret, previous: Option<&Secret>) -> Result<Self, VaultError> {
        let bytes = current.key_bytes().ok_or(VaultError::NoKey)?;
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes.as_slice()), b"ghl-enrich oauth state");
        Ok(Self {
            current: Key::new(current)?,
            previous: previous.map(Key::new).transpose()?,
            mac: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()),
        })
    }

    pub(super) fn mac(&self) -> &hmac::Key {
        &self.mac
    }

    pub(super) fn seal(&self, holder: &Holder, tokens: &Tokens) -> Result<SealedTokens, VaultError> {
        let seal = |column, token: &Secret| self.current.seal(&place(holder, column), token.expose());
        Ok(SealedTokens {
            key_id: self.current.id.clone(),
            access: seal("access_token", &tokens.access)?,
            refresh: tokens.refresh.as_ref().map(|token| seal("refresh_token", token)).transpose()?,
        })
    }

    pub(super) fn open(&self, holder: &Holder, sealed: &SealedTokens) -> Result<Tokens, VaultError> {
        let key = self.key(&sealed.key_id)?;
        let open = |column, bytes: &[u8]| {
            let opened = key.open(&place(holder, column), bytes).map(Arc::new);
            opened.map_err(|_| VaultError::DamagedTokens(holder.clone()))
        };
        Ok(Tokens {
            access: open("access_token", &sealed.access)?,
            refresh: sealed.refresh.as_deref().map(|bytes| open("refresh_token", bytes)).transpose()?,
        })
    }

    fn key(&self, id: &str) -> Result<&Key, VaultError> {
        let keys = std::iter::once(&self.current).chain(&self.previous);
        let other = || VaultError::OtherKey { stored: id.to_owned(), given: self.current.id.clone() };
        keys.into_iter().find(|key| key.id == id).ok_or_else(other)
    }

    /// Proves the keys against what the store holds before anything is changed, and then seals anew what the previous one
    /// sealed. A process that dies in between leaves both keys in use, and the next start goes on.
    pub(super) async fn prove(&self, store: &dyn ConnectionStore) -> Result<(), VaultError> {
        let marks = store.seals().await.map_err(VaultError::Store)?;
        for mark in &marks {
            let proven = self.key(&mark.key_id)?.open("seals", &mark.proof)?;
            if proven.expose() != PROOF {
                return Err(VaultError::Damaged);
            }
        }
        let mark = SealMark { key_id: self.current.id.clone(), proof: self.current.seal("seals", PROOF)? };
        store.add_seal(mark).await.map_err(VaultError::Store)?;
        for mut kept in store.connections().await.map_err(VaultError::Store)? {
            let Some(sealed) = kept.tokens.take_if(|tokens| tokens.key_id != self.current.id) else { continue };
            let holder = kept.connection.holder.clone();
            kept.tokens = Some(self.seal(&holder, &self.open(&holder, &sealed)?)?);
            store.keep_connection(kept).await.map_err(VaultError::Store)?;
        }
        for mark in marks.into_iter().filter(|mark| mark.key_id != self.current.id) {
            tracing::info!(key = mark.key_id, "what this key sealed is sealed anew; it is needed no more");
            store.drop_seal(mark.key_id).await.map_err(VaultError::Store)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::ids::LocationId, store::tests::Rig};
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    fn secret(byte: u8) -> Secret {
        Secret::new(STANDARD.encode([byte; 32]))
    }

    fn holder(id: &str) -> Holder {
        Holder::Location(LocationId::parse(id).unwrap())
    }

    fn tokens() -> Tokens {
        let secret = |text: &str| Arc::new(Secret::new(text));
        Tokens { access: secret("access-1"), refresh: Some(secret("refresh-1")) }
    }

    #[test]
    fn what_is_sealed_opens_in_its_own_place_and_nowhere_else() {
        let vault = Vault::new(&secret(1), None).unwrap();
        let sealed = vault.seal(&holder("l1"), &tokens()).unwrap();
        assert_eq!(vault.open(&holder("l1"), &sealed), Ok(tokens()));
        assert_eq!(vault.open(&holder("l2"), &sealed), Err(VaultError::DamagedTokens(holder("l2"))), "another row");
        let swapped = SealedTokens { access: sealed.refresh.clone().unwrap(), ..sealed.clone() };
        assert_eq!(vault.open(&holder("l1"), &swapped), Err(VaultError::DamagedTokens(holder("l1"))), "another column");
        let company = Holder::parse("company", "l1").unwrap();
        assert_eq!(vault.open(&company, &sealed), Err(VaultError::DamagedTokens(company)), "another kind");
        for at in [0, NONCE_LEN, sealed.access.len() - 1] {
            let mut bent = sealed.clone();
            bent.access[at] ^= 1;
            assert_eq!(vault.open(&holder("l1"), &bent), Err(VaultError::DamagedTokens(holder("l1"))), "byte {at}");
        }
        let told = vault.open(&holder("l2"), &sealed).unwrap_err().to_string();
        assert!(told.contains("location l2"), "whose it is: {told}");
        let short = SealedTokens { access: vec![0; 5], ..sealed.clone() };
        assert_eq!(vault.open(&holder("l1"), &short), Err(VaultError::DamagedTokens(holder("l1"))));
        assert_ne!(vault.seal(&holder("l1"), &tokens()).unwrap().access, sealed.access, "a nonce of its own each time");
        assert!(!String::from_utf8_lossy(&sealed.access).contains("access-1"));
    }

    #[tokio::test]
    async fn another_key_is_told_and_changes_nothing() {
        let rig = Rig::memory().await;
        let kept = super::super::tests::kept(&Vault::new(&secret(1), None).unwrap(), &holder("l1"), &tokens());
        Vault::new(&secret(1), None).unwrap().prove(&rig.store).await.unwrap();
        rig.store.keep_connection(kept).await.unwrap();
        let before = (rig.store.connections().await, rig.store.seals().await);
        let other = Vault::new(&secret(2), Some(&secret(3))).unwrap().prove(&rig.store).await.unwrap_err();
        assert!(matches!(&other, VaultError::OtherKey { .. }), "{other}");
        assert!(other.to_string().contains("store.encryption_key"), "{other}");
        assert_eq!((rig.store.connections().await, rig.store.seals().await), before);
        assert!(Vault::new(&secret(1), None).unwrap().prove(&rig.store).await.is_ok());
    }

    #[tokio::test]
    async fn with_the_previous_key_all_is_sealed_anew_and_then_it_is_needed_no_more() {
        let rig = Rig::memory().await;
        let old = Vault::new(&secret(1), None).unwrap();
        old.prove(&rig.store).await.unwrap();
        for id in ["l1", "l2"] {
            rig.store.keep_connection(super::super::tests::kept(&old, &holder(id), &tokens())).await.unwrap();
        }
        Vault::new(&secret(2), Some(&secret(1))).unwrap().prove(&rig.store).await.unwrap();
        let new = Vault::new(&secret(2), None).unwrap();
        new.prove(&rig.store).await.unwrap();
        for kept in rig.store.connections().await.unwrap() {
            assert_eq!(new.open(&kept.connection.holder, kept.tokens.as_ref().unwrap()), Ok(tokens()));
        }
        assert!(matches!(old.prove(&rig.store).await, Err(VaultError::OtherKey { .. })), "the old one opens nothing");
    }
}
