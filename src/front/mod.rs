//! The front end: YAML text in, a checked [`model::Model`] out, every problem located.

pub mod model;
