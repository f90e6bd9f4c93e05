//! Those who use and disturb the nodes: clients, a person who answers questions, followers, a lease
//! thief, a killer.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use mainstay_core::agent::AgentDefinition;
use mainstay_core::fact::RequiredAction;
use mainstay_core::item::{Content, ItemBody};
use mainstay_core::port::{Clock, ModelOptions, SandboxSetup, ToolOutput};
use mainstay_core::question::ReplyAction;
use mainstay_core::session::{
    After, ApprovalAnswer, Command, InputMode, Respond, SESSIONS, SessionRow,
};
use mainstay_core::tool::UnknownRule;
use mainstay_protocol::{
    AgentId, ApiError, ErrorCode, Principal, PrincipalId, ResponseId, RowKey, Scope, Seq,
    SessionId, TaskKey, TenantId,
};
use mainstay_runtime::{
    FeedItem, FollowFrom, Idempotency, NewSandbox, NewSession, NewSessionId, Submission,
};
use mainstay_store::{ClaimRequest, ClaimWhat, Store};

use crate::chance::Chance;
use crate::machines::spec;
use crate::model::Script;
use crate::node::{Node, Shared};
use crate::subagents::{ASKED, below};
use crate::world::{CLIENT_TOOL, MACHINE_TOOL, sources, tool_names};

/// How long a client waits for an answer before it sends its request again.
const CLIENT_PATIENCE_MS: u64 = 3_000;

/// What the actors know, for the checks.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    /// Tags of inputs whose acceptance was heard, by session.
    pub(crate) accepted: Arc<Mutex<BTreeMap<SessionId, Vec<String>>>>,
    /// Positions that each follower was shown, by session.
    pub(crate) shown: Arc<Mutex<BTreeMap<SessionId, Vec<Seq>>>>,
}

/// The one caller.
pub(crate) fn caller() -> Principal {
    Principal {
        tenant: TenantId::parse("ten_sim").expect("a plain id"),
        id: PrincipalId::parse("prn_sim").expect("a plain id"),
        scopes: vec![Scope::Use],
    }
}

/// The id of a run's session.
pub(crate) fn session_id(index: usize) -> SessionId {
    SessionId::parse(&format!("ses_{index}")).expect("a plain id")
}

fn agent(chance: &Chance) -> AgentDefinition {
    let unknown_outcome = match chance.below(3) {
        0 => UnknownRule::Ask,
        1 => UnknownRule::Report,
        _ => UnknownRule::Retry,
    };
    AgentDefinition {
        id: AgentId::parse("agent_sim").expect("a plain id"),
        revision: 0,
        name: None,
        instructions: None,
        model: "first".to_owned(),
        fallback_models: vec!["second".to_owned()],
        tools: sources(),
        reasoning_effort: None,
        verbosity: None,
        response_schema: None,
        options: ModelOptions::default(),
        compact_at_tokens: None,
        unknown_outcome,
        limits: mainstay_core::agent::TurnLimits::default(),
        wire: serde_json::Value::Null,
    }
}

/// The same input through the Responses API; refused while the session is at work.
fn respond(tag: &str, messages: Vec<Vec<Content>>) -> Command {
    let items = messages.into_iter().map(|content| ItemBody::UserMessage { content }).collect();
    Command::Respond(Box::new(Respond {
        response: ResponseId::parse(&format!("resp_{tag}")).expect("a plain id"),
        after: After::Anything,
        items,
        wire: serde_json::Value::Null,
    }))
}

/// A client of one session.
pub(crate) struct Client {
    pub(crate) shared: Shared,
    pub(crate) nodes: Vec<Node>,
    pub(crate) seen: Seen,
    pub(crate) chance: Chance,
    pub(crate) session: SessionId,
}

impl Client {
    fn script(&self, turn: u64) -> Script {
        let names = tool_names();
        let has_subagents = self.chance.permille(400);
        let asked = |drawn: u64| ASKED[usize::try_from(drawn).expect("small")].to_owned();
        let name = || match self.chance.below(8) {
            0..=3 if has_subagents => asked(self.chance.below(ASKED.len() as u64)),
            7 => MACHINE_TOOL.to_owned(),
            6 => CLIENT_TOOL.to_owned(),
            5 if self.chance.permille(100) => "no_such_tool".to_owned(),
            other => names[usize::try_from(other).expect("small") % names.len()].to_owned(),
        };
        let step = || (0..1 + self.chance.below(3)).map(|_| name()).collect();
        let steps = (0..self.chance.below(4)).map(|_| step()).collect();
        Script { tag: format!("{}-{turn}", self.session), steps }
    }

