//! One call of the model: prompt, grammar, answer.
//!
//! Invariant: the answer is one message or one call that fits its tool's schema. A call that was
//! made before in this turn and can tell nothing new is not made again: the model is asked once more
//! without that tool, because a small model otherwise goes in circles.

use std::sync::{Arc, LazyLock};

use llguidance::{Matcher, ParserFactory};
use mainstay_core::port::{
    ModelError, ModelErrorKind, ModelOutput, ModelPart, ModelReply, ModelRequest, StopReason,
};
use mainstay_core::tool::ToolSpec;
use mainstay_protocol::Usage;
use serde_json::{Value, json};

use super::decode::{DecodeError, Decoder, Ended, Written};
use super::engine::{Engine, EngineError};
use super::grammar::{Expected, grammar, loose_grammar};
use super::history::TurnCalls;
use super::prompt::{Prompt, reply_name};
use super::reader::{Answer, Reader};
use super::settings::EmbeddedSettings;
use super::vocabulary::Vocabulary;
use crate::model::choice::{Choice, Must, Subsets};

/// An answer shorter than this is not worth a full context.
const MIN_OUTPUT_TOKENS: usize = 64;
/// The only output of an answer.
const OUTPUT_INDEX: u32 = 0;

/// What an answer follows that is any JSON object.
static ANY_OBJECT: LazyLock<Value> = LazyLock::new(|| json!({"type": "object"}));

/// What is needed to answer, made once per model.
pub(super) struct Answerer<'m> {
    pub(super) engine: Engine<'m>,
    pub(super) vocabulary: Arc<Vocabulary>,
    pub(super) parsers: ParserFactory,
    pub(super) settings: EmbeddedSettings,
}

/// Who waits for the answer.
pub(super) trait Listener {
    /// Whether nobody does any more.
    fn is_gone(&self) -> bool;

    /// Takes a part.
    fn take(&self, part: ModelPart);
}

/// One way of answering, tried until an answer is new.
struct Attempt<'r> {
    request: &'r ModelRequest,
    reply: &'static str,
    /// Tools that would only repeat what is known.
    without: Vec<String>,
    max_tokens: usize,
}

impl Answerer<'_> {
    /// Answers, or says why not; nothing is said where nobody listens any more.
    pub(super) fn answer(
        &mut self,
        request: &ModelRequest,
        listener: &dyn Listener,
    ) -> Option<Result<ModelReply, ModelError>> {
        match self.try_answer(request, listener) {
            Ok(reply) => Some(Ok(reply)),
            Err(AnswerError::Abandoned) => None,
            Err(AnswerError::Model(error)) => Some(Err(error)),
        }
    }

    fn try_answer(
        &mut self,
        request: &ModelRequest,
        listener: &dyn Listener,
    ) -> Result<ModelReply, AnswerError> {
        let prompt = self.vocabulary.tokens(&Prompt::new(request));
        let max_tokens = self.room(prompt.len(), request)?;
        let is_gone = || listener.is_gone();
        let cached = self.engine.hold(&prompt, &is_gone)?;
        let mut usage = Usage {
            input_tokens: prompt.len() as u64,
            cached_input_tokens: cached as u64,
            ..Usage::default()
        };
        let known = TurnCalls::new(request);
        let reply = reply_name(&request.tools);
        let mut attempt = Attempt { request, reply, without: Vec::new(), max_tokens };
        loop {
            let (answer, written) = self.attempt(&attempt, &known, listener)?;
            usage.output_tokens += written.tokens as u64;
            match &answer {
                Some(Answer::Call { name, arguments })
                    if written.ended == Ended::Complete && known.contains(name, arguments) =>
                {
                    attempt.without.push(name.clone());
                    self.engine.hold(&prompt, &is_gone)?;
                }
                _ => return Ok(reply_of(answer, written.ended, usage, request)),
            }
        }
    }

    /// One answer to what the engine holds.
    fn attempt(
        &mut self,
        attempt: &Attempt<'_>,
        known: &TurnCalls<'_>,
        listener: &dyn Listener,
    ) -> Result<(Option<Answer>, Written), AnswerError> {
        let expected = attempt.expected();
        let mut reader = match &expected {
            Expected::FreeText | Expected::Json(_) => Reader::of_text(),
            Expected::CallOrReply { .. } => Reader::of_calls(attempt.reply),
        };
        let matcher = self.matcher(&expected)?;
        let decoder = Decoder::new(&mut self.engine, self.vocabulary.clone(), matcher);
        let written =
            decoder.run(attempt.max_tokens, &|| listener.is_gone(), &mut |bytes: &[u8]| {
                reader.push(bytes);
                // A call that may turn out to be a repetition is not shown before it is complete.
                if !reader.tool().is_some_and(|tool| known.names(tool)) {
                    show(&mut reader, listener);
                }
                reader.form()
            })?;
        let repeats = reader.repeats(known);
        if !repeats && written.ended == Ended::Complete {
            show(&mut reader, listener);
        }
        Ok((reader.into_answer(), written))
    }

    /// How long the answer may be.
    fn room(&self, prompt_tokens: usize, request: &ModelRequest) -> Result<usize, AnswerError> {
        let context_tokens = self.settings.context_tokens as usize;
        let room = context_tokens.saturating_sub(prompt_tokens);
        if room < MIN_OUTPUT_TOKENS {
            let message = format!(
                "the prompt has {prompt_tokens} tokens; the embedded model takes {context_tokens} together with its answer"
            );
            return Err(ModelError::new(ModelErrorKind::ContextTooLong, message).into());
        }
        let asked =
            request.options.max_output_tokens.and_then(|tokens| usize::try_from(tokens).ok());
        let most = self.settings.max_output_tokens as usize;
        Ok(asked.unwrap_or(most).min(most).min(room))
    }

    fn matcher(&self, expected: &Expected<'_>) -> Result<Option<Matcher>, AnswerError> {
        let Some(strict) = grammar(expected) else { return Ok(None) };
        let matcher = Matcher::new(self.parsers.create_parser(strict));
        let Some(problem) = matcher.get_error() else { return Ok(Some(matcher)) };
        tracing::warn!(%problem, "a schema is beyond the grammar; any JSON object is allowed");
        let loose = loose_grammar(expected);
        let matcher = Matcher::new(self.parsers.create_parser(loose));
        match matcher.get_error() {
            None => Ok(Some(matcher)),
            Some(problem) => {
                let message = format!("make a grammar of the tools: {problem}");
                Err(ModelError::new(ModelErrorKind::Invalid, message).into())
            }
        }
    }
}

