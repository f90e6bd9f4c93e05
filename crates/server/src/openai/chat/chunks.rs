//! An answer in chunks.
//!
//! Invariant: the texts of all chunks make the text of the reply. A failure before anything was sent
//! is an answer with its status; one behind it is the stream's last frame, and no `[DONE]` follows.
//! Calls come whole: a model's stream names them at its end only.

use axum::response::Response;
use bytes::Bytes;
use mainstay_core::port::{ModelPart, ModelReply, PartKind};
use mainstay_protocol::ApiError;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;

use super::answer::{BETWEEN_TEXTS, Head, calls, finish, text_of};
use super::call::Call;
use super::record::{Question, Record};
use crate::limits::KEEP_ALIVE_MS;
use crate::openai::wire::{
    ChatAnswerRole, ChatChunkChoice, ChatCompletionChunk, ChatDelta, ChatDeltaCall, ChatFinish,
    ChatUsage, ErrorBody, ErrorObject, SSE_KEEP_ALIVE,
};
use crate::sse::{self, Frames};
use crate::state::AppState;

/// The last frame of a stream that came to its end.
const DONE: &[u8] = b"data: [DONE]\n\n";

/// Answers with the chunks of an answer, once the model has begun or has taken its time to.
pub(super) async fn open_chunks(
    state: &AppState,
    head: Head,
    question: Question,
    tells_usage: bool,
    record: Record,
    permit: OwnedSemaphorePermit,
) -> Result<Response, ApiError> {
    let mut chunks = Chunks {
        state: state.clone(),
        head,
        tells_usage,
        call: Call::new(state, question.route, question.request),
        record: Some(record),
        pending: None,
        said: Said::default(),
        is_begun: false,
        _permit: permit,
    };
    chunks.pending = chunks.part_in_time().await;
    if let Some(Err(error)) = chunks.pending.take_if(|part| part.is_err()) {
        // What could not be written of a failure changes nothing about it.
        let _ = chunks.ended(&Err(error.clone())).await;
        return Err(error);
    }
    Ok(sse::answer(chunks))
}

/// A stream of chunks.
struct Chunks {
    state: AppState,
    head: Head,
    tells_usage: bool,
    call: Call,
    /// None when the stream is over.
    record: Option<Record>,
    pending: Option<Result<ModelPart, ApiError>>,
    said: Said,
    is_begun: bool,
    _permit: OwnedSemaphorePermit,
}

/// The text that was sent.
#[derive(Default)]
struct Said {
    text: String,
    index: u32,
}

impl Said {
    /// What a piece of text adds.
    fn add(&mut self, index: u32, piece: String) -> String {
        let is_next = !self.text.is_empty() && index != self.index;
        let piece = if is_next { format!("{BETWEEN_TEXTS}{piece}") } else { piece };
        self.index = index;
        self.text.push_str(&piece);
        piece
    }
}

impl Frames for Chunks {
    async fn next(&mut self) -> Option<Bytes> {
        self.record.as_ref()?;
        if !self.is_begun {
            self.is_begun = true;
            let role = Some(ChatAnswerRole::Assistant);
            let delta = ChatDelta { role, content: Some(String::new()), ..ChatDelta::default() };
            return Some(self.chunk(delta, None).into());
        }
        loop {
            let part = match self.pending.take() {
                Some(part) => part,
                None => match self.part_in_time().await {
                    Some(part) => part,
                    None => return Some(Bytes::from_static(SSE_KEEP_ALIVE)),
                },
            };
            match part {
                Ok(ModelPart::Delta { index, kind: PartKind::Text, text }) if !text.is_empty() => {
                    self.call.was_shown();
                    let content = Some(self.said.add(index, text));
                    let delta = ChatDelta { content, ..ChatDelta::default() };
                    return Some(self.chunk(delta, None).into());
                }
                // Reasoning has no place in this API, and calls are shown when they are complete.
                Ok(ModelPart::Delta { .. }) => {}
                Ok(ModelPart::Done(reply)) => return Some(self.end(reply).await.into()),
                Err(error) => return Some(self.broken(error).await.into()),
            }
        }
    }
}

impl Chunks {
    /// The next part; none when it takes too long to stay silent.
    async fn part_in_time(&mut self) -> Option<Result<ModelPart, ApiError>> {
        let clock = self.state.engine().clock().clone();
        let silent = clock.sleep_until(clock.now_ms().saturating_add(KEEP_ALIVE_MS));
        tokio::select! {
            biased;
            part = self.call.next() => Some(part),
            () = silent => None,
        }
    }

    async fn end(&mut self, reply: ModelReply) -> Vec<u8> {
        let mut frames = Vec::new();
        let whole = text_of(&reply);
        if let Some(rest) = whole.strip_prefix(&self.said.text).filter(|rest| !rest.is_empty()) {
            let content = Some(rest.to_owned());
            frames.extend(self.chunk(ChatDelta { content, ..ChatDelta::default() }, None));
        }
        let (ended, usage) = (finish(&reply), reply.usage);
        let answer = Ok(reply.clone());
        for (index, call) in (0..).zip(calls(reply, &mut self.state.mint())) {
            let tool_calls = vec![ChatDeltaCall { index, call }];
            frames.extend(self.chunk(ChatDelta { tool_calls, ..ChatDelta::default() }, None));
        }
        frames.extend(self.chunk(ChatDelta::default(), Some(ended)));
        if self.tells_usage {
            frames.extend(self.frame(Vec::new(), Some(usage.into())));
        }
        frames.extend_from_slice(DONE);
        match self.ended(&answer).await {
            Ok(()) => frames,
            Err(error) => sse(&ErrorBody { error: ErrorObject::from(&error) }),
        }
    }

    async fn broken(&mut self, error: ApiError) -> Vec<u8> {
        let body = ErrorBody { error: ErrorObject::from(&error) };
        let _ = self.ended(&Err(error)).await;
        sse(&body)
    }

    async fn ended(&mut self, answer: &Result<ModelReply, ApiError>) -> Result<(), ApiError> {
        match self.record.take() {
            Some(record) => record.ended(self.call.stands(), answer).await,
            None => Ok(()),
        }
    }

    fn chunk(&self, delta: ChatDelta, finish_reason: Option<ChatFinish>) -> Vec<u8> {
        self.frame(vec![ChatChunkChoice { index: 0, delta, finish_reason, logprobs: None }], None)
    }

    fn frame(&self, choices: Vec<ChatChunkChoice>, usage: Option<ChatUsage>) -> Vec<u8> {
        sse(&ChatCompletionChunk {
            id: self.head.id.clone(),
            created: self.head.created,
            model: self.call.model().to_owned(),
            choices,
            usage: self.tells_usage.then_some(usage),
            system_fingerprint: None,
        })
    }
}

fn sse(data: &impl Serialize) -> Vec<u8> {
    let mut frame = b"data: ".to_vec();
    serde_json::to_writer(&mut frame, data).expect("a chunk has text keys and goes to memory");
    frame.extend_from_slice(b"\n\n");
    frame
}
