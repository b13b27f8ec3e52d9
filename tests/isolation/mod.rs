//! Two keys, two locations: what one may see, the other can neither see nor tell from nothing.
//!
//! Every route is walked with the key of one location and the ids of the other, beside a twin request with ids of nothing.
//! [`table`] says what each route may answer; a route that is not in it fails the walk, and so does a row without a route.

mod requests;
mod table;
mod walk;
mod worlds;
