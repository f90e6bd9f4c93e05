//! The life of one call: send, check the status, read events until the answer is complete.
//!
//! Invariant: the stream ends with exactly one `Done` or one error, within the call's time.
//! Deliberately absent: a second attempt of anything.

use std::collections::VecDeque;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use mainstay_core::port::{
    ModelError, ModelErrorKind, ModelPart, ModelReply, ModelStream, PartKind,
};
use mainstay_protocol::{EffectId, Usage};
use reqwest::{Response, StatusCode};
use tokio::time::{Sleep, sleep, timeout};
use url::Url;

use super::draft::Answer;
use super::endpoint::Endpoint;
use super::fault::{ErrorText, Fault};
use super::limits::{DRAIN_TIMEOUT_MS, MAX_ERROR_BODY_BYTES, MAX_STREAM_BYTES, MAX_STREAM_EVENTS};
use super::retry_after::retry_after_ms;
use super::sse::{EventTooLarge, SseParser};
use crate::model::catalogue::Pricing;

/// The header that carries the effect's id. Providers that know no such header ignore it.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Everything one call needs.
pub(in crate::model) struct Call {
    pub(in crate::model) endpoint: Arc<Endpoint>,
    pub(in crate::model) url: Url,
    pub(in crate::model) model: Arc<str>,
    pub(in crate::model) effect: EffectId,
    pub(in crate::model) timeout_ms: u64,
    pub(in crate::model) body: Vec<u8>,
    pub(in crate::model) decoder: Box<dyn Decoder>,
    pub(in crate::model) pricing: Pricing,
}

/// Reads what one provider API answers.
pub(in crate::model) trait Decoder: Send {
    /// Reads one event; what can be watched goes to `parts`.
    fn event(&mut self, data: &[u8], parts: &mut Parts) -> Result<Progress, Fault>;

    /// The stream is over without having said so.
    fn end(&mut self) -> Result<Answer, Fault>;

    /// Reads a whole answer: some servers do not stream although they are asked to.
    fn whole(&mut self, body: &[u8]) -> Result<Answer, Fault>;

    /// What an error means.
    fn error_kind(&self, status: StatusCode, text: &ErrorText) -> ModelErrorKind;
}

/// How far an answer is.
pub(in crate::model) enum Progress {
    /// There is more to come.
    More,
    /// It is complete.
    Done(Answer),
}

/// Parts that wait to be taken from the stream.
#[derive(Default)]
pub(in crate::model) struct Parts(VecDeque<ModelPart>);

impl Parts {
    /// Adds text of the output at `index`.
    pub(in crate::model) fn delta(&mut self, index: u32, kind: PartKind, text: String) {
        self.0.push_back(ModelPart::Delta { index, kind, text });
    }
}

/// The stream of a call, which is prepared when the stream is first polled.
pub(in crate::model) fn stream<F>(prepare: F) -> ModelStream
where
    F: FnOnce() -> Call + Send + 'static,
{
    stream::unfold(State::Ready(prepare), advance).boxed()
}

enum State<F> {
    Ready(F),
    Reading(Box<Reader>),
    Over,
}

async fn advance<F>(state: State<F>) -> Option<(Result<ModelPart, ModelError>, State<F>)>
where
    F: FnOnce() -> Call,
{
    let mut reader = match state {
        State::Ready(prepare) => match Reader::open(prepare()).await {
            Ok(reader) => reader,
            Err(error) => return Some((Err(error), State::Over)),
        },
        State::Reading(reader) => reader,
        State::Over => return None,
    };
    let part = reader.next().await;
    let next = match part {
        Ok(ModelPart::Delta { .. }) => State::Reading(reader),
        Ok(ModelPart::Done(_)) | Err(_) => State::Over,
    };
    Some((part, next))
}

/// What is needed until the end of the answer.
struct Reader {
    endpoint: Arc<Endpoint>,
    model: Arc<str>,
    decoder: Box<dyn Decoder>,
    pricing: Pricing,
    deadline: Deadline,
    response: Response,
    form: Form,
    received_bytes: usize,
    events: u32,
    parts: Parts,
    answer: Option<Answer>,
    ended: bool,
}

/// What the body turned out to be.
enum Form {
    /// Nothing but white space so far.
    Unknown,
    /// Server-sent events.
    Events(SseParser),
    /// One JSON document.
    Whole(Vec<u8>),
}

