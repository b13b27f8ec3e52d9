//! The entries of a batch on their way out. Until an entry is written it is a handle on the one rendering that memory
//! holds of its contact, however often the contact was asked for; so a batch costs a piece, not the sum of its profiles.

use super::super::super::problem;
use crate::{
    domain::{problem::Problem, profile::ProblemReport},
    profiles::Rendered,
};
use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use std::sync::Arc;

/// A distinct contact and where it was asked for.
pub(super) type Wanted = (String, Vec<usize>);
pub(super) type Outcome = (Wanted, Result<Arc<Rendered>, Problem>);

/// Entries are put together until a piece is this long: a piece is at most this and one entry.
const PIECE_BYTES: usize = 16 * 1024;

/// Writes one entry as JSON.
fn entry(out: &mut BytesMut, index: usize, id: &str, outcome: &Result<Arc<Rendered>, Problem>) {
    let id = serde_json::to_string(id).unwrap_or_default();
    let (status, name) = match outcome {
        Ok(_) => (200, "profile"),
        Err(problem) => (problem::status(problem.kind).as_u16(), "problem"),
    };
    let head = format!("{{\"index\":{index},\"contactId\":{id},\"status\":{status},\"{name}\":");
    out.put_slice(head.as_bytes());
    match outcome {
        Ok(document) => out.put_slice(&document.body),
        Err(problem) => out.put_slice(&serde_json::to_vec(&ProblemReport::from(problem)).unwrap_or_default()),
    }
    out.put_u8(b'}');
}

/// Every entry in the order asked, as one JSON document in pieces.
pub(super) struct Document {
    outcomes: Vec<Outcome>,
    /// For each position, whose outcome stands there.
    order: Vec<usize>,
    /// The position to write next; one past the end once the document is closed.
    next: usize,
}

impl Document {
    /// Waits for all outcomes.
    pub(super) async fn of(outcomes: impl Stream<Item = Outcome>) -> Self {
        let outcomes: Vec<Outcome> = outcomes.collect().await;
        let positions = |(at, ((_, positions), _)): (usize, &Outcome)| {
            positions.iter().map(|index| (*index, at)).collect::<Vec<_>>()
        };
        let mut order: Vec<(usize, usize)> = outcomes.iter().enumerate().flat_map(positions).collect();
        order.sort_unstable();
        Self { order: order.into_iter().map(|(_, at)| at).collect(), outcomes, next: 0 }
    }

    /// About how long the document is; never more than it is.
    pub(super) fn least_length(&self) -> usize {
        let length = |at: &usize| match self.outcomes.get(*at) {
            Some((_, Ok(document))) => document.body.len(),
            Some((_, Err(problem))) => problem.detail.len(),
            None => 0,
        };
        // An entry without its profile or problem is never shorter.
        self.order.iter().map(|at| length(at) + "{\"index\":0,\"contactId\":\"\",\"status\":200}".len()).sum()
    }
}

impl Iterator for Document {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.next > self.order.len() {
            return None;
        }
        let mut out = BytesMut::new();
        if self.next == 0 {
            out.put_slice(b"{\"items\":[");
        }
        while out.len() < PIECE_BYTES
            && let Some(((id, _), outcome)) = self.order.get(self.next).and_then(|at| self.outcomes.get(*at))
        {
            if self.next > 0 {
                out.put_u8(b',');
            }
            entry(&mut out, self.next, id, outcome);
            self.next += 1;
        }
        if self.next == self.order.len() {
            out.put_slice(b"]}");
            self.next += 1;
        }
        Some(out.freeze())
    }
}

/// The entries of each contact as lines, each made when the one before is on its way.
pub(super) fn lines(outcomes: impl Stream<Item = Outcome>) -> impl Stream<Item = Result<Bytes, Problem>> {
    outcomes.flat_map(|((id, positions), outcome)| {
        stream::iter(positions).map(move |index| {
            let mut out = BytesMut::new();
            entry(&mut out, index, &id, &outcome);
            out.put_u8(b'\n');
            Ok(out.freeze())
        })
    })
}
