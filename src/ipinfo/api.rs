//! Look-ups by `IPinfo`'s API: answers kept for a while, single look-ups gathered into batches, one call for one address.
//!
//! A look-up that finds no fresh answer takes a *flight*: the first for an address books it, whoever comes later for the
//! same address waits for the same one. Booked flights wait `batch_window` for company; then they leave together, in a
//! task of their own, as one batch or, alone, as a single call. Callers only wait, so one that hangs up cancels nothing. An
//! answer is kept before its flight is struck from the board, so no caller falls between the two.

mod cache;
mod circuit;
mod client;
mod flights;
mod refusal;
#[cfg(test)]
mod tests;
mod wire;

use super::{
    credit::{Credit, Source},
    error::ApiError,
    facts::Facts,
    status::BackendStatus,
    upstreams::ApiUpstreams,
};
use crate::{
    clock::Clock,
    domain::ip::Backend,
    settings::{IpinfoSettings, Plan, secret::LiveSecret},
    tasks::Tasks,
    upstream::{CallContext, CallError},
};
use cache::AnswerCache;
use circuit::Circuit;
use client::{Client, Failed};
use flights::{Board, Landed, Passenger, Seat};
use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// `IPinfo`'s API. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Api {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: Client,
    cache: AnswerCache,
    circuit: Circuit,
    board: Mutex<Board>,
    last_error: Mutex<Option<String>>,
    tasks: Tasks,
    window: Duration,
    batch_max: usize,
    plan: Plan,
    single_timeout: Duration,
    batch_timeout: Duration,
}

/// Whether a look-up waits for company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Departure {
    /// Wait for the window to pass.
    InWindow,
    /// Leave at once: the company is here already.
    AtOnce,
}

/// What the API had to say of one address.
#[derive(Debug, Clone)]
pub(super) struct ApiAnswer {
    pub(super) result: Result<Arc<Facts>, ApiError>,
    pub(super) how: How,
    pub(super) took: Duration,
}

/// How an answer came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// From memory.
    Kept,
    /// By a call.
    Called,
    /// Not at all: the API is left alone.
    Held,
}

