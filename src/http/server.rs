//! Both ports: the public API and the admin port, bound before anything runs and stopped by whoever holds the handle.
//!
//! Signals are not ours: `app.rs` decides when to drain. The drain is a phase of [`super::Lifecycle`], during which every
//! answer closes its connection, since actix drops kept-alive connections at its own stop.

use super::{
    admin, cors, docs,
    middleware::Observe,
    routes,
    state::{Parts, State},
    warm::WarmFirst,
};
use crate::settings::{HttpSettings, Settings};
use actix_web::{
    App, Error, HttpServer,
    body::MessageBody,
    dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse},
    web::{self, Data, PayloadConfig},
};
use futures_util::future::{FutureExt as _, try_join};
use std::{io, net::SocketAddr, num::NonZero, thread::available_parallelism, time::Duration};

/// What both servers have in common. A macro, as the type of a server spells out its whole app.
macro_rules! bound {
    ($app:expr, $workers:expr, $http:expr, $address:expr) => {
        HttpServer::new($app)
            .workers($workers)
            .tcp_nodelay(true)
            .keep_alive($http.keep_alive)
            .client_request_timeout($http.client_timeout)
            // A client that closed its side is gone: a stream of events would else be held until a write to it fails.
            .h1_allow_half_closed(false)
            .shutdown_timeout(whole_seconds($http.shutdown))
            .disable_signals()
            .bind($address)
            .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {}: {error}", $address)))
    };
}

/// Both servers, bound and not yet awaited.
pub struct Servers {
    public: Server,
    admin: Server,
    public_addresses: Vec<SocketAddr>,
    admin_addresses: Vec<SocketAddr>,
}

impl std::fmt::Debug for Servers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Servers")
            .field("public", &self.public_addresses)
            .field("admin", &self.admin_addresses)
            .finish_non_exhaustive()
    }
}

/// Stops both servers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ServerHandle {
    public: actix_web::dev::ServerHandle,
    admin: actix_web::dev::ServerHandle,
}

impl ServerHandle {
    /// Closes the public port, waiting for requests under way no longer than `http.shutdown`, then the admin port, so
    /// that probes are answered to the end.
    pub async fn stop(&self) {
        self.public.stop(true).await;
        self.admin.stop(false).await;
    }
}

impl Servers {
    /// Binds both ports (0 picks a free one) and starts their workers.
    ///
    /// # Errors
    /// A port that cannot be bound; the message names it.
    pub fn bind(settings: &Settings, parts: Parts) -> io::Result<Self> {
        let http = &settings.http;
        let state = Data::new(State::new(settings, parts));
        let origins = http.cors_origins.clone();
        let shared = state.clone();
        let public = bound!(move || public_app(&shared, &origins), workers(http), http, http.bind)?;
        let admin = bound!(move || admin_app(&state), 1, http, http.admin_bind)?;
        let (public_addresses, admin_addresses) = (public.addrs(), admin.addrs());
        Ok(Self { public: public.run(), admin: admin.run(), public_addresses, admin_addresses })
    }

    /// Where the public port listens.
    #[must_use]
    pub fn public_addresses(&self) -> &[SocketAddr] {
        &self.public_addresses
    }

    /// Where the admin port listens.
    #[must_use]
    pub fn admin_addresses(&self) -> &[SocketAddr] {
        &self.admin_addresses
    }

    /// What stops them.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        ServerHandle { public: self.public.handle(), admin: self.admin.handle() }
    }

    /// Serves until stopped, or until one of the two servers fails: alone, the other would hide that. May be polled on
    /// after its end.
    ///
    /// # Errors
    /// Either server's.
    pub fn run(self) -> impl Future<Output = io::Result<()>> {
        both(self.public, self.admin).fuse()
    }
}

/// Waits for both, but for no one once the other failed.
async fn both(
    public: impl Future<Output = io::Result<()>>,
    admin: impl Future<Output = io::Result<()>>,
) -> io::Result<()> {
    try_join(public, admin).await.map(|((), ())| ())
}

/// Rounded up: actix counts seconds, and a wait below one is not none.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

fn workers(http: &HttpSettings) -> usize {
    if http.workers > 0 { http.workers } else { available_parallelism().map_or(1, NonZero::get) }
}

/// The public API, as one worker runs it.
pub(super) fn public_app(
    state: &Data<State>,
    cors_origins: &[String],
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    App::new()
        .configure(routes::serve)
        .app_data(state.clone())
        .app_data(PayloadConfig::new(state.max_body_bytes))
        .configure(docs::configure)
        .default_service(web::to(routes::not_found))
        .wrap(Observe::new(state.clone(), WarmFirst(cors::cors(cors_origins))))
}

/// The admin port.
pub(super) fn admin_app(
    state: &Data<State>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    App::new()
        .app_data(state.clone())
        .configure(admin::configure)
        .default_service(web::to(routes::not_found_on_admin))
        .wrap(Observe::new(state.clone(), cors::cors(&[])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    #[tokio::test]
    async fn a_server_that_fails_is_not_hidden_by_the_other() {
        let failed = || ready(Err(io::Error::other("down")));
        assert_eq!(both(failed(), pending()).await.unwrap_err().to_string(), "down");
        assert_eq!(both(pending(), failed()).await.unwrap_err().to_string(), "down");
        assert!(both(ready(Ok(())), ready(Ok(()))).await.is_ok());
        assert!(both(ready(Ok(())), pending()).now_or_never().is_none(), "the admin port is the last to close");
    }

    #[test]
    fn a_part_of_a_second_is_a_second_of_shutdown() {
        for (milliseconds, seconds) in [(0, 0), (1, 1), (900, 1), (1000, 1), (1001, 2)] {
            assert_eq!(whole_seconds(Duration::from_millis(milliseconds)), seconds, "{milliseconds}");
        }
    }
}
