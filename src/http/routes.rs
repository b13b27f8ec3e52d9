//! The public routes, one file a resource. Registered by `public_routes!` alone, so that the document lists what is served.
//!
//! The first route is the warm path's: actix tries them in order.

mod attribution;
mod audit;
mod batch;
mod businesses;
mod contacts;
mod enrichment;
mod events;
mod ips;
mod listing;
mod locations;
mod notes;
mod oauth;
mod operations;
mod probes;
mod problems;
mod profile;
mod purge;
mod quota;
mod refusal;
mod search;
mod sources;
mod tags;
mod tasks;
mod tokens;
mod webhooks;

pub(super) use probes::startupz;
pub(super) use probes::{livez, readyz_detailed};
pub(super) use profile::ProfileQuery;

use super::{problem, route_table::Port};
use actix_web::{HttpRequest, HttpResponse, http::header::ALLOW, web};
use utoipa::openapi::OpenApi;
use utoipa_actix_web::AppExt as _;

/// Each documented route, once: served by every worker, described in the document. The workers must not describe: each
/// route brings all schemas it refers to, megabytes in sum, and only the document needs them.
macro_rules! public_routes {
    ({ $($first:path,)+ } { $($then:path,)+ }) => {
        /// Registers every route.
        pub(super) fn serve(config: &mut web::ServiceConfig) {
            $(config.service($first);)+
            // A literal beside a parameter: without this its other methods would be taken for a contact id.
            config.service(web::resource("/v1/contacts/search").to(not_found));
            $(config.service($then);)+
        }

        /// Describes every route. One by one, so that a schema that many refer to is held once.
        pub(super) fn describe() -> OpenApi {
            let app = actix_web::App::new().into_utoipa_app();
            $(let app = app.configure(|config| { config.service($first); });)+
            $(let app = app.configure(|config| { config.service($then); });)+
            app.split_for_parts().1
        }
    };
}

public_routes! {
    {
    profile::get_profile,
    profile::explain_profile,
    batch::batch_profiles,
    contacts::list_contacts,
    search::search_contacts,
    }
    {
    events::stream_profile_events,
    contacts::get_contact,
    tasks::list_tasks,
    tasks::get_task,
    notes::list_notes,
    notes::get_note,
    contacts::list_appointments,
    businesses::list_business_contacts,
    ips::look_up_ip,
    ips::batch_ips,
    attribution::get_attribution,
    problems::describe_problem,
    livez,
    probes::readyz,
    operations::list_operations,
    operations::get_operation,
    operations::retry_operation,
    operations::resolve_operation,
    operations::cancel_operation,
    audit::list_audit,
    webhooks::receive_webhook,
    webhooks::list_webhook_events,
    webhooks::get_webhook_event,
    webhooks::replay_webhook_event,
    sources::push_source_events,
    sources::list_sources,
    sources::list_source_events,
    sources::get_source_event,
    sources::replay_source_event,
    sources::reconcile::reconcile_source,
    quota::get_quota,
    tokens::create_token,
    locations::list_locations,
    locations::get_location,
    oauth::install_app,
    oauth::take_in,
    enrichment::enrich_contact,
    contacts::create_contact,
    contacts::upsert_contact,
    contacts::update_contact,
    contacts::delete_contact,
    tasks::create_task,
    tasks::update_task,
    tasks::complete_task,
    tasks::delete_task,
    notes::create_note,
    notes::update_note,
    notes::delete_note,
    tags::add_tags,
    tags::remove_tags,
    purge::purge_contact,
    purge::purge_location,
    }
}

/// What no route took: an unknown path, or a known one with another method.
pub(super) async fn not_found(request: HttpRequest) -> HttpResponse {
    not_found_on(&request, Port::Public)
}

/// The same on the admin port.
pub(super) async fn not_found_on_admin(request: HttpRequest) -> HttpResponse {
    not_found_on(&request, Port::Admin)
}

fn not_found_on(request: &HttpRequest, port: Port) -> HttpResponse {
    let state = request.app_data::<web::Data<super::state::State>>();
    let allow = state.and_then(|state| {
        let position = state.routes.find(request.method(), request.match_info().as_str());
        state.routes.allow(position, port).cloned()
    });
    match allow {
        None => HttpResponse::from_error(problem::no_such_route()),
        Some(allow) => {
            let mut response = HttpResponse::from_error(problem::method_not_allowed());
            response.headers_mut().insert(ALLOW, allow);
            response
        }
    }
}

/// A list, whole: GHL has no paging for what belongs to one contact, so neither have we.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(super) struct Items<T> {
    /// The entries.
    items: Vec<T>,
}
