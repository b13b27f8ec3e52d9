//! Which address a contact's is, and what sort of address an address is.
