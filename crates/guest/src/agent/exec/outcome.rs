//! What a command left.

use mainstay_guest::{Answer, End, ExecDone};

use super::kept::Kept;
use crate::agent::channel::Channel;
use crate::agent::ledger::Outcome;
use crate::agent::outgoing::Over;

pub(crate) struct Ended {
    pub(crate) end: End,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) stdout_omitted_bytes: u64,
    pub(crate) stderr_omitted_bytes: u64,
    pub(crate) duration_ms: u64,
}

impl Ended {
    pub(crate) fn new(end: End, stdout: Kept, stderr: Kept, duration_ms: u64) -> Self {
        let (stdout, stdout_omitted_bytes) = stdout.finish();
        let (stderr, stderr_omitted_bytes) = stderr.finish();
        Self { end, stdout, stderr, stdout_omitted_bytes, stderr_omitted_bytes, duration_ms }
    }

    /// Sends the outputs, and gives the answer behind them.
    pub(crate) fn send(&self, channel: &Channel) -> Result<Answer, Over> {
        channel.write(&self.stdout)?;
        channel.write(&self.stderr)?;
        Ok(Answer::Exec(ExecDone {
            end: self.end,
            stdout_bytes: self.stdout.len(),
            stderr_bytes: self.stderr.len(),
            stdout_omitted_bytes: self.stdout_omitted_bytes,
            stderr_omitted_bytes: self.stderr_omitted_bytes,
            duration_ms: self.duration_ms,
        }))
    }
}

impl Outcome for Ended {
    fn kept_bytes(&self) -> usize {
        self.stdout.len() + self.stderr.len()
    }

    fn without_outputs(&self) -> Self {
        Self {
            end: self.end,
            stdout: Vec::new(),
            stderr: Vec::new(),
            stdout_omitted_bytes: self.stdout_omitted_bytes + self.stdout.len() as u64,
            stderr_omitted_bytes: self.stderr_omitted_bytes + self.stderr.len() as u64,
            duration_ms: self.duration_ms,
        }
    }
}
