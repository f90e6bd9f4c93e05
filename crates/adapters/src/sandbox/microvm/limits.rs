//! Bounds of time and size.

use std::time::Duration;

/// QEMU starts and answers, on a busy machine.
pub(super) const MAX_START: Duration = Duration::from_secs(20);
/// QEMU answers a command.
pub(super) const MAX_COMMAND: Duration = Duration::from_secs(20);
/// A guest boots, on a busy machine without KVM.
pub(super) const MAX_BOOT: Duration = Duration::from_secs(60);
/// A guest boots under KVM, or it never does.
pub(super) const MAX_KVM_BOOT: Duration = Duration::from_secs(10);
/// An agent that was left comes to rest.
pub(super) const SETTLING: Duration = Duration::from_millis(300);
/// A line that QEMU says.
pub(super) const MAX_QMP_LINE_BYTES: usize = 1 << 20;
/// Events that are kept for whoever waits for one.
pub(super) const MAX_QMP_EVENT_COUNT: usize = 256;
/// The state of all devices.
pub(super) const MAX_STATE_BYTES: u64 = 64 << 20;
/// What is quoted of QEMU's and the kernel's last words.
pub(super) const MAX_WORDS_BYTES: usize = 2000;
/// What QEMU holds of the serial line: reading it takes it out.
pub(super) const SERIAL_BYTES: usize = 64 << 10;
/// What is kept of what was read of it.
pub(super) const MAX_CONSOLE_BYTES: usize = 1 << 20;
/// What QEMU itself needs beside its guest's memory.
pub(super) const QEMU_MEMORY_MIB: u64 = 256;
/// QEMU's own threads beside a processor's each.
pub(super) const QEMU_THREADS: u32 = 96;
/// Templates that are kept on disk; the one that was used longest ago goes.
pub(super) const MAX_TEMPLATE_COUNT: usize = 8;
/// The code that TCG keeps of a guest.
pub(super) const TCG_CACHE_MIB: u32 = 128;
/// How much a template's memory may have grown by what its clones touched, before the next clones get
/// a fresh one.
pub(super) const MAX_TEMPLATE_GROWTH_BYTES: u64 = 128 << 20;
