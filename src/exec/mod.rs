//! Runs a plan: looks up what is there, makes what is not, keeps what it made.
//!
//! Enters: a [`crate::plan::Plan`] and a [`Cx`] (engine, store, cancel, sink of events). Leaves: [`Outputs`], or the
//! first failure. After a failure or a cancel nothing half-made is left: staged files go with their guard, and the
//! image appears under its name whole or not at all.

pub mod cx;
pub mod error;
pub mod explain;
pub mod ops;
pub mod outputs;
pub mod pins;
pub mod product;
pub mod schedule;
pub mod store;

pub use cx::Cx;
pub use error::ExecError;
pub use outputs::Outputs;
pub use schedule::run;
pub use store::Store;
