//! An answer while it is being received.
//!
//! Invariant: an output keeps its position from the first delta on; text and outputs stay within
//! their limits.

use mainstay_core::port::{ModelErrorKind, ModelOutput, StopReason};

use super::fault::Fault;
use super::limits::{MAX_ANSWER_OUTPUTS, MAX_ANSWER_TEXT_BYTES};
use crate::model::catalogue::TokenCounts;

/// A whole answer as a decoder gives it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::model) struct Answer {
    pub(in crate::model) outputs: Vec<ModelOutput>,
    pub(in crate::model) stop: StopReason,
    /// As the provider names it; empty when it does not.
    pub(in crate::model) model: String,
    pub(in crate::model) tokens: TokenCounts,
}

/// Outputs received so far.
#[derive(Debug, Default)]
pub(in crate::model) struct Draft {
    outputs: Vec<ModelOutput>,
    text_bytes: usize,
}

impl Draft {
    /// Adds an output and gives its position.
    pub(in crate::model) fn open(&mut self, output: ModelOutput) -> Result<u32, Fault> {
        if self.outputs.len() >= MAX_ANSWER_OUTPUTS {
            let detail = format!("the answer has more than {MAX_ANSWER_OUTPUTS} outputs");
            return Err(Fault::new(ModelErrorKind::Garbled, detail));
        }
        self.count(text_len(&output))?;
        let index = u32::try_from(self.outputs.len()).expect("bounded by MAX_ANSWER_OUTPUTS");
        self.outputs.push(output);
        Ok(index)
    }

    /// Counts more text that is about to be added to an output.
    pub(in crate::model) fn count(&mut self, more_bytes: usize) -> Result<(), Fault> {
        self.text_bytes += more_bytes;
        if self.text_bytes > MAX_ANSWER_TEXT_BYTES {
            let detail = format!("the answer has more than {MAX_ANSWER_TEXT_BYTES} bytes of text");
            return Err(Fault::new(ModelErrorKind::Garbled, detail));
        }
        Ok(())
    }

    /// The output at a position given by [`Draft::open`].
    pub(in crate::model) fn at(&mut self, index: u32) -> &mut ModelOutput {
        let index = usize::try_from(index).expect("32 bits fit");
        self.outputs.get_mut(index).expect("positions come from open")
    }

    /// Whether nothing was received.
    pub(in crate::model) fn is_empty(&self) -> bool {
        self.outputs.is_empty()
    }

    /// The outputs of the finished answer. A call that a bound on tokens cut in the middle is left
    /// out: half-written arguments must not run.
    pub(in crate::model) fn finish(&mut self, stop: StopReason) -> Vec<ModelOutput> {
        let mut outputs = std::mem::take(&mut self.outputs);
        if stop == StopReason::Length {
            outputs.retain(|output| !is_cut_call(output));
        }
        outputs
    }
}

fn is_cut_call(output: &ModelOutput) -> bool {
    match output {
        ModelOutput::ToolCall { arguments, .. } => {
            serde_json::from_str::<serde::de::IgnoredAny>(arguments).is_err()
        }
        ModelOutput::Message { .. } | ModelOutput::Reasoning { .. } => false,
    }
}

fn text_len(output: &ModelOutput) -> usize {
    match output {
        ModelOutput::Message { text } => text.len(),
        ModelOutput::Reasoning { summary, .. } => summary.len(),
        ModelOutput::ToolCall { name, arguments, .. } => name.len() + arguments.len(),
    }
}
