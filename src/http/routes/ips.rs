//! IP intelligence alone.

use super::{
    super::{
        api::LookUp,
        body::JsonBody,
        caller::{Caller, Read},
        params::{InPath, parse_ip},
        problem, respond,
    },
    batch::check_size,
};
use crate::domain::{
    ip::IpIntelligence,
    problem::{Problem, ProblemKind},
    profile::ProblemReport,
};
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, net::IpAddr, sync::Arc};
use utoipa::{IntoParams, ToSchema};

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documents the parameter; InPath parses it")]
struct IpPath {
    /// An IPv4 or IPv6 address.
    #[param(value_type = String, example = "58.111.106.198", max_length = 45)]
    ip: IpAddr,
}

/// A batch of addresses.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"ips": ["58.111.106.198", "2606:4700:4700::1111"]}))]
pub(super) struct IpBatch {
    /// Addresses, 1 to 1,000 (`http.max_batch`). One that is none gets its problem, the rest go on.
    #[schema(min_items = 1, max_items = 1000)]
    ips: Vec<String>,
}

/// One entry of the answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IpBatchItem<'a> {
    /// The address as asked for.
    ip: &'a str,
    /// The status that the address alone would have had.
    status: u16,
    /// What is known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<IpIntelligence>, nullable = false)]
    intelligence: Option<&'a IpIntelligence>,
    /// Why nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    problem: Option<ProblemReport>,
}

/// The answer, in the order asked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IpBatchAnswer<'a> {
    /// One entry an address.
    items: Vec<IpBatchItem<'a>>,
}

impl<'a> IpBatchItem<'a> {
    fn of(ip: &'a str, outcome: Result<&'a Arc<IpIntelligence>, &Problem>) -> Self {
        let (status, intelligence, problem) = match outcome {
            Ok(intelligence) => (200, Some(&**intelligence), None),
            Err(fault) => (problem::status(fault.kind).as_u16(), None, Some(ProblemReport::from(fault))),
        };
        Self { ip, status, intelligence, problem }
    }
}

/// What is known of an address
///
/// Where it is, who runs its network, whether it hides somebody, and which backend said so. Reserved addresses are
/// answered locally with their kind.
#[utoipa::path(
    tag = "ips",
    params(IpPath),
    responses((status = 200, description = "What is known", body = IpIntelligence))
)]
#[get("/v1/ips/{ip}")]
pub(super) async fn look_up_ip(
    request: HttpRequest,
    caller: Caller<Read>,
    InPath(ip): InPath<IpAddr>,
) -> Result<HttpResponse, Problem> {
    let context = caller.context(&request);
    let intelligence = caller.api().look_up_ip(ip, &context).await?;
    respond::json(&request, &*intelligence, &context.timings.snapshot()).await
}

/// Many addresses at once
///
/// One entry an address, in the order asked. Each distinct address is looked up once.
#[utoipa::path(
    tag = "ips",
    request_body = IpBatch,
    responses((status = 200, description = "An entry for each address", body = IpBatchAnswer<'static>))
)]
#[post("/v1/ips/batch")]
pub(super) async fn batch_ips(
    request: HttpRequest,
    caller: Caller<Read>,
    JsonBody(body): JsonBody<IpBatch>,
) -> Result<HttpResponse, Problem> {
    check_size("/ips", body.ips.len(), caller.state().max_batch)?;
    let parsed: Vec<Result<IpAddr, Problem>> = body.ips.iter().map(|text| parse_entry(text)).collect();
    let mut distinct: Vec<IpAddr> = parsed.iter().filter_map(|ip| ip.as_ref().ok().copied()).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let context = caller.context(&request);
    let found = if distinct.is_empty() { Vec::new() } else { caller.api().look_up_ips(&distinct, &context).await? };
    let found: HashMap<IpAddr, LookUp> = distinct.into_iter().zip(found).collect();
    let missing = problem::internal();
    let items = body.ips.iter().zip(&parsed).map(|(text, ip)| {
        let outcome = ip.as_ref().and_then(|ip| found.get(ip).map_or(Err(&missing), Result::as_ref));
        IpBatchItem::of(text, outcome)
    });
    respond::json(&request, &IpBatchAnswer { items: items.collect() }, &context.timings.snapshot()).await
}

fn parse_entry(text: &str) -> Result<IpAddr, Problem> {
    parse_ip(text.trim()).map_err(|message| Problem::new(ProblemKind::InvalidParameter, message))
}
