//! A session with its journal, a clock and fresh randomness that count up.

use std::sync::Arc;

use mainstay_core::effect::{Dispatch, DispatchKind};
use mainstay_core::fact::Fact;
use mainstay_core::item::ItemBody;
use mainstay_core::session::{
    Command, CreateSession, Decision, Facts, Rejected, SessionState, decide, fold,
};
use mainstay_protocol::{EffectId, Entry, SessionId, TenantId};
use serde_json::Value;

use super::rules::FakeRules;
use super::script::Setup;
use super::step::Step;

/// When every story begins.
pub(crate) const START_MS: u64 = 1_000_000;

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) rules: FakeRules,
    pub(crate) now_ms: u64,
    pub(crate) state: SessionState,
    pub(crate) journal: Vec<Entry>,
    /// Every attempt that was handed out, newest last.
    pub(crate) dispatched: Vec<Dispatch>,
    pub(crate) principal: Arc<str>,
    decisions: u32,
}

impl World {
    pub(crate) fn new(rules: FakeRules) -> Self {
        Self {
            rules,
            now_ms: START_MS,
            state: SessionState::new("ses_1".into()),
            journal: Vec::new(),
            dispatched: Vec::new(),
            principal: "ann".into(),
            decisions: 0,
        }
    }

    /// A world in which the session exists.
    pub(crate) fn created(setup: Setup) -> Self {
        let mut world = Self::new(setup.rules.clone());
        world.decide(vec![Self::create(setup)]).expect("a new session is created");
        world
    }

    pub(crate) fn create(setup: Setup) -> Command {
        Command::Create(Box::new(CreateSession {
            session: SessionId::parse("ses_1").expect("a plain id"),
            tenant: TenantId::parse("ten_1").expect("a plain id"),
            agent: Arc::new(setup.agent),
            tools: setup.tools,
            metadata: [("k".to_owned(), "v".to_owned())].into(),
            spend_limit_microusd: setup.spend_limit_microusd,
            sandbox: setup.sandbox,
            wire: Value::Null,
            parent: setup.parent,
        }))
    }

    /// Decides, and checks that the decision is what its entries fold to.
    pub(crate) fn decide(&mut self, commands: Vec<Command>) -> Result<Decision, Rejected> {
        self.decisions += 1;
        let facts = Facts {
            now_ms: self.now_ms,
            entropy: u128::from(self.decisions),
            principal: self.principal.clone(),
            rules: &self.rules,
        };
        let mut decision = decide(&self.state, commands, &facts)?;
        let mut folded = self.state.clone();
        for fact in &decision.facts {
            let entry = self.seal(fact, &folded);
            fold(&mut folded, &entry).expect("a decision's facts are known");
            self.journal.push(entry);
        }
        decision.next.hash = folded.hash;
        assert_eq!(folded, decision.next, "the fold of the entries is not what was decided");
        self.state = folded;
        self.dispatched.extend(decision.dispatches.iter().cloned());
        Ok(decision)
    }

    /// Takes one step of a script.
    pub(crate) fn step(&mut self, step: Step) -> Result<Decision, Rejected> {
        let commands = self.begin(step);
        self.decide(commands)
    }

    /// Decides on a step and nothing else: what it costs can be counted.
    pub(crate) fn bare_step<T>(
        &mut self,
        step: Step,
        count: impl FnOnce(&dyn Fn() -> Decision) -> T,
    ) -> T {
        let commands = self.begin(step);
        let facts = Facts {
            now_ms: self.now_ms,
            entropy: u128::from(self.now_ms),
            principal: self.principal.clone(),
            rules: &self.rules,
        };
        let decide = || decide(&self.state, commands.clone(), &facts).expect("a step of a script");
        let counted = count(&decide);
        self.state = decide().next;
        counted
    }

    fn begin(&mut self, step: Step) -> Vec<Command> {
        let Step { label: _, wait_ms, principal, commands } = step;
        self.now_ms += wait_ms;
        self.principal = principal.into();
        commands(self)
    }

    fn seal(&self, fact: &Fact, after: &SessionState) -> Entry {
        let (seq, at) = (after.seq + 1, self.now_ms);
        let journal = &after.journal;
        Entry::seal(fact.draft(), journal, seq, after.hash, at, &self.principal, &"".into())
    }

    /// The open effect of a tool call.
    pub(crate) fn effect_of(&self, call: &str) -> EffectId {
        let is_it = |id: &&EffectId| {
            let call_item = self.state.effects[*id].call.as_ref().map(|call| &call.item.body);
            matches!(call_item, Some(ItemBody::ToolCall { call_id, .. }) if call_id.as_str() == call)
        };
        self.state
            .effects
            .keys()
            .find(is_it)
            .unwrap_or_else(|| panic!("call {call} is open"))
            .clone()
    }

    /// The latest attempt of a kind that was handed out.
    pub(crate) fn last_dispatch(&self, is_it: impl Fn(&DispatchKind) -> bool) -> &Dispatch {
        let fits = |dispatch: &&Dispatch| is_it(&dispatch.kind);
        self.dispatched.iter().rev().find(fits).expect("such an attempt was handed out")
    }
}
