//! Which locations an agency's installation serves, learned once it is there, so that they can be listed before anybody
//! asks for their contacts. Their tokens are minted when they are first wanted.

use super::{
    Inner,
    held::Held,
    renew::{Why, context},
    unknown,
};
use crate::{
    domain::{
        connection::{Connection, Holder, LostBecause},
        ids::{CompanyId, LocationId},
    },
    store::KeptConnection,
};
use std::{sync::Arc, time::Duration};

/// Most pages that are read: 10,000 locations.
const MAX_PAGES: usize = 100;

/// Surveys in the background. What it misses is found when it is asked for, or when GHL tells of its installation.
pub(super) fn start(inner: &Arc<Inner>, company: CompanyId, named: Vec<LocationId>) {
    let of = Arc::clone(inner);
    inner.tasks.spawn_load("survey", async move {
        for location in named {
            of.note(&company, location).await;
        }
        of.survey(&company).await;
        of.count();
    });
}

impl Inner {
    async fn survey(self: &Arc<Self>, company: &CompanyId) {
        let mut after = None;
        for _ in 0..MAX_PAGES {
            let Ok(agency) = self.renewed(&Holder::Company(company.clone()), None, Why::Wanted).await else { return };
            let Some(tokens) = &agency.tokens else { return };
            let page = self.oauth.installed_locations(&tokens.access, company, after, &context()).await;
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    // Without the scope oauth.readonly it is refused, and nothing else suffers.
                    tracing::info!(%company, cause = ?error, "an agency's locations cannot be listed");
                    return;
                }
            };
            for location in page.locations {
                self.note(company, location).await;
            }
            after = page.next;
            if after.is_none() {
                return;
            }
        }
    }

    /// Keeps that a location is an agency's, where nothing is known of it yet, or that it went with the agency's
    /// installation, which is there again. What somebody disconnected stays so.
    async fn note(&self, company: &CompanyId, location: LocationId) {
        let holder = Holder::Location(location);
        let known = self.table.get(&holder);
        let is_news = known.as_ref().is_none_or(|held| went_with(&held.connection, company));
        if !is_news || !self.admits(&holder, Some(company)) {
            return;
        }
        let fresh = unknown(&holder, self.clock.now());
        let connection = Connection { company: Some(company.clone()), minted: true, ..fresh.connection };
        let version = known.map_or(0, |held| held.version);
        let kept = KeptConnection { connection: connection.clone(), version, ..fresh };
        match self.store.keep_connection(kept).await {
            Ok(Some(version)) => {
                let held = Held::new(connection, None, None, Duration::ZERO);
                self.table.put(Arc::new(Held { version, ..held }));
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(cause = %error, "a location of an agency could not be noted"),
        }
    }
}

/// Whether a location was this agency's and ended as the app was uninstalled.
fn went_with(connection: &Connection, company: &CompanyId) -> bool {
    connection.minted
        && connection.company.as_ref() == Some(company)
        && connection.lost.is_some_and(|lost| lost.because == LostBecause::Uninstalled)
}
