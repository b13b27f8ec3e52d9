//! One enrichment: the contact as it is now, the rules, the difference, the writes.

use super::{document::Document, evaluate::shown, fields::update_body, plan::plan, rule_set::RuleSet};
use crate::{
    domain::{
        ids::{ContactId, LocationId, OperationId},
        operation::{Idempotency, Operation, OperationState, Requester, Submission, Submitted},
        problem::{Problem, ProblemKind},
        profile::{Include, ProblemReport},
        rules::{EnrichmentOperation, EnrichmentPlan, EnrichmentReport, RuleOutcome},
        write::{Fields, Tag, Write},
    },
    profiles::{ContactKey, ProfileRequest, Profiles},
    store::Reservation,
    tasks::Tasks,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};
use tokio::time::Instant;

/// An answer of one of the parts.
type Answer<'a, T> = BoxFuture<'a, Result<T, Problem>>;

/// What enrichment needs of the durable writes.
pub trait Writes: fmt::Debug + Send + Sync {
    /// Puts a write into the store.
    fn submit(&self, submission: Submission) -> Answer<'_, Submitted>;

    /// The operation once it has ended, or as it stands at `until`.
    fn wait(&self, id: OperationId, until: Instant) -> Answer<'_, Operation>;

    /// Takes an idempotency key for an enrichment, which is several writes.
    fn reserve(&self, key: Idempotency) -> Answer<'_, Reservation>;

    /// Stores the answer under a reserved key; `None` gives the key back.
    fn answer(&self, key: Idempotency, answer: Option<Value>) -> Answer<'_, ()>;
}

/// What enrichment needs of the profiles.
pub trait Contacts: fmt::Debug + Send + Sync {
    /// A profile as JSON whose contact was read from GHL no earlier than this was asked.
    fn current(&self, key: ContactKey, include: Include, deadline: Instant) -> Answer<'_, Bytes>;

    /// A profile as JSON, as it is shown to who makes this request.
    fn shown(&self, request: ProfileRequest) -> Answer<'_, Bytes>;
}

impl Contacts for Profiles {
    /// The contact alone is read anew; the other parts may be as old as the settings say.
    fn current(&self, key: ContactKey, include: Include, deadline: Instant) -> Answer<'_, Bytes> {
        Box::pin(async move {
            let mut request = ProfileRequest {
                key,
                include: Include::NOTHING,
                require: Vec::new(),
                ip: None,
                max_age: Some(Duration::ZERO),
                deadline,
                traceparent: None,
            };
            let contact = self.get(&request).await?;
            if include == Include::NOTHING {
                return Ok(contact.document.body.clone());
            }
            check_current(&parse(&contact.document.body)?)?;
            (request.include, request.max_age) = (include, None);
            self.shown(request).await
        })
    }

    fn shown(&self, request: ProfileRequest) -> Answer<'_, Bytes> {
        Box::pin(async move { Ok(self.get(&request).await?.document.body.clone()) })
    }
}

impl RuleSet {
    /// How each rule comes out for the profile that a request shows, whatever it includes; writes nothing.
    ///
    /// # Errors
    /// Where there is no such profile.
    pub async fn explain(&self, contacts: &dyn Contacts, request: ProfileRequest) -> Result<Vec<RuleOutcome>, Problem> {
        if self.names().next().is_none() {
            return Ok(Vec::new());
        }
        let include = request.include.and(self.include());
        self.evaluate(&parse(&contacts.shown(ProfileRequest { include, ..request }).await?)?)
    }
}

/// A request to evaluate the rules for a contact, and to write the difference.
#[derive(Debug, Clone, PartialEq)]
pub struct EnrichmentRequest {
    /// Whose contact.
    pub location: LocationId,
    /// Which contact.
    pub contact: ContactId,
    /// Whether to answer what would be written, and write nothing.
    pub dry_run: bool,
    /// Only these rules, by name.
    pub rules: Option<Vec<String>>,
    /// Who asks.
    pub requester: Requester,
    /// Under which key. A dry run needs none: it writes nothing.
    pub idempotency: Option<Idempotency>,
    /// When it must be answered.
    pub deadline: Instant,
}