impl Reader {
    async fn open(call: Call) -> Result<Box<Self>, ModelError> {
        let Call { endpoint, url, model, effect, timeout_ms, body, decoder, pricing } = call;
        let mut deadline = Deadline::new(timeout_ms);
        let request = endpoint
            .client
            .post(url)
            .headers(endpoint.headers.clone())
            .header(IDEMPOTENCY_KEY, effect.as_str())
            .body(body);
        let first_byte_ms = endpoint.timeouts.first_byte_timeout_ms;
        let sent = deadline.within(first_byte_ms, "the answer to begin", request.send()).await;
        let opened = match sent {
            Ok(Ok(response)) if response.status().is_success() => Ok(response),
            Ok(Ok(response)) => {
                let refusal = Refusal::read(response, &mut deadline).await;
                Err(refusal.into_fault(decoder.as_ref()))
            }
            Ok(Err(error)) => Err(transport_fault("send the request", error)),
            Err(fault) => Err(fault),
        };
        let response = opened
            .map_err(|fault| fault.into_error(&endpoint.provider, &model, endpoint.key.as_ref()))?;
        Ok(Box::new(Self {
            endpoint,
            model,
            decoder,
            pricing,
            deadline,
            response,
            form: Form::Unknown,
            received_bytes: 0,
            events: 0,
            parts: Parts::default(),
            answer: None,
            ended: false,
        }))
    }

    async fn next(&mut self) -> Result<ModelPart, ModelError> {
        loop {
            if let Some(part) = self.parts.0.pop_front() {
                return Ok(part);
            }
            if let Some(answer) = self.answer.take() {
                self.drain().await;
                return Ok(ModelPart::Done(self.reply(answer)));
            }
            self.read().await.map_err(|fault| {
                fault.into_error(&self.endpoint.provider, &self.model, self.endpoint.key.as_ref())
            })?;
        }
    }

    async fn read(&mut self) -> Result<(), Fault> {
        let idle_ms = self.endpoint.timeouts.idle_timeout_ms;
        let chunk = self.deadline.within(idle_ms, "more of the answer", self.response.chunk());
        match chunk.await? {
            Ok(Some(bytes)) => self.take(&bytes),
            Ok(None) => {
                self.ended = true;
                self.answer = Some(self.end()?);
                Ok(())
            }
            Err(error) => Err(transport_fault("read the answer", error)),
        }
    }

    fn take(&mut self, bytes: &Bytes) -> Result<(), Fault> {
        self.received_bytes += bytes.len();
        if self.received_bytes > MAX_STREAM_BYTES {
            let detail = format!("the answer is larger than {MAX_STREAM_BYTES} bytes");
            return Err(Fault::new(ModelErrorKind::Garbled, detail));
        }
        if matches!(self.form, Form::Unknown) {
            self.form = match bytes.iter().find(|b| !b.is_ascii_whitespace()) {
                Some(b'{') => Form::Whole(Vec::new()),
                Some(_) => Form::Events(SseParser::default()),
                None => Form::Unknown,
            };
        }
        match &mut self.form {
            Form::Unknown => Ok(()),
            Form::Whole(body) => {
                body.extend_from_slice(bytes);
                Ok(())
            }
            Form::Events(events) => {
                events.feed(bytes);
                self.take_events()
            }
        }
    }

    fn take_events(&mut self) -> Result<(), Fault> {
        let Form::Events(events) = &mut self.form else { return Ok(()) };
        while let Some(data) = events.next().map_err(too_large)? {
            self.events += 1;
            if self.events > MAX_STREAM_EVENTS {
                let detail = format!("the answer has more than {MAX_STREAM_EVENTS} events");
                return Err(Fault::new(ModelErrorKind::Garbled, detail));
            }
            if let Progress::Done(answer) = self.decoder.event(data, &mut self.parts)? {
                self.answer = Some(answer);
                return Ok(());
            }
        }
        Ok(())
    }

    /// The body is over and the answer was not complete before.
    fn end(&mut self) -> Result<Answer, Fault> {
        match &mut self.form {
            Form::Unknown => Err(Fault::cut()),
            Form::Whole(body) => self.decoder.whole(body),
            Form::Events(events) => {
                if let Some(data) = events.finish() {
                    self.events += 1;
                    if let Progress::Done(answer) = self.decoder.event(data, &mut self.parts)? {
                        return Ok(answer);
                    }
                }
                if self.events == 0 {
                    let detail = "the answer is not a stream of events";
                    return Err(Fault::new(ModelErrorKind::Garbled, detail));
                }
                self.decoder.end()
            }
        }
    }

