//! Sources over doubles, and over the sandbox.

mod bench;
mod laying;
mod listings;
mod repairs;
mod sandbox;