/// Evaluates rules and writes what they yield. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Enrichment {
    rules: RuleSet,
    contacts: Arc<dyn Contacts>,
    writes: Arc<dyn Writes>,
    tasks: Tasks,
}

impl Enrichment {
    /// Over its parts.
    #[must_use]
    pub fn new(rules: RuleSet, contacts: Arc<dyn Contacts>, writes: Arc<dyn Writes>, tasks: Tasks) -> Self {
        Self { rules, contacts, writes, tasks }
    }

    /// The rules.
    #[must_use]
    pub const fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Evaluates the rules and, unless it is a dry run, writes the difference and waits for it up to the deadline. Runs
    /// to its end whoever hangs up.
    ///
    /// # Errors
    /// `validation-failed` for rules that do not exist; the contact's problem; the store's; those of idempotency keys.
    pub async fn run(&self, request: EnrichmentRequest) -> Result<EnrichmentReport, Problem> {
        self.check_names(request.rules.as_deref())?;
        let this = self.clone();
        let run = self.tasks.spawn_load("enrich", async move { this.once(request).await });
        run.await.unwrap_or_else(|_| {
            Err(Problem::new(ProblemKind::Internal, "The rules could not be evaluated.")
                .with_cause("the enrichment panicked"))
        })
    }

    fn check_names(&self, wanted: Option<&[String]>) -> Result<(), Problem> {
        let known: BTreeSet<&str> = self.rules.names().collect();
        let unknown = wanted.into_iter().flatten().enumerate().filter(|(_, name)| !known.contains(name.as_str()));
        let mut problem = Problem::new(ProblemKind::ValidationFailed, "The request names rules that do not exist.");
        for (index, _) in unknown {
            problem = problem.with_error(format!("/rules/{index}"), "is no rule of this service");
        }
        if problem.errors.is_empty() { Ok(()) } else { Err(problem) }
    }

    /// Under its idempotency key: the same request again is given the first answer.
    async fn once(&self, request: EnrichmentRequest) -> Result<EnrichmentReport, Problem> {
        let Some(key) = request.idempotency.clone().filter(|_| !request.dry_run) else {
            return self.enrich(&request).await;
        };
        match self.writes.reserve(key.clone()).await? {
            Reservation::New => {}
            Reservation::UnderWay => {
                return Err(Problem::new(
                    ProblemKind::IdempotencyConflict,
                    "A request with this idempotency key is still under way.",
                ));
            }
            Reservation::Erased => {
                return Err(Problem::new(
                    ProblemKind::OperationConflict,
                    "This idempotency key came before; what was answered then was forgotten by request.",
                ));
            }
            Reservation::KeyReused => {
                return Err(Problem::new(
                    ProblemKind::IdempotencyKeyReused,
                    "This idempotency key came before with another request.",
                ));
            }
            Reservation::Answered(answer) => {
                let first: EnrichmentReport = serde_json::from_value(answer).map_err(|error| {
                    Problem::new(ProblemKind::Internal, "The first answer could not be read.")
                        .with_cause(error.to_string())
                })?;
                return Ok(EnrichmentReport { replayed: true, ..first });
            }
        }
        let report = self.enrich(&request).await;
        let answer = report.as_ref().ok().and_then(|report| serde_json::to_value(report).ok());
        if let Err(problem) = self.writes.answer(key, answer).await {
            // The writes are in the store all the same; a repetition of the request finds no difference.
            tracing::warn!(%problem, cause = problem.cause, "the answer of an enrichment could not be kept");
        }
        report
    }

    async fn enrich(&self, request: &EnrichmentRequest) -> Result<EnrichmentReport, Problem> {
        let key = ContactKey { location: request.location.clone(), contact: request.contact.clone() };
        let profile = parse(&self.contacts.current(key, self.rules.include(), request.deadline).await?)?;
        check_current(&profile)?;
        let mut report = self.report(request, &profile)?;
        if request.dry_run {
            return Ok(report);
        }
        let (mut submitted, writes) = (Vec::new(), writes(&request.contact, &report.plan));
        let wanted = writes.len();
        for write in writes {
            let submission = Submission {
                location: request.location.clone(),
                write,
                requester: request.requester.clone(),
                idempotency: None,
            };
            let taken = self.writes.submit(submission).await;
            submitted.push(taken.map_err(|problem| name_the_accepted(problem, &submitted, wanted))?.operation);
        }
        for operation in submitted {
            // What cannot be waited for is in the store all the same.
            let operation = self.writes.wait(operation.id.clone(), request.deadline).await.unwrap_or(operation);
            // A write that was done in the end has no problem any more.
            let problem = operation.problem.filter(|_| operation.state != OperationState::Done);
            report.operations.push(EnrichmentOperation {
                id: operation.id,
                state: operation.state,
                problem: problem.as_ref().map(ProblemReport::from),
            });
        }
        Ok(report)
    }

