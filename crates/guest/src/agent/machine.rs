//! The machine itself: its clock, its randomness, and its end.

use std::fs;
use std::io::Write;
use std::process;

use rustix::time::{ClockId, Timespec, clock_settime};

use super::init;

/// Sets the clock, where the machine has one of its own.
pub(crate) fn set_clock(unix_ns: u64) {
    let time = Timespec {
        tv_sec: i64::try_from(unix_ns / 1_000_000_000).unwrap_or_default(),
        tv_nsec: i64::try_from(unix_ns % 1_000_000_000).unwrap_or_default(),
    };
    // Without the right to do it the clock is the host's, and right.
    let _ = clock_settime(ClockId::Realtime, time);
}

/// Mixes what the host sent into the kernel's randomness.
pub(crate) fn add_entropy(hex: &str) {
    if let Ok(mut device) = fs::OpenOptions::new().write(true).open("/dev/urandom") {
        let _ = device.write_all(hex.as_bytes());
    }
}

/// Ends the machine. In the process tier the end of the first process is the end of all.
pub(crate) fn end(is_init: bool) -> ! {
    if is_init {
        init::end();
    }
    leave(0)
}

/// The agent cannot go on.
pub(crate) fn die(reason: &str) -> ! {
    say(reason);
    leave(1)
}

/// To the console, for whoever looks why a machine does not come up.
#[expect(clippy::print_stderr, reason = "the agent's console is its standard error")]
pub(crate) fn say(text: &str) {
    eprintln!("mainstay-guest: {text}");
}

#[expect(clippy::exit, reason = "the agent is ended by what it is asked, on whichever thread")]
fn leave(code: i32) -> ! {
    process::exit(code)
}
