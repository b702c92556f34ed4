//! (under construction)

pub mod attach;
pub mod boot;
