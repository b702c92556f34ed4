//! Runs against real container engines: Docker with BuildKit, Docker with the classic builder, Podman.
//!
//! Needs root, a running dockerd, podman, mmdebstrap, GRUB's files, e2fsprogs and sfdisk, and a Debian mirror. No image registry.

mod apply;
mod base;
mod build;
mod connect;
mod export;
mod import;
mod init;
mod podman;
mod podman_apply;
mod raw;
mod stall;
mod toolbox;
mod way;
