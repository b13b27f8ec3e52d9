//! A contact as a test or the seed describes it, before it is one.

use std::time::Duration;

use serde_json::{Map, Value};

/// Describes a contact. Everything is optional:
///
/// ```
/// use ghl_sandbox::{ContactSeed, TaskSeed};
/// let contact = ContactSeed::new()
///     .name("Dana", "Ortiz")
///     .email("dana@example.com")
///     .ip("81.2.69.142")
///     .tags(["newsletter"])
///     .note("Asked for a call back")
///     .task(TaskSeed::due_in_hours("Call back", -24));
/// assert_eq!(contact.email.as_deref(), Some("dana@example.com"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ContactSeed {
    /// Generated if absent.
    pub id: Option<String>,
    /// Location 1 if absent.
    pub location: Option<String>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Email address.
    pub email: Option<String>,
    /// E.164 phone number.
    pub phone: Option<String>,
    /// ISO-2 country, as typed in the CRM.
    pub country: Option<String>,
    /// IANA time zone, as typed in the CRM.
    pub timezone: Option<String>,
    /// Tags, stored as given; `None` is an explicit null.
    pub tags: Option<Vec<String>>,
    /// `attributionSource.ip`, verbatim, nonsense included.
    pub attribution_ip: Option<String>,
    /// `lastAttributionSource.ip`, verbatim.
    pub last_attribution_ip: Option<String>,
    /// Other plain fields by GHL's by-id names: `city`, `companyName`, `businessId` …
    pub fields: Map<String, Value>,
    /// (field id, value)
    pub custom_fields: Vec<(String, Value)>,
    /// Shown as `additionalEmails`.
    pub additional_emails: Vec<String>,
    /// Notes, newest first.
    pub notes: Vec<NoteSeed>,
    /// Tasks.
    pub tasks: Vec<TaskSeed>,
    /// Appointments.
    pub appointments: Vec<AppointmentSeed>,
    /// How long ago the contact was added.
    pub age: Duration,
    /// Raw JSON members merged over the by-id and search shapes.
    pub extra: Map<String, Value>,
}

/// A note to come.
#[derive(Clone, Debug, Default)]
pub struct NoteSeed {
    /// Text or HTML.
    pub body: String,
    /// How long ago it was written.
    pub age: Duration,
    /// Title, if any.
    pub title: Option<String>,
}

/// A task to come.
#[derive(Clone, Debug, Default)]
pub struct TaskSeed {
    /// Title.
    pub title: String,
    /// Body, if any.
    pub body: Option<String>,
    /// Hours from now; negative is overdue.
    pub due_in_hours: i64,
    /// Done?
    pub completed: bool,
}

impl TaskSeed {
    /// An open task.
    pub fn due_in_hours(title: impl Into<String>, hours: i64) -> Self {
        Self { title: title.into(), due_in_hours: hours, ..Self::default() }
    }

    /// The same task, done.
    #[must_use]
    pub fn completed(mut self) -> Self {
        self.completed = true;
        self
    }
}

/// An appointment to come.
#[derive(Clone, Debug)]
pub struct AppointmentSeed {
    /// Title.
    pub title: String,
    /// Hours from now to its start; negative is past.
    pub starts_in_hours: i64,
    /// Minutes.
    pub minutes: i64,
    /// `new, confirmed, cancelled, showed, noshow, invalid`
    pub status: String,
}

impl AppointmentSeed {
    /// A confirmed half hour.
    pub fn starts_in_hours(title: impl Into<String>, hours: i64) -> Self {
        Self { title: title.into(), starts_in_hours: hours, minutes: 30, status: "confirmed".to_owned() }
    }

    /// Another status.
    #[must_use]
    pub fn status(mut self, status: impl Into<String>) -> Self {
        self.status = status.into();
        self
    }
}

impl ContactSeed {
    /// A contact of location 1 with no tags and no address.
    pub fn new() -> Self {
        Self { tags: Some(Vec::new()), ..Self::default() }
    }

    /// This id in place of a generated one.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Another location.
    #[must_use]
    pub fn location(mut self, location: impl Into<String>) -> Self {
        self.location = Some(location.into());
        self
    }

    /// First and last name.
    #[must_use]
    pub fn name(mut self, first: impl Into<String>, last: impl Into<String>) -> Self {
        (self.first_name, self.last_name) = (Some(first.into()), Some(last.into()));
        self
    }

    /// Email address.
    #[must_use]
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// One more email address, beside the primary one.
    #[must_use]
    pub fn additional_email(mut self, email: impl Into<String>) -> Self {
        self.additional_emails.push(email.into());
        self
    }

    /// Phone number.
    #[must_use]
    pub fn phone(mut self, phone: impl Into<String>) -> Self {
        self.phone = Some(phone.into());
        self
    }

    /// Country as typed in the CRM.
    #[must_use]
    pub fn country(mut self, country: impl Into<String>) -> Self {
        self.country = Some(country.into());
        self
    }

    /// Time zone as typed in the CRM.
    #[must_use]
    pub fn timezone(mut self, timezone: impl Into<String>) -> Self {
        self.timezone = Some(timezone.into());
        self
    }

    /// Tags.
    #[must_use]
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// `tags: null`.
    #[must_use]
    pub fn null_tags(mut self) -> Self {
        self.tags = None;
        self
    }

    /// The same address in `attributionSource` and `lastAttributionSource`: a web visitor with one session.
    #[must_use]
    pub fn ip(self, ip: impl Into<String>) -> Self {
        let ip = ip.into();
        self.attribution_ip(ip.clone()).last_attribution_ip(ip)
    }

    /// `attributionSource.ip`
    #[must_use]
    pub fn attribution_ip(mut self, ip: impl Into<String>) -> Self {
        self.attribution_ip = Some(ip.into());
        self
    }

    /// `lastAttributionSource.ip`
    #[must_use]
    pub fn last_attribution_ip(mut self, ip: impl Into<String>) -> Self {
        self.last_attribution_ip = Some(ip.into());
        self
    }

    /// A plain field by its by-id name.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// A custom field's value.
    #[must_use]
    pub fn custom_field(mut self, id: impl Into<String>, value: impl Into<Value>) -> Self {
        self.custom_fields.push((id.into(), value.into()));
        self
    }

    /// One more note, an hour older than the one before.
    #[must_use]
    pub fn note(mut self, body: impl Into<String>) -> Self {
        let age = Duration::from_secs(3_600 * (self.notes.len() as u64 + 1));
        self.notes.push(NoteSeed { body: body.into(), age, title: None });
        self
    }

    /// So many notes more.
    #[must_use]
    pub fn with_notes(mut self, count: usize) -> Self {
        for number in 1..=count {
            self = self.note(format!("Note {number}"));
        }
        self
    }

    /// A note with its age and title.
    #[must_use]
    pub fn note_seed(mut self, note: NoteSeed) -> Self {
        self.notes.push(note);
        self
    }

    /// One more task.
    #[must_use]
    pub fn task(mut self, task: TaskSeed) -> Self {
        self.tasks.push(task);
        self
    }

    /// One more appointment.
    #[must_use]
    pub fn appointment(mut self, appointment: AppointmentSeed) -> Self {
        self.appointments.push(appointment);
        self
    }

    /// Added so long ago.
    #[must_use]
    pub fn age(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }

    /// A raw JSON member over the by-id and search shapes: `attributionSource` included.
    #[must_use]
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(name.into(), value.into());
        self
    }
}
