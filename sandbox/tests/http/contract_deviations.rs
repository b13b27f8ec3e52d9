//! Where the live API - and so the sandbox - is known to leave GHL's own OpenAPI documents, each with its reason. A row
//! that nothing needs any more fails the contract test.

/// A known departure.
#[derive(Debug)]
pub(crate) struct Deviation {
    /// An operation id, or `*`.
    pub(crate) operation: &'static str,
    /// `contact.tags.*`: a star stands for one step.
    pub(crate) at: &'static str,
    pub(crate) what: &'static str,
    pub(crate) reason: &'static str,
}

const fn known(operation: &'static str, at: &'static str, what: &'static str, reason: &'static str) -> Deviation {
    Deviation { operation, at, what, reason }
}

const TRACE: &str = "live successes and errors carry a trace id; most schemas omit it";
const EXTRA: &str = "seen live on contacts, not in the schema";
const LIST: &str = "the live list has a shape of its own with explicit nulls; the schema declares a fraction of it";

pub(crate) static DEVIATIONS: &[Deviation] = &[
    known("*", "traceId", "is not declared", TRACE),
    known("*", "contact.additionalEmails", "is not declared", EXTRA),
    known("*", "contact.additionalPhones", "is not declared", EXTRA),
    known("*", "contact.followers", "is not declared", EXTRA),
    known("*", "contact.createdBy", "is not declared", EXTRA),
    known("*", "contact.inboundDndSettings", "is not declared", "writable on create and update, so readable"),
    known("*", "contact.attributionSource.url", "is missing", "required in the schema, absent live"),
    known("*", "contact.lastAttributionSource.url", "is missing", "required in the schema, absent live"),
    known("*", "contact.attributionSource.sessionSource", "is not declared", "live, not in the schema"),
    known("*", "contact.lastAttributionSource.sessionSource", "is not declared", "live, not in the schema"),
    known("*", "contact.customFields.*.value", "is no string", "numbers and lists come back as such"),
    known("*", "succeded", "is not declared", "upsert answers the flag live"),
    known("*", "succeeded", "is not declared", "upsert answers the flag live"),
    known("create-association", "responses.*", "is no string", "rows are objects with a message and the tags"),
    known("add-tags", "tagsAdded", "is not declared", "live addition"),
    known("remove-tags", "tagsRemoved", "is not declared", "live addition"),
    known("update-note", "note.dateUpdated", "is not declared", "live may add it"),
    known("get-appointments-for-contact", "events.*.appoinmentStatus", "is not declared", "misspelt twin, live"),
    known("get-contacts", "meta", "is not declared", "live has meta; the schema says count"),
    known("*", "contacts.*.*", "is null", LIST),
    known("*", "contacts.*.*", "is not declared", LIST),
    known("*", "contacts.*.customFields.*.value", "is no string", "numbers and lists come back as such"),
    known("*", "contacts.*.attributions.*.url", "is missing", "the list calls it pageUrl"),
    known("*", "contacts.*.attributions.*.*", "is not declared", "the list has its own spelling of attribution keys"),
    known("add-contact-to-workflow", "status", "is 201", "200 in the document, 201 live"),
    known("*", "error", "is not declared", "a live 400 names its kind"),
    known("*", "status", "is not declared", "sub-resources of an unknown contact answer {error, status}"),
];

/// The row that explains a departure.
pub(crate) fn find(operation: &str, at: &str, what: &str) -> Option<usize> {
    DEVIATIONS
        .iter()
        .position(|row| (row.operation == "*" || row.operation == operation) && row.what == what && covers(row.at, at))
}

fn covers(pattern: &str, at: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('.'), at.split('.'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == "*" || a == b => {}
            _ => return false,
        }
    }
}
