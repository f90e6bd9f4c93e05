//! What the agent does as the init of a microVM, before it serves.
//!
//! The kernel starts it as `/init` of an initial file system that holds nothing else, with
//! `--init --port /dev/vport0p1` on its command line (and no `--`, behind which it reads nothing). Drivers
//! that the kernel does not have built in lie in `/modules`, and are loaded in the order of their names.
//! Then
//!
//! | device | is |
//! |---|---|
//! | `/dev/vda` | the root image, read-only: erofs, squashfs or ext4 |
//! | `/dev/vdb` | the machine's own disk, ext4, if there is one; else a tmpfs of half the memory. Its `upper` lies over the image, its `workspace` is `/workspace` |
//!
//! Commands find `/proc` (their own processes), `/sys` (read-only), `/dev`, `/dev/pts`, `/dev/shm`,
//! `/run`, `/tmp` and the loopback device. At the end everything is killed and unmounted, and the machine
//! restarted, which ends it where the machine is run as it should be: `reboot=t panic=-1` on the kernel's
//! command line and `-no-reboot` on QEMU's.
//!
//! Invariant: without its root image the machine does not come up. What is only hardening is attempted,
//! and said on the console if it fails. Deliberately absent: a shell, a network card.

mod begin;
mod end;
mod loopback;
mod modules;
mod mounts;

pub(crate) use begin::begin;
pub(crate) use end::end;
pub(crate) use mounts::DISK_DEVICE;
