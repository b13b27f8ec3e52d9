//! Ids of operations: `op` and a UUID v7 (RFC 9562), so that they sort by the time they were made.

use crate::{
    clock::Clock,
    domain::{
        ids::OperationId,
        problem::{Problem, ProblemKind},
    },
};
use uuid::{Builder, Uuid};

/// A new id.
pub(super) fn new_id(clock: &Clock) -> Result<OperationId, Problem> {
    let milliseconds = u64::try_from(clock.now().as_millisecond()).unwrap_or_default();
    let uuid = Builder::from_unix_timestamp_millis(milliseconds, &random()).into_uuid();
    OperationId::parse(&format!("op{}", uuid.simple()))
        .map_err(|invalid| Problem::new(ProblemKind::Internal, "No id could be made.").with_cause(invalid.to_string()))
}

/// Ten random bytes: those of a UUID v4 that hold neither its version nor its variant.
fn random() -> [u8; 10] {
    let [a, b, c, d, e, f, _, _, _, g, h, i, j, ..] = Uuid::new_v4().into_bytes();
    [a, b, c, d, e, f, g, h, i, j]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_distinct_and_sort_by_time() {
        let clock = Clock::system();
        let made: HashSet<OperationId> = (0..1_000).map(|_| new_id(&clock).unwrap()).collect();
        assert_eq!(made.len(), 1_000);
        clock.advance(jiff::SignedDuration::from_secs(1));
        let next = new_id(&clock).unwrap();
        for id in made {
            let uuid = Uuid::try_parse(id.as_str().strip_prefix("op").unwrap()).unwrap();
            assert_eq!(uuid.get_version_num(), 7);
            assert!(id < next);
        }
    }
}
