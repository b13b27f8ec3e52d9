//! Connections over a scripted GHL and a store in memory.

mod agencies;
mod consents;
mod ghl;
mod renewals;

use super::{vault::Tokens, *};
use crate::{
    domain::connection::Lost,
    ghl::{
        GhlError,
        tokens::{Bearer, TokenSource as _},
    },
    settings::{Settings, Sources, secret::Secret},
    store::{sqlite::SqliteStore, tests::Rig},
    upstream::{CallContext, Lane, Service, Upstream},
};
use ghl::FakeGhl;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

pub(super) const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A connection as the store keeps one.
pub(super) fn kept(vault: &Vault, holder: &Holder, tokens: &Tokens) -> KeptConnection {
    let at = Timestamp::from_second(1_800_000_000).unwrap();
    let connection = Connection {
        holder: holder.clone(),
        company: None,
        minted: false,
        scopes: Vec::new(),
        connected_at: at,
        expires_at: at,
        lost: None,
    };
    let tokens = Some(vault.seal(holder, tokens).unwrap());
    KeptConnection { connection, tokens, failures: 0, next_try_at: None, version: 0 }
}

pub(super) fn location(id: &str) -> LocationId {
    LocationId::parse(id).unwrap()
}

/// Connections, the GHL they ask, and the store beneath: it outlives them, as a disk does a process.
struct Bench {
    connections: Connections,
    ghl: Arc<FakeGhl>,
    store: Arc<SqliteStore>,
    clock: Clock,
    tasks: Tasks,
    changes: Vec<(&'static str, &'static str)>,
    /// Where the store's writer runs.
    store_tasks: Tasks,
}

impl Bench {
    async fn new(changes: &[(&'static str, &'static str)]) -> Self {
        let Rig { store, tasks: store_tasks, .. } = Rig::memory().await;
        let clock = Clock::system();
        let ghl = Arc::new(FakeGhl::default());
        let store = Arc::new(store);
        let (connections, tasks) = start(&ghl, &store, &clock, changes).await;
        Self { connections, ghl, store, clock, tasks, changes: changes.to_vec(), store_tasks }
    }

    /// Another process on the same store: this one is gone, in the middle of whatever it did.
    async fn restart(&mut self) {
        (self.connections, self.tasks) = start(&self.ghl, &self.store, &self.clock, &self.changes).await;
    }

    /// Connects as a person does.
    async fn connect(&self) -> Result<Connection, ConsentError> {
        let begun = self.connections.begin(None).unwrap();
        let state = begun.url.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
        let code = self.ghl.code();
        let came = Came::Code(Secret::new(code));
        self.connections.finish(Callback { state: Some(state), cookie: Some(begun.cookie), came }).await
    }

    async fn token(&self, id: &str) -> Result<Bearer, GhlError> {
        let context = CallContext::new(Lane::Interactive, Duration::from_secs(30));
        self.connections.token(&location(id), &context).await
    }

    fn advance(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    fn lost(&self, id: &str) -> Option<Lost> {
        self.connections.of(&Holder::Location(location(id))).unwrap().lost
    }

    /// As if the pause after a failure had passed.
    fn wait_no_longer(&self, id: &str) {
        self.connections.inner.troubles.clear(&Holder::Location(location(id)));
    }

    /// What upkeep does now and then.
    async fn upkeep(&self) {
        self.connections.inner.renew_due(&CancellationToken::new()).await;
    }

    /// A call to GHL with the location's token, as the client makes it: once more where the token has expired.
    async fn call(&self, id: &str) -> Result<(), GhlError> {
        let context = CallContext::new(Lane::Interactive, Duration::from_secs(30));
        let location = location(id);
        let token = self.connections.token(&location, &context).await?;
        if self.ghl.accepts(&token) {
            return Ok(());
        }
        let other = self.connections.renewed(&location, &token, &context).await?;
        assert!(other.is_some_and(|other| self.ghl.accepts(&other)), "renewed, and refused again");
        Ok(())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // The writer ends with the store; naming it keeps it until here.
        let _ = &self.store_tasks;
    }
}

async fn start(
    ghl: &Arc<FakeGhl>,
    store: &Arc<SqliteStore>,
    clock: &Clock,
    changes: &[(&str, &str)],
) -> (Connections, Tasks) {
    let mut sources = Sources::default()
        .with("oauth.client_id", "app0-1")
        .with("oauth.client_secret", "s3cret")
        .with("oauth.redirect_url", "https://enrich.example/oauth/callback")
        .with("store.encryption_key", KEY);
    for (key, value) in changes {
        sources = sources.with(key, *value);
    }
    let settings = Settings::load(sources).unwrap().settings;
    let (oauth, metrics, tasks) = (settings.oauth.unwrap(), Metrics::new(), Tasks::new());
    let transport = Arc::clone(ghl) as Arc<dyn crate::upstream::Transport>;
    let upstream = Upstream::new(Service::Ghl, transport, Duration::from_secs(10), metrics.clone());
    let parts = Parts {
        store: Arc::clone(store) as Arc<dyn ConnectionStore>,
        oauth: OauthClient::new(upstream, &oauth),
        private: PrivateToken::new(&settings.ghl),
        clock: clock.clone(),
        tasks: tasks.clone(),
        metrics,
    };
    let connections = Connections::new(parts, &oauth, &settings.store).unwrap();
    connections.start().await.unwrap();
    (connections, tasks)
}

#[tokio::test]
async fn a_private_token_serves_its_location_until_that_is_connected() {
    let mut bench = Bench::new(&[("ghl.location_id", "l1"), ("ghl.token", "pit-1")]).await;
    assert_eq!(bench.token("l1").await.unwrap().expose(), "pit-1");
    assert_eq!(bench.token("l2").await, Err(GhlError::NoToken));
    assert!(bench.connections.serves(&location("l1")).is_ok() && bench.connections.serves(&location("l2")).is_err());
    bench.connect().await.unwrap();
    assert_ne!(bench.token("l1").await.unwrap().expose(), "pit-1");
    bench.restart().await;
    assert_ne!(bench.token("l1").await.unwrap().expose(), "pit-1", "what was connected stays so");
    bench.connections.disconnect(&location("l1")).await.unwrap();
    assert_eq!(bench.token("l1").await.unwrap().expose(), "pit-1", "and the private one serves again");
}

#[tokio::test]
async fn secrets_do_not_show() {
    let bench = Bench::new(&[]).await;
    bench.connect().await.unwrap();
    let token = bench.token("l1").await.unwrap();
    let shown = format!("{:?} {:?}", bench.connections, bench.connections.all());
    for secret in [token.expose(), KEY, "s3cret", "refresh-"] {
        assert!(!shown.contains(secret), "{secret} shows");
    }
}
