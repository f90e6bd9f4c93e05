//! The laws, checked after every decision of random histories.

use std::collections::BTreeSet;

use mainstay_core::effect::{DispatchKind, EffectRequest, Outcome};
use mainstay_core::fact::Fact;
use mainstay_core::item::{Item, ItemBody};
use mainstay_core::session::{
    Command, Decision, OpenEffect, Rejected, SessionState, SessionStatus, snapshot,
};
use mainstay_protocol::ItemId;
use proptest::prelude::*;

use super::random::Dice;
use super::rows::Rows;
use super::{driver, ledger, setups};
use crate::lab::World;

/// Steps in which a session that is answered well must come to rest.
const REST_LIMIT_STEPS: usize = 2_000;

/// A session under the laws.
struct Trial {
    world: World,
    rows: Rows,
    /// Messages that were accepted.
    accepted: BTreeSet<ItemId>,
    /// Items that a summary replaced, or that a client took out.
    gone: BTreeSet<ItemId>,
}

impl Trial {
    fn new(dice: &mut Dice) -> Self {
        let setup = setups::setup(dice);
        let world = World::new(setup.rules.clone());
        let (accepted, gone) = (BTreeSet::new(), BTreeSet::new());
        let mut trial = Self { world, rows: Rows::default(), accepted, gone };
        trial.decide(vec![World::create(setup)]);
        trial
    }

    fn decide(&mut self, commands: Vec<Command>) {
        let (before, mut twin) = (self.world.state.clone(), self.world.clone());
        let is_tick = matches!(commands[..], [Command::Tick]);
        let (decided, again) = (self.world.decide(commands.clone()), twin.decide(commands));
        assert_eq!(told(&decided), told(&again), "the same twice is not the same");
        assert_eq!(self.world.state, twin.state, "the same twice is not the same");
        // A refusal changes nothing.
        let Ok(decision) = decided else { return assert_eq!(self.world.state, before) };
        if is_tick {
            let (due, now_ms) = (self.world.state.due_at_ms(), self.world.now_ms);
            // One thing's end may make another due, which the next tick is for.
            let has_moved = self.world.state.seq > before.seq;
            let is_done = due.is_none_or(|at| at > now_ms);
            assert!(has_moved || is_done, "a tick left what was due: {due:?}");
        }
        self.note_messages(&before, &decision);
        self.check_messages();
        for dispatch in &decision.dispatches {
            if let DispatchKind::Model { request, live: Some(_), .. } = &dispatch.kind {
                check_transcript(&request.items, true);
            }
        }
        self.rows.put(decision.rows, &self.world.journal[usize_of(before.seq)..]);
        self.rows.check(&self.world.state);
        check_transcript(&self.world.state.transcript.items(), self.world.state.is_resting());
        check_state(&self.world.state);
    }

    fn note_messages(&mut self, before: &SessionState, decision: &Decision) {
        let mut state = before.clone();
        for fact in &decision.facts {
            match fact {
                Fact::InputReceived(input) => {
                    self.accepted.extend(input.items.iter().map(|item| item.id.clone()));
                }
                Fact::EffectCompleted(done) => {
                    if let Outcome::Compacted { cut, .. } = &done.outcome {
                        let replaced = state.transcript.first(*cut);
                        self.gone.extend(replaced.iter().map(|item| item.id.clone()));
                    }
                }
                Fact::ItemRemoved(removed) => drop(self.gone.insert(removed.item.clone())),
                _ => {}
            }
            mainstay_core::session::apply(&mut state, fact, self.world.now_ms);
        }
    }

    /// No accepted message is lost.
    fn check_messages(&self) {
        let state = &self.world.state;
        let pending = state.turn.iter().flat_map(|turn| &turn.pending_input);
        let queued = state.queue.iter().flat_map(|turn| &turn.items);
        let items = state.transcript.items();
        let here = pending.chain(queued).chain(&items).map(|item| item.id.clone());
        let kept: BTreeSet<ItemId> = here.chain(self.gone.iter().cloned()).collect();
        let lost: Vec<_> = self.accepted.difference(&kept).collect();
        assert!(lost.is_empty(), "lost messages: {lost:?}");
    }

    /// Everything that is open is answered; the session must come to rest.
    fn rest(&mut self) {
        for _ in 0..REST_LIMIT_STEPS {
            let Some(command) = driver::towards_rest(&mut self.world) else { break };
            self.decide(vec![command]);
        }
        let state = &self.world.state;
        assert!(state.is_resting(), "no rest after {REST_LIMIT_STEPS} steps: {:?}", state.effects);
        let may_queue =
            matches!(state.status, SessionStatus::BudgetReached | SessionStatus::Failed);
        assert!(state.queue.is_empty() || may_queue || state.is_deleted);
        let bytes = snapshot::encode(state).expect("the session rests");
        assert_eq!(snapshot::decode(snapshot::VERSION, &bytes).as_ref(), Some(state));
    }

