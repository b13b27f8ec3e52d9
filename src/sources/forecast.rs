//! What carrying a record out would come to: the same plans as when it is done, each step taken as done. Asks GHL where it
//! may; where it may not, it counts the most that it can take.

use super::{
    carrying::{Found, find, held},
    facade::Known,
    held::Held,
    mapping::Mapping,
    plan::{self, Next, Planned, is_careful},
    seams::Directory,
    stored::told,
};
use crate::{
    domain::{
        ids::{ContactId, LocationId, NoteId, TaskId},
        source::{
            CallPlan, Delivered, FieldAction, FieldPlan, PlanOutcome, QuotaCost, RecordKey, RecordKind, RecordState,
            RecordStatus, SourceRecord,
        },
        write::{Fields, Write},
    },
    ghl::GhlError,
    store::StoreError,
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Before the number of what GHL has given no id yet; GHL's own ids look otherwise.
const NEW: &str = "dry-run-new-";

/// More steps than any record takes.
const MOST_STEPS: usize = 50;

/// A record of which nothing is known.
pub(super) fn fresh(key: RecordKey, location: LocationId, now: Timestamp) -> SourceRecord {
    SourceRecord {
        key,
        location,
        state: RecordState::default(),
        merged_seq: 0,
        ghl_id: None,
        ghl_contact: None,
        delivered: Delivered::default(),
        intent: None,
        status: RecordStatus::Due,
        due_at: now,
        tries: 0,
        verify: false,
        problem: None,
    }
}

/// Whether a record's contact is to be deleted and is another record's as well.
pub(super) async fn is_shared(known: &dyn Known, record: &SourceRecord) -> Result<bool, StoreError> {
    match &record.ghl_contact {
        Some(contact) if record.key.kind == RecordKind::Contact && record.state.is_deleted() => {
            known.is_shared(record.key.clone(), record.location.clone(), contact.clone()).await
        }
        _ => Ok(false),
    }
}

/// What carrying something out comes to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Course {
    pub(super) calls: Vec<CallPlan>,
    pub(super) fields: Vec<FieldPlan>,
    pub(super) cost: QuotaCost,
    pub(super) found_by: Option<&'static str>,
    pub(super) wait: Option<String>,
    pub(super) fail: Option<String>,
    pub(super) nothing: Option<String>,
}

impl Course {
    /// What would become of the event, and why.
    pub(super) fn outcome(&self) -> (PlanOutcome, Option<String>) {
        let writes = self.calls.iter().any(|call| call.method != "GET");
        match (&self.fail, &self.wait) {
            (Some(why), _) => (PlanOutcome::Fail, Some(why.clone())),
            (None, Some(why)) => (PlanOutcome::Wait, Some(why.clone())),
            (None, None) if writes => (PlanOutcome::Apply, None),
            (None, None) => {
                let why = self.nothing.clone().unwrap_or_else(|| "GHL holds what it says".to_owned());
                (PlanOutcome::Nothing, Some(why))
            }
        }
    }

    fn read(&mut self, path: String) {
        self.cost.reads += 1;
        self.calls.push(CallPlan { method: "GET".to_owned(), path, body: None });
    }
}

/// Follows records through what would be done with them.
pub(super) struct Forecast<'a> {
    pub(super) mapping: &'a Mapping,
    /// None where GHL is not to be asked.
    pub(super) ghl: Option<&'a dyn Directory>,
    /// Whether contacts are named in sentences.
    pub(super) names: bool,
    /// How many ids were made up.
    pub(super) made: usize,
}

