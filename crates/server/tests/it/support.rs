//! A server without a socket: the real router and runtime over the memory store, scripted models
//! and tools, and a clock that stands still.

mod clock;
mod counted;
mod events;
mod machines;
mod models;
mod outside;
mod redact;
mod talk;
mod tools;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use mainstay_core::policy::ListedTools;
use mainstay_core::port::{NoSandboxes, Sandboxes};
use mainstay_core::resource::KeyRow;
use mainstay_protocol::{KeyId, Principal, PrincipalId, Scope, TenantId, sha256_hex};
use mainstay_runtime::{Engine, EngineParts, EngineSettings};
use mainstay_server::{AppState, ServerLimits, ServerSettings, SessionEnvironments, router};
use serde_json::Value;
use tower::ServiceExt;

pub(crate) use clock::{CountedEntropy, StillClock};
use counted::CountedStore;
pub(crate) use events::{Events, kinds};
pub(crate) use machines::FakeMachines;
pub(crate) use models::{Script, ScriptedModels};
pub(crate) use outside::{ScriptedCourier, TurnedSeals};
pub(crate) use redact::redact;
pub(crate) use talk::{cancel, events, message, result, say, two_tools};
pub(crate) use tools::ScriptedTools;

/// A key of the tenant `ten_a` that may do everything.
pub(crate) const ADMIN: &str = "msk_admin";
/// A key of the tenant `ten_a` that may not manage keys.
pub(crate) const USER: &str = "msk_user";
/// A key of the tenant `ten_a` that may bring things in under ids they had elsewhere.
pub(crate) const MOVER: &str = "msk_mover";
/// A key of the tenant `ten_b`.
pub(crate) const STRANGER: &str = "msk_stranger";

/// The largest body a test reads whole.
const MAX_REPLY_BYTES: usize = 16 * 1024 * 1024;

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn text(&self, member: &str) -> String {
        self.body[member].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Status and code of an error.
    pub(crate) fn refusal(&self) -> (u16, &str, &str) {
        let error = &self.body["error"];
        let text = |member: &str| error[member].as_str().unwrap_or_default();
        (self.status.as_u16(), text("code"), text("param"))
    }
}

/// The server under test.
pub(crate) struct Harness {
    pub(crate) engine: Engine,
    pub(crate) models: Arc<ScriptedModels>,
    pub(crate) tools: Arc<ScriptedTools>,
    pub(crate) clock: Arc<StillClock>,
    pub(crate) courier: Arc<ScriptedCourier>,
    pub(crate) store: Arc<CountedStore>,
    parts: EngineParts,
    limits: ServerLimits,
    state: AppState,
    routes: Router,
}

impl Harness {
    pub(crate) async fn start() -> Self {
        Self::with_limits(ServerLimits::default()).await
    }

    /// With machines, but microVMs.
    pub(crate) async fn with_machines() -> (Self, Arc<FakeMachines>) {
        let machines = Arc::new(FakeMachines::default());
        (Self::with(ServerLimits::default(), machines.clone()).await, machines)
    }

    pub(crate) async fn with_limits(limits: ServerLimits) -> Self {
        Self::with(limits, Arc::new(NoSandboxes::default())).await
    }

    async fn with(limits: ServerLimits, sandboxes: Arc<dyn Sandboxes>) -> Self {
        let models = Arc::new(ScriptedModels::default());
        let tools = Arc::new(ScriptedTools::default());
        let clock = Arc::new(StillClock::default());
        let courier = Arc::new(ScriptedCourier::default());
        let store = Arc::new(CountedStore::default());
        let parts = EngineParts {
            store: store.clone(),
            models: models.clone(),
            tools: tools.clone(),
            policy: Arc::new(ListedTools),
            clock: clock.clone(),
            entropy: Arc::new(CountedEntropy::default()),
            seals: Arc::new(TurnedSeals),
            courier: courier.clone(),
            sandboxes,
            environments: Arc::new(SessionEnvironments),
        };
        let (engine, state) = begin(&parts, limits).await;
        for (secret, tenant, scopes) in [
            (ADMIN, "ten_a", vec![Scope::Use, Scope::Admin]),
            (USER, "ten_a", vec![Scope::Use]),
            (MOVER, "ten_a", vec![Scope::Use, Scope::Import]),
            (STRANGER, "ten_b", vec![Scope::Use, Scope::Admin]),
        ] {
            add_key(&engine, secret, tenant, scopes).await;
        }
        let routes = router(state.clone());
        Self { engine, models, tools, clock, courier, store, parts, limits, state, routes }
    }

    /// A second server over the same store, as after a restart.
    pub(crate) async fn restart(self) -> Self {
        self.engine.shutdown(0).await;
        let (engine, state) = begin(&self.parts, self.limits).await;
        let routes = router(state.clone());
        Self { engine, state, routes, ..self }
    }

