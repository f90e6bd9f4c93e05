//! How a model is asked to think, and its thoughts on their way back.
//!
//! Invariant: thinking goes back unchanged, and only to the provider that it came from.

use serde_json::Value;

use super::wire::{Block, ThinkingConfig};
use crate::model::catalogue::Reasoning;
use crate::model::choice::Must;
use crate::model::transcript::Piece;

/// The least budget of thinking that the API takes.
const MIN_THINKING_TOKENS: u64 = 1024;

/// How a model thinks and who gets its thoughts back.
#[derive(Clone, Copy)]
pub(in crate::model) struct Thinking<'a> {
    pub(in crate::model) style: Reasoning,
    pub(in crate::model) provider: &'a str,
}

impl Thinking<'_> {
    /// What is said about thinking. A model that thinks cannot be made to call a tool, so that one
    /// that must call does not think.
    pub(super) fn config(
        &self,
        effort: Option<&str>,
        max_tokens: u64,
        pieces: &[Piece<'_>],
        must: Option<Must<'_>>,
    ) -> Option<ThinkingConfig> {
        let effort = effort?;
        let is_forced = must.is_some_and(Must::is_forced);
        match (self.style, effort) {
            (Reasoning::Adaptive, _) if is_forced => Some(ThinkingConfig::Disabled),
            (Reasoning::Budget, _) if is_forced => None,
            (Reasoning::Adaptive, "none") => Some(ThinkingConfig::Disabled),
            (Reasoning::Adaptive | Reasoning::Always, _) => Some(ThinkingConfig::Adaptive),
            (Reasoning::Budget, "none") | (Reasoning::None | Reasoning::Effort, _) => None,
            (Reasoning::Budget, effort) => {
                let budget_tokens = budget_tokens(effort).min(max_tokens / 4 * 3);
                let fits = budget_tokens >= MIN_THINKING_TOKENS;
                (fits && !self.is_barred(pieces))
                    .then_some(ThinkingConfig::Enabled { budget_tokens })
            }
        }
    }

    /// Whether an answer asked for in this way begins with thinking.
    pub(super) fn thinks(&self, config: Option<ThinkingConfig>) -> bool {
        match config {
            Some(ThinkingConfig::Enabled { .. } | ThinkingConfig::Adaptive) => true,
            Some(ThinkingConfig::Disabled) => false,
            None => self.style == Reasoning::Always,
        }
    }

    /// A model with a budget refuses to think when the answer that its newest tool results belong to
    /// did not begin with its own thinking: another model gave it, or thinking was off.
    fn is_barred(&self, pieces: &[Piece<'_>]) -> bool {
        let after = pieces.iter().rposition(|piece| piece.is_from_model());
        let Some(last) = after else { return false };
        let first = pieces[..last].iter().rposition(|piece| !piece.is_from_model());
        let answer = &pieces[first.map_or(0, |before| before + 1)..=last];
        let calls = answer.iter().any(|piece| matches!(piece, Piece::Call(..)));
        calls && thinking_block(&answer[0], self.provider).is_none()
    }

    /// The effort as models that decide for themselves take it.
    pub(super) fn effort<'e>(&self, effort: Option<&'e str>) -> Option<&'e str> {
        match (self.style, effort?) {
            (Reasoning::Adaptive, "none") => None,
            (Reasoning::Adaptive | Reasoning::Always, "none" | "minimal") => Some("low"),
            (Reasoning::Adaptive | Reasoning::Always, effort) => Some(effort),
            (Reasoning::Budget | Reasoning::None | Reasoning::Effort, _) => None,
        }
    }
}

/// What an effort is worth, in tokens.
fn budget_tokens(effort: &str) -> u64 {
    match effort {
        "minimal" => MIN_THINKING_TOKENS,
        "low" => 4_096,
        "high" => 16_384,
        "xhigh" | "max" => 32_768,
        _ => 8_192,
    }
}

/// Thinking as the provider gave it; none when another provider did.
pub(super) fn thinking_block<'a>(piece: &Piece<'a>, provider: &str) -> Option<Block<'a>> {
    let Piece::Reasoning(_, Some(data)) = *piece else { return None };
    let text = |name: &str| data.get(name).and_then(Value::as_str);
    if text("provider") != Some(provider) {
        return None;
    }
    if let Some(data) = text("redacted") {
        return Some(Block::RedactedThinking { data });
    }
    Some(Block::Thinking { thinking: text("thinking")?, signature: text("signature")? })
}