impl Forecast<'_> {
    /// Follows one record to its end. `home` is the contact of a task or note, or why there is none; `shared` as of
    /// [`is_shared`].
    pub(super) async fn follow(
        &mut self,
        record: &mut SourceRecord,
        home: Result<&ContactId, &'static str>,
        shared: bool,
        course: &mut Course,
    ) -> Result<(), GhlError> {
        let (kind, fields_before) = (record.key.kind, course.fields.len());
        let is_new_contact = kind == RecordKind::Contact && record.ghl_contact.is_none() && !record.state.is_deleted();
        let was_at = record.ghl_contact.clone();
        let mut known = if is_new_contact { self.seek(record, course).await? } else { None };
        if course.fail.is_some() {
            return Ok(());
        }
        let mut first = true;
        for _ in 0..MOST_STEPS {
            let plan = match kind {
                RecordKind::Contact => plan::contact(record, known.as_ref(), self.mapping),
                RecordKind::Task | RecordKind::Note => plan::child(record, home, known.as_ref(), self.mapping),
            };
            if std::mem::take(&mut first) || known.is_some() && course.fields.len() == fields_before {
                course.fields.extend(plan.fields.clone());
            }
            match plan.next {
                Next::Write(planned) if shared && matches!(planned.write, Write::DeleteContact { .. }) => {
                    course.nothing = Some(plan::SHARED.to_owned());
                    break;
                }
                Next::Write(planned) => self.take_as_done(record, &mut known, *planned, course),
                Next::Read => {
                    course.fields.truncate(fields_before);
                    course.read(path_of(record));
                    match self.ghl {
                        Some(ghl) => match held(ghl, record).await? {
                            Some(found) => known = Some(found),
                            None => lose(record),
                        },
                        // Whatever GHL holds, it takes no more than one.
                        None => {
                            course.cost.writes += 1;
                            return Ok(());
                        }
                    }
                }
                Next::Settled(why) => {
                    record.delivered = plan.delivered;
                    record.verify = false;
                    course.nothing = why.map(str::to_owned).or(course.nothing.take());
                    break;
                }
                Next::Wait(why) => {
                    course.wait = Some(why.to_owned());
                    break;
                }
                Next::Refuse(problem) => {
                    course.fail = Some(format!("{} {}", problem.detail, told(&problem.errors)).trim().to_owned());
                    break;
                }
            }
        }
        if kind == RecordKind::Contact && known.is_none() {
            self.show_what_stands(was_at.as_ref(), record, course, fields_before).await?;
        }
        Ok(())
    }

    /// Looks for the contact as carrying it out would: before it is written where GHL has a say in it, and again with the
    /// write itself, so that nobody is made twice.
    async fn seek(&mut self, record: &mut SourceRecord, course: &mut Course) -> Result<Option<Held>, GhlError> {
        let times = if is_careful(record, self.mapping) { 2 } else { 1 };
        let found = match self.ghl {
            Some(ghl) => find(ghl, &record.location, record).await?,
            None => Found::Nobody,
        };
        let once = matches!(found, Found::One(..));
        for name in std::iter::repeat_n(["email", "phone"], if once { 1 } else { times }).flatten() {
            let given = record.state.field(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
            if given {
                let parameter = if name == "email" { "email" } else { "number" };
                course.read(format!("/contacts/search/duplicate?{parameter}={{{name}}}"));
            }
        }
        match found {
            Found::Nobody => Ok(None),
            Found::Two(by_email, by_phone) => {
                let whose = if self.names {
                    format!("the e-mail address is that of contact {by_email}, the phone that of contact {by_phone}")
                } else {
                    "the e-mail address is that of one contact, the phone that of another".to_owned()
                };
                course.fail = Some(format!(
                    "{whose}: the write would fail, and POST /v1/operations/{{operationId}}/resolve says which is meant"
                ));
                Ok(None)
            }
            Found::One(contact, by) => {
                course.found_by = Some(by);
                record.ghl_id = Some(contact.id.to_string());
                record.ghl_contact = Some(contact.id.clone());
                if times == 1 {
                    // The write finds it, and what it left is looked at.
                    course.read(path_of(record));
                }
                Ok(Some(Held::of_contact(&contact)))
            }
        }
    }

    fn take_as_done(
        &mut self,
        record: &mut SourceRecord,
        known: &mut Option<Held>,
        done: Planned,
        course: &mut Course,
    ) {
        course.calls.push(call(&done.write, &record.location));
        course.cost.writes += 1;
        match &done.write {
            Write::DeleteContact { .. } | Write::DeleteNote { .. } | Write::DeleteTask { .. } => {
                lose(record);
                *known = None;
                return;
            }
            Write::CreateContact { .. } | Write::UpsertContact { .. } => {
                self.made += 1;
                let id = format!("{NEW}{}", self.made);
                record.ghl_contact = ContactId::parse(&id).ok();
                record.ghl_id = Some(id);
            }
            Write::CreateNote { contact, .. } | Write::CreateTask { contact, .. } => {
                self.made += 1;
                record.ghl_contact = Some(contact.clone());
                record.ghl_id = Some(format!("{NEW}{}", self.made));
            }
            Write::UpdateContact { .. }
            | Write::UpdateNote { .. }
            | Write::UpdateTask { .. }
            | Write::CompleteTask { .. }
            | Write::AddTags { .. }
            | Write::RemoveTags { .. } => {}
        }
        if let Some(held) = known {
            held.apply(&done.write, &done.then);
        }
        record.delivered = done.then;
    }

    /// What is written over is shown as it stands, not as we left it.
    async fn show_what_stands(
        &self,
        was_at: Option<&ContactId>,
        record: &SourceRecord,
        course: &mut Course,
        from: usize,
    ) -> Result<(), GhlError> {
        let set = course.fields.iter().skip(from).any(|field| field.action == FieldAction::Set);
        let (Some(ghl), Some(id), true) = (self.ghl, was_at.filter(|id| !is_new(id)), set) else { return Ok(()) };
        let Some(contact) = ghl.contact(&record.location, id).await? else { return Ok(()) };
        let stands = Held::of_contact(&contact);
        for field in course.fields.iter_mut().skip(from) {
            match field.field.as_str() {
                "tags" => field.from = json!(stands.tags),
                name => field.from = stands.value(name).cloned().unwrap_or_default(),
            }
        }
        Ok(())
    }
}