    fn check_journal(&self) {
        let mut before = (0, mainstay_protocol::Hash::ZERO);
        for entry in &self.world.journal {
            assert_eq!(entry.verify_after(before.0, before.1), Ok(()));
            before = (entry.seq, entry.hash);
            let again = Fact::read(entry).expect("our own fact").draft();
            assert_eq!(again.payload, entry.payload.get(), "a payload is not canonical");
        }
    }
}

fn usize_of(seq: u64) -> usize {
    usize::try_from(seq).expect("a short journal")
}

/// What can be told of a decision, for comparing.
fn told(decided: &Result<Decision, Rejected>) -> String {
    let told = |decision: &Decision| {
        format!("{:?} {:?} {:?}", decision.dispatches, decision.aborts, decision.rows)
    };
    decided.as_ref().map_or_else(ToString::to_string, told)
}

/// A transcript that models accept: each output follows its call, and ids stand for one thing.
fn check_transcript(items: &[std::sync::Arc<Item>], is_whole: bool) {
    let (mut ids, mut calls, mut open) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for item in items {
        assert!(ids.insert(&item.id), "two items have the id {}", item.id);
        match &item.body {
            ItemBody::ToolCall { call_id, name, .. } => {
                assert!(calls.insert(call_id), "two calls have the id {call_id}");
                assert!(!name.is_empty() && name.len() <= 64, "{name:?} is no name of a tool");
                open.insert(call_id);
            }
            ItemBody::ToolOutput { call_id, .. } => {
                assert!(open.remove(call_id), "an output of {call_id}, which is not open");
            }
            ItemBody::UserMessage { .. } | ItemBody::DeveloperMessage { .. } => {
                assert!(open.is_empty(), "a message parts {open:?} from their outputs");
            }
            ItemBody::AssistantMessage { .. }
            | ItemBody::Reasoning { .. }
            | ItemBody::Summary { .. }
            | ItemBody::Foreign { .. } => {}
        }
    }
    assert!(open.is_empty() || !is_whole, "calls without output: {open:?}");
}

fn check_state(state: &SessionState) {
    let is_checkpoint = |open: &&OpenEffect| open.request == EffectRequest::Checkpoint;
    let saving = state.effects.values().filter(is_checkpoint).count();
    assert!(saving <= 1, "two checkpoints are under way");
    assert!(saving == 0 || state.config().sandbox.is_some(), "nothing is there to be saved");
    if state.turn.is_none() {
        assert_eq!(state.effects.len(), saving, "a session without a turn does more than save");
    } else {
        assert!(!state.effects.is_empty(), "an active turn has an open effect");
    }
    let at_rest = state.turn.is_none() && saving == 0 && state.status != SessionStatus::Failed;
    assert!(!at_rest || !state.needs_checkpoint(), "a session rests that should be saved");
    let status = match &state.turn {
        Some(turn) if turn.status == mainstay_core::session::TurnStatus::Waiting => {
            SessionStatus::RequiresAction
        }
        Some(_) => SessionStatus::InProgress,
        None => return,
    };
    assert_eq!(state.status, status);
    for (id, open) in &state.effects {
        let is_tool = matches!(open.request, EffectRequest::Tool { .. });
        assert_eq!(open.call.is_some(), is_tool, "{id} does not know its call");
    }
    // A wait for subagents needs nobody: the session waits for a person beside it.
    let is_other = |open: &&OpenEffect| !is_checkpoint(open) && !open.phase.is_parked();
    let mut others = state.effects.values().filter(is_other).peekable();
    let waits = others.peek().is_some() && others.all(|open| open.phase.is_waiting());
    assert_eq!(waits, status == SessionStatus::RequiresAction);
}

fn check_history(bytes: Vec<u8>) {
    let mut dice = Dice::new(bytes);
    let mut trial = Trial::new(&mut dice);
    while !dice.is_empty() {
        let commands = driver::next(&mut dice, &mut trial.world);
        trial.decide(commands);
    }
    trial.rest();
    trial.check_journal();
    ledger::check(&trial.world);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_history_keeps_the_laws(bytes in proptest::collection::vec(any::<u8>(), 0..900)) {
        check_history(bytes);
    }
}
