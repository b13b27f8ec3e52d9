//! The `Version` header: which values GHL takes, and the three different ways in which it refuses the rest.

use super::errors;
use crate::state::State;
use crate::wire::{Reply, Request};

/// An accepted `Version` value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Legacy,
    V20210415,
    V20210728,
    V20230221,
    V3,
}

impl Version {
    pub(crate) fn read(state: &mut State, req: &Request) -> Result<Self, Reply> {
        let Some(value) = req.version.as_deref() else {
            return Err(errors::version(state, "version header was not found."));
        };
        match value.trim() {
            "legacy" => Ok(Self::Legacy),
            "2021-04-15" => Ok(Self::V20210415),
            "2021-07-28" => Ok(Self::V20210728),
            "2023-02-21" => Ok(Self::V20230221),
            "v3" => Ok(Self::V3),
            other if is_date_shaped(other) => Err(errors::version(state, "version header is invalid")),
            other => {
                let message = format!("Invalid API version segment '{other}' at position 0");
                Err(errors::bad_request(state, &message))
            }
        }
    }

    pub(crate) fn is_v3(self) -> bool {
        self == Self::V3
    }
}

fn is_date_shaped(text: &str) -> bool {
    text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() })
}
