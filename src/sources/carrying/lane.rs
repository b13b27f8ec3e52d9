//! One lane: the contact first, then its tasks and notes in the order in which they were last told of.

use super::run::{End, Run};
use crate::{
    domain::{
        ids::ContactId,
        source::{RecordKind, RecordStatus, SourceRecord},
    },
    sources::Core,
    store::{Lane, StoreError},
};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

/// Where the tasks and notes of a lane belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Home {
    /// To this contact.
    Known(ContactId),
    /// To none yet; why.
    Unknown(&'static str),
    /// To one that cannot be asked for before then.
    Later(Timestamp),
}

/// Carries out what is due in a lane.
pub(super) async fn carry(core: &Core, lane: &Lane, stop: &CancellationToken) -> Result<(), StoreError> {
    let Some(system) = core.systems.of(&lane.source) else { return Ok(()) };
    let mut records = core.parts.store.lane(lane.clone(), core.now()).await?;
    let own = records.iter().position(|record| {
        record.key.kind == RecordKind::Contact && lane.contact.as_ref().is_none_or(|id| *id == record.key.id)
    });
    let mut contact = own.map(|at| Run::new(core, system, stop, records.remove(at)));
    if let Some(run) = contact.as_mut().filter(|run| run.is_due())
        && run.carry(&Home::Unknown("")).await? == End::Stopped
    {
        return Ok(());
    }
    let mut home = home(contact.as_ref().map(|run| &run.record), lane);
    for record in records {
        if stop.is_cancelled() {
            return Ok(());
        }
        let _hold = core.hand.hold(record.key.clone()).await;
        // Whoever had it in hand, in the lane that it moved from, may have left it otherwise than it was.
        let record = core.parts.store.records(vec![record.key]).await?.pop();
        let Some(record) = record.filter(|record| record.state.parent() == lane.contact.as_ref()) else { continue };
        let mut run = Run::new(core, system, stop, record);
        if !run.is_due() {
            continue;
        }
        let mut end = run.carry(&home).await?;
        if let (End::Homeless, Some(contact)) = (&end, contact.as_mut().filter(|contact| !contact.remade)) {
            // Somebody deleted the contact in GHL: it is made anew, once.
            // It may have been forgotten by request since, or more been told of it.
            let Some(fresh) = core.parts.store.records(vec![contact.record.key.clone()]).await?.pop() else {
                run.fail_homeless().await?;
                continue;
            };
            contact.record = fresh;
            contact.forget();
            if contact.carry(&Home::Unknown("")).await? == End::Stopped {
                return Ok(());
            }
            home = self::home(Some(&contact.record), lane);
            run.forget();
            end = run.carry(&home).await?;
        }
        match end {
            End::Stopped => return Ok(()),
            End::Homeless => run.fail_homeless().await?,
            End::Came => {}
        }
    }
    Ok(())
}

fn home(contact: Option<&SourceRecord>, lane: &Lane) -> Home {
    let Some(contact) = contact else {
        return Home::Unknown(match lane.contact {
            Some(_) => "it waits for its contact, of which no event has told yet",
            None => "no event has told yet whose contact's it is",
        });
    };
    match (&contact.ghl_contact, contact.status) {
        (Some(id), _) => Home::Known(id.clone()),
        (None, _) if contact.state.is_deleted() => Home::Unknown("its contact was deleted in the source"),
        (None, RecordStatus::Due) => Home::Later(contact.due_at),
        (None, RecordStatus::Waiting) => Home::Unknown("it waits for its contact, of which too little is known yet"),
        (None, RecordStatus::Failed) => Home::Unknown("it waits for its contact, which could not be brought into GHL"),
        (None, RecordStatus::Settled) => Home::Unknown("its contact is not in GHL"),
    }
}