    /// Creates the session, then sends its inputs, cancels now and then.
    pub(crate) async fn live(self) {
        let agent = agent(&self.chance);
        self.shared.clock.pass(self.chance.below(500)).await;
        for turn in 0..1 + self.chance.below(4) {
            let script = self.script(turn);
            let text = serde_json::to_string(&script).expect("scripts serialise");
            let content = vec![vec![Content::Text { text }]];
            let key = Idempotency { key: script.tag.clone(), body_sha256: script.tag.clone() };
            let accepted = if turn == 0 {
                self.create(agent.clone(), content, key).await
            } else if self.chance.permille(250) {
                self.send(vec![respond(&script.tag, content)], Some(key)).await
            } else {
                let mode =
                    if self.chance.permille(500) { InputMode::Queue } else { InputMode::Steer };
                self.send(vec![Command::Input { messages: content, mode }], Some(key)).await
            };
            if accepted.is_ok() {
                let mut seen = self.seen.accepted.lock().expect("no panics here");
                seen.entry(self.session.clone()).or_default().push(script.tag);
            }
            self.shared.clock.pass(self.chance.below(4_000)).await;
            if self.chance.permille(80) {
                let _ = self.send(vec![Command::Cancel], None).await;
            }
        }
    }

    async fn create(
        &self,
        agent: AgentDefinition,
        input: Vec<Vec<Content>>,
        key: Idempotency,
    ) -> Result<(), ApiError> {
        let new = NewSession {
            caller: caller(),
            session: NewSessionId::Named(self.session.clone()),
            agent,
            metadata: BTreeMap::new(),
            spend_limit_microusd: None,
            sandbox: Some(NewSandbox { spec: spec(), setup: SandboxSetup::default() }),
            wire: serde_json::Value::Null,
            input,
            commands: Vec::new(),
            idempotency: Some(key),
            parent: None,
        };
        self.until_heard(|engine| {
            let new = new.clone();
            async move { engine.create_session(new).await.map(|_| ()) }
        })
        .await
    }

    async fn send(&self, commands: Vec<Command>, key: Option<Idempotency>) -> Result<(), ApiError> {
        self.send_to(&self.session, commands, key).await
    }

    async fn send_to(
        &self,
        session: &SessionId,
        commands: Vec<Command>,
        key: Option<Idempotency>,
    ) -> Result<(), ApiError> {
        let submission = Submission { caller: caller(), commands, idempotency: key };
        self.until_heard(|engine| {
            let (session, submission) = (session.clone(), submission.clone());
            async move { engine.submit(&session, submission).await.map(|_| ()) }
        })
        .await
    }

    /// Sends a request to some node until one answers for good.
    async fn until_heard<F>(
        &self,
        mut request: impl FnMut(mainstay_runtime::Engine) -> F,
    ) -> Result<(), ApiError>
    where
        F: Future<Output = Result<(), ApiError>>,
    {
        loop {
            let node = &self.nodes
                [usize::try_from(self.chance.below(self.nodes.len() as u64)).expect("few nodes")];
            let Some(engine) = node.engine() else {
                self.shared.clock.pass(50).await;
                continue;
            };
            let answer = tokio::select! {
                biased;
                answer = request(engine) => answer,
                () = self.shared.clock.pass(CLIENT_PATIENCE_MS) => continue,
            };
            match answer {
                Err(error) if error.code.retryable() => {
                    self.shared.clock.pass(50 + self.chance.below(200)).await;
                }
                other => return other,
            }
        }
    }

    /// Brings what the session waits for: results of client calls, truthful answers to questions.
    pub(crate) async fn assist(self) {
        loop {
            self.shared.clock.pass(200 + self.chance.below(800)).await;
            let tree = below(&self.shared.store, &self.session).await;
            let tree = tree.into_iter().map(|row| row.id);
            for session in [self.session.clone()].into_iter().chain(tree) {
                self.assist_one(&session).await;
            }
        }
    }

    async fn assist_one(&self, session: &SessionId) {
        let key = RowKey::new(&SESSIONS, &[session.as_str()]);
        let Ok(Some(row)) = self.shared.store.row(&key).await else { return };
        let Ok(row) = row.read::<SessionRow>() else { return };
        for action in row.required {
            let command = self.answer(action);
            match self.send_to(session, vec![command], None).await {
                Ok(()) => {}
                // Somebody (a repeat of this very answer) was there before.
                Err(error) if error.code == ErrorCode::CallNotWaiting => {}
                Err(error) if error.code == ErrorCode::CallAlreadyAnswered => {}
                // Its parent is deleted, and it too.
                Err(error) if error.code == ErrorCode::NotFound => {}
                Err(error) => panic!("an answer was refused: {error}"),
            }
        }
    }

