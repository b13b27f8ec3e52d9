//! The calls themselves: one address by GET, many by one POST.

use super::{
    refusal,
    wire::{facts, surprise},
};
use crate::{
    ipinfo::{error::ApiError, facts::Facts, upstreams::ApiUpstreams},
    settings::{
        Plan,
        secret::{LiveSecret, Secret},
    },
    upstream::{Answer, Call, CallContext, Method, Repeat, Upstream},
};
use serde_json::{Map, Value};
use std::{net::IpAddr, sync::Arc};

/// Speaks one plan of `IPinfo`'s API.
#[derive(Debug)]
pub(super) struct Client {
    plan: Plan,
    upstreams: ApiUpstreams,
    token: LiveSecret,
}

/// A failed call, with the token it was made with.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: ApiError,
    pub(super) token: Arc<Secret>,
}

impl Client {
    pub(super) const fn new(plan: Plan, upstreams: ApiUpstreams, token: LiveSecret) -> Self {
        Self { plan, upstreams, token }
    }

    /// The token as of now.
    pub(super) fn token(&self) -> Arc<Secret> {
        self.token.get()
    }

    /// Looks one address up.
    pub(super) async fn single(&self, address: IpAddr, context: &CallContext) -> Result<Facts, Failed> {
        // A parsed address prints as RFC 5952 says; its colons stay as they are in the path.
        let text = address.to_string();
        let call = match self.plan {
            Plan::Lite => Call::get("lite", ["lite".to_owned(), text]),
            Plan::Lookup => Call::get("lookup", ["lookup".to_owned(), text]),
            Plan::Legacy => Call::get("legacy", [text, "json".to_owned()]),
        };
        let token = self.token();
        let answer = send(&self.upstreams.single, call, &token, context).await;
        answer.and_then(|answer| facts(self.plan, &answer)).map_err(|error| Failed { error, token })
    }

    /// Looks many addresses up by one call. An entry that fails fails alone.
    pub(super) async fn batch(
        &self,
        addresses: &[IpAddr],
        context: &CallContext,
    ) -> Result<Vec<Result<Facts, ApiError>>, Failed> {
        let segments: &[&str] = match self.plan {
            Plan::Lite => &["batch", "lite"],
            Plan::Lookup | Plan::Legacy => &["batch"],
        };
        // The answer's keys are the texts as sent, so they lead back to the addresses.
        let texts: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
        let call =
            Call::new("batch", Method::Post, Repeat::Safe, segments.iter().copied()).json(&Value::from(texts.clone()));
        let token = self.token();
        let answer = send(&self.upstreams.batch, call, &token, context).await.and_then(entries);
        // In a batch, a 400 or 404 is about the call, not about one of its addresses.
        let answer = answer.map_err(|error| match error {
            ApiError::InvalidInput { status } => ApiError::Refused { status, message: "a batch".into() },
            other => other,
        });
        match answer {
            Ok(entries) => Ok(texts.iter().map(|text| self.entry(&entries, text)).collect()),
            Err(error) => Err(Failed { error, token }),
        }
    }

    fn entry(&self, entries: &Map<String, Value>, text: &str) -> Result<Facts, ApiError> {
        let found = entries.get(text).ok_or(ApiError::NoEntry)?;
        facts(self.plan, found).map_err(|error| match error {
            // The call was accepted with this token: what is refused is the entry.
            ApiError::Rejected { status, .. } | ApiError::Refused { status: status @ (None | Some(400 | 404)), .. } => {
                ApiError::InvalidInput { status }
            }
            other => other,
        })
    }
}

async fn send(upstream: &Upstream, call: Call, token: &Secret, context: &CallContext) -> Result<Value, ApiError> {
    let call = call.header("authorization", format!("Bearer {}", token.expose()));
    let answer: Answer = upstream.call(call, context).await.map_err(refusal::of_call)?;
    Ok(answer.json()?)
}

/// The object of a batch's answer, once it is sure that it is no refusal.
fn entries(answer: Value) -> Result<Map<String, Value>, ApiError> {
    let Value::Object(object) = answer else { return Err(surprise("an object was expected")) };
    refusal::in_object(&object).map_or(Ok(object), Err)
}
