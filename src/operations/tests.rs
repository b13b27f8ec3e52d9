//! Tests of the operations.
use super::*;
