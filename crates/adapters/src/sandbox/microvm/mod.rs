//! The microVM tier: each machine a guest of its own under QEMU, with a kernel of its own.
//!
//! Invariant: QEMU is as hostile as the guest that may have taken it over: it runs without privilege, in
//! namespaces and a control group of its own, under its own filter of system calls, and sees its image
//! read-only, one folder of its own, and a warm memory that it can copy from and not change. What it
//! leaves in its folder is opened without following links. It outlives the server and is found by its
//! folder. Deliberately absent: network cards, and any device that a machine does not need.
//!
//! # How a machine is there without booting
//! A *template* is a machine that was booted once, to where its agent waits and its interpreter is warm,
//! and then stood still: its memory, the state of its devices, its disk. Every machine is a clone: QEMU
//! maps the template's memory privately, loads the devices' state and goes on. Parking keeps only the
//! pages that differ from the template, read from outside, and so does forking.

mod accel;
mod agent;
mod arguments;
mod disk;
mod driver;
mod files;
mod launch;
mod limits;
mod machine;
mod memory;
mod pages;
mod probe;
mod qmp;
mod record;
mod settings;
mod socket;
mod template;
mod ticks;

pub use driver::MicrovmDriver;
pub use settings::{Acceleration, MicrovmSettings};
