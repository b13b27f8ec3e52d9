//! The way of addresses through the backends: who was tried, what came of it, and the answer or the failure in the end.

use super::{
    IpLookup, Looked,
    api::{Api, ApiAnswer, Departure, How},
    embedded,
    error::{ApiError, LookupError},
    facts::{Facts, Subject},
    mmdb::Mmdb,
};
use crate::{
    domain::{
        address::classify,
        ip::{Backend, Provider, Scope},
    },
    settings::BackendChoice,
    upstream::CallContext,
};
use jiff::Timestamp;
use serde::Serialize;
use std::{borrow::Cow, net::IpAddr, sync::Arc, time::Duration};
use tokio::time::Instant;
use utoipa::ToSchema;

/// One backend's try to answer, for `explain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendTry {
    /// The backend.
    pub backend: Backend,
    /// What came of it.
    pub outcome: TryOutcome,
    /// How long it took.
    pub took: Duration,
    /// The plan that answered, or why it failed; never the address.
    pub detail: Option<Cow<'static, str>>,
}

/// What came of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TryOutcome {
    /// It knew something.
    Answered,
    /// It knew nothing.
    Miss,
    /// It failed.
    Failed,
    /// It was not asked: it lacks a token or a file, or is left alone after a rejection.
    Skipped,
}

impl TryOutcome {
    /// The word used in metrics and `explain`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Miss => "miss",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// One address on its way.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) address: IpAddr,
    trail: Vec<BackendTry>,
    answer: Option<Answered>,
    /// The first failure, if any backend failed.
    failure: Option<LookupError>,
}

/// What a backend knew.
#[derive(Debug)]
struct Answered {
    backend: Backend,
    facts: Arc<Facts>,
    plan: Option<Cow<'static, str>>,
    built_at: Option<Timestamp>,
    from_cache: bool,
}

impl Run {
    pub(super) const fn new(address: IpAddr) -> Self {
        Self { address, trail: Vec::new(), answer: None, failure: None }
    }

    /// The answer, or the first failure. Nothing known without a failure is an answer too: that nothing is known.
    pub(super) fn finish(self, subject: Subject) -> Result<Looked, LookupError> {
        let Self { trail, answer, failure, .. } = self;
        let answer = match (answer, &failure) {
            (Some(answer), _) => answer,
            (None, Some(failure)) => return Err(failure.clone()),
            (None, None) => Answered::nothing(&trail),
        };
        let provider = Provider {
            backend: answer.backend,
            plan: answer.plan.map(Cow::into_owned),
            precision: answer.facts.precision(),
            database_built_at: answer.built_at,
            degraded: failure.is_some(),
        };
        let facts = Arc::unwrap_or_clone(answer.facts);
        let intelligence = Arc::new(facts.about(subject, provider));
        Ok(Looked { intelligence, trail, from_cache: answer.from_cache })
    }

    fn is_open(&self) -> bool {
        self.answer.is_none()
    }

    fn tried(&mut self, backend: Backend, outcome: TryOutcome, took: Duration, detail: Option<Cow<'static, str>>) {
        self.trail.push(BackendTry { backend, outcome, took, detail });
    }

    fn failed(&mut self, error: LookupError) {
        self.failure.get_or_insert(error);
    }
}

impl Answered {
    /// The answer where every backend that was asked knew nothing: the last of them says so.
    fn nothing(trail: &[BackendTry]) -> Self {
        let last = trail.iter().rev().find(|one| one.outcome == TryOutcome::Miss);
        let backend = last.map_or(Backend::Local, |one| one.backend);
        Self { backend, facts: Arc::default(), plan: None, built_at: None, from_cache: false }
    }
}