fn lose(record: &mut SourceRecord) {
    (record.ghl_id, record.ghl_contact) = (None, None);
    record.delivered = Delivered::default();
}

/// Whether GHL has given no such id yet.
pub(super) fn is_new(contact: &ContactId) -> bool {
    contact.as_str().starts_with(NEW)
}

fn shown(id: &str, as_new: &str) -> String {
    if id.starts_with(NEW) { as_new.to_owned() } else { id.to_owned() }
}

fn contact_path(contact: &ContactId) -> String {
    format!("/contacts/{}", shown(contact.as_str(), "{contactId}"))
}

fn task_path(contact: &ContactId, task: &TaskId) -> String {
    format!("{}/tasks/{}", contact_path(contact), shown(task.as_str(), "{taskId}"))
}

fn note_path(contact: &ContactId, note: &NoteId) -> String {
    format!("{}/notes/{}", contact_path(contact), shown(note.as_str(), "{noteId}"))
}

fn path_of(record: &SourceRecord) -> String {
    let contact = record.ghl_contact.as_ref().map(contact_path).unwrap_or_default();
    let id = record.ghl_id.as_deref().unwrap_or_default();
    match record.key.kind {
        RecordKind::Contact => contact,
        RecordKind::Task => format!("{contact}/tasks/{}", shown(id, "{taskId}")),
        RecordKind::Note => format!("{contact}/notes/{}", shown(id, "{noteId}")),
    }
}

/// The call that a write is.
fn call(write: &Write, location: &LocationId) -> CallPlan {
    let plain = |fields: &Fields| Some(Value::Object(fields.as_map().clone()));
    let (method, path, body) = match write {
        Write::CreateContact { fields } | Write::UpsertContact { fields } => {
            let mut body = fields.as_map().clone();
            body.insert("locationId".to_owned(), location.as_str().into());
            ("POST", "/contacts/".to_owned(), Some(Value::Object(body)))
        }
        Write::UpdateContact { contact, fields } => ("PUT", contact_path(contact), plain(fields)),
        Write::DeleteContact { contact } => ("DELETE", contact_path(contact), None),
        Write::CreateNote { contact, fields } => ("POST", format!("{}/notes", contact_path(contact)), plain(fields)),
        Write::UpdateNote { contact, note, fields } => ("PUT", note_path(contact, note), plain(fields)),
        Write::DeleteNote { contact, note } => ("DELETE", note_path(contact, note), None),
        Write::CreateTask { contact, fields } => ("POST", format!("{}/tasks", contact_path(contact)), plain(fields)),
        Write::UpdateTask { contact, task, fields } => ("PUT", task_path(contact, task), plain(fields)),
        Write::CompleteTask { contact, task, completed } => {
            ("PUT", format!("{}/completed", task_path(contact, task)), Some(json!({ "completed": completed })))
        }
        Write::DeleteTask { contact, task } => ("DELETE", task_path(contact, task), None),
        Write::AddTags { contact, tags } => {
            ("POST", format!("{}/tags", contact_path(contact)), Some(json!({ "tags": tags })))
        }
        Write::RemoveTags { contact, tags } => {
            ("DELETE", format!("{}/tags", contact_path(contact)), Some(json!({ "tags": tags })))
        }
    };
    CallPlan { method: method.to_owned(), path, body }
}
