//! Commands that operators run in a session's machine, beside its turns.
//!
//! Invariant: the journal says who runs what before it runs, and how it ended after; a command whose
//! operator left is ended. What it changed is saved like a turn's work. Deliberately absent: attempts
//! after a crash: what became of a command is written down then ([`super::unended`]).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use mainstay_core::fact::SandboxOperation;
use mainstay_core::port::{
    ExecEnd, ExecOutput, ExecRequest, ExecutorStatus, OutputSink, OutputStream, SandboxError,
    SandboxRequest,
};
use mainstay_core::session::Command;
use mainstay_protocol::{ApiError, EffectId, ErrorCode, IdMint, Principal, Seq, SessionId};
use tokio::sync::{mpsc, oneshot};

use super::sandbox_error;
use super::unended::Held;
use crate::engine::Engine;
use crate::feed::Characters;
use crate::submit::Submission;

/// What waits for a client that reads slowly; what is more is in the outcome alone.
const PIECES_LIMIT_COUNT: usize = 256;
/// What a command may take beyond its time: a machine may have to be made first.
const MACHINE_ROOM_MS: u64 = 240_000;

/// A command of an operator.
#[derive(Debug, Clone)]
pub struct OperatorCommand {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Working folder.
    pub cwd: String,
    /// Variables beside the machine's own; the journal does not have them.
    pub env: BTreeMap<String, String>,
    /// What it reads from standard input.
    pub stdin: Bytes,
    /// Bound on its run time.
    pub timeout_ms: u64,
    /// What is kept of each output.
    pub output_limit_bytes: usize,
}

/// A piece of what a command prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecPiece {
    /// Which output.
    pub stream: OutputStream,
    /// The text, whole characters.
    pub text: String,
}

/// A command under way. Dropping it ends the command.
pub struct RunningExec {
    /// Its id.
    pub effect: EffectId,
    /// What it prints.
    pub pieces: mpsc::Receiver<ExecPiece>,
    /// What it left.
    pub outcome: oneshot::Receiver<Result<ExecOutput, ApiError>>,
}

impl Engine {
    /// Runs a command in the session's machine, which is made if it is not there.
    pub async fn exec_in_sandbox(
        &self,
        caller: &Principal,
        session: &SessionId,
        command: OperatorCommand,
    ) -> Result<RunningExec, ApiError> {
        let request = self.sandbox_request(caller, session).await?;
        let effect = self.mint_effect();
        let begun = SandboxOperation::ExecBegun {
            effect: effect.clone(),
            argv: command.argv.clone(),
            cwd: command.cwd.clone(),
            has_terminal: false,
        };
        let held = Held::new(self.inner(), &effect);
        self.operate(caller, session, begun, None).await?;
        let (sender, pieces) = mpsc::channel(PIECES_LIMIT_COUNT);
        let (answer, outcome) = oneshot::channel();
        let (engine, caller, id) = (Self::of(self.inner()), caller.clone(), effect.clone());
        let task = async move {
            engine.run(&caller, &request, id, command, sender, answer).await;
            drop(held);
        };
        // Its end is written down even where nobody waits for it any more.
        self.inner().spawner.spawn("operator's command", task, || {});
        Ok(RunningExec { effect, pieces, outcome })
    }

    async fn run(
        &self,
        caller: &Principal,
        request: &SandboxRequest,
        effect: EffectId,
        command: OperatorCommand,
        sender: mpsc::Sender<ExecPiece>,
        mut answer: oneshot::Sender<Result<ExecOutput, ApiError>>,
    ) {
        let timeout_ms = command.timeout_ms;
        let exec = ExecRequest {
            effect: effect.clone(),
            argv: command.argv,
            cwd: command.cwd,
            env: command.env,
            stdin: command.stdin,
            timeout_ms,
            output_limit_bytes: command.output_limit_bytes,
        };
        let deadline = self.clock().now_ms().saturating_add(timeout_ms + MACHINE_ROOM_MS);
        let gone = |why: &str| Err((why.to_owned(), SandboxError::Broken(why.to_owned())));
        let done = tokio::select! {
            biased;
            () = answer.closed() => gone("the operator left"),
            done = self.sandboxes().exec(request, exec, Some(sink(sender))) => {
                done.map(|(output, _)| output).map_err(|error| (error.to_string(), error))
            }
            () = self.clock().sleep_until(deadline) => gone("it did not answer in time"),
        };
        let (end, why) = match &done {
            Ok(output) => (Some(output.end), None),
            Err((why, _)) => (None, Some(why.clone())),
        };
        self.exec_ended(caller, &request.session, effect, end, why).await;
        // Nobody may be there to read it.
        let _ = answer.send(done.map_err(|(_, error)| sandbox_error(&error)));
    }

    /// Writes down how a command of an operator ended; what it left is saved by that.
    pub(super) async fn exec_ended(
        &self,
        caller: &Principal,
        session: &SessionId,
        effect: EffectId,
        end: Option<ExecEnd>,
        error: Option<String>,
    ) {
        let ended = SandboxOperation::ExecEnded { effect, end, error };
        if let Err(error) = self.operate(caller, session, ended, None).await {
            tracing::warn!(%session, %error, "the end of an operator's command is not in the journal");
        }
    }

    /// Writes down that the executor of a self-hosted environment connected, or left. What the journal
    /// tells already is not told again.
    pub async fn executor_changed(
        &self,
        caller: &Principal,
        session: &SessionId,
        status: ExecutorStatus,
    ) -> Result<(), ApiError> {
        let operation = match status {
            ExecutorStatus::Connected => SandboxOperation::Arrived,
            ExecutorStatus::Pending | ExecutorStatus::Disconnected => SandboxOperation::Left,
        };
        self.operate(caller, session, operation, None).await
    }

    /// Commits what an operator does.
    pub(super) async fn operate(
        &self,
        caller: &Principal,
        session: &SessionId,
        operation: SandboxOperation,
        as_of: Option<Seq>,
    ) -> Result<(), ApiError> {
        let commands = vec![Command::Operate { operation, as_of }];
        let submission = Submission { caller: caller.clone(), commands, idempotency: None };
        self.submit(session, submission).await.map(drop)
    }

    pub(super) fn mint_effect(&self) -> EffectId {
        let mut mint = IdMint::new(self.clock().now_ms(), self.entropy().next());
        EffectId::mint(&mut mint)
    }
}

/// Hands pieces on as they come. A client that does not read holds nothing up: it has what came before,
/// without a hole, and the rest with the outcome.
fn sink(sender: mpsc::Sender<ExecPiece>) -> OutputSink {
    let characters = Mutex::new((false, [Characters::default(), Characters::default()]));
    Arc::new(move |stream, bytes: &[u8]| {
        let mut characters = characters.lock().expect("no code panics while it holds them");
        let (has_missed, characters) = &mut *characters;
        let index = match stream {
            OutputStream::Stdout => 0,
            OutputStream::Stderr => 1,
        };
        let text = characters[index].push(bytes);
        if !*has_missed && !text.is_empty() {
            *has_missed = sender.try_send(ExecPiece { stream, text }).is_err();
        }
    })
}

/// What an operator may not do while nobody knows the machine.
pub(super) fn no_machine(session: &SessionId) -> ApiError {
    ApiError::new(ErrorCode::NotFound, format!("session {session} has no machine now"))
}
