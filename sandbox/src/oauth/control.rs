//! OAuth in the control API: what a person would do on GHL's pages, and what GHL might do on its own.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Consent, Owner, millis};
use crate::state::State;
use crate::tokens;
use crate::wire::Request;

/// Orders may come together; none is carried out if one is wrong.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Orders {
    consent: Option<String>,
    install: Option<String>,
    uninstall: Option<String>,
    revoke: Option<String>,
    suspend: Option<String>,
    resume: Option<String>,
    access_token_seconds: Option<u64>,
    refresh_grace_seconds: Option<u64>,
    refresh_refusal: Option<u16>,
}

/// How to use it, for the control API's overview.
pub(crate) fn usage() -> Value {
    json!({
        "consent": format!("{} | company | deny", tokens::LOCATION_1), "install": tokens::LOCATION_2,
        "uninstall": "company", "revoke": tokens::LOCATION_1, "suspend": tokens::LOCATION_1,
        "resume": tokens::LOCATION_1, "accessTokenSeconds": 86_400, "refreshGraceSeconds": 30, "refreshRefusal": 400,
    })
}

pub(crate) fn show(state: &State) -> Value {
    let oauth = &state.oauth;
    json!({
        "consent": oauth.consent.shown(), "accessTokenSeconds": oauth.access_ms / 1_000,
        "refreshGraceSeconds": oauth.grace_ms / 1_000, "refreshRefusal": oauth.refusal,
        "installed": oauth.installed.keys().collect::<Vec<_>>(), "suspended": oauth.suspended,
        "counts": oauth.counts, "changes": oauth.changes,
    })
}

pub(crate) fn order(state: &mut State, req: &Request) -> Result<Value, String> {
    let orders: Orders = serde_json::from_slice(&req.body).map_err(|error| error.to_string())?;
    let consent = orders.consent.as_deref().map(|text| Consent::read(state, text)).transpose()?;
    let owner = |id: &Option<String>| match id {
        Some(id) => state.owner(id).map(Some).ok_or_else(|| format!("{id} is no location of this sandbox")),
        None => Ok(None),
    };
    let (install, uninstall, revoke) = (owner(&orders.install)?, owner(&orders.uninstall)?, owner(&orders.revoke)?);
    let (suspend, resume) = (owner(&orders.suspend)?, owner(&orders.resume)?);
    if orders.access_token_seconds == Some(0) {
        return Err("accessTokenSeconds must be at least 1".to_owned());
    }
    if !matches!(orders.refresh_refusal, None | Some(400 | 401)) {
        return Err("refreshRefusal must be 400 or 401".to_owned());
    }
    if let Some(consent) = consent {
        state.oauth.consent = consent;
    }
    if let Some(seconds) = orders.access_token_seconds {
        state.oauth.access_ms = millis(Duration::from_secs(seconds));
    }
    if let Some(seconds) = orders.refresh_grace_seconds {
        state.oauth.grace_ms = millis(Duration::from_secs(seconds));
    }
    if let Some(status) = orders.refresh_refusal {
        state.oauth.refusal = status;
    }
    carry_out(state, install, State::install);
    carry_out(state, uninstall, State::uninstall);
    carry_out(state, revoke, |state, owner| state.kill(&owner.id));
    carry_out(state, suspend, |state, owner| state.set_suspended(owner, true));
    carry_out(state, resume, |state, owner| state.set_suspended(owner, false));
    Ok(show(state))
}

fn carry_out(state: &mut State, owner: Option<Owner>, act: fn(&mut State, &Owner)) {
    if let Some(owner) = owner {
        act(state, &owner);
    }
}