impl<'r> Attempt<'r> {
    fn expected(&self) -> Expected<'r> {
        let schema = self.request.response_schema.as_deref();
        let schema = schema.map(|named| named.get("schema").unwrap_or(&ANY_OBJECT));
        let offered: &'r [ToolSpec] = &self.request.tools;
        match (offered, schema) {
            ([], None) => Expected::FreeText,
            ([], Some(schema)) => Expected::Json(schema),
            (_, reply_schema) => self.call_or_reply(reply_schema),
        }
    }

    /// The prompt shows all tools, whatever the choice, so that it begins as the last one did; the
    /// grammar leaves what may be called.
    fn call_or_reply(&self, reply_schema: Option<&'r Value>) -> Expected<'r> {
        let choice = Choice::new(self.request, Subsets::Hidden);
        let may_call = |tool: &&ToolSpec| match choice.must {
            Some(Must::CallNone) => false,
            Some(Must::Call(name)) => tool.name == name,
            Some(Must::Choose | Must::CallAny) | None => true,
        };
        let mut tools = choice.tools;
        tools.retain(|tool| may_call(tool) && !self.without.contains(&tool.name));
        let must_call = choice.must.is_some_and(Must::is_forced) && !tools.is_empty();
        let reply = (!must_call).then_some(self.reply);
        Expected::CallOrReply { tools, reply, reply_schema }
    }
}

fn show(reader: &mut Reader, listener: &dyn Listener) {
    if let Some((kind, text)) = reader.take() {
        listener.take(ModelPart::Delta { index: OUTPUT_INDEX, kind, text });
    }
}

fn reply_of(
    answer: Option<Answer>,
    ended: Ended,
    usage: Usage,
    request: &ModelRequest,
) -> ModelReply {
    let output = match (answer, ended) {
        (Some(Answer::Message { text }), _) => Some(ModelOutput::Message { text }),
        (Some(Answer::Call { name, arguments }), Ended::Complete) => {
            Some(ModelOutput::ToolCall { call_id: String::new(), name, arguments })
        }
        // Half a call is no call.
        (Some(Answer::Call { .. }), Ended::Length) | (None, _) => None,
    };
    ModelReply {
        outputs: output.into_iter().collect(),
        usage,
        model: request.model.to_string(),
        stop: match ended {
            Ended::Complete => StopReason::End,
            Ended::Length => StopReason::Length,
        },
    }
}

/// Why there is no answer.
enum AnswerError {
    Abandoned,
    Model(ModelError),
}

impl From<ModelError> for AnswerError {
    fn from(error: ModelError) -> Self {
        Self::Model(error)
    }
}

impl From<EngineError> for AnswerError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Abandoned => Self::Abandoned,
            EngineError::Compute { .. } => {
                Self::Model(ModelError::new(ModelErrorKind::Unavailable, error.to_string()))
            }
        }
    }
}

impl From<DecodeError> for AnswerError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Engine(error) => error.into(),
            DecodeError::Grammar(_) => {
                Self::Model(ModelError::new(ModelErrorKind::Garbled, error.to_string()))
            }
        }
    }
}
