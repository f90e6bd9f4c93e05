//! The speed of the host's time stamp counter, which a guest under TCG sees and cannot measure.

use std::io;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

const MEASURED: Duration = Duration::from_millis(20);
const NS_PER_S: i64 = 1_000_000_000;

/// Kilohertz of the counter.
pub(super) fn khz() -> io::Result<u64> {
    let (ticks, ns) = (ticks(), now_ns());
    wait(MEASURED)?;
    let (ticks, ns) = (self::ticks() - ticks, now_ns() - ns);
    let ns = u64::try_from(ns).ok().filter(|ns| *ns > 0);
    let ns = ns.ok_or_else(|| io::Error::other("the host's clock stands still"))?;
    Ok(ticks.saturating_mul(1_000_000) / ns)
}

fn wait(time: Duration) -> io::Result<()> {
    let time = rustix::event::Timespec::try_from(time).map_err(io::Error::other)?;
    rustix::event::poll(&mut [], Some(&time))?;
    Ok(())
}

fn now_ns() -> i64 {
    let now = clock_gettime(ClockId::MonotonicRaw);
    now.tv_sec * NS_PER_S + now.tv_nsec
}

#[cfg(target_arch = "x86_64")]
fn ticks() -> u64 {
    // SAFETY: the instruction reads a counter and nothing else; every 64-bit processor has it.
    #[expect(unsafe_code, reason = "an isolation back end; no safe crate reads the counter")]
    unsafe {
        core::arch::x86_64::_rdtsc()
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn ticks() -> u64 {
    0
}
