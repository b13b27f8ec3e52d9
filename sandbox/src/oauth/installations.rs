//! Where the app is installed, and how that begins and ends.

use serde::Serialize;

use super::Owner;
use crate::clock::iso;
use crate::ghl::auth::Kind;
use crate::state::State;
use crate::tokens;
use crate::webhooks::events;

/// An installation that was made or ended: what GHL tells of by `INSTALL` and `UNINSTALL`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstallationChange {
    /// Made, or ended.
    pub installed: bool,
    /// The agency.
    pub company_id: String,
    /// The location; none if the agency itself is meant.
    pub location_id: Option<String>,
    /// When, by the sandbox's clock.
    pub at: String,
}

impl State {
    pub(super) fn is_installed(&self, id: &str) -> bool {
        self.oauth.installed.contains_key(id)
    }

    /// Installs the app; for the agency in all its locations as well. What is installed already stays as it is.
    pub(super) fn install(&mut self, owner: &Owner) {
        self.note_installed(owner.id.clone());
        if owner.is_company() {
            let locations: Vec<String> = self.locations.keys().cloned().collect();
            locations.into_iter().for_each(|id| self.note_installed(id));
        }
    }

    fn note_installed(&mut self, id: String) {
        let now = self.now();
        if !self.is_installed(&id) {
            self.oauth.installed.insert(id.clone(), now);
            self.installation_changed(true, &id);
        }
    }

    /// Ends an installation and everything that came of it; for the agency in all its locations as well.
    pub(super) fn uninstall(&mut self, owner: &Owner) {
        let mut ending = vec![owner.id.clone()];
        if owner.is_company() {
            ending.splice(0..0, self.locations.keys().cloned());
        }
        for id in ending {
            self.kill(&id);
            if self.oauth.installed.remove(&id).is_some() {
                self.installation_changed(false, &id);
            }
        }
    }

    /// All codes and OAuth tokens of one owner are dead from now on. The installation stands, so a reconnection works;
    /// what the agency's tokens made for its locations lives on.
    pub(super) fn kill(&mut self, id: &str) {
        self.tokens.retain(|_, token| token.kind != Kind::OAuth || token.owner != id);
        self.oauth.refreshes.retain(|_, refresh| refresh.grant.owner.id != id);
        self.oauth.codes.retain(|_, code| code.grant.owner.id != id);
    }

    pub(super) fn set_suspended(&mut self, owner: &Owner, suspended: bool) {
        if suspended {
            self.oauth.suspended.insert(owner.id.clone());
        } else {
            self.oauth.suspended.remove(&owner.id);
        }
    }

    /// Every installation that is made or ended passes here, once.
    fn installation_changed(&mut self, installed: bool, id: &str) {
        let location_id = (id != tokens::COMPANY).then(|| id.to_owned());
        events::installation(self, installed, location_id.as_deref());
        let at = iso(self.now());
        let change = InstallationChange { installed, company_id: tokens::COMPANY.to_owned(), location_id, at };
        self.oauth.changes.push(change);
    }
}
