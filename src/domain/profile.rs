//! The profile as a document: sections, statuses, include.
