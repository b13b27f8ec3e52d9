//! From a request to an answer, in two steps with the state locked in each and never between them: `arrive` counts the
//! request, charges the quota and lets faults strike; `execute` does what was asked.

use crate::faults::{Aim, FaultAction, Verdict};
use crate::ghl::{self, Arrival, Found};
use crate::ipinfo::{self, Ask};
use crate::oauth;
use crate::state::State;
use crate::wire::{Reply, Request};

/// A request that has been counted.
#[derive(Debug)]
pub(crate) struct Met {
    pub(crate) verdict: Verdict,
    target: Target,
}

#[derive(Debug)]
enum Target {
    Ghl(Arrival),
    OAuth(oauth::Ask),
    Ipinfo(Ask),
    /// Answered already: unknown or mis-cased.
    Settled(Reply),
}

pub(crate) fn arrive(state: &mut State, req: &Request) -> Met {
    match ghl::find(&req.method, &req.segments) {
        Found::Route(route, params) => {
            state.calls.add(route.name);
            let arrival = ghl::arrive(state, req, route, params);
            let now = state.now();
            let aim = Aim { endpoint: route.name, writes: route.writes(), subject: arrival.subject(), now };
            let verdict = state.faults.strike(aim);
            Met { verdict, target: Target::Ghl(arrival) }
        }
        Found::MisCased => settled(mis_cased(state)),
        Found::Nothing => {
            if let Some(ask) = oauth::find(state, req) {
                let verdict = strike(state, ask.name, ask.subject.as_deref());
                return Met { verdict, target: Target::OAuth(ask) };
            }
            match ipinfo::find(&req.method, &req.segments) {
                Some(ask) => Met { verdict: strike(state, ask.name(), ask.subject()), target: Target::Ipinfo(ask) },
                None => settled(unknown(state, req)),
            }
        }
    }
}

/// Counts a request that is no write of GHL's and lets faults strike it.
fn strike(state: &mut State, endpoint: &'static str, subject: Option<&str>) -> Verdict {
    state.calls.add(endpoint);
    let now = state.now();
    state.faults.strike(Aim { endpoint, writes: false, subject, now })
}

fn settled(reply: Reply) -> Met {
    Met { verdict: Verdict::default(), target: Target::Settled(reply) }
}

fn mis_cased(state: &mut State) -> Reply {
    let now = state.now();
    let reply = ghl::errors::unauthorized(state, "Unauthorized");
    with_rate_headers(reply, state.quota.untouched(now))
}

/// What the sandbox does not know it says so about, loudly.
fn unknown(state: &mut State, req: &Request) -> Reply {
    state.calls.add_unexpected(req.line());
    let message = format!("ghl-sandbox has no route for {}", req.line());
    let body = serde_json::json!({"statusCode": 501, "error": "Not Implemented", "message": message});
    Reply::json(501, &body)
}

/// The answer, with the fault's action taken into account as far as it is one of content.
pub(crate) fn execute(state: &mut State, req: &Request, met: &Met) -> Reply {
    let action = met.verdict.action.as_ref();
    match &met.target {
        Target::Settled(reply) => reply.clone(),
        Target::Ipinfo(ask) => match action {
            Some(action) if !executes(action) => instead(action, ipinfo::too_many_requests),
            Some(FaultAction::CreatedBut422) => {
                ipinfo::execute(state, req, ask);
                ghl::errors::invalid(state, "Unprocessable Entity")
            }
            _ => ipinfo::execute(state, req, ask),
        },
        Target::OAuth(ask) => {
            let reply = match action {
                Some(action) if !executes(action) => instead(action, ghl::errors::too_many_requests),
                Some(FaultAction::CreatedBut422) => {
                    oauth::execute(state, req, ask);
                    ghl::errors::invalid(state, "Unprocessable Entity")
                }
                _ => oauth::execute(state, req, ask),
            };
            let now = state.now();
            with_rate_headers(reply, state.quota.untouched(now))
        }
        Target::Ghl(arrival) => {
            let reply = match action {
                Some(action) if !executes(action) => instead(action, ghl::errors::too_many_requests),
                Some(FaultAction::CreatedBut422) if arrival.is_admitted() => {
                    arrival.execute(state, req);
                    ghl::errors::invalid(state, "Contact could not be processed")
                }
                _ => arrival.execute(state, req),
            };
            let injected = matches!(action, Some(FaultAction::TooManyRequests));
            let standing = if injected { arrival.standing.spent() } else { arrival.standing };
            with_rate_headers(reply, standing)
        }
    }
}

fn with_rate_headers(mut reply: Reply, standing: ghl::quota::Standing) -> Reply {
    reply.headers.extend(standing.headers());
    reply
}

/// Does the request take effect under this fault?
fn executes(action: &FaultAction) -> bool {
    match action {
        FaultAction::Latency(_)
        | FaultAction::SlowBody { .. }
        | FaultAction::TruncatedBody
        | FaultAction::EmptyBody
        | FaultAction::Malformed
        | FaultAction::AppliedButLost
        | FaultAction::CreatedBut422
        | FaultAction::LateApply { .. }
        | FaultAction::SlowAnswer { .. } => true,
        FaultAction::Status { .. }
        | FaultAction::Reset
        | FaultAction::Hang
        | FaultAction::HugeBody { .. }
        | FaultAction::Html502
        | FaultAction::TooManyRequests => false,
    }
}

/// What a fault answers in place of the truth.
fn instead(action: &FaultAction, too_many: fn() -> Reply) -> Reply {
    match action {
        FaultAction::Status { status, body, content_type } => Reply::text(*status, content_type, body.clone()),
        FaultAction::TooManyRequests => too_many(),
        FaultAction::Html502 => {
            let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1>\
                        </center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n";
            Reply::text(502, "text/html", page)
        }
        _ => Reply::text(200, "application/json", ""),
    }
}
