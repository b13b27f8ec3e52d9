//! The board: who waits to leave, and what is under way.

use crate::{
    ipinfo::{error::ApiError, facts::Facts},
    upstream::{CallContext, CallTiming, Lane},
};
use std::{collections::HashMap, net::IpAddr, sync::Arc};
use tokio::{sync::watch, time::Instant};

/// What every address is waiting for.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// Booked, not yet left.
    waiting: Vec<Passenger>,
    /// Whether a flight left so lately that whoever comes now waits for company.
    pub(super) window_open: bool,
    /// Booked or under way.
    flights: HashMap<IpAddr, watch::Sender<Option<Landing>>>,
}

/// An address that is to be looked up, and what its first caller brought along.
#[derive(Debug)]
pub(super) struct Passenger {
    pub(super) address: IpAddr,
    pub(super) deadline: Instant,
    pub(super) lane: Lane,
    pub(super) traceparent: Option<Arc<str>>,
}

/// How a caller gets its answer.
#[derive(Debug)]
pub(super) enum Seat {
    /// It is there already.
    Kept(Arc<Facts>),
    /// There will be none.
    Held(ApiError),
    /// By waiting.
    Flight(Ticket),
}

/// What a caller waits with.
pub(super) type Ticket = watch::Receiver<Option<Landing>>;

/// The end of a flight for one address.
#[derive(Debug, Clone)]
pub(super) struct Landing {
    pub(super) result: Result<Arc<Facts>, ApiError>,
    pub(super) flight: Arc<Landed>,
}

/// What all addresses of a flight share.
#[derive(Debug)]
pub(super) struct Landed {
    pub(super) timings: Vec<CallTiming>,
}

impl Passenger {
    pub(super) fn new(address: IpAddr, context: &CallContext) -> Self {
        Self { address, deadline: context.deadline, lane: context.lane, traceparent: context.traceparent.clone() }
    }
}

impl Board {
    /// Joins the flight of the address, or books one.
    pub(super) fn book(&mut self, passenger: Passenger) -> Ticket {
        if let Some(flight) = self.flights.get(&passenger.address) {
            return flight.subscribe();
        }
        let (flight, ticket) = watch::channel(None);
        self.flights.insert(passenger.address, flight);
        self.waiting.push(passenger);
        ticket
    }

    /// Takes everybody who waits, in flights of at most `batch_max`.
    pub(super) fn all(&mut self, batch_max: usize) -> Vec<Vec<Passenger>> {
        let mut flights = self.full(batch_max);
        if !self.waiting.is_empty() {
            flights.push(std::mem::take(&mut self.waiting));
        }
        flights
    }

    /// Takes everybody who came within a window; a window in which nobody came is the last.
    pub(super) fn close_window(&mut self, batch_max: usize) -> Vec<Vec<Passenger>> {
        let due = self.all(batch_max);
        self.window_open = !due.is_empty();
        due
    }

    /// Takes full flights only.
    pub(super) fn full(&mut self, batch_max: usize) -> Vec<Vec<Passenger>> {
        let mut flights = Vec::new();
        while self.waiting.len() >= batch_max {
            let rest = self.waiting.split_off(batch_max);
            flights.push(std::mem::replace(&mut self.waiting, rest));
        }
        flights
    }

    /// Tells everybody who waits for the address, and strikes it.
    pub(super) fn land(&mut self, address: IpAddr, result: Result<Arc<Facts>, ApiError>, flight: Arc<Landed>) {
        if let Some(waiters) = self.flights.remove(&address) {
            // Nobody may be left to hear it.
            waiters.send_replace(Some(Landing { result, flight }));
        }
    }

    /// Strikes what has not landed; its waiters see their flight vanish.
    pub(super) fn strike(&mut self, addresses: &[IpAddr]) {
        for address in addresses {
            self.flights.remove(address);
        }
    }
}

/// Waits for the landing; `None` where the flight vanished.
pub(super) async fn landed(ticket: &mut Ticket) -> Option<Landing> {
    ticket.wait_for(Option::is_some).await.ok()?.clone()
}

/// The most urgent lane among those on board.
pub(super) fn most_urgent(passengers: &[Passenger]) -> Lane {
    let has = |lane| passengers.iter().any(|passenger| passenger.lane == lane);
    [Lane::Interactive, Lane::Operation].into_iter().find(|lane| has(*lane)).unwrap_or(Lane::Bulk)
}
