//! Writes what a model answered as a recording that can be played instead of it.
//!
//! Invariant: every word of the recording was said by the model in this session.

use std::fs;
use std::path::Path;

use anyhow::Context;
use mainstay_adapters::model::{RecordedOutput, RecordedReply, Recording};
use mainstay_core::effect::Outcome;
use mainstay_core::fact::Fact;
use mainstay_core::item::ItemBody;
use mainstay_protocol::Entry;

use super::task::MESSAGE;

/// Writes the answers in these entries.
pub(super) fn write(file: &Path, model: &str, entries: &[Entry]) -> anyhow::Result<()> {
    let replies = entries.iter().filter_map(reply).collect();
    let about = "One run of this example, recorded with `mainstay quickstart --record FILE`, so that it \
                 can be shown where no model can be had.";
    let recording = Recording {
        about: about.to_owned(),
        model: model.to_owned(),
        input: MESSAGE.to_owned(),
        replies,
    };
    let mut text = serde_json::to_string_pretty(&recording).context("write the recording")?;
    text.push('\n');
    fs::write(file, text).with_context(|| format!("write {}", file.display()))
}

fn reply(entry: &Entry) -> Option<RecordedReply> {
    let Ok(Fact::EffectCompleted(completed)) = Fact::read(entry) else { return None };
    let Outcome::Model { items, usage, .. } = completed.outcome else { return None };
    let outputs = items.into_iter().filter_map(|item| output(item.body)).collect();
    Some(RecordedReply { outputs, usage })
}

fn output(body: ItemBody) -> Option<RecordedOutput> {
    match body {
        ItemBody::AssistantMessage { text } => Some(RecordedOutput::Message { text }),
        ItemBody::ToolCall { name, arguments, .. } => {
            Some(RecordedOutput::ToolCall { name, arguments })
        }
        ItemBody::UserMessage { .. }
        | ItemBody::DeveloperMessage { .. }
        | ItemBody::Foreign { .. }
        | ItemBody::Reasoning { .. }
        | ItemBody::ToolOutput { .. }
        | ItemBody::Summary { .. } => None,
    }
}
