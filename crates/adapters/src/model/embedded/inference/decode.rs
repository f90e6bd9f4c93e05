//! Writes tokens, each the likeliest of those that the grammar allows.
//!
//! Invariant: what is written fits the grammar, or the end says that it was cut. Tokens that the
//! grammar forces are not computed one by one but read together with the next. Deliberately absent:
//! chance; the same prompt gives the same answer.

use std::sync::Arc;

use llama_cpp_2::token::LlamaToken;
use llguidance::Matcher;
use llguidance::toktrie::SimpleVob;

use super::engine::{Engine, EngineError};
use super::number::NumberBound;
use super::vocabulary::{Vocabulary, id_of, token_of};

/// What is being written, as its reader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Numbers in it have a bound.
    Json,
    /// They have none.
    Text,
}

/// How writing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The model or the grammar said that it is complete.
    Complete,
    /// The bound on tokens was reached.
    Length,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum DecodeError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("follow the grammar: {0}")]
    Grammar(String),
}

/// What was written.
pub(super) struct Written {
    pub(super) ended: Ended,
    pub(super) tokens: usize,
}

/// Writes after what the engine holds. Bytes go to `on_bytes` as they come.
pub(super) struct Decoder<'e, 'm> {
    engine: &'e mut Engine<'m>,
    vocabulary: Arc<Vocabulary>,
    matcher: Option<Matcher>,
    numbers: NumberBound,
    /// Written, but not read by the engine yet.
    unread: Vec<LlamaToken>,
    written: usize,
}

impl<'e, 'm> Decoder<'e, 'm> {
    pub(super) fn new(
        engine: &'e mut Engine<'m>,
        vocabulary: Arc<Vocabulary>,
        matcher: Option<Matcher>,
    ) -> Self {
        let numbers = NumberBound::default();
        Self { engine, vocabulary, matcher, numbers, unread: Vec::new(), written: 0 }
    }

    /// To the end, or to `max_tokens`.
    pub(super) fn run(
        mut self,
        max_tokens: usize,
        is_abandoned: &dyn Fn() -> bool,
        on_bytes: &mut dyn FnMut(&[u8]) -> Form,
    ) -> Result<Written, DecodeError> {
        loop {
            self.take_forced(on_bytes);
            if self.is_complete() {
                return Ok(Written { ended: Ended::Complete, tokens: self.written });
            }
            if self.written >= max_tokens {
                return Ok(Written { ended: Ended::Length, tokens: self.written });
            }
            let unread = std::mem::take(&mut self.unread);
            self.engine.add(&unread, is_abandoned)?;
            let token = self.likeliest()?;
            if self.vocabulary.is_end(token) {
                return Ok(Written { ended: Ended::Complete, tokens: self.written + 1 });
            }
            if let Some(matcher) = &mut self.matcher {
                let taken = matcher.consume_token(id_of(token));
                taken.map_err(|error| DecodeError::Grammar(error.to_string()))?;
            }
            self.write(token, on_bytes);
        }
    }

    /// What must come, comes.
    fn take_forced(&mut self, on_bytes: &mut dyn FnMut(&[u8]) -> Form) {
        let forced = self.matcher.as_mut().map(Matcher::consume_ff_tokens).unwrap_or_default();
        for id in forced {
            self.write(token_of(id), on_bytes);
        }
    }

    fn is_complete(&self) -> bool {
        self.matcher.as_ref().is_some_and(Matcher::is_stopped)
    }

    fn write(&mut self, token: LlamaToken, on_bytes: &mut dyn FnMut(&[u8]) -> Form) {
        let bytes = self.vocabulary.bytes(token);
        match on_bytes(bytes) {
            Form::Json => self.numbers.push(bytes),
            Form::Text => self.numbers = NumberBound::default(),
        }
        self.unread.push(token);
        self.written += 1;
    }

    fn likeliest(&mut self) -> Result<LlamaToken, DecodeError> {
        let likelihoods = self.engine.likelihoods();
        let Some(matcher) = &mut self.matcher else {
            let all = likelihoods.iter().enumerate();
            let best = all.max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(index, _)| index);
            return Ok(token_of(u32::try_from(best).expect("a vocabulary is smaller")));
        };
        let allowed = matcher.compute_mask_or_eos();
        let allowed = allowed.map_err(|error| DecodeError::Grammar(error.to_string()))?;
        if self.numbers.is_reached() {
            let ends_number = |id| !NumberBound::goes_on(self.vocabulary.bytes(token_of(id)));
            if let Some(token) = best_of(likelihoods, &allowed, ends_number) {
                return Ok(token);
            }
        }
        best_of(likelihoods, &allowed, |_| true)
            .ok_or_else(|| DecodeError::Grammar("nothing may follow".to_owned()))
    }
}

fn best_of(
    likelihoods: &[f32],
    allowed: &SimpleVob,
    filter: impl Fn(u32) -> bool,
) -> Option<LlamaToken> {
    let mut best = None;
    let mut highest = f32::NEG_INFINITY;
    allowed.iter_set_entries(|index| {
        let Some(likelihood) = likelihoods.get(index).copied() else { return };
        let Ok(id) = u32::try_from(index) else { return };
        if (likelihood > highest || best.is_none()) && filter(id) {
            highest = likelihood;
            best = Some(token_of(id));
        }
    });
    best
}
