//! Follows the session and shows what happens.
//!
//! Invariant: every milestone that came is remembered, so that the whole can be compared with what the
//! server says afterwards.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;

use mainstay_client::{CallItem, Client, Event, EventBody, Follower, Item};
use mainstay_core::port::Clock;
use mainstay_runtime::SystemClock;
use serde_json::Value;

use super::display::{Display, TICK_MS, Tone};
use crate::failure::Failure;

/// How long a turn may take: a small model on a slow machine needs minutes.
const TURN_TIMEOUT_MS: u64 = 1_800_000;

/// A session that is watched.
pub(super) struct Watch {
    follower: Follower,
    /// The ids of the milestones, in order.
    pub(super) seen: Vec<String>,
    /// The agent's last answer.
    pub(super) answer: Option<String>,
    /// How the turn ended, in words; none while it runs.
    turn_end: Option<String>,
    began_ms: BTreeMap<String, u64>,
    writing: String,
}

/// Why watching stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// The session rests.
    Rests {
        /// `completed`, `failed` or `cancelled`.
        turn: String,
    },
    /// The session waits for a person.
    Waits,
    /// What was to interrupt it happened.
    Interrupted,
}

impl Watch {
    pub(super) fn new(follower: Follower) -> Self {
        Self {
            follower,
            seen: Vec::new(),
            answer: None,
            turn_end: None,
            began_ms: BTreeMap::new(),
            writing: String::new(),
        }
    }

    /// Goes on at the same place with a server that was started again.
    pub(super) fn move_to(&mut self, client: Client) {
        self.follower.move_to(client);
    }

    /// The place of the last kept event.
    pub(super) fn at(&self) -> u64 {
        self.follower.at().unwrap_or_default()
    }

    /// Shows what happens until the session rests, waits, or is interrupted.
    pub(super) async fn until(
        &mut self,
        interrupt: impl Future<Output = ()>,
        display: &mut Display,
    ) -> Result<Stopped, Failure> {
        let mut interrupt = pin!(interrupt);
        let deadline_ms = SystemClock.now_ms() + TURN_TIMEOUT_MS;
        self.turn_end = None;
        loop {
            let event = {
                let mut next = pin!(self.follower.next());
                loop {
                    let tick_ms = SystemClock.now_ms() + TICK_MS;
                    if tick_ms > deadline_ms {
                        let message = format!("the turn did not end in {TURN_TIMEOUT_MS} ms");
                        return Err(Failure::new(message));
                    }
                    tokio::select! {
                        biased;
                        () = &mut interrupt => return Ok(Stopped::Interrupted),
                        event = &mut next => break event?,
                        () = SystemClock.sleep_until(tick_ms) => display.tick()?,
                    }
                }
            };
            if let Some(stopped) = self.show(event, display)? {
                display.rest()?;
                return Ok(stopped);
            }
        }
    }

    fn show(&mut self, event: Event, display: &mut Display) -> Result<Option<Stopped>, Failure> {
        if is_milestone(&event) {
            self.seen.push(event.event_id.clone());
        }
        match event.body {
            EventBody::TurnInProgress(_) => display.status("the model reads")?,
            EventBody::TextDelta { delta, .. } => {
                self.writing.push_str(&delta);
                let tail: Vec<char> = self.writing.chars().rev().take(60).collect();
                let tail: String = tail.into_iter().rev().collect();
                display.more(&format!("the model writes: {tail}"))?;
            }
            EventBody::ItemAdded(added) => self.begun(added.item, display)?,
            EventBody::ItemDone(done) => self.ended(done.item, display)?,
            EventBody::TurnCompleted(turn)
            | EventBody::TurnFailed(turn)
            | EventBody::TurnCancelled(turn) => self.turn_end = Some(turn.turn.status),
            EventBody::Error { error } => {
                display.line(Tone::Bad, &format!("  {}", error.message))?;
            }
            EventBody::SessionRequiresAction(_) => return Ok(Some(Stopped::Waits)),
            EventBody::SessionIdle(_) | EventBody::SessionFailed(_) => {
                return Ok(self.turn_end.take().map(|turn| Stopped::Rests { turn }));
            }
            EventBody::SessionBudgetReached(_)
            | EventBody::SessionCreated(_)
            | EventBody::SessionInProgress(_)
            | EventBody::TurnCreated(_)
            | EventBody::ReasoningDelta { .. }
            | EventBody::OutputDelta { .. }
            | EventBody::Other => {}
        }
        Ok(None)
    }

    fn begun(&mut self, item: Item, display: &mut Display) -> Result<(), Failure> {
        let Item::McpCall(call) = item else { return Ok(()) };
        let text = format!("{} {}", call.name, arguments(&call.arguments));
        display.short(Tone::Plain, "  ▸ ", &text)?;
        display.status(&format!("{} runs", call.name))?;
        self.began_ms.insert(call.id, SystemClock.now_ms());
        Ok(())
    }

    fn ended(&mut self, item: Item, display: &mut Display) -> Result<(), Failure> {
        self.writing.clear();
        match item {
            Item::McpCall(call) => self.call_ended(&call, display),
            Item::Message(message) if message.role == "assistant" => {
                let text = message.text();
                display.rest()?;
                display.line(Tone::Plain, &format!("\nAgent: {text}"))?;
                self.answer = Some(text);
                Ok(())
            }
            Item::Message(_) | Item::FunctionCall(_) | Item::CommandExecution(_) | Item::Other => {
                Ok(())
            }
        }
    }

    fn call_ended(&mut self, call: &CallItem, display: &mut Display) -> Result<(), Failure> {
        let began_ms = self.began_ms.remove(&call.id);
        let took_ms = began_ms.map(|began_ms| SystemClock.now_ms().saturating_sub(began_ms));
        let took = took_ms.map(|ms| format!("{ms} ms  ")).unwrap_or_default();
        let is_good = call.status.as_deref() == Some("completed");
        let (tone, sign) = if is_good { (Tone::Good, "✓") } else { (Tone::Bad, "✗") };
        let said = if is_good { &call.output } else { &call.error };
        display.short(tone, &format!("    {sign} "), &format!("{took}{}", plain(said)))?;
        display.status("the model reads")?;
        Ok(())
    }
}

/// Whether an event is the same however often it is asked for. The text of a message comes in pieces
/// while it is written, and whole afterwards.
pub(super) fn is_milestone(event: &Event) -> bool {
    let is_piece = match &event.body {
        EventBody::ItemAdded(added) => {
            matches!(&added.item, Item::Message(message) if message.role == "assistant")
        }
        EventBody::TextDelta { .. } | EventBody::ReasoningDelta { .. } | EventBody::Other => true,
        _ => false,
    };
    event.is_kept && !is_piece
}

/// Arguments as `name=value`.
fn arguments(value: &Value) -> String {
    let Some(members) = value.as_object() else { return plain(value) };
    members.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// The text in an output, else its JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(plain).collect::<Vec<_>>().join(" "),
        Value::Object(members) => match members.get("text").or_else(|| members.get("message")) {
            Some(text) => plain(text),
            None => value.to_string(),
        },
        other => other.to_string(),
    }
}