    /// Deletes the session, whatever it is doing.
    pub(crate) async fn erase(&self) -> Result<(), ApiError> {
        self.send(vec![Command::Cancel, Command::Delete], None).await
    }

    fn answer(&self, action: RequiredAction) -> Command {
        match action {
            RequiredAction::ToolResult { call_id, .. } => Command::ToolResult {
                turn: None,
                call_id,
                output: ToolOutput::text("from the client"),
            },
            RequiredAction::Approval { approval, unknown_outcome: true, effect, .. } => {
                let answer = if self.shared.world.was_applied(&effect) {
                    ApprovalAnswer::Done(None)
                } else if self.chance.permille(500) {
                    ApprovalAnswer::Retry
                } else {
                    ApprovalAnswer::NotDone
                };
                Command::Approval { approval, answer }
            }
            RequiredAction::Approval { approval, unknown_outcome: false, .. } => {
                let approve = self.chance.permille(800);
                let answer = if approve { ApprovalAnswer::Approve } else { ApprovalAnswer::Deny };
                Command::Approval { approval, answer }
            }
            RequiredAction::Question { effect, .. } if self.chance.permille(300) => {
                Command::Consented { effect }
            }
            RequiredAction::Question { approval, .. } => {
                let agree = self.chance.permille(700);
                let action = if agree { ReplyAction::Accept } else { ReplyAction::Cancel };
                Command::Approval { approval, answer: ApprovalAnswer::Reply(action, None) }
            }
        }
    }

    /// Follows the session across crashes, from the last position it was shown.
    pub(crate) async fn follow(self) {
        let mut at: Seq = 0;
        loop {
            let node = &self.nodes
                [usize::try_from(self.chance.below(self.nodes.len() as u64)).expect("few nodes")];
            let Some(engine) = node.engine() else {
                self.shared.clock.pass(40).await;
                continue;
            };
            let Ok(mut feed) = engine.follow(&self.session, FollowFrom::After(at)).await else {
                self.shared.clock.pass(40).await;
                continue;
            };
            drop(engine);
            // It reconnects now and then without a reason, and looks elsewhere for what it missed.
            let until = self.shared.clock.now_ms() + 200 + self.chance.below(2_000);
            loop {
                let item = tokio::select! {
                    biased;
                    item = feed.next() => item,
                    () = self.shared.clock.sleep_until(until) => None,
                };
                let Some(Ok(item)) = item else { break };
                if let FeedItem::Entry(entry) = item {
                    at = entry.seq;
                    let mut shown = self.seen.shown.lock().expect("no panics here");
                    shown.entry(self.session.clone()).or_default().push(entry.seq);
                }
                if self.chance.permille(50) {
                    // A slow reader.
                    self.shared.clock.pass(self.chance.below(300)).await;
                }
            }
            drop(feed);
            self.shared.clock.pass(1).await;
        }
    }
}

/// Takes a session's lease from its owner now and then, and gives it up again.
pub(crate) async fn steal_leases(shared: Shared, chance: Chance, sessions: usize) {
    // Beyond every lease: the owner's looks expired to the store.
    const LATER_MS: u64 = 3_600_000;
    loop {
        shared.clock.pass(500 + chance.below(4_000)).await;
        if shared.quiet.load(Ordering::Relaxed) {
            return;
        }
        let session = session_id(usize::try_from(chance.below(sessions as u64)).expect("few"));
        let key = TaskKey { kind: "session".into(), subject: session.as_str().into() };
        let now_ms = shared.clock.now_ms() + LATER_MS;
        let request =
            ClaimRequest { what: ClaimWhat::One(key), owner: "thief".into(), now_ms, lease_ms: 1 };
        let claims = shared.store.claim(request).await.expect("the memory store answers");
        shared.clock.pass(chance.below(300)).await;
        shared.store.renew(&claims, now_ms, 0).await.expect("the memory store answers");
    }
}

/// Kills nodes at any moment, not only at commits.
pub(crate) async fn kill_nodes(shared: Shared, chance: Chance, nodes: Vec<Node>) {
    loop {
        shared.clock.pass(300 + chance.below(6_000)).await;
        if shared.quiet.load(Ordering::Relaxed) {
            return;
        }
        nodes[usize::try_from(chance.below(nodes.len() as u64)).expect("few nodes")].kill();
    }
}
