//! Two locations in one service: what one may see, the other can neither see nor tell from nothing.
//!
//! Both are connected, and everything there can be of either is there. Every route is then walked by whoever may see only
//! the other, with the ids of the one in every place where an id can stand, beside a twin request with ids of nothing.
//! [`table`] says what each route may answer; a route that is not in it fails the walk, and so does a row without a route,
//! or a parameter of which [`requests`] does not know whether an id can stand there.

mod edges;
mod requests;
mod table;
mod verdict;
mod walk;
mod worlds;