impl IpLookup {
    /// Takes distinct canonical addresses through the backends; in their order.
    pub(super) async fn run(&self, addresses: Vec<IpAddr>, departure: Departure, context: &CallContext) -> Vec<Run> {
        let mut runs: Vec<Run> = addresses.into_iter().map(Run::new).collect();
        runs.iter_mut().for_each(answer_locally);
        for choice in &self.inner.order {
            let mut open: Vec<&mut Run> = runs.iter_mut().filter(|run| run.is_open()).collect();
            if open.is_empty() {
                break;
            }
            match (choice, &self.inner.mmdb, &self.inner.api) {
                (BackendChoice::Mmdb, Some(mmdb), _) => open.iter_mut().for_each(|run| ask_mmdb(mmdb, run)),
                (BackendChoice::Mmdb, None, _) => skip(&mut open, Backend::Mmdb, "no file is set"),
                (BackendChoice::Api, _, Some(api)) => ask_api(api, &mut open, departure, context).await,
                (BackendChoice::Api, _, None) => skip(&mut open, Backend::Api, "no token is set"),
                (BackendChoice::Embedded, _, _) => open.iter_mut().for_each(|run| ask_embedded(run)),
            }
        }
        let tries = runs.iter().flat_map(|run| &run.trail);
        tries.for_each(|one| self.inner.metrics.ip_lookup(one.backend, one.outcome.as_str()));
        runs
    }
}

/// A reserved address leaves the process nowhere: its kind is all there is to know.
fn answer_locally(run: &mut Run) {
    if classify(run.address) == Scope::Global {
        return;
    }
    run.tried(Backend::Local, TryOutcome::Answered, Duration::ZERO, None);
    run.answer = Some(Answered {
        backend: Backend::Local,
        facts: Arc::default(),
        plan: None,
        built_at: None,
        from_cache: false,
    });
}

fn skip(runs: &mut [&mut Run], backend: Backend, why: &'static str) {
    for run in runs {
        run.tried(backend, TryOutcome::Skipped, Duration::ZERO, Some(why.into()));
    }
}

fn ask_mmdb(mmdb: &Mmdb, run: &mut Run) {
    let started = Instant::now();
    let found = mmdb.look_up(run.address);
    let took = started.elapsed();
    match found {
        Ok(Some(found)) => {
            run.tried(Backend::Mmdb, TryOutcome::Answered, took, None);
            run.answer = Some(Answered {
                backend: Backend::Mmdb,
                facts: Arc::new(found.facts),
                plan: Some(Cow::Owned(found.database_type.to_string())),
                built_at: found.built_at,
                from_cache: false,
            });
        }
        Ok(None) => run.tried(Backend::Mmdb, TryOutcome::Miss, took, None),
        Err(error) => {
            run.tried(Backend::Mmdb, TryOutcome::Failed, took, Some(error.code().into()));
            run.failed(error);
        }
    }
}

async fn ask_api(api: &Api, runs: &mut [&mut Run], departure: Departure, context: &CallContext) {
    let addresses: Vec<IpAddr> = runs.iter().map(|run| run.address).collect();
    let answers = api.look_up(&addresses, departure, context).await;
    for (run, answer) in runs.iter_mut().zip(answers) {
        take_api_answer(run, answer);
    }
}

fn take_api_answer(run: &mut Run, answer: ApiAnswer) {
    let ApiAnswer { result, how, took } = answer;
    match result {
        Ok(facts) if facts.says_nothing() => {
            run.tried(Backend::Api, TryOutcome::Miss, took, facts.plan.map(Cow::Borrowed));
        }
        Ok(facts) => {
            let plan = facts.plan.map(Cow::Borrowed);
            run.tried(Backend::Api, TryOutcome::Answered, took, plan.clone());
            let from_cache = how == How::Kept;
            run.answer = Some(Answered { backend: Backend::Api, facts, plan, built_at: None, from_cache });
        }
        Err(error) => {
            let outcome = if how == How::Held { TryOutcome::Skipped } else { TryOutcome::Failed };
            run.tried(Backend::Api, outcome, took, Some(reason(&error)));
            run.failed(error.into());
        }
    }
}

/// Why the API failed, for a trail: the code, and the status where there is one.
fn reason(error: &ApiError) -> Cow<'static, str> {
    match error.status() {
        Some(status) => format!("{} ({status})", error.code()).into(),
        None => error.code().into(),
    }
}

fn ask_embedded(run: &mut Run) {
    let started = Instant::now();
    let found = embedded::look_up(run.address);
    let took = started.elapsed();
    let Some(facts) = found else { return run.tried(Backend::Embedded, TryOutcome::Miss, took, None) };
    run.tried(Backend::Embedded, TryOutcome::Answered, took, None);
    run.answer = Some(Answered {
        backend: Backend::Embedded,
        facts: Arc::new(facts),
        plan: None,
        built_at: None,
        from_cache: false,
    });
}
