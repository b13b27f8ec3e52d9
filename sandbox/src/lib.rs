//! A local stand-in for the GoHighLevel (GHL) API v2 and for the IPinfo HTTP API: both on one port, over a seeded data
//! set of believable contacts with real public addresses. It enforces what GHL enforces - version header, tokens, scopes,
//! tenants, quota, whitelists, duplicate rules, the three shapes of a contact, the search lag, the error bodies - and it
//! fails on demand. It is written from GHL's reference, not from its client, and shares no type with one.
//!
//! ```
//! # async fn example() -> std::io::Result<()> {
//! use ghl_sandbox::{Fault, FaultAction, Sandbox, SandboxConfig, tokens};
//!
//! let sandbox = Sandbox::start(SandboxConfig::default()).await?;
//! sandbox.inject(Fault::new("ghl.notes", FaultAction::Html502).times(1));
//! let url = format!("{}/contacts/{}", sandbox.base_url(), tokens::EXAMPLE_CONTACT);
//! // … point a client at it …
//! assert_eq!(sandbox.calls().count("ghl.contact"), 0);
//! # drop(url); Ok(()) }
//! ```
//!
//! # Names and tokens
//!
//! The constants of [`tokens`] are the same in every sandbox; [`examples`] names one contact for each oddity.
//!
//! | token | is for |
//! |---|---|
//! | `pit-00000000-0000-4000-8000-000000000001` | location `sandboxLocation00001`, all scopes |
//! | `pit-00000000-0000-4000-8000-000000000002` | location `sandboxLocation00002`, all scopes |
//! | `pit-00000000-0000-4000-8000-000000000003` | location 1, `contacts.readonly` only: 401 on every write |
//! | `pit-00000000-0000-4000-8000-000000000004` | the agency: 401 scope on contacts, 401 user type on locations |
//! | `pit-00000000-0000-4000-8000-000000000005` | location 1, `locations.readonly` only: 401 on contacts |
//! | `sandbox.oauth-location-1.access` | location 1, an OAuth access token |
//! | `sandbox.oauth-company.access` | the agency, OAuth: 401 class on contacts; makes tokens of its locations |
//! | `sandbox.oauth-expired.access` | 401 `Invalid JWT` |
//! | `sandboxipinfo1`, `sandboxiplite1` | IPinfo: every product; Lite and legacy only |
//!
//! # Endpoint names
//!
//! Counters and faults use these: `ghl.contact`, `ghl.contacts_list`, `ghl.contact_create`, `ghl.contact_update`,
//! `ghl.contact_upsert`, `ghl.contact_delete`, `ghl.search`, `ghl.duplicate`, `ghl.business_contacts`, `ghl.notes`,
//! `ghl.note`, `ghl.note_create`, `ghl.note_update`, `ghl.note_delete`, `ghl.tasks`, `ghl.task`, `ghl.task_create`,
//! `ghl.task_update`, `ghl.task_complete`, `ghl.task_delete`, `ghl.appointments`, `ghl.tags_add`, `ghl.tags_remove`,
//! `ghl.bulk_tags`, `ghl.bulk_business`, `ghl.followers_add`, `ghl.followers_remove`, `ghl.campaign_add`,
//! `ghl.campaign_remove`, `ghl.campaign_clear`, `ghl.workflow_add`, `ghl.workflow_remove`, `ghl.location`,
//! `ghl.custom_fields`, `ghl.location_tags`, `ghl.tasks_search`; `oauth.authorize`, `oauth.token`, `oauth.token_refresh`,
//! `oauth.location_token`, `oauth.installed_locations`, `oauth.reconnect`; `ipinfo.lite`, `ipinfo.lookup`, `ipinfo.legacy`, `ipinfo.resproxy`,
//! `ipinfo.batch`, `ipinfo.me`, `ipinfo.data`, `ipinfo.checksums`.
//!
//! `ghl.writes` stands for every GHL endpoint that changes something (scope `contacts.write`), in faults alone.
//!
//! A request that none of them covers is answered 501 and remembered in [`Calls::unexpected`].
//!
//! # OAuth
//!
//! `GET /oauth/chooselocation` (also under `/v2`) consents by itself, for location 1 unless `POST /__sandbox/oauth` or
//! `sandbox_consent=` in the query says otherwise, and redirects with a code. `POST /oauth/token` takes codes and refresh
//! tokens, in snake case or, under `Version: v3`, in camel case; `POST /oauth/locationToken`,
//! `GET /oauth/installedLocations`, v3's `/oauth/location-token` and `/oauth/installed-locations`, and
//! `POST /oauth/reconnect` are there as well. At first the app is installed nowhere: consent installs it, for the agency in
//! all its locations. A fault's `contact` is the location or agency here, where the request tells it.
//!
//! # Control API
//!
//! Under `/__sandbox/`, JSON, without authentication and never counted: GET `calls`, POST `reset`, GET, POST and DELETE
//! `faults`, GET and POST `clock` (`{"advanceSeconds": 60}`), GET `contacts?locationId=`, GET `state`, POST
//! `locations/{id}` (`{"allowDuplicateContact": true}`), GET `writes?contactId=&endpoint=&after=`, POST `quota`
//! (`{"locationId": "…", "dayLeft": 0}`), GET and POST `oauth` (`{"consent": "company"}`, `install`, `uninstall`, `revoke`,
//! `suspend`, `resume` with a location's id or `company`; `accessTokenSeconds`, `refreshGraceSeconds`, `refreshRefusal`).
//!
//! # Faults in the middle of a write
//!
//! | what | fault |
//! |---|---|
//! | carried out, the answer lost | `{"kind": "appliedButLost"}` |
//! | connection lost, carried out some time later | `{"kind": "lateApply", "delayMs": 500}` |
//! | carried out at once, answered late | `{"kind": "slowAnswer", "delayMs": 500}` |
//! | carried out late, answered then | `{"kind": "latency", "ms": 500}` |
//! | contact made, answered 422 | `{"kind": "createdBut422"}` |
//! | connection reset, not carried out | `{"kind": "reset"}` |
//! | refused for a while, whatever the quota | `{"kind": "tooManyRequests"}` with `"lastsMs": 30000` |
//! | the day's quota spent | POST `quota` |
//!
//! Each takes `endpoint` (`"ghl.writes"` for all writes), `times`, `probability` (seeded: `0.1` loses the answer of every
//! tenth) and, over HTTP, `lastsMs`, counted by the sandbox's clock. `writes` lists what was carried out, in order.
//!
//! # Webhooks
//!
//! Every change makes the events that GHL would send, whoever made it: a request, the control API, or a test by
//! [`Sandbox::edit_contact`], [`Sandbox::add_note`] and their like, which need no HTTP and no quota. Seeding and
//! [`Sandbox::add_contact`] make none. Events go into a log ([`Sandbox::webhook_events`]) and, signed, to every
//! receiver: [`SandboxConfig::webhook_url`], [`Sandbox::webhooks_to`] or POST `webhooks`. [`tokens::WEBHOOK_PUBLIC_KEY`]
//! verifies `X-GHL-Signature`. A [`WebhookPlan`] says how many are doubled, held back and delayed, how a failure is
//! retried, and when the circuit breaker opens.
//!
//! | change | events |
//! |---|---|
//! | contact created | `ContactCreate` |
//! | contact updated or upserted | `ContactUpdate`; `ContactTagUpdate` and `ContactDndUpdate` where these differ |
//! | inbound do-not-disturb or file fields alone | none |
//! | tags added or removed, one contact or many | `ContactTagUpdate` with all its tags, where they differ |
//! | followers, campaigns, workflows, business | `ContactUpdate` |
//! | contact deleted | `ContactDelete`, and none for what hung on it |
//! | note | `NoteCreate`, `NoteUpdate`, `NoteDelete` |
//! | task | `TaskCreate` (without contact and body), `TaskComplete` when it becomes complete, `TaskDelete` |
//! | task edited or opened again | none |
//! | app installed or uninstalled, the agency and each location | `INSTALL`, `UNINSTALL` |
//! | appointment, by the control API | `AppointmentCreate`, `AppointmentUpdate`, `AppointmentDelete` |
//!
//! Control API: GET, POST and DELETE `webhooks`, GET `webhooks/events?after=&limit=`, GET `webhooks/keys`, POST
//! `webhooks/emit`, `webhooks/resend`, `webhooks/pause` and `webhooks/resume`; POST `appointments`, PUT and DELETE
//! `appointments/{id}`.
//!
//! # Where the reference leaves a choice
//!
//! - A webhook that is tried again is the same to the byte: `timestamp` is that of the change, by the sandbox's clock.
//!   Delays, time-outs and back-off are real time.
//! - A paused receiver's events are held, and sent by `webhooks/resend` alone. The breaker counts requests.
//! - A contact's event leaves out what the contact has not; a field is not null.
//! - The burst window opens with the first request ([`QuotaWindow`]); the day ends at midnight UTC of the sandbox's clock.
//! - A missing `locationId`: 422 in a body and on the first page of the list, 403 with a cursor and in other queries.
//! - After a write, a search shows the old record for four tenths of the lag, then none, then the new one.
//! - An empty custom-field value clears text and choices and is ignored for numbers and dates; unknown fields are dropped.
//! - A wrong client is told what a wrong code is; a code outlives a wrong client or redirect, and what a token is for was
//!   decided by the consent, not by `user_type`. Before v3 a dead refresh token is `invalid_grant`, 400 or 401 as told.
//! - The form of the answers of the two agency routes follows from the path, the token endpoint's from the version.
//! - Revoking an agency's tokens leaves those of its locations alive; ending its installation ends theirs.
//! - Of two upsert matches the second keeps its identifier: it is not copied to the first.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod calls;
mod clock;
mod config;
mod control;
mod dispatch;
pub mod examples;
mod faults;
mod ghl;
mod ipinfo;
mod journal;
mod model;
mod oauth;
mod rng;
mod seed;
mod server;
mod state;
pub mod tokens;
mod transport;
mod webhooks;
mod wire;

pub use calls::Calls;
pub use config::{IpinfoPlan, QuotaProfile, QuotaWindow, SandboxConfig};
pub use faults::{Fault, FaultAction};
pub use journal::AppliedWrite;
pub use oauth::{Consent, InstallationChange, OAuthCounts, TokenPair};
pub use seed::contact::{AppointmentSeed, ContactSeed, NoteSeed, TaskSeed};
pub use server::Sandbox;
pub use webhooks::signature as webhook_signature;
pub use webhooks::{Refused, WebhookCounts, WebhookDelivery, WebhookEvent, WebhookFate, WebhookPlan, WebhookSigning};
