//! Everything that knows `IPinfo`: what is known of an address, from the first configured backend that answers.
//!
//! A file (`mmdb`), the HTTP API (`api`) and a table compiled in (`embedded`) are asked in the configured order. A
//! miss and a failure both pass on to the next; a failure is remembered, so that an answer given in a preferred backend's
//! place says so, and nothing known after a failure is the failure, never "no data". Sources are not mixed within an
//! answer. A reserved address is answered here and never sent out.

mod api;
mod credit;
mod embedded;
mod error;
mod facts;
mod lossy;
mod mmdb;
mod pipeline;
mod record;
mod status;
#[cfg(test)]
mod tests;
mod upstreams;

pub use credit::Credit;
pub use error::{ApiError, IpSetupError, LookupError};
pub use mmdb::Reload;
pub use pipeline::{BackendTry, TryOutcome};
pub use status::BackendStatus;
pub use upstreams::IpUpstreams;

use crate::{
    clock::Clock,
    domain::{
        address::{canonical, classify},
        ip::{AddressOrigin, Backend, IpIntelligence, Ownership},
    },
    settings::{BackendChoice, IpinfoSettings},
    tasks::Tasks,
    telemetry::metrics::Metrics,
    upstream::CallContext,
};
use api::{Api, Departure};
use credit::Source;
use facts::Subject;
use ipnetwork::IpNetwork;
use mmdb::Mmdb;
use pipeline::Run;
use std::{collections::HashMap, net::IpAddr, sync::Arc};

/// Looks addresses up. Cheap to clone.
#[derive(Clone, Debug)]
pub struct IpLookup {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    mmdb: Option<Mmdb>,
    api: Option<Api>,
    /// As configured, those without what they need included; the pipeline passes them over.
    order: Vec<BackendChoice>,
    own_servers: Vec<IpNetwork>,
    tasks: Tasks,
    metrics: Metrics,
}

/// What came of a look-up.
#[derive(Debug, Clone)]
pub struct Looked {
    /// What is known.
    pub intelligence: Arc<IpIntelligence>,
    /// Each backend that was tried, in order; for `explain`.
    pub trail: Vec<BackendTry>,
    /// Whether the answer came from memory rather than by a call.
    pub from_cache: bool,
}

impl IpLookup {
    /// Sets the backends up: opens the file, begins to watch it. Needs a running tokio runtime.
    ///
    /// # Errors
    /// Where the configured file cannot be used, or no backend can answer at all.
    pub fn new(
        settings: &IpinfoSettings,
        own_servers: &[IpNetwork],
        upstreams: IpUpstreams,
        clock: Clock,
        tasks: Tasks,
        metrics: Metrics,
    ) -> Result<Self, IpSetupError> {
        let order = settings.backends.clone();
        let path = settings.mmdb_path.as_deref().filter(|_| order.contains(&BackendChoice::Mmdb));
        let mmdb = path.map(|path| Mmdb::open(path, settings, clock.clone(), metrics.clone())).transpose()?;
        if let Some(mmdb) = &mmdb {
            mmdb.watch(settings.mmdb_poll, &tasks);
        }
        let api = settings
            .token
            .clone()
            .zip(upstreams.api)
            .filter(|_| order.contains(&BackendChoice::Api))
            .map(|(token, upstreams)| Api::new(settings, token, upstreams, clock, tasks.clone()));
        if mmdb.is_none() && api.is_none() && !order.contains(&BackendChoice::Embedded) {
            return Err(IpSetupError::NoBackend);
        }
        let inner = Inner { mmdb, api, order, own_servers: own_servers.to_vec(), tasks, metrics };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Looks one address up. Where it was found is passed through to the answer.
    ///
    /// # Errors
    /// The failure of the first backend that failed, where none answered.
    pub async fn look_up(
        &self,
        address: IpAddr,
        origin: AddressOrigin,
        context: &CallContext,
    ) -> Result<Looked, LookupError> {
        let address = canonical(address);
        let run = self.run(vec![address], Departure::InWindow, context).await.pop();
        self.looked(run.unwrap_or_else(|| Run::new(address)), origin)
    }

    /// Looks many addresses up, each once however often it is named; answers in their order. Those that need the API travel
    /// in as few batches as `batch_max` allows.
    pub async fn look_up_many(&self, addresses: &[IpAddr], context: &CallContext) -> Vec<Result<Looked, LookupError>> {
        let mut positions = HashMap::with_capacity(addresses.len());
        let mut distinct = Vec::new();
        for address in addresses.iter().copied().map(canonical) {
            positions.entry(address).or_insert_with(|| {
                distinct.push(address);
                distinct.len() - 1
            });
        }
        let runs = self.run(distinct, Departure::AtOnce, context).await;
        let looked: Vec<_> = runs.into_iter().map(|run| self.looked(run, AddressOrigin::Request)).collect();
        let position = |address: &IpAddr| positions.get(&canonical(*address)).copied();
        addresses.iter().filter_map(|address| looked.get(position(address)?).cloned()).collect()
    }

    /// The state of each backend in `ipinfo.backends`, in that order.
    #[must_use]
    pub fn status(&self) -> Vec<BackendStatus> {
        let Inner { mmdb, api, order, .. } = &*self.inner;
        order
            .iter()
            .map(|choice| match choice {
                BackendChoice::Mmdb => {
                    mmdb.as_ref().map_or_else(|| BackendStatus::missing(Backend::Mmdb), Mmdb::status)
                }
                BackendChoice::Api => api.as_ref().map_or_else(|| BackendStatus::missing(Backend::Api), Api::status),
                BackendChoice::Embedded => BackendStatus::configured(Backend::Embedded),
            })
            .collect()
    }

    /// The credits that the data's licences ask for, those of the backends that can answer.
    #[must_use]
    pub fn attribution(&self) -> Vec<Credit> {
        let Inner { mmdb, api, order, .. } = &*self.inner;
        let mut credits: Vec<Credit> = Vec::new();
        for choice in order {
            let credit = match choice {
                BackendChoice::Mmdb => mmdb.as_ref().map(Mmdb::credit),
                BackendChoice::Api => api.as_ref().map(Api::credit),
                BackendChoice::Embedded => Some(Source::Registries.credit()),
            };
            credits.extend(credit.filter(|credit| !credits.contains(credit)));
        }
        credits
    }

    /// Looks at the database file now rather than at the next poll; `None` without a file.
    pub async fn reload(&self) -> Option<Reload> {
        match &self.inner.mmdb {
            Some(mmdb) => Some(mmdb.run_once(&self.inner.tasks).await),
            None => None,
        }
    }

    /// Forgets the answers kept of the API; says how many went. A file and the table compiled in keep nothing.
    #[must_use]
    pub fn flush(&self) -> u64 {
        self.inner.api.as_ref().map_or(0, Api::flush)
    }

    fn looked(&self, run: Run, origin: AddressOrigin) -> Result<Looked, LookupError> {
        let ownership = Ownership::of(run.address, &self.inner.own_servers);
        let subject = Subject { address: run.address, origin, scope: classify(run.address), ownership };
        run.finish(subject)
    }
}
