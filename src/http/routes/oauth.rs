//! Connecting a location: to GHL's page of consent, and back from it. A browser navigates here, so neither route takes a
//! key; what one may do without is bounded by the state and by how many are taken in a minute.

use super::super::{
    connect_api::{Connected, Return},
    page,
    params::{Asked, FromQuery, Pairs},
    problem, respond,
    state::State,
};
use crate::domain::{ids::LocationId, problem::Problem};
use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, COOKIE, HeaderMap, HeaderValue, LOCATION, REFERRER_POLICY, SET_COOKIE},
    },
    web::Data,
};
use std::time::Duration;
use utoipa::IntoParams;

/// The longest parameter read, in bytes.
const MAX_BYTES: usize = 4_096;

/// The cookie that binds a state to its browser. With the prefix, browsers take it by https alone and from this very host.
const SECURE_COOKIE: &str = "__Host-ghl-enrich-oauth";
/// The same where the service is tried out by http, on this machine.
const PLAIN_COOKIE: &str = "ghl-enrich-oauth";

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct InstallQuery {
    /// The location to connect: choosing another on GHL's page is refused then.
    #[param(rename = "locationId", value_type = Option<LocationId>)]
    location_id: Option<LocationId>,
}

impl FromQuery for InstallQuery {
    fn from_query(query: &Pairs) -> Result<Self, Problem> {
        Ok(Self { location_id: query.location()? })
    }
}

/// What GHL sends people back with.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CallbackQuery {
    /// As it was sent along to GHL.
    state: Option<String>,
    /// GHL's code.
    code: Option<String>,
    /// GHL's word for why there is none.
    error: Option<String>,
}

impl FromQuery for CallbackQuery {
    fn from_query(query: &Pairs) -> Result<Self, Problem> {
        let short = |text: &str| {
            if text.len() <= MAX_BYTES { Ok(text.to_owned()) } else { Err("is too long") }
        };
        Ok(Self {
            state: query.get("state", short)?,
            code: query.get("code", short)?,
            error: query.get("error", short)?,
        })
    }
}

/// Connect a location
///
/// Sends the browser to GHL's page of consent, where a location (or, for an agency's app, the agency) is chosen; from there
/// it comes back to `/oauth/callback`. Open it in a browser.
#[utoipa::path(
    tag = "locations",
    security(()),
    params(InstallQuery),
    responses((status = 302, description = "To GHL", headers(
        ("Location" = String, description = "GHL's page of consent"),
        ("Set-Cookie" = String, description = "What binds the state to this browser"))))
)]
#[get("/oauth/install")]
pub(super) async fn install_app(
    state: Data<State>,
    Asked(asked): Asked<InstallQuery>,
) -> Result<HttpResponse, Problem> {
    let departure = state.connect.begin(asked.location_id.as_ref())?;
    let cookie = cookie(&departure.cookie, departure.within, state.connect.is_secure())?;
    Ok(HttpResponse::Found()
        .insert_header((LOCATION, departure.url))
        .insert_header((SET_COOKIE, cookie))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .finish())
}

/// Back from GHL
///
/// Where GHL sends the browser after consent. A state that is missing, another browser's, expired or used before is refused
/// without a call to GHL. A page for browsers, JSON for all others.
#[utoipa::path(
    tag = "locations",
    security(()),
    params(CallbackQuery),
    responses((status = 200, description = "Connected", content(
        (Connected = "application/json"),
        (String = "text/html"))))
)]
#[get("/oauth/callback")]
pub(super) async fn take_in(
    request: HttpRequest,
    state: Data<State>,
    Asked(asked): Asked<CallbackQuery>,
) -> Result<HttpResponse, Problem> {
    let secure = state.connect.is_secure();
    let outcome = match (asked.error, asked.code) {
        (Some(error), _) => Err(error),
        (None, Some(code)) => Ok(code),
        (None, None) => Err(String::new()),
    };
    let cookie = kept(request.headers(), secure);
    let finished = state.connect.finish(Return { state: asked.state, cookie, outcome }).await;
    let mut response = match finished {
        Ok(connected) if page::is_wanted(&request) => page::page(StatusCode::OK, "Connected", &sentence(&connected)),
        Ok(connected) => respond::written(&request, StatusCode::OK, &connected).await?,
        Err(problem) if page::is_wanted(&request) => {
            tracing::info!(kind = problem.kind.slug(), cause = problem.cause.as_deref(), "somebody was not connected");
            let told = format!("{} To try again, open /oauth/install.", problem.detail);
            page::page(problem::status(problem.kind), "Not connected", &told)
        }
        Err(problem) => return Err(problem),
    };
    // Used up, whatever came of it.
    let gone = self::cookie("", Duration::ZERO, secure)?;
    response.headers_mut().insert(SET_COOKIE, gone);
    Ok(response)
}

fn sentence(connected: &Connected) -> String {
    match (&connected.location_id, &connected.company_id) {
        (Some(location), _) => format!("The location {location} is connected. You may close this page."),
        (None, Some(company)) => format!(
            "The agency {company} is connected, and with it its locations in which the app is installed. You may close this page."
        ),
        (None, None) => "You may close this page.".to_owned(),
    }
}

/// `Lax`: GHL's redirect is a navigation from another site, which `Strict` would come without.
fn cookie(value: &str, within: Duration, secure: bool) -> Result<HeaderValue, Problem> {
    let (name, only) = if secure { (SECURE_COOKIE, "; Secure") } else { (PLAIN_COOKIE, "") };
    let text = format!("{name}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{only}", within.as_secs());
    HeaderValue::from_str(&text).map_err(|_| problem::internal().with_cause("a cookie that no header can carry"))
}

fn kept(headers: &HeaderMap, secure: bool) -> Option<String> {
    let wanted = if secure { SECURE_COOKIE } else { PLAIN_COOKIE };
    let lines = headers.get_all(COOKIE).filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, value)| *name == wanted && value.len() <= MAX_BYTES).map(|(_, value)| value.to_owned())
}
