//! What a response repeats of its request, kept in the entry that requested it.
//!
//! Invariant: members that were not asked for are not stored; their defaults are shown. Deliberately
//! absent: what opens doors (headers, tokens).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::options::Includable;
use super::params::{ResponseCreateParams, Truncation};
use super::tools;

/// The repeated members.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Echo {
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) background: bool,
    /// Whether the request named the session as a conversation.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) in_conversation: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) include: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instructions: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_tool_calls: Option<u32>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_cache_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) safety_identifier: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) is_not_stored: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) truncation: Option<Truncation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// SHA-256 of the body, where the request had an `Idempotency-Key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body_sha256: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
fn is_false(value: &bool) -> bool {
    !*value
}

fn value<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("plain members serialise")
}

fn named(include: &[Includable]) -> Vec<String> {
    let name = |one| value(one).as_str().map(str::to_owned);
    include.iter().filter_map(name).collect()
}

impl Echo {
    /// What a request's response will repeat.
    pub(crate) fn of(params: &ResponseCreateParams, model: &str) -> Self {
        Self {
            background: params.background.unwrap_or_default(),
            in_conversation: params.conversation.is_some(),
            include: named(params.include.as_deref().unwrap_or_default()),
            instructions: params.instructions.clone(),
            max_output_tokens: params.max_output_tokens,
            max_tool_calls: params.max_tool_calls,
            metadata: params.metadata.clone().unwrap_or_default(),
            model: model.to_owned(),
            parallel_tool_calls: params.parallel_tool_calls,
            prompt_cache_key: params.prompt_cache_key.clone(),
            reasoning: params.reasoning.as_ref().map(value),
            safety_identifier: params.safety_identifier.clone(),
            is_not_stored: params.store == Some(false),
            temperature: params.temperature,
            text: params.text.as_ref().map(value),
            tool_choice: params.tool_choice.as_ref().map(value),
            tools: tools::shown(params.tools.as_deref().unwrap_or_default()),
            top_p: params.top_p,
            truncation: params.truncation,
            user: params.user.clone(),
            body_sha256: None,
        }
    }

    /// Whether reasoning is shown with what its provider wants back.
    pub(crate) fn with_reasoning_data(&self) -> bool {
        self.include.iter().any(|name| name == "reasoning.encrypted_content")
    }

    /// The repeated members of a response.
    pub(crate) fn show(&self) -> Value {
        let text = self.text.clone().unwrap_or_else(|| json!({}));
        let format = text.get("format").cloned();
        let reasoning = self.reasoning.clone().unwrap_or_else(|| json!({}));
        json!({
            "background": self.background,
            "instructions": self.instructions,
            "max_output_tokens": self.max_output_tokens,
            "max_tool_calls": self.max_tool_calls,
            "metadata": self.metadata,
            "model": self.model,
            "parallel_tool_calls": self.parallel_tool_calls.unwrap_or(true),
            "prompt_cache_key": self.prompt_cache_key,
            "reasoning": {
                "effort": reasoning.get("effort"),
                "summary": reasoning.get("summary"),
            },
            "safety_identifier": self.safety_identifier,
            "service_tier": "default",
            "store": !self.is_not_stored,
            "temperature": self.temperature.unwrap_or(1.0),
            "text": {
                "format": format.unwrap_or_else(|| json!({"type": "text"})),
                "verbosity": text.get("verbosity").cloned().unwrap_or_else(|| "medium".into()),
            },
            "tool_choice": self.tool_choice.clone().unwrap_or_else(|| "auto".into()),
            "tools": self.tools,
            "top_logprobs": 0,
            "top_p": self.top_p.unwrap_or(1.0),
            "frequency_penalty": 0.0,
            "presence_penalty": 0.0,
            "truncation": self.truncation.map_or_else(|| "disabled".into(), |kind| value(&kind)),
            "user": self.user,
        })
    }
}
