//! GHL's token endpoints, scripted: codes and refresh tokens that work once, the same pair within 30 s, reconnecting,
//! minting, and whatever may go wrong.

use super::*;
use crate::upstream::{Answer, CallError, Transport, WireRequest};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard},
};
use tokio::time::Instant;

/// Within this, a refresh token that was used gives the same pair.
const GRACE: Duration = Duration::from_secs(30);

/// How the next calls go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// GHL does it, and its answer is lost.
    LostAnswer,
    /// 503.
    Down,
    /// GHL does it and takes long.
    Slow(Duration),
}

#[derive(Debug, Default)]
struct World {
    made: u32,
    codes: BTreeSet<String>,
    access: BTreeMap<String, String>,
    refresh: BTreeMap<String, String>,
    used: BTreeMap<String, (Instant, Value)>,
    calls: BTreeMap<String, u32>,
    faults: Vec<Fault>,
    refuses_reconnect: bool,
    rejects_agencies: bool,
    inactive: bool,
    company: bool,
    installed: BTreeSet<String>,
}

#[derive(Default)]
pub(super) struct FakeGhl(Mutex<World>);

impl std::fmt::Debug for FakeGhl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeGhl")
    }
}

impl FakeGhl {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// A code of a person's consent, for location `l1`, or for agency `c1`.
    pub(super) fn code(&self) -> String {
        let mut world = self.world();
        let code = world.next("code");
        world.codes.insert(code.clone());
        code
    }

    pub(super) fn is_agency(&self, installed: &[&str]) {
        let mut world = self.world();
        world.company = true;
        world.installed = installed.iter().map(|id| (*id).to_owned()).collect();
    }

    pub(super) fn fault(&self, fault: Fault) {
        self.world().faults.push(fault);
    }

    pub(super) fn well(&self) {
        self.world().faults.clear();
    }

    /// The app was uninstalled: nothing works any more.
    pub(super) fn revoke(&self) {
        let mut world = self.world();
        world.access.clear();
        world.refresh.clear();
        world.used.clear();
        world.refuses_reconnect = true;
    }

    pub(super) fn installs_again(&self) {
        self.world().refuses_reconnect = false;
    }

    /// Every token of an agency is told that it has expired.
    pub(super) fn reject_agencies(&self, rejects: bool) {
        self.world().rejects_agencies = rejects;
    }

    pub(super) fn suspend(&self, suspended: bool) {
        self.world().inactive = suspended;
    }

    /// Access tokens expire, all of them.
    pub(super) fn expire(&self) {
        self.world().access.clear();
    }

    /// Refresh tokens are dead, all of them.
    pub(super) fn kill_refresh_tokens(&self) {
        let mut world = self.world();
        world.refresh.clear();
        world.used.clear();
    }

    pub(super) fn accepts(&self, token: &Bearer) -> bool {
        self.world().access.contains_key(token.expose())
    }

    pub(super) fn calls(&self, what: &str) -> u32 {
        self.world().calls.get(what).copied().unwrap_or_default()
    }

    pub(super) fn all_calls(&self) -> u32 {
        self.world().calls.values().sum()
    }
}

impl World {
    fn next(&mut self, what: &str) -> String {
        self.made += 1;
        format!("{what}-{}", self.made)
    }

    fn pair(&mut self, whose: &str) -> Value {
        let (access, refresh) = (self.next("access"), self.next("refresh"));
        self.access.insert(access.clone(), whose.to_owned());
        self.refresh.insert(refresh.clone(), whose.to_owned());
        let mut pair = json!({
            "access_token": access, "refresh_token": refresh, "expires_in": 86_399, "token_type": "Bearer",
            "scope": "contacts.readonly contacts.write", "companyId": "c1"
        });
        if whose == "c1" {
            pair["userType"] = "Company".into();
        } else {
            pair["userType"] = "Location".into();
            pair["locationId"] = whose.into();
        }
        pair
    }

