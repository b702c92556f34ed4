//! The machine osimg runs on: programs (the only place that spawns a process), QEMU, files of its packages.

pub mod command;
pub mod doctor;
pub mod firmware;
pub mod grub;
pub mod overlay;
pub mod qemu;
