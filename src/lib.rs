//! ghl-enrich.
