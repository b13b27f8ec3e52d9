//! What only the file can suffer.