    pub(crate) fn state(&self) -> AppState {
        self.state.clone()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> axum::response::Response {
        let answered = self.routes.clone().oneshot(request).await;
        answered.unwrap_or_else(|never| match never {})
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Reply {
        let response = self.send(request).await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, MAX_REPLY_BYTES).await.expect("a test's answer fits");
        let body = match body.as_ref() {
            [] => Value::Null,
            text => serde_json::from_slice(text)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(text).into_owned())),
        };
        Reply { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call(request(Method::GET, path, ADMIN, Body::empty())).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.call(request(Method::DELETE, path, ADMIN, Body::empty())).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_text(path, &body.to_string()).await
    }

    pub(crate) async fn post_text(&self, path: &str, body: &str) -> Reply {
        self.call(request(Method::POST, path, ADMIN, Body::from(body.to_owned()))).await
    }

    /// Gets with another key than the administrator's.
    pub(crate) async fn get_as(&self, key: &str, path: &str) -> Reply {
        self.call(request(Method::GET, path, key, Body::empty())).await
    }

    /// Posts with another key than the administrator's.
    pub(crate) async fn post_as(&self, key: &str, path: &str, body: &Value) -> Reply {
        self.call(request(Method::POST, path, key, Body::from(body.to_string()))).await
    }

    /// Posts under an `Idempotency-Key`.
    pub(crate) async fn post_keyed(&self, path: &str, key: &str, body: &Value) -> Reply {
        let mut request = request(Method::POST, path, ADMIN, Body::from(body.to_string()));
        request.headers_mut().insert("idempotency-key", key.parse().expect("a plain key"));
        self.call(request).await
    }

    pub(crate) async fn stream(&self, path: &str) -> Events {
        let response = self.send(request(Method::GET, path, ADMIN, Body::empty())).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        Events::of(response)
    }

    pub(crate) async fn post_stream(&self, path: &str, body: &Value) -> Events {
        let body = Body::from(body.to_string());
        let response = self.send(request(Method::POST, path, ADMIN, body)).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        Events::of(response)
    }

    /// A session with the scripted model and this change to its request; answers its id.
    pub(crate) async fn session(&self, change: Value) -> String {
        let mut body =
            serde_json::json!({"environment": {"type": "none"}, "agent": {"model": "scripted"}});
        for (member, value) in change.as_object().expect("a change is an object") {
            body[member] = value.clone();
        }
        let reply = self.post("/v1/agents/sessions", &body).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        reply.text("id")
    }

    /// Every event of a session so far, which must be at rest after a turn.
    pub(crate) async fn history(&self, session: &str) -> Vec<Value> {
        let session_path = format!("/v1/agents/sessions/{session}");
        let head =
            self.get(&session_path).await.body["sequence_number"].as_u64().expect("a number");
        let path = format!("{session_path}/events?starting_after=0");
        let mut events = self.stream(&path).await;
        let rests = ["agent.session.idle", "agent.session.budget_reached", "agent.session.failed"];
        let is_rest = |event: &Value| rests.into_iter().any(|kind| event["type"] == kind);
        events.until(|event| number(event) / 100 == head / 100 && is_rest(event)).await
    }
}

/// An event's number.
pub(crate) fn number(event: &Value) -> u64 {
    event["sequence_number"].as_u64().expect("every event has a number")
}

async fn begin(parts: &EngineParts, limits: ServerLimits) -> (Engine, AppState) {
    let started = Engine::start(parts.clone(), EngineSettings::default()).await;
    let engine = started.expect("an engine over memory starts");
    let settings = ServerSettings {
        version: "0.0.0-test".to_owned(),
        default_model: Some("scripted".to_owned()),
        public_url: None,
        limits,
    };
    let state = AppState::new(engine.clone(), None, settings);
    (engine, state)
}

/// A request with a key.
pub(crate) fn request(method: Method, path: &str, key: &str, body: Body) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {key}"))
        .body(body)
        .expect("a test's request is well-formed")
}

async fn add_key(engine: &Engine, secret: &str, tenant: &str, scopes: Vec<Scope>) {
    let tenant = TenantId::parse(tenant).expect("a plain id");
    let principal = PrincipalId::parse("prn_test").expect("a plain id");
    let row = KeyRow {
        id: KeyId::parse(&format!("key_{secret}")).expect("a plain id"),
        tenant: tenant.clone(),
        principal: principal.clone(),
        name: secret.to_owned(),
        scopes: scopes.clone(),
        created_at_ms: 0,
        revoked_at_ms: None,
        signing_secret: None,
        spend_limit: None,
    };
    let caller = Principal { tenant, id: principal, scopes };
    let hash = sha256_hex(secret.as_bytes());
    engine.control().create_key(&caller, row, &hash).await.expect("the store takes a key");
}
