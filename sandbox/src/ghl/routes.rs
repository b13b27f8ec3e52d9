//! The table of GHL routes: path, name, scope, versions and handler, and how a path finds its row.

use super::auth::{CUSTOM_FIELDS, LOCATION_TAGS, LOCATIONS, READ, TASKS, WRITE};
use super::{
    Answer, Ctx, Version, bulk, contacts, duplicates, list, locations, membership, notes, search, tags, task_search,
    tasks, upsert,
};
use crate::state::State;
use crate::wire::percent_decode;

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// `/contacts/{contact}`; a slash at the end is optional for the caller.
    pub(crate) pattern: &'static str,
    /// The endpoint name that faults and counters use.
    pub(crate) name: &'static str,
    pub(crate) scope: &'static str,
    pub(crate) versions: Versions,
    pub(crate) serve: fn(&mut State, &Ctx<'_>) -> Answer,
}

impl Route {
    /// Whether it changes something.
    pub(crate) fn writes(&self) -> bool {
        self.scope == WRITE
    }
}

/// Under which `Version` values a route exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Versions {
    All,
    BeforeV3,
    FromV3,
}

impl Versions {
    pub(crate) fn include(self, version: Version) -> bool {
        match self {
            Self::All => true,
            Self::BeforeV3 => !version.is_v3(),
            Self::FromV3 => version.is_v3(),
        }
    }
}

type Serve = fn(&mut State, &Ctx<'_>) -> Answer;

const fn row(
    method: &'static str,
    pattern: &'static str,
    name: &'static str,
    scope: &'static str,
    serve: Serve,
) -> Route {
    Route { method, pattern, name, scope, versions: Versions::All, serve }
}

const fn only(route: Route, versions: Versions) -> Route {
    Route { versions, ..route }
}

/// Literal segments stand before parameters: the first row that fits is taken.
static ROUTES: &[Route] = &[
    row("GET", "/contacts/", "ghl.contacts_list", READ, list::list),
    row("POST", "/contacts/", "ghl.contact_create", WRITE, contacts::create),
    row("POST", "/contacts/upsert", "ghl.contact_upsert", WRITE, upsert::upsert),
    row("POST", "/contacts/search", "ghl.search", READ, search::search),
    row("GET", "/contacts/search/duplicate", "ghl.duplicate", READ, duplicates::lookup),
    row("GET", "/contacts/business/{business}", "ghl.business_contacts", READ, list::business),
    row("POST", "/contacts/bulk/tags/update/{type}", "ghl.bulk_tags", WRITE, bulk::tags),
    row("POST", "/contacts/bulk/business", "ghl.bulk_business", WRITE, bulk::business),
    row("GET", "/contacts/{contact}", "ghl.contact", READ, contacts::get),
    row("PUT", "/contacts/{contact}", "ghl.contact_update", WRITE, contacts::update),
    row("DELETE", "/contacts/{contact}", "ghl.contact_delete", WRITE, contacts::delete),
    row("GET", "/contacts/{contact}/appointments", "ghl.appointments", READ, membership::appointments),
    row("GET", "/contacts/{contact}/tasks", "ghl.tasks", READ, tasks::all),
    row("POST", "/contacts/{contact}/tasks", "ghl.task_create", WRITE, tasks::create),
    row("GET", "/contacts/{contact}/tasks/{id}", "ghl.task", READ, tasks::one),
    row("PUT", "/contacts/{contact}/tasks/{id}", "ghl.task_update", WRITE, tasks::update),
    row("DELETE", "/contacts/{contact}/tasks/{id}", "ghl.task_delete", WRITE, tasks::delete),
    row("PUT", "/contacts/{contact}/tasks/{id}/completed", "ghl.task_complete", WRITE, tasks::complete),
    row("GET", "/contacts/{contact}/notes", "ghl.notes", READ, notes::all),
    row("POST", "/contacts/{contact}/notes", "ghl.note_create", WRITE, notes::create),
    row("GET", "/contacts/{contact}/notes/{id}", "ghl.note", READ, notes::one),
    row("PUT", "/contacts/{contact}/notes/{id}", "ghl.note_update", WRITE, notes::update),
    row("DELETE", "/contacts/{contact}/notes/{id}", "ghl.note_delete", WRITE, notes::delete),
    row("POST", "/contacts/{contact}/tags", "ghl.tags_add", WRITE, tags::add),
    row("DELETE", "/contacts/{contact}/tags", "ghl.tags_remove", WRITE, tags::remove),
    row("POST", "/contacts/{contact}/followers", "ghl.followers_add", WRITE, membership::add_followers),
    row("DELETE", "/contacts/{contact}/followers", "ghl.followers_remove", WRITE, membership::remove_followers),
    only(
        row(
            "DELETE",
            "/contacts/{contact}/campaigns/removeAll",
            "ghl.campaign_clear",
            WRITE,
            membership::clear_campaigns,
        ),
        Versions::BeforeV3,
    ),
    only(
        row(
            "DELETE",
            "/contacts/{contact}/campaigns/remove-all",
            "ghl.campaign_clear",
            WRITE,
            membership::clear_campaigns,
        ),
        Versions::FromV3,
    ),
    row("POST", "/contacts/{contact}/campaigns/{id}", "ghl.campaign_add", WRITE, membership::add_campaign),
    row("DELETE", "/contacts/{contact}/campaigns/{id}", "ghl.campaign_remove", WRITE, membership::remove_campaign),
    row("POST", "/contacts/{contact}/workflow/{id}", "ghl.workflow_add", WRITE, membership::add_workflow),
    row("DELETE", "/contacts/{contact}/workflow/{id}", "ghl.workflow_remove", WRITE, membership::remove_workflow),
    row("GET", "/locations/{location}", "ghl.location", LOCATIONS, locations::get),
    row("GET", "/locations/{location}/customFields", "ghl.custom_fields", CUSTOM_FIELDS, locations::custom_fields),
    row("GET", "/locations/{location}/tags", "ghl.location_tags", LOCATION_TAGS, locations::tags),
    row("POST", "/locations/{location}/tasks/search", "ghl.tasks_search", TASKS, task_search::search),
];

/// Paths that would fit a `{parameter}` of the table, and are routes of their own that are not built.
const NOT_BUILT: &[(&str, &str)] = &[("GET", "/contacts/lookup")];

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Found {
    Route(&'static Route, Vec<(&'static str, String)>),
    /// Right but for the letters' case: GHL answers 401.
    MisCased,
    Nothing,
}