    fn answer(&mut self, path: &str, fields: &BTreeMap<String, String>, bearer: Option<&str>) -> (u16, Value) {
        let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
        let refused = (401, json!({"error": "UnAuthorized!", "error_description": "Authorization code not found"}));
        if self.inactive {
            return (400, json!({"statusCode": 400, "message": "Location is not active"}));
        }
        match path {
            "oauth/token" if field("client_secret") != "s3cret" => refused,
            "oauth/token" if field("grant_type") == "authorization_code" => {
                if !self.codes.remove(&field("code")) {
                    return refused;
                }
                let whose = if self.company { "c1" } else { "l1" };
                (200, self.pair(whose))
            }
            "oauth/token" => {
                let token = field("refresh_token");
                if let Some((_, pair)) = self.used.get(&token).filter(|(at, _)| at.elapsed() <= GRACE) {
                    return (200, pair.clone());
                }
                let Some(whose) = self.refresh.remove(&token) else {
                    return (
                        400,
                        json!({"error": "invalid_grant", "error_description": "This refresh token is invalid"}),
                    );
                };
                let pair = self.pair(&whose);
                self.used.insert(token, (Instant::now(), pair.clone()));
                (200, pair)
            }
            "oauth/reconnect" if self.refuses_reconnect || field("clientSecret") != "s3cret" => {
                (401, json!({"message": "not installed"}))
            }
            "oauth/reconnect" => {
                let code = self.next("code");
                self.codes.insert(code.clone());
                (200, json!({"authorizationCode": code}))
            }
            "oauth/locationToken" => {
                let known = bearer.and_then(|token| self.access.get(token)).map(String::as_str) == Some("c1");
                if !known || self.rejects_agencies {
                    return (401, json!({"message": "Invalid JWT"}));
                }
                let id = field("locationId");
                if self.installed.contains(&id) {
                    (201, self.pair(&id))
                } else {
                    (400, json!({"message": "no such location"}))
                }
            }
            "oauth/installedLocations" => {
                let all: Vec<_> = self.installed.iter().map(|id| json!({"_id": id, "isInstalled": true})).collect();
                (200, json!({"locations": all, "count": all.len()}))
            }
            other => panic!("unknown to GHL: {other}"),
        }
    }
}

/// The fields of a form or of JSON.
fn fields(request: &WireRequest) -> BTreeMap<String, String> {
    let Some(body) = &request.body else { return BTreeMap::new() };
    if body.media_type == "application/json" {
        let map: BTreeMap<String, Value> = serde_json::from_slice(&body.bytes).unwrap();
        return map.into_iter().map(|(name, value)| (name, value.as_str().unwrap().to_owned())).collect();
    }
    let text = String::from_utf8(body.bytes.to_vec()).unwrap();
    text.split('&').filter_map(|pair| pair.split_once('=')).map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

impl Transport for FakeGhl {
    fn send(&self, request: WireRequest) -> BoxFuture<'_, Result<Answer, CallError>> {
        Box::pin(async move {
            let path = request.segments.join("/");
            let fields = fields(&request);
            let bearer = request.headers.iter().find(|(name, _)| *name == "authorization");
            let bearer = bearer.and_then(|(_, value)| value.expose().strip_prefix("Bearer ").map(str::to_owned));
            let (fault, (status, body)) = {
                let mut world = self.world();
                let what = fields.get("grant_type").cloned().unwrap_or_else(|| path.clone());
                *world.calls.entry(what).or_default() += 1;
                let fault = world.faults.first().copied();
                if fault == Some(Fault::Down) {
                    return Ok(Answer { status: 503, headers: Vec::new(), body: "{}".into() });
                }
                if fault.is_some() {
                    world.faults.remove(0);
                }
                (fault, world.answer(&path, &fields, bearer.as_deref()))
            };
            // Whoever asks meanwhile shall find it under way.
            tokio::task::yield_now().await;
            match fault {
                Some(Fault::LostAnswer) => Err(CallError::Broken(String::new())),
                Some(Fault::Slow(time)) => {
                    tokio::time::sleep(time).await;
                    Ok(Answer { status, headers: Vec::new(), body: body.to_string().into() })
                }
                Some(Fault::Down) | None => Ok(Answer { status, headers: Vec::new(), body: body.to_string().into() }),
            }
        })
    }
}
