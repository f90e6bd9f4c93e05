//! Commands on their way into sessions, new ones and others.
//!
//! Invariant: what is answered is durable, or was refused whole. Deliberately absent: what the commands
//! mean, which the core decides.

use std::sync::Arc;

use mainstay_core::resource;
use mainstay_core::session::{Command, CreateSession, InputMode};
use mainstay_protocol::{ApiError, ErrorCode, IdMint, Principal, RowKey, SessionId};
use tokio::sync::oneshot;

use crate::engine::{Engine, api_error};
use crate::registry::{Message, Submit};
use crate::sandbox;
use crate::submit::{Accepted, Idempotency, NewSession, NewSessionId};

type Answer = oneshot::Receiver<Result<Accepted, ApiError>>;

impl Engine {
    /// Creates a session, and starts its first turn when there is input.
    pub async fn create_session(&self, new: NewSession) -> Result<Accepted, ApiError> {
        let parts = &self.inner().parts;
        let mut mint = IdMint::new(parts.clock.now_ms(), parts.entropy.next());
        let is_minted = !matches!(new.session, NewSessionId::Named(_));
        let session = match new.session {
            NewSessionId::Mint => SessionId::mint(&mut mint),
            NewSessionId::Minted(id) | NewSessionId::Named(id) => id,
        };
        let scope = format!("create:{}", new.caller.tenant);
        if let Some(known) = self.replayed(&scope, new.idempotency.as_ref()).await? {
            return Ok(known);
        }
        let sandbox = match new.sandbox {
            Some(asked) => {
                self.check_sandbox(&asked.spec).await?;
                let seals = parts.seals.as_ref();
                let sandbox = sandbox::sealed(seals, &new.caller.tenant, &session, asked)?;
                Some(Arc::new(sandbox))
            }
            None => None,
        };
        let spec = sandbox.as_ref().map(|sandbox| &sandbox.spec);
        let tools = self.local_tools(&new.agent, &new.caller, &session, spec).await?;
        let mut commands = vec![Command::Create(Box::new(CreateSession {
            session: session.clone(),
            tenant: new.caller.tenant.clone(),
            agent: Arc::new(new.agent),
            tools,
            metadata: new.metadata,
            spend_limit_microusd: new.spend_limit_microusd,
            sandbox,
            wire: new.wire,
            parent: new.parent,
        }))];
        if !new.input.is_empty() {
            commands.push(Command::Input { messages: new.input, mode: InputMode::Steer });
        }
        commands.extend(new.commands);
        let keyed = new.idempotency.clone().map(|idempotency| (scope.clone(), idempotency));
        let (message, answer) = submit(&new.caller, commands, keyed);
        let inner = self.inner();
        match is_minted {
            true => inner.deliver_first(&session, message)?,
            false => inner.deliver(&session, message)?,
        }
        let created = answered(&session, answer).await;
        match created {
            // Two requests with one key raced: the other made the session.
            Err(error) if error.code == ErrorCode::Conflict => {
                self.replayed(&scope, new.idempotency.as_ref()).await?.ok_or(error)
            }
            other => other,
        }
    }

    /// What the same request made before.
    pub(crate) async fn replayed(
        &self,
        scope: &str,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Accepted>, ApiError> {
        let Some(idempotency) = idempotency else { return Ok(None) };
        let key = RowKey::new(&resource::IDEMPOTENCY, &[scope, &idempotency.key]);
        let row = self.inner().parts.store.row(&key).await.map_err(|error| api_error(&error))?;
        let Some(row) = row else { return Ok(None) };
        let internal = |what: String| ApiError::new(ErrorCode::Internal, what);
        let known: resource::IdempotencyRow =
            row.read().map_err(|error| internal(error.to_string()))?;
        if known.body_sha256 != idempotency.body_sha256 {
            let message =
                "this Idempotency-Key was used with another body; use a new key for a new request";
            return Err(ApiError::new(ErrorCode::IdempotencyConflict, message));
        }
        let session =
            SessionId::parse(&known.session).map_err(|error| internal(error.to_string()))?;
        Ok(Some(Accepted { session, first_seq: 0, seq: 0, replayed: true }))
    }

    pub(crate) async fn send(
        &self,
        session: &SessionId,
        caller: &Principal,
        commands: Vec<Command>,
        idempotency: Option<(String, Idempotency)>,
    ) -> Result<Accepted, ApiError> {
        let (message, answer) = submit(caller, commands, idempotency);
        self.inner().deliver(session, message)?;
        answered(session, answer).await
    }
}

fn submit(
    caller: &Principal,
    commands: Vec<Command>,
    idempotency: Option<(String, Idempotency)>,
) -> (Message, Answer) {
    let (reply, answer) = oneshot::channel();
    let principal = caller.id.as_str().into();
    (Message::Submit(Box::new(Submit { principal, commands, idempotency, reply })), answer)
}

async fn answered(session: &SessionId, answer: Answer) -> Result<Accepted, ApiError> {
    answer.await.unwrap_or_else(|_| {
        let message = format!("session {session} stopped before it answered; whether the request was accepted is in its journal");
        Err(ApiError::new(ErrorCode::Internal, message))
    })
}
