//! What GHL's INSTALL and UNINSTALL events do: connect without a person, and forget.

use crate::{
    connect::{Connections, Install},
    domain::{
        connection::{Holder, LostBecause},
        ids::CompanyId,
        problem::Problem,
    },
    purging::Purging,
    webhooks::{Installation, Installations},
};
use futures_util::future::{BoxFuture, ready};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// How far GHL's clock and ours may be apart.
const SKEW: SignedDuration = SignedDuration::from_secs(5);

/// Installations, wired.
pub(super) fn installations(connections: Option<Connections>, purging: &Purging) -> Arc<dyn Installations> {
    match connections {
        Some(connections) => Arc::new(Installing { connections, purging: purging.clone(), told: Mutex::default() }),
        None => Arc::new(NotConnected),
    }
}

/// A service without an app: an installation tells it nothing.
#[derive(Debug)]
struct NotConnected;

impl Installations for NotConnected {
    fn installed(&self, _: Installation) -> BoxFuture<'_, Result<bool, Problem>> {
        Box::pin(ready(Ok(false)))
    }

    fn uninstalled(&self, _: Installation) -> BoxFuture<'_, Result<bool, Problem>> {
        Box::pin(ready(Ok(false)))
    }
}

#[derive(Debug)]
struct Installing {
    connections: Connections,
    purging: Purging,
    /// When GHL last told of each that the app was installed there, by GHL's clock. As many as there are connections.
    told: Mutex<HashMap<Holder, Timestamp>>,
}

impl Installing {
    /// Whether the app was installed again after the event: GHL delivers in any order.
    fn is_overtaken(&self, holder: &Holder, at: Option<Timestamp>) -> bool {
        let Some(at) = at else { return false };
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).get(holder).copied();
        let connected = self.connections.of(holder).filter(|connection| connection.lost.is_none());
        told.is_some_and(|told| told > at)
            || connected.is_some_and(|connection| connection.connected_at.duration_since(at) > SKEW)
    }

    /// Whether somebody disconnected it here after GHL's event: one that waited, or comes late, does not undo that. What the
    /// app's removal ended needs no such look, as GHL gives no tokens for it.
    fn is_outdone(&self, holder: &Holder, told: &Installation) -> bool {
        let Some(at) = told.at.filter(|_| !told.replayed) else { return false };
        let lost = self.connections.of(holder).and_then(|connection| connection.lost);
        lost.is_some_and(|lost| lost.because == LostBecause::Disconnected && lost.since.duration_since(at) > SKEW)
    }

    fn note(&self, holder: &Holder, at: Option<Timestamp>) {
        let Some(at) = at else { return };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.entry(holder.clone()).and_modify(|known| *known = at.max(*known)).or_insert(at);
    }
}

/// Whom an event is about; `None` where it names nobody.
fn holder(told: &Installation) -> Option<Holder> {
    told.location.clone().map(Holder::Location).or_else(|| company(told).map(Holder::Company))
}

/// The agency that an event names; an id that is none names nobody.
fn company(told: &Installation) -> Option<CompanyId> {
    told.company.as_deref().and_then(|id| CompanyId::parse(id).ok())
}

impl Installations for Installing {
    fn installed(&self, told: Installation) -> BoxFuture<'_, Result<bool, Problem>> {
        Box::pin(async move {
            let Some(holder) = holder(&told) else { return Ok(false) };
            self.note(&holder, told.at);
            if self.is_outdone(&holder, &told) {
                return Ok(false);
            }
            let install = match holder {
                Holder::Location(location) => Install::Location(location, company(&told)),
                Holder::Company(company) => Install::Company(company),
            };
            self.connections.installed(install).await
        })
    }

    fn uninstalled(&self, told: Installation) -> BoxFuture<'_, Result<bool, Problem>> {
        Box::pin(async move {
            let Some(holder) = holder(&told).filter(|holder| !self.is_overtaken(holder, told.at)) else {
                return Ok(false);
            };
            let locations = self.connections.uninstalled(holder).await.map_err(|failure| failure.to_problem())?;
            for location in locations {
                // What came back while others were forgotten stays.
                let now = self.connections.of(&Holder::Location(location.clone()));
                if now.is_none_or(|connection| connection.lost.is_some()) {
                    self.purging.location_data(location, told.by.clone()).await?;
                }
            }
            Ok(true)
        })
    }
}
