//! osimg compiles one YAML manifest into one bootable disk image that holds several operating systems.
//!
//! ```text
//! manifest.yaml ─parse─▶ ast ─resolve─▶ Resolved ─check─▶ Model ─lower─▶ Plan (DAG) ─run─▶ disk image
//! ```
//!
//! The map of the crate, in the order a manifest travels:
//!
//! - [`base`]: digests, units, names, events; imports nothing of ours
//! - [`diag`]: problems with their place in the source, and how they are drawn
//! - [`front`]: YAML text to a checked model
//! - [`plan`]: the model to a graph of typed nodes, the layout, and why a node must run
//! - [`emit`]: values to text through templates: Dockerfile fragments, grub.cfg, fstab
//! - [`engine`]: the container engine; [`host`]: programs of this machine
//! - [`rootfs`]: a tree out of a tar stream; [`fs`]: filesystem writers; [`disk`]: partition table and image;
//!   [`boot`]: GRUB
//! - [`proof`]: boots an image and looks
//! - [`exec`]: runs the plan; [`report`]: shows it; [`cli`]: the commands
//!
//! Only `exec`, `engine`, `proof`'s boot runs, `host`, `report` and `cli` touch the clock, the environment, a
//! process, the network or the terminal. `docs/architecture.md` says who may import whom; `tests/layers.rs` holds it.

pub mod base;
pub mod boot;
pub mod cli;
pub mod diag;
pub mod disk;
pub mod emit;
pub mod engine;
pub mod exec;
pub mod front;
pub mod fs;
pub mod host;
pub mod plan;
pub mod proof;
pub mod report;
pub mod rootfs;
