//! The heart: fetch sections, assemble, cache, coalesce, revalidate, invalidate.
//!
//! Guarantees: concurrent requests for a contact cost one upstream call a section, whoever hangs up; a refresh that fails
//! leaves what was held; a load that began before an invalidation never overwrites what came after it; a section that was
//! marked stale is fetched before it is served again. Knows nothing of HTTP: [`Served`] has all that `http` needs.

mod changes;
mod drift;
mod entry;
mod explain;
mod flights;
mod forget;
mod freshness;
mod load;
mod other_address;
mod outdate;
mod render;
mod served;

pub use changes::{Change, Subscription};
pub use drift::{Compared, Sample, Since};
pub use entry::TouchedBy;
pub use explain::{AddressExplanation, Explanation};
pub use outdate::Outdated;
pub use served::{CacheResult, ContactKey, Encoding, ProfileRequest, Rendered, Served};

use crate::{
    clock::Clock,
    domain::{
        problem::{Problem, ProblemKind},
        profile::{Include, Section},
    },
    ghl,
    ipinfo::IpLookup,
    liveness::Liveness,
    settings::Settings,
    tasks::Tasks,
    telemetry::metrics::Metrics,
    upstream::CallTiming,
};
use changes::Changes;
use entry::{Entry, Landed};
use flights::{Flight, Flights};
use freshness::{Policy, Verdict};
use ipnetwork::IpNetwork;
use jiff::Timestamp;
use render::{Materials, Rendering, age_and_ttl};
use std::{sync::Arc, time::Duration};

/// Profiles of contacts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Profiles {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    ghl: ghl::Client,
    ip: IpLookup,
    cache: moka::sync::Cache<ContactKey, Arc<Entry>>,
    flights: Flights,
    changes: Changes,
    policy: Policy,
    own_servers: Vec<IpNetwork>,
    ip_custom_field: Option<String>,
    /// Time a load has, whoever waits for it.
    load_deadline: Duration,
    clock: Clock,
    liveness: Liveness,
    tasks: Tasks,
    metrics: Metrics,
}

/// What [`Profiles::new`] is made of, beside the settings.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named as their types")]
pub struct Parts {
    pub ghl: ghl::Client,
    pub ip: IpLookup,
    pub liveness: Liveness,
    pub clock: Clock,
    pub tasks: Tasks,
    pub metrics: Metrics,
}

/// A section being fetched for a request.
struct Pending {
    section: Section,
    flight: Flight,
}

/// What a request's sections need.
#[derive(Default)]
struct Plan {
    /// Awaited before the answer.
    awaited: Vec<Pending>,
    /// Whether what was held when the request came did not do.
    fetches: bool,
    /// Whether each load awaited was launched by somebody else.
    collapsed: bool,
    /// Whether something stale is served while a load runs behind, or because one failed.
    stale: bool,
}

impl Profiles {
    /// An empty cache over its upstreams.
    #[must_use]
    pub fn new(settings: &Settings, parts: Parts) -> Self {
        // moka bounds one sum; with a least weight for each entry, the same sum bounds their number.
        let least_weight =
            u32::try_from(settings.cache.max_bytes / settings.cache.max_entries.max(1)).unwrap_or(u32::MAX);
        let cache = moka::sync::Cache::builder()
            .max_capacity(settings.cache.max_bytes)
            .weigher(move |_: &ContactKey, entry: &Arc<Entry>| entry.weight().max(least_weight))
            .build();
        let inner = Inner {
            ghl: parts.ghl,
            ip: parts.ip,
            cache,
            flights: Flights::default(),
            changes: Changes::default(),
            policy: Policy::from(&settings.cache),
            own_servers: settings.profile.own_servers.clone(),
            ip_custom_field: settings.profile.ip_custom_field.clone(),
            load_deadline: settings.http.deadline,
            liveness: parts.liveness,
            clock: parts.clock,
            tasks: parts.tasks,
            metrics: parts.metrics,
        };
        Self { inner: Arc::new(inner) }
    }

    /// A profile that is in memory, rendered and wholly fresh. Never waits, never fetches.
    #[must_use]
    pub fn warm(&self, key: &ContactKey, include: Include) -> Option<Served> {
        let now = self.inner.clock.now();
        let entry = self.inner.cache.get(key)?;
        let rendering = entry.rendering(include, now).filter(|rendering| rendering.all_fresh)?;
        entry.savings.add(rendering.calls);
        entry.note_read(now);
        Some(serve(rendering, CacheResult::Hit, Vec::new(), now))
    }