    /// Reads on to the end of the body, which follows at once on most servers: a connection whose
    /// body was not read to its end cannot be used again.
    async fn drain(&mut self) {
        if self.ended {
            return;
        }
        let rest = async { while let Ok(Some(_)) = self.response.chunk().await {} };
        let _ = timeout(Duration::from_millis(DRAIN_TIMEOUT_MS), rest).await;
    }

    fn reply(&self, answer: Answer) -> ModelReply {
        let Answer { outputs, stop, model, tokens } = answer;
        let cost_microusd = self.pricing.cost_microusd(&model, &self.model, tokens);
        let model = if model.is_empty() { self.model.as_ref().to_owned() } else { model };
        let usage = Usage {
            input_tokens: tokens.input,
            cached_input_tokens: tokens.cached_input,
            output_tokens: tokens.output,
            reasoning_tokens: tokens.reasoning,
            cost_microusd,
        };
        ModelReply { outputs, usage, model, stop }
    }
}

/// The end of the time that the whole call has.
struct Deadline(Pin<Box<Sleep>>);

impl Deadline {
    #[expect(
        clippy::disallowed_methods,
        reason = "bounds a wait for the network, decides nothing; a simulation has no network"
    )]
    fn new(timeout_ms: u64) -> Self {
        Self(Box::pin(sleep(Duration::from_millis(timeout_ms))))
    }

    /// Waits for `work`, at most `wait_ms` and not beyond the deadline.
    async fn within<T>(
        &mut self,
        wait_ms: u64,
        what: &str,
        work: impl Future<Output = T>,
    ) -> Result<T, Fault> {
        let late = |detail| Err(Fault::new(ModelErrorKind::Unavailable, detail));
        tokio::select! {
            biased;
            done = timeout(Duration::from_millis(wait_ms), work) => match done {
                Ok(done) => Ok(done),
                Err(_) => late(format!("waited {wait_ms} ms for {what}")),
            },
            () = self.0.as_mut() => late("the time for the whole call is over".to_owned()),
        }
    }
}

fn too_large(_: EventTooLarge) -> Fault {
    Fault::new(ModelErrorKind::Garbled, "an event of the answer is too large")
}

/// An answer whose status is not a success.
struct Refusal {
    status: StatusCode,
    retry_after_ms: Option<u64>,
    text: ErrorText,
}

impl Refusal {
    async fn read(mut response: Response, deadline: &mut Deadline) -> Self {
        let status = response.status();
        let retry_after_ms = retry_after_ms(response.headers());
        let mut body = Vec::new();
        let read = async {
            while let Ok(Some(bytes)) = response.chunk().await {
                let room = MAX_ERROR_BODY_BYTES - body.len();
                body.extend_from_slice(&bytes[..bytes.len().min(room)]);
                if body.len() == MAX_ERROR_BODY_BYTES {
                    break;
                }
            }
        };
        // Whatever was read until then is enough to say what the status means.
        let _ = deadline.within(ERROR_BODY_TIMEOUT_MS, "the reason of the refusal", read).await;
        Self { status, retry_after_ms, text: ErrorText::from_body(&body) }
    }

    fn into_fault(self, decoder: &dyn Decoder) -> Fault {
        Fault {
            kind: decoder.error_kind(self.status, &self.text),
            detail: format!("HTTP {}: {}", self.status.as_u16(), self.text.to_detail()),
            retry_after_ms: self.retry_after_ms,
        }
    }
}

/// How long the body of an error is waited for.
const ERROR_BODY_TIMEOUT_MS: u64 = 10_000;

fn transport_fault(what: &str, error: reqwest::Error) -> Fault {
    let kind =
        if error.is_builder() { ModelErrorKind::Invalid } else { ModelErrorKind::Unavailable };
    // The URL may hold what an operator put into it; the provider's name says enough.
    let error = error.without_url();
    let mut detail = format!("{what}: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        detail = format!("{detail}: {error}");
        cause = error.source();
    }
    Fault::new(kind, detail)
}
