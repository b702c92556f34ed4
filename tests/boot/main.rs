//! Boots what osimg builds in QEMU.

mod command;
mod console;
mod debian_dual;
mod grub;
mod prove;
mod rpm_lab;
mod switch;
mod terminal;
mod tiny;
mod walls;

/// Whoever builds or boots, but for the long runs of [`switch`]: more than two machines would starve each other where two
/// processors are all there is.
static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
