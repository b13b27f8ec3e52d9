//! The public routes, one file a resource. Registered by `.service` alone, so that the document lists what is served.
//!
//! The first route is the warm path's: actix tries them in order.

mod attribution;
mod audit;
mod batch;
mod businesses;
mod contacts;
mod enrichment;
mod ips;
mod listing;
mod notes;
mod operations;
mod probes;
mod problems;
mod profile;
mod quota;
mod refusal;
mod search;
mod tags;
mod tasks;

pub(super) use probes::startupz;
pub(super) use probes::{livez, readyz_detailed};
pub(super) use profile::ProfileQuery;

use super::{problem, route_table::Port};
use actix_web::{HttpRequest, HttpResponse, http::header::ALLOW, web};
use utoipa_actix_web::service_config::ServiceConfig;

/// Registers every documented route.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(profile::get_profile)
        .service(profile::explain_profile)
        .service(batch::batch_profiles)
        .service(contacts::list_contacts)
        .service(search::search_contacts);
    // A literal beside a parameter: without this its other methods would be taken for a contact id.
    config.map(|config| config.service(web::resource("/v1/contacts/search").to(not_found)));
    config
        .service(contacts::get_contact)
        .service(tasks::list_tasks)
        .service(tasks::get_task)
        .service(notes::list_notes)
        .service(notes::get_note)
        .service(contacts::list_appointments)
        .service(businesses::list_business_contacts)
        .service(ips::look_up_ip)
        .service(ips::batch_ips)
        .service(attribution::get_attribution)
        .service(problems::describe_problem)
        .service(livez)
        .service(probes::readyz);
    config
        .service(operations::list_operations)
        .service(operations::get_operation)
        .service(operations::retry_operation)
        .service(operations::cancel_operation)
        .service(audit::list_audit)
        .service(quota::get_quota)
        .service(enrichment::enrich_contact);
    config
        .service(contacts::create_contact)
        .service(contacts::upsert_contact)
        .service(contacts::update_contact)
        .service(contacts::delete_contact)
        .service(tasks::create_task)
        .service(tasks::update_task)
        .service(tasks::complete_task)
        .service(tasks::delete_task)
        .service(notes::create_note)
        .service(notes::update_note)
        .service(notes::delete_note)
        .service(tags::add_tags)
        .service(tags::remove_tags);
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
