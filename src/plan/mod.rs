//! The plan: a checked model lowered to a graph of typed nodes, one per piece of work.
//!
//! Enters: a [`crate::front::model::Model`] and [`pins::Pins`] (digests of what lies outside the manifest). Leaves: a
//! [`Plan`]. Pure: nothing is run, read or written here.

pub mod explain;
pub mod graph;
pub mod key;
pub mod layout;
pub mod lower;
pub mod op;
pub mod pins;

pub use explain::{Explanation, Why};
pub use graph::Plan;
pub use op::Op;
pub use pins::Pins;
