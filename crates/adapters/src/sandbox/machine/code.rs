//! Code in a machine's resident interpreters.

use std::time::Duration;

use bytes::Bytes;
use mainstay_core::port::{
    CodeLanguage, CodeOutput, CodeRequest, CodeResult, Fate, OutputSink, Readiness, SandboxError,
};
use mainstay_guest::{Answer, CodeDone, Language, MAX_OUTPUT_LIMIT_BYTES, Request};
use mainstay_protocol::EffectId;

use super::connect::Machine;
use super::exec::MAX_RUN_MS;
use super::failure::{forgotten, nonsense};
use super::request::{Bounds, ask};

/// What a machine may take beyond the time-out of code to start an interpreter, end it, and answer.
const CODE_MARGIN_MS: u64 = 60_000;

/// Results and the text of an exception.
const MAX_RESULT_BYTES: usize = 20 * 1024 * 1024;

/// Both outputs and the results.
const MAX_CODE_BYTES: usize = 2 * MAX_OUTPUT_LIMIT_BYTES + MAX_RESULT_BYTES;

impl Machine {
    /// Runs code in the resident interpreter, which is started if it is not there, and shows its outputs
    /// while they come. Dropping the future
    /// interrupts it; losing the connection does not. Under an id that was seen it runs nothing and
    /// waits for the outcome.
    ///
    /// # Errors
    /// There is no such interpreter, or the agent does not answer.
    pub async fn code(
        &self,
        request: CodeRequest,
        sink: Option<OutputSink>,
    ) -> Result<CodeOutput, SandboxError> {
        let timeout_ms = request.timeout_ms.min(MAX_RUN_MS);
        let wire = Request::Code {
            effect: request.effect.to_string(),
            language: language(request.language),
            source: request.source,
            timeout_ms,
            output_limit_bytes: request.output_limit_bytes,
            is_live: sink.is_some(),
        };
        // Code before it may have as long again.
        let wait = Duration::from_millis(MAX_RUN_MS + CODE_MARGIN_MS);
        let bounds = Bounds { sink: sink.as_ref(), ..bounds("run code", wait) };
        match ask(&self.connection, &wire, None, bounds).await? {
            (Answer::Code(done), data) => output(&done, data),
            (Answer::Forgotten, _) => Err(forgotten()),
            _ => Err(nonsense("another answer than the end of code")),
        }
    }

    /// What became of code; waits for code that runs.
    ///
    /// # Errors
    /// The agent does not answer.
    pub async fn code_fate(&self, effect: &EffectId) -> Result<Fate<CodeOutput>, SandboxError> {
        let wire = Request::CodeFate { effect: effect.to_string() };
        let wait = Duration::from_millis(MAX_RUN_MS + CODE_MARGIN_MS);
        let bounds = bounds("ask what became of code", wait);
        match ask(&self.connection, &wire, None, bounds).await? {
            (Answer::Code(done), data) => Ok(Fate::Ended(output(&done, data)?, Readiness::Running)),
            (Answer::NotRun, _) => Ok(Fate::NotRun),
            (Answer::Forgotten, _) => Ok(Fate::Gone),
            _ => Err(nonsense("another answer than the fate of code")),
        }
    }

    /// Has the interpreter wait for code.
    ///
    /// # Errors
    /// There is no such interpreter, or the agent does not answer.
    pub async fn warm(&self, wanted: CodeLanguage) -> Result<(), SandboxError> {
        let request = Request::Warm { language: language(wanted) };
        let wait = Duration::from_millis(2 * CODE_MARGIN_MS);
        match ask(&self.connection, &request, None, bounds("warm an interpreter", wait)).await? {
            (Answer::Done, _) => Ok(()),
            _ => Err(nonsense("another answer than done")),
        }
    }
}

fn bounds(attempted: &str, wait: Duration) -> Bounds<'_> {
    Bounds { attempted, wait, max_bytes: MAX_CODE_BYTES, sink: None }
}

fn language(language: CodeLanguage) -> Language {
    match language {
        CodeLanguage::Python => Language::Python,
        CodeLanguage::Javascript => Language::Javascript,
    }
}

fn output(done: &CodeDone, mut data: Bytes) -> Result<CodeOutput, SandboxError> {
    let mut take = |count: usize| {
        if count > data.len() {
            return Err(nonsense("outputs of another size than it says"));
        }
        Ok(data.split_to(count))
    };
    let text = |bytes: Bytes| String::from_utf8_lossy(&bytes).into_owned();
    let stdout = text(take(done.stdout_bytes)?);
    let stderr = text(take(done.stderr_bytes)?);
    let error = done.error_bytes.map(&mut take).transpose()?.map(text);
    let mut results = Vec::new();
    for part in &done.parts {
        let data = take(part.size_bytes)?;
        results.push(CodeResult { media_type: part.media_type.clone(), data });
    }
    let (is_fresh, duration_ms) = (done.is_fresh, done.duration_ms);
    Ok(CodeOutput { stdout, stderr, results, error, is_fresh, duration_ms })
}