    /// A profile: from memory, or fetched.
    ///
    /// # Errors
    /// The contact section's problem where there is no contact to show, or that of a section in `require`.
    pub async fn get(&self, request: &ProfileRequest) -> Result<Served, Problem> {
        let inner = &self.inner;
        let held = inner.cache.get(&request.key);
        let assembled = inner.assemble(held, request).await;
        let now = inner.clock.now();
        inner.check_required(&assembled.view, request, now)?;
        assembled.view.note_read(now);
        let savings = assembled.view.savings.clone();
        let rendering = match assembled.view.rendering(request.include, now) {
            Some(rendering) => rendering,
            None => inner.render(assembled.view, request, now).await?,
        };
        if matches!(assembled.cache, CacheResult::Hit | CacheResult::Stale) {
            savings.add(rendering.calls);
        }
        Ok(serve(rendering, assembled.cache, assembled.timings, now))
    }

    /// How many contacts are held, and their reckoned bytes.
    #[must_use]
    pub fn held(&self) -> (u64, u64) {
        self.inner.cache.run_pending_tasks();
        (self.inner.cache.entry_count(), self.inner.cache.weighted_size())
    }

    /// How many loads are under way.
    #[must_use]
    pub fn loads_under_way(&self) -> usize {
        self.inner.flights.len()
    }
}

fn serve(rendering: Rendering, cache: CacheResult, timings: Vec<CallTiming>, now: Timestamp) -> Served {
    let (age, ttl_seconds) = age_and_ttl(&rendering, now);
    Served { document: rendering.document, cache, age, ttl_seconds, timings }
}

impl Plan {
    /// Adds a load to those awaited; one that was not needed any more counts as another request's.
    fn await_load(&mut self, section: Section, load: Option<(Flight, bool)>) {
        self.fetches = true;
        if let Some((flight, joined)) = load {
            self.collapsed &= joined;
            self.awaited.push(Pending { section, flight });
        }
    }

    fn cache_result(&self, held: Option<&Entry>, request: &ProfileRequest) -> CacheResult {
        let asked_anew = request.ip.is_some() || (request.max_age.is_some() && self.fetches);
        match held {
            Some(_) if asked_anew => CacheResult::Request,
            Some(entry) if self.fetches && entry.contact.held.is_some() => {
                CacheResult::Revalidated { collapsed: self.collapsed }
            }
            _ if self.fetches => CacheResult::Miss { collapsed: self.collapsed },
            _ if self.stale => CacheResult::Stale,
            _ => CacheResult::Hit,
        }
    }
}

/// All that a request is about, as far as it can be known.
struct Assembled {
    view: Arc<Entry>,
    cache: CacheResult,
    timings: Vec<CallTiming>,
}

impl Inner {
    /// Brings together what a request asks for: out of memory, by loads, and for this request alone where it must be.
    async fn assemble(self: &Arc<Self>, held: Option<Arc<Entry>>, request: &ProfileRequest) -> Assembled {
        let plan = self.plan(held.as_deref(), request, self.clock.now());
        let cache = plan.cache_result(held.as_deref(), request);
        let mut timings = Vec::new();
        let mut view = self.land_all(held, plan.awaited, request, &mut timings).await;
        if request.include.has(Section::Ip) && request.ip.is_none() && self.address_changed(&view, request) {
            let changed = |entry: &Entry| self.address_changed(entry, request);
            if let Some((flight, _)) = self.load(request, Section::Ip, None, changed) {
                let pending = vec![Pending { section: Section::Ip, flight }];
                view = self.land_all(Some(view), pending, request, &mut timings).await;
            }
        }
        if let Some(address) = request.ip {
            view = self.with_other_address(&view, address, request, &mut timings).await;
        }
        Assembled { view, cache, timings }
    }

    /// Judges each section asked for; launches or joins what must be fetched, before or behind the answer.
    fn plan(self: &Arc<Self>, held: Option<&Entry>, request: &ProfileRequest, now: Timestamp) -> Plan {
        let mut plan = Plan { collapsed: true, ..Plan::default() };
        for section in request.include.sections() {
            if section == Section::Ip && request.ip.is_some() {
                continue;
            }
            let facts = held.map(|entry| entry.facts(section)).unwrap_or_default();
            let contact = plan.awaited.iter().find(|pending| pending.section == Section::Contact);
            let contact = contact.map(|pending| pending.flight.clone()).filter(|_| section == Section::Ip);
            let verdict = match self.policy.judge(facts, now, request.max_age) {
                // The address may change with the contact, so it is settled together with it.
                Verdict::Serve | Verdict::ServeAndRefresh if contact.is_some() => Verdict::Fetch,
                verdict => verdict,
            };
            if section == Section::Contact && verdict == Verdict::Leave && !self.has_contact(held) {
                // Nothing can be shown: what belongs to the contact is not worth a call.
                break;
            }
            // Whatever landed since the request came is fresh enough for it, be it for `maxAge=0`.
            let needed = |entry: &Entry| {
                let facts = entry.facts(section);
                let just_landed = facts.life.is_some_and(|life| life.fetched_at >= now) && !facts.touched;
                let just_landed = just_landed && !facts.is_of_future(now);
                !just_landed && self.policy.judge(facts, now, request.max_age) != Verdict::Serve
            };
            match verdict {
                Verdict::Serve => {}
                Verdict::Leave => plan.stale |= facts.life.is_some(),
                Verdict::ServeAndRefresh => {
                    plan.stale = true;
                    self.load(request, section, None, needed);
                }
                Verdict::Fetch => plan.await_load(section, self.load(request, section, contact, needed)),
            }
        }
        plan
    }

