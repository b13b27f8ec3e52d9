//! The access log: which requests get a line, and the line. No personal data: the route's pattern in place of the path,
//! never the query, the key's name in place of the key.

use super::{
    respond::{CACHE_STATUS, SERVER_TIMING},
    route_table::Position,
    state::State,
};
use crate::{domain::problem::Problem, settings::AccessLog};
use actix_web::{
    dev::ServiceResponse,
    http::{
        Method, StatusCode,
        header::{HeaderMap, HeaderValue},
    },
};
use std::{cell::Cell, time::Duration};

/// Counts requests of one worker, so that one in N gets a line.
#[derive(Debug, Default)]
pub(super) struct Sampler(Cell<u32>);

impl Sampler {
    /// Whether this one is it.
    fn takes(&self, one_in: u32) -> bool {
        let seen = self.0.get() + 1;
        let due = seen >= one_in.max(1);
        self.0.set(if due { 0 } else { seen });
        due
    }
}

/// What the log needs to know of an answer.
pub(super) struct Answered<'a> {
    pub(super) position: Position,
    pub(super) request_id: &'a HeaderValue,
    pub(super) took: Duration,
    pub(super) problem: Option<&'a Problem>,
}

/// Writes the line of an answer, if it gets one.
pub(super) fn write<B>(state: &State, sampler: &Sampler, response: &ServiceResponse<B>, answered: &Answered<'_>) {
    let wanted = match state.access_log {
        AccessLog::None => false,
        AccessLog::All => true,
        AccessLog::Sampled => {
            notable(response.request().method(), response.status(), response.headers())
                || answered.took >= state.slow
                || sampler.takes(state.access_log_sample)
        }
    };
    if wanted {
        line(state, response, answered);
    }
}

/// Whether a request missed, wrote or failed.
fn notable(method: &Method, status: StatusCode, headers: &HeaderMap) -> bool {
    let missed = headers.get(CACHE_STATUS).is_some_and(|value| cache_word(value) != "hit");
    missed || headers.contains_key(SERVER_TIMING) || method != Method::GET || status.as_u16() >= 400
}

/// `hit`, `miss`, `stale` or `request`, out of our own `Cache-Status`.
fn cache_word(value: &HeaderValue) -> &str {
    let result = value.to_str().ok().and_then(|text| text.split("; ").nth(1)).unwrap_or_default();
    result.strip_prefix("fwd=").unwrap_or(result)
}

fn line<B>(state: &State, response: &ServiceResponse<B>, answered: &Answered<'_>) {
    let request = response.request();
    let status = response.status().as_u16();
    let failed = response.status().is_server_error();
    let name = state.keys.name(request.headers());
    macro_rules! write_line {
        ($level:ident) => {
            tracing::$level!(
                target: "ghl_enrich::access",
                {
                http.method = request.method().as_str(),
                http.route = state.routes.pattern(answered.position),
                http.status = status,
                duration_ms = answered.took.as_secs_f64() * 1000.0,
                cache = response.headers().get(CACHE_STATUS).map(cache_word),
                request.id = answered.request_id.to_str().unwrap_or_default(),
                key.name = name.as_deref(),
                problem = answered.problem.map(|problem| problem.kind.slug()),
                cause = answered.problem.filter(|_| failed).and_then(|problem| problem.cause.as_deref()),
                },
                "request answered"
            )
        };
    }
    match status {
        500 => write_line!(error),
        501.. => write_line!(warn),
        _ => write_line!(info),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cache_status: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_STATUS, HeaderValue::from_static(cache_status));
        headers
    }

    #[test]
    fn misses_writes_and_failures_are_notable() {
        let hit = headers("ghl-enrich; hit; ttl=3");
        assert!(!notable(&Method::GET, StatusCode::OK, &hit));
        assert!(notable(&Method::GET, StatusCode::OK, &headers("ghl-enrich; fwd=miss; stored")));
        assert!(notable(&Method::POST, StatusCode::OK, &hit));
        assert!(notable(&Method::GET, StatusCode::NOT_FOUND, &HeaderMap::new()));
        assert_eq!(cache_word(&HeaderValue::from_static("ghl-enrich; fwd=stale; stored")), "stale");
    }

    #[test]
    fn one_in_n_is_sampled() {
        let sampler = Sampler::default();
        let taken = (0..10).filter(|_| sampler.takes(5)).count();
        assert_eq!(taken, 2);
        assert!((0..3).all(|_| sampler.takes(0)));
    }
}
