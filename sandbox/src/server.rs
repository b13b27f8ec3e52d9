//! The handle on a running sandbox. The server lives on a thread of its own with its own runtime, so it works from any
//! runtime (a paused one too), and it ends with `stop` or with its last handle.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use bytes::Bytes;
use serde_json::Value;

use crate::calls::Calls;
use crate::config::SandboxConfig;
use crate::faults::Fault;
use crate::journal::AppliedWrite;
use crate::seed::contact::ContactSeed;
use crate::state::State;
use crate::transport::{self, Socket};
use crate::webhooks;

/// The one lock. Held for a few lines, never across an await.
#[derive(Debug)]
pub(crate) struct Shared(Mutex<State>);

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running sandbox. Cheap to clone; all clones are the same sandbox, which ends when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Sandbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    addr: SocketAddr,
    shared: web::Data<Shared>,
    server: Server,
}

/// Stops the server when dropped.
struct Server(ServerHandle);

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Server")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Calling it sends the command; the future only waits for the end.
        drop(self.0.stop(false));
    }
}

impl Sandbox {
    /// Starts a sandbox; when this returns, it answers.
    ///
    /// # Errors
    /// If the address cannot be bound, the server cannot start, or webhooks cannot be sent as the configuration says.
    pub async fn start(config: SandboxConfig) -> io::Result<Self> {
        webhooks::check(&config).map_err(|problem| io::Error::new(io::ErrorKind::InvalidInput, problem))?;
        let listener = TcpListener::bind(config.bind)?;
        let addr = listener.local_addr()?;
        let shared = web::Data::new(Shared(Mutex::new(State::new(config))));
        let (ready, started) = tokio::sync::oneshot::channel();
        let served = shared.clone();
        std::thread::Builder::new().name("ghl-sandbox".to_owned()).spawn(move || run(listener, served, ready))?;
        let handle = started.await.map_err(|_| io::Error::other("the sandbox's thread ended before it started"))??;
        Ok(Self(Arc::new(Inner { addr, shared, server: Server(handle) })))
    }

    /// The state, for a few lines.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.shared.lock()
    }

    /// `http://127.0.0.1:PORT`: GHL's and IPinfo's paths alike.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.0.addr)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.0.addr
    }

    /// Stops it at once; open requests are cut off.
    pub async fn stop(&self) {
        self.0.server.0.stop(false).await;
    }

    /// Data, counts, faults and clock go back to the seed.
    pub fn reset(&self) {
        self.0.shared.lock().reset();
    }

    /// What was asked so far.
    pub fn calls(&self) -> Calls {
        self.0.shared.lock().calls.clone()
    }

    /// Lets something go wrong.
    pub fn inject(&self, fault: Fault) {
        self.0.shared.lock().faults.add(fault, None);
    }

    /// Lets something go wrong for a while, by the sandbox's clock: a storm of 429s, an outage.
    pub fn inject_for(&self, fault: Fault, lasts: Duration) {
        let mut state = self.0.shared.lock();
        let ends = state.now().saturating_add(i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX));
        state.faults.add(fault, Some(ends));
    }

    /// The writes that took effect, in order.
    pub fn writes(&self) -> Vec<AppliedWrite> {
        self.0.shared.lock().journal.all().cloned().collect()
    }

    /// Lets a location have so many requests left today; none is a day that is spent.
    pub fn set_day_left(&self, location: &str, left: u32) {
        let mut state = self.0.shared.lock();
        let now = state.now();
        state.quota.set_day_left(location, left, now);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.0.shared.lock().faults.clear();
    }

    /// Moves the sandbox's clock: quota windows, time stamps, search lag, token expiry.
    pub fn advance_clock(&self, by: Duration) {
        self.0.shared.lock().clock.advance(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
    }

    /// Adds a contact and returns its id. It is in the search index at once.
    pub fn add_contact(&self, contact: ContactSeed) -> String {
        contact.add_to(&mut self.0.shared.lock())
    }

    /// The ids of a location's contacts in the order in which the sandbox got them: the example contact comes first.
    pub fn contact_ids(&self, location: &str) -> Vec<String> {
        let state = self.0.shared.lock();
        let mut contacts: Vec<_> = state.contacts_of(location).map(|contact| (contact.ordinal, &contact.id)).collect();
        contacts.sort_unstable();
        contacts.into_iter().map(|(_, id)| id.clone()).collect()
    }

    /// A read of this contact by id answers exactly this body (whatever is in it) from now on. An unknown id becomes a
    /// contact of location 1.
    pub fn set_raw_contact(&self, id: &str, body: Value) {
        let mut state = self.0.shared.lock();
        if !state.contacts.contains_key(id) {
            ContactSeed::new().id(id).add_to(&mut state);
        }
        if let Some(contact) = state.contact_mut(id) {
            contact.raw = Some(body);
        }
    }

    /// What a location does about duplicates: allow them, and which identifiers (`email`, `phone`) count, in order.
    pub fn set_duplicate_policy(&self, location: &str, allow: bool, identifiers: &[&str]) {
        if let Some(found) = self.0.shared.lock().locations.get_mut(location) {
            found.policy.allow = allow;
            found.policy.identifiers = identifiers.iter().map(|identifier| (*identifier).to_owned()).collect();
        }
    }

    /// Puts a file under IPinfo's `/data/{name}`.
    pub fn set_data_file(&self, name: &str, bytes: impl Into<Bytes>) {
        self.0.shared.lock().files.insert(name.to_owned(), bytes.into());
    }
}

type Ready = tokio::sync::oneshot::Sender<io::Result<ServerHandle>>;

/// The sandbox's thread.
fn run(listener: TcpListener, shared: web::Data<Shared>, ready: Ready) {
    let ended = actix_web::rt::System::new().block_on(async move {
        actix_web::rt::spawn(webhooks::deliver(shared.clone()));
        let bound =
            HttpServer::new(move || App::new().app_data(shared.clone()).default_service(web::to(transport::serve)))
                .workers(1)
                .disable_signals()
                .shutdown_timeout(0)
                .keep_alive(Duration::from_secs(75))
                .on_connect(remember_socket)
                .listen(listener);
        let server = match bound {
            Ok(server) => server.run(),
            Err(error) => {
                drop(ready.send(Err(error)));
                return Ok(());
            }
        };
        drop(ready.send(Ok(server.handle())));
        server.await
    });
    if let Err(error) = ended {
        tracing::error!(%error, "the sandbox's server ended");
    }
}

#[cfg(unix)]
fn remember_socket(connection: &dyn std::any::Any, data: &mut actix_web::dev::Extensions) {
    use std::os::fd::AsFd;
    let stream = connection.downcast_ref::<actix_web::rt::net::TcpStream>();
    if let Some(Ok(fd)) = stream.map(|stream| stream.as_fd().try_clone_to_owned()) {
        data.insert(Socket(fd.into()));
    }
}

#[cfg(not(unix))]
fn remember_socket(_: &dyn std::any::Any, _: &mut actix_web::dev::Extensions) {}