    /// Awaits loads up to the request's deadline, and gives what is then known: what memory holds, with each landing that
    /// memory does not hold (it was superseded, evicted, or is not there yet) laid over it for this request alone.
    async fn land_all(
        &self,
        held: Option<Arc<Entry>>,
        awaited: Vec<Pending>,
        request: &ProfileRequest,
        timings: &mut Vec<CallTiming>,
    ) -> Arc<Entry> {
        let mut landings = Vec::with_capacity(awaited.len());
        for Pending { section, flight } in awaited {
            let calls = flight.timings.clone();
            let landed = match tokio::time::timeout_at(request.deadline, flight.landed()).await {
                Ok(Ok(landed)) => landed,
                Ok(Err(problem)) => Arc::new(self.failed(problem)),
                Err(_) => Arc::new(self.failed(too_slow(section))),
            };
            timings.extend(calls.snapshot());
            let hopeless = section == Section::Contact && landed.result.is_err() && !self.has_contact(held.as_deref());
            landings.push((section, landed));
            if hopeless {
                break;
            }
        }
        let mut view = self.cache.get(&request.key).or(held).unwrap_or_default();
        for (section, landed) in landings {
            if !view.covers(section, &landed) {
                view = Arc::new(view.with(section, &landed));
            }
        }
        view
    }

    fn failed(&self, problem: Problem) -> Landed {
        let at = self.clock.now();
        Landed { began: at, at, fresh: Duration::ZERO, wire_bytes: 0, result: Err(problem) }
    }

    fn has_contact(&self, held: Option<&Entry>) -> bool {
        let now = self.clock.now();
        held.is_some_and(|entry| entry.contact.usable(&self.policy, now).is_some())
    }

    /// Whether the contact in `view` has another address than the one looked up: the contact landed after the address
    /// section was judged, by another request's doing.
    fn address_changed(&self, view: &Entry, request: &ProfileRequest) -> bool {
        let Some(contact) = view.contact.held.as_ref() else { return false };
        if view.ip.failure.is_some() && view.ip.held.is_none() {
            return false;
        }
        let looked_up = view.ip.held.as_ref().map(|held| &held.value.choice.outcome);
        let changed = looked_up != Some(&self.choose(&contact.value).outcome);
        changed && tokio::time::Instant::now() < request.deadline
    }

    /// Renders away from the caller's thread, which has warm requests to answer: insights of many long notes take
    /// milliseconds.
    async fn render(
        self: &Arc<Self>,
        view: Arc<Entry>,
        request: &ProfileRequest,
        now: Timestamp,
    ) -> Result<Rendering, Problem> {
        let (inner, key, include) = (Arc::clone(self), request.key.clone(), request.include);
        let rendered = self.tasks.spawn_load("render", async move {
            // One renders, the others find its document.
            let _renderer = view.renderer.lock().await;
            if let Some(made) = view.rendering(include, now) {
                return Ok(made);
            }
            let materials = Materials { key: &key, entry: &view, policy: &inner.policy, include, now };
            let rendering = materials.render(view.past(include))?;
            view.keep(rendering.clone());
            inner.weigh_anew(&key, &view);
            Ok(rendering)
        });
        rendered.await.unwrap_or_else(|_| {
            Err(Problem::new(ProblemKind::Internal, "The profile could not be written.")
                .with_cause("rendering panicked"))
        })
    }

    /// Tells moka what an entry weighs with its newest document, if it is still the one held.
    fn weigh_anew(&self, key: &ContactKey, entry: &Arc<Entry>) {
        self.flights.between_landings(|| {
            if self.cache.get(key).is_some_and(|held| Arc::ptr_eq(&held, entry)) {
                self.cache.insert(key.clone(), Arc::clone(entry));
            }
        });
    }

    fn check_required(&self, view: &Entry, request: &ProfileRequest, now: Timestamp) -> Result<(), Problem> {
        // The contact decides first: why another section of one that cannot be shown is not there would tell of it.
        for section in std::iter::once(Section::Contact).chain(request.require.iter().copied()) {
            let facts = view.facts(section);
            let usable = facts.life.is_some_and(|life| now < self.policy.unusable_at(life));
            if let (false, Some((problem, _))) = (usable, facts.failure) {
                return Err(problem.clone());
            }
        }
        Ok(())
    }
}

fn too_slow(section: Section) -> Problem {
    Problem::new(ProblemKind::UpstreamTimeout, format!("The {section} section did not arrive in time."))
}
