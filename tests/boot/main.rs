//! Boots what osimg builds in QEMU.

mod command;
mod console;
mod debian_dual;
mod grub;
mod prove;
mod rpm_lab;
mod terminal;
mod tiny;
mod walls;

/// One machine at a time: two would starve each other where two processors are all there is.
static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