    fn report(&self, request: &EnrichmentRequest, profile: &Value) -> Result<EnrichmentReport, Problem> {
        let compiled = &self.rules.inner;
        let document = Document::read(profile, &compiled.owned)?;
        let outcomes = compiled.outcomes(&document);
        let asked = |name: &str| request.rules.as_ref().is_none_or(|rules| rules.iter().any(|rule| rule == name));
        let rules = compiled.rules.iter().zip(&outcomes).filter(|(rule, _)| asked(&rule.name));
        Ok(EnrichmentReport {
            location_id: request.location.clone(),
            contact_id: request.contact.clone(),
            dry_run: request.dry_run,
            plan: plan(compiled, &outcomes, asked, &document),
            rules: rules.map(|(rule, outcome)| shown(rule, outcome)).collect(),
            operations: Vec::new(),
            replayed: false,
        })
    }
}

/// The writes that carry a plan out, in order: what GHL's workflows start on is a tag that was added, and they should find
/// the contact as it is to be.
pub(super) fn writes(contact: &ContactId, plan: &EnrichmentPlan) -> Vec<Write> {
    // Each is folded and was checked when it was planned, or is held by the contact.
    let tags = |tags: &[String]| tags.iter().filter_map(|tag| Tag::parse(tag).ok()).collect::<Vec<_>>();
    let contact = || contact.clone();
    let mut writes = Vec::new();
    if !plan.set_fields.is_empty() {
        let body = update_body(plan.set_fields.iter().map(|change| (change.field.as_str(), &change.value)));
        writes.push(Write::UpdateContact { contact: contact(), fields: Fields(body) });
    }
    if !plan.remove_tags.is_empty() {
        writes.push(Write::RemoveTags { contact: contact(), tags: tags(&plan.remove_tags) });
    }
    if !plan.add_tags.is_empty() {
        writes.push(Write::AddTags { contact: contact(), tags: tags(&plan.add_tags) });
    }
    writes
}

/// A store that fails in the middle has taken the writes before on: whoever asked should know which.
fn name_the_accepted(problem: Problem, accepted: &[Operation], wanted: usize) -> Problem {
    if accepted.is_empty() {
        return problem;
    }
    let ids: Vec<&str> = accepted.iter().map(|operation| operation.id.as_str()).collect();
    let (count, ids) = (ids.len(), ids.join(", "));
    let told = format!("Of this enrichment's {wanted} writes {count} had been accepted and go on: {ids}.");
    Problem { detail: format!("{} {told}", problem.detail).into(), ..problem }
}

fn parse(body: &[u8]) -> Result<Value, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        Problem::new(ProblemKind::Internal, "The profile could not be read.").with_cause(error.to_string())
    })
}

/// A contact that could not be read just now may have changed since: no difference to it can be told.
fn check_current(profile: &Value) -> Result<(), Problem> {
    let report = profile.get("sections").and_then(|sections| sections.get("contact"));
    let Some(problem) = report.and_then(|report| report.get("problem")).filter(|problem| !problem.is_null()) else {
        return Ok(());
    };
    let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
    let slug = text("type").rsplit('/').next().unwrap_or_default();
    let kind = ProblemKind::ALL.iter().copied().find(|kind| kind.slug() == slug);
    let mut found = Problem::new(kind.unwrap_or(ProblemKind::UpstreamUnavailable), text("detail").to_owned());
    found.upstream = problem.get("upstream").and_then(|fault| serde_json::from_value(fault.clone()).ok());
    found.retry_after = problem.get("retryAfterSeconds").and_then(Value::as_u64).map(Duration::from_secs);
    Err(found)
}