pub(crate) fn find(method: &str, segments: &[String]) -> Found {
    let unbuilt = NOT_BUILT.iter().any(|(m, pattern)| *m == method && fits(pattern, segments, str::eq).is_some());
    if unbuilt {
        return Found::Nothing;
    }
    let hit = ROUTES.iter().filter(|route| route.method == method).find_map(|route| {
        let params = fits(route.pattern, segments, str::eq)?;
        Some(Found::Route(route, params))
    });
    let mis_cased = || ROUTES.iter().any(|route| fits(route.pattern, segments, str::eq_ignore_ascii_case).is_some());
    match hit {
        Some(found) => found,
        None if mis_cased() && !ROUTES.iter().any(|route| fits(route.pattern, segments, str::eq).is_some()) => {
            Found::MisCased
        }
        None => Found::Nothing,
    }
}

fn fits(
    pattern: &'static str,
    segments: &[String],
    same: fn(&str, &str) -> bool,
) -> Option<Vec<(&'static str, String)>> {
    let mut params = Vec::new();
    let mut given = segments.iter();
    for part in pattern.trim_matches('/').split('/') {
        let segment = given.next()?;
        match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => params.push((name, percent_decode(segment))),
            None if same(part, segment) => {}
            None => return None,
        }
    }
    given.next().is_none().then_some(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::segments;

    fn name(method: &str, path: &str) -> String {
        match find(method, &segments(path)) {
            Found::Route(route, _) => route.name.to_owned(),
            Found::MisCased => "mis-cased".to_owned(),
            Found::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn literal_segments_win_and_slashes_do_not_matter() {
        assert_eq!(name("POST", "/contacts/search"), "ghl.search");
        assert_eq!(name("GET", "/contacts/"), "ghl.contacts_list");
        assert_eq!(name("GET", "/contacts"), "ghl.contacts_list");
        assert_eq!(name("GET", "/contacts/abc/"), "ghl.contact");
        assert_eq!(name("DELETE", "/contacts/a/campaigns/removeAll"), "ghl.campaign_clear");
        assert_eq!(name("GET", "/Contacts/abc"), "mis-cased");
        assert_eq!(name("PUT", "/contacts/a/tasks/b/Completed"), "mis-cased");
        assert_eq!(name("GET", "/contacts/lookup"), "nothing");
        assert_eq!(name("PATCH", "/contacts/abc"), "nothing");
    }

    #[test]
    fn names_are_unique_but_for_the_renamed_route() {
        let mut names: Vec<&str> = ROUTES.iter().map(|route| route.name).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(before - names.len(), 1);
    }
}
