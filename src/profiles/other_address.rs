//! A profile with another address than the contact's own (`ip=` of the request): looked up for this answer alone and
//! never held with the contact, as it says nothing about it.

use super::{
    Inner, ProfileRequest,
    entry::{Entry, IpFinding, Landed, Value},
};
use crate::{
    domain::{
        address::{self, Choice, Considered, Outcome, Verdict},
        ip::{AddressOrigin, Scope},
        problem::Problem,
        profile::Section,
    },
    upstream::{CallContext, CallTiming, Lane, Timings},
};
use std::{net::IpAddr, sync::Arc};

impl Inner {
    /// `view` with its address section replaced by what is known of `address`.
    pub(super) async fn with_other_address(
        &self,
        view: &Entry,
        address: IpAddr,
        request: &ProfileRequest,
        timings: &mut Vec<CallTiming>,
    ) -> Arc<Entry> {
        if !self.has_contact(Some(view)) {
            return Arc::new(view.clone());
        }
        let context = CallContext {
            deadline: request.deadline,
            lane: Lane::Interactive,
            timings: Timings::default(),
            traceparent: request.traceparent.clone(),
        };
        let result = self.find_other(address, &context).await.map(Value::Ip);
        timings.extend(context.timings.snapshot());
        let at = self.clock.now();
        let landed = Landed { began: at, at, fresh: self.fresh_for(&result), wire_bytes: 0, result };
        Arc::new(view.without_ip().with(Section::Ip, &landed))
    }

    async fn find_other(&self, address: IpAddr, context: &CallContext) -> Result<IpFinding, Problem> {
        let choice = Arc::new(only(address));
        let Outcome::Found { address, origin } = &choice.outcome else {
            return Ok(IpFinding { choice, intelligence: None, trail: Arc::from([]) });
        };
        let looked = self.ip.look_up(*address, origin.clone(), context).await.map_err(|error| error.to_problem())?;
        Ok(IpFinding { choice, intelligence: Some(looked.intelligence), trail: looked.trail.into() })
    }
}

/// The choice of a caller who leaves none.
fn only(address: IpAddr) -> Choice {
    let (address, origin) = (address::canonical(address), AddressOrigin::Request);
    let (verdict, outcome) = match address::classify(address) {
        Scope::Global => (Verdict::Taken, Outcome::Found { address, origin: origin.clone() }),
        scope => (Verdict::Reserved(scope), Outcome::Reserved { address, scope, origin: origin.clone() }),
    };
    Choice { considered: vec![Considered { origin, address: Some(address), verdict }], outcome }
}
