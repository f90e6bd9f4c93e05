//! Speaking to the agent of a machine that nobody uses yet: a template, a probe.

use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::io::DuplexStream;
use tokio::time::timeout;

use super::files::{AGENT_SOCKET, Files};
use super::socket;
use crate::sandbox::{Gate, Hello, Machine};

const NS_PER_S: u64 = 1_000_000_000;

/// Connects to an agent that is about to answer.
pub(super) async fn greet(files: &Files, limit: Duration) -> Result<Machine, String> {
    let answered = async {
        let mut last = String::new();
        // The agent of a guest that boots answers what was said before it was there, so that a second
        // try is for a guest that takes longer than one greeting waits.
        loop {
            let stream = socket::connect(&files.in_vm(AGENT_SOCKET))
                .map_err(|error| format!("reach the agent's channel: {error}"))?;
            match Machine::connect(stream, hello(), Arc::new(Shut)).await {
                Ok(machine) => return Ok(machine),
                Err(error) if last == error.to_string() && !last.contains("greet") => {
                    return Err(last);
                }
                Err(error) => last = error.to_string(),
            }
        }
    };
    let seconds = limit.as_secs();
    timeout(limit, answered)
        .await
        .unwrap_or_else(|_| Err(format!("no agent answers within {seconds} s")))
}

/// Whoever uses the machine says everything again.
fn hello() -> Hello {
    let now = clock_gettime(ClockId::Realtime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let part = u64::try_from(now.tv_nsec).unwrap_or_default();
    Hello {
        env: std::collections::BTreeMap::new(),
        // None of its own: what a session's is put behind is read, and in memory from then on.
        ca_pem: Some(String::new()),
        now_unix_ns: seconds.saturating_mul(NS_PER_S).saturating_add(part),
        entropy: [0; 64],
        processes: None,
        orphan_timeout: Duration::ZERO,
    }
}

/// Nothing leaves such a machine.
struct Shut;

impl Gate for Shut {
    fn open(&self, _: DuplexStream) {}
}
