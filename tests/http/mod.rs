//! The public port and the admin port as clients meet them: who is let in, what is refused and how, what answers carry.

mod access;
mod admin;
mod batches;
mod bodies;
mod cors;
mod docs;
mod encodings;
mod examples;
mod ips;
mod parameters;
mod records;
mod requests;