impl Api {
    pub(super) fn new(
        settings: &IpinfoSettings,
        token: LiveSecret,
        upstreams: ApiUpstreams,
        clock: Clock,
        tasks: Tasks,
    ) -> Self {
        let inner = Inner {
            client: Client::new(settings.plan, upstreams, token),
            cache: AnswerCache::new(settings.cache, settings.cache_max_bytes, clock),
            circuit: Circuit::new(settings.reject_hold),
            board: Mutex::default(),
            last_error: Mutex::default(),
            tasks,
            window: settings.batch_window,
            batch_max: settings.batch_max.max(1),
            plan: settings.plan,
            single_timeout: settings.timeout,
            batch_timeout: settings.batch_timeout,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Forgets the answers that are kept; says how many went.
    pub(super) fn flush(&self) -> u64 {
        self.inner.cache.flush()
    }

    /// Looks distinct canonical addresses up; answers in their order.
    pub(super) async fn look_up(
        &self,
        addresses: &[IpAddr],
        departure: Departure,
        context: &CallContext,
    ) -> Vec<ApiAnswer> {
        let started = Instant::now();
        let held = self.inner.circuit.held(&self.inner.client.token());
        let seats = self.book(addresses, departure, held.as_ref(), context);
        let mut answers = Vec::with_capacity(seats.len());
        let mut billed: Vec<Arc<Landed>> = Vec::new();
        for seat in seats {
            let (result, how) = match seat {
                Seat::Kept(facts) => (Ok(facts), How::Kept),
                Seat::Held(error) => (Err(error), How::Held),
                Seat::Flight(mut flight) => {
                    let landed = tokio::time::timeout_at(context.deadline, flights::landed(&mut flight)).await;
                    let result = match landed {
                        Ok(Some(landing)) => {
                            bill(&mut billed, &landing.flight, context);
                            landing.result
                        }
                        Ok(None) => Err(ApiError::Abandoned),
                        Err(_) => Err(ApiError::Call(CallError::Deadline)),
                    };
                    (result, How::Called)
                }
            };
            answers.push(ApiAnswer { result, how, took: started.elapsed() });
        }
        answers
    }

    /// A seat for each address, and every flight that is due sent on its way. Out of quiet one leaves at once, so that a
    /// lone look-up waits for nobody; whoever comes within the window after it travels together at the window's end.
    fn book(
        &self,
        addresses: &[IpAddr],
        departure: Departure,
        held: Option<&ApiError>,
        context: &CallContext,
    ) -> Vec<Seat> {
        let windowed = departure != Departure::AtOnce && !self.inner.window.is_zero();
        let mut board = self.board();
        let quiet = windowed && !board.window_open;
        let seats = addresses
            .iter()
            .map(|&address| match (self.inner.cache.get(address), held) {
                (Some(facts), _) => Seat::Kept(facts),
                (None, Some(error)) => Seat::Held(error.clone()),
                (None, None) => Seat::Flight(board.book(Passenger::new(address, context))),
            })
            .collect();
        let due = if windowed && !quiet { board.full(self.inner.batch_max) } else { board.all(self.inner.batch_max) };
        let window_opens = quiet && !due.is_empty();
        board.window_open |= window_opens;
        drop(board);
        for passengers in due {
            self.send_off(passengers);
        }
        if window_opens {
            self.close_window_later();
        }
        seats
    }

    fn close_window_later(&self) {
        let this = self.clone();
        self.inner.tasks.spawn_load("ipinfo.window", async move {
            loop {
                tokio::time::sleep(this.inner.window).await;
                let due = this.board().close_window(this.inner.batch_max);
                if due.is_empty() {
                    break;
                }
                for passengers in due {
                    this.send_off(passengers);
                }
            }
        });
    }

    fn send_off(&self, passengers: Vec<Passenger>) {
        let this = self.clone();
        self.inner.tasks.spawn_load("ipinfo.flight", async move { this.fly(passengers).await });
    }

    async fn fly(&self, passengers: Vec<Passenger>) {
        let addresses: Vec<IpAddr> = passengers.iter().map(|passenger| passenger.address).collect();
        let mut aboard = Aboard { api: self, addresses: &addresses };
        let context = self.context_of(&passengers);
        let results = match addresses.as_slice() {
            [address] => self.inner.client.single(*address, &context).await.map(|facts| vec![Ok(facts)]),
            _ => self.inner.client.batch(&addresses, &context).await,
        };
        let landed = Arc::new(Landed { timings: context.timings.snapshot() });
        let results = results.unwrap_or_else(|failed| self.fail_all(failed, addresses.len()));
        self.remember(&results);
        for result in results {
            aboard.land_next(result.map(Arc::new), &landed);
        }
    }

    fn fail_all(&self, failed: Failed, passengers: usize) -> Vec<Result<Facts, ApiError>> {
        let Failed { error, token } = failed;
        vec![Err(self.inner.circuit.note(error, token)); passengers]
    }

    /// The last error, until something goes right.
    fn remember(&self, results: &[Result<Facts, ApiError>]) {
        let error =
            results.iter().all(Result::is_err).then(|| results.first()?.as_ref().err().map(ToString::to_string));
        *self.inner.last_error.lock().unwrap_or_else(PoisonError::into_inner) = error.flatten();
    }

    /// The context of a flight: the latest deadline of those on board, and no sooner than a call may take, as others may
    /// still come to wait for it; the most urgent lane; the trace of a lone traveller.
    fn context_of(&self, passengers: &[Passenger]) -> CallContext {
        let alone = passengers.len() == 1;
        let own = if alone { self.inner.single_timeout } else { self.inner.batch_timeout };
        let lane = flights::most_urgent(passengers);
        let mut context = CallContext::new(lane, own);
        if let Some(latest) = passengers.iter().map(|passenger| passenger.deadline).max() {
            context.deadline = context.deadline.max(latest);
        }
        context.traceparent = passengers.first().filter(|_| alone).and_then(|one| one.traceparent.clone());
        context
    }

    fn board(&self) -> std::sync::MutexGuard<'_, Board> {
        self.inner.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The credit the data asks for.
    pub(super) fn credit(&self) -> Credit {
        match self.inner.plan {
            Plan::Lite => Source::IpinfoFree.credit(),
            Plan::Lookup | Plan::Legacy => Source::Ipinfo.credit(),
        }
    }

    /// The configured plan.
    pub(super) fn plan(&self) -> &'static str {
        match self.inner.plan {
            Plan::Lite => "lite",
            Plan::Lookup => "lookup",
            Plan::Legacy => "legacy",
        }
    }

    /// The state, for readiness detail and `check`.
    pub(super) fn status(&self) -> BackendStatus {
        let held = self.inner.circuit.held(&self.inner.client.token());
        BackendStatus {
            plan: Some(self.plan()),
            last_error: self.inner.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            circuit_open: held.is_some(),
            retry_in_seconds: held.and_then(|error| error.retry_after()).map(|left| left.as_secs().max(1)),
            ..BackendStatus::configured(Backend::Api)
        }
    }
}

/// Leaves a flight's time with the caller's, once for each flight however many of its addresses it carried.
fn bill(billed: &mut Vec<Arc<Landed>>, landed: &Arc<Landed>, context: &CallContext) {
    if !billed.iter().any(|known| Arc::ptr_eq(known, landed)) {
        landed.timings.iter().for_each(|timing| context.timings.record(*timing));
        billed.push(Arc::clone(landed));
    }
}

/// The addresses of a flight that have not landed yet. When its task ends, even by a panic, they are struck from the board,
/// and their waiters learn that the flight is lost.
struct Aboard<'a> {
    api: &'a Api,
    addresses: &'a [IpAddr],
}

impl Aboard<'_> {
    fn land_next(&mut self, result: Result<Arc<Facts>, ApiError>, landed: &Arc<Landed>) {
        let Some((&address, rest)) = self.addresses.split_first() else { return };
        if let Ok(facts) = &result {
            self.api.inner.cache.insert(address, Arc::clone(facts));
        }
        self.addresses = rest;
        self.api.board().land(address, result, Arc::clone(landed));
    }
}

impl Drop for Aboard<'_> {
    fn drop(&mut self) {
        if !self.addresses.is_empty() {
            self.api.board().strike(self.addresses);
        }
    }
}
