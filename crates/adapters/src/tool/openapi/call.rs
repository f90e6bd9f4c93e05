//! Resolves OpenAPI sources and calls their operations.

use std::sync::Arc;

use mainstay_core::port::{Clock, Reconciliation, ToolCall, ToolError, ToolOutput};
use mainstay_core::tool::{Safety, ToolSource, ToolSpec};
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::operation::Operation;
use super::plan::{Choice, Fault, Plan};
use super::source::{MAX_DOCUMENT_BYTES, Parts, Place, parts};
use crate::tool::cache::{Fingerprint, SourceCache, hash_json};
use crate::tool::egress::{
    AllowedHosts, Egress, EgressError, IDEMPOTENCY_KEY, Incoming, MAX_RESPONSE_BYTES, Outgoing,
};
use crate::tool::http::{render, settle};
use crate::tool::output::{bounded, bounded_error, not_sent, terminal};

/// How long a fetched document is used before it is asked for again.
const DOCUMENT_FRESH_MS: u64 = 60_000;
/// Bound on fetching a document.
const DOCUMENT_TIMEOUT_MS: u64 = 30_000;
/// How many documents are fetched at once; fetches of one document wait for one another.
const FETCH_SLOTS: usize = 16;

/// The OpenAPI sources of all agents.
pub(crate) struct OpenapiTools {
    egress: Arc<Egress>,
    clock: Arc<dyn Clock>,
    plans: SourceCache<Plan>,
    fetching: [Mutex<()>; FETCH_SLOTS],
}

impl OpenapiTools {
    pub(crate) fn new(egress: Arc<Egress>, clock: Arc<dyn Clock>) -> Self {
        let fetching = std::array::from_fn(|_| Mutex::new(()));
        Self { egress, clock, plans: SourceCache::new(), fetching }
    }

    /// The tools of a source; `position` is its place in the agent's list.
    pub(crate) async fn resolve(
        &self,
        source: &ToolSource,
        position: usize,
    ) -> Result<Vec<ToolSpec>, ToolError> {
        Ok(self.plan(source).await?.specs(position))
    }

    /// Runs one attempt.
    pub(crate) async fn call(&self, call: &ToolCall) -> Result<ToolOutput, ToolError> {
        let plan = self.plan_of(call).await?;
        let Some(operation) = plan.operation(&call.spec.remote_name) else {
            return Ok(ToolOutput::error("the document no longer has this operation".to_owned()));
        };
        match self.send(operation, &plan, call).await? {
            Ok(answer) => settle(&answer, call.spec.safety),
            Err(fault) => Ok(bounded_error(fault)),
        }
    }

    /// Asks the reconciling operation: 2xx is done, 404 is not done.
    pub(crate) async fn reconcile(&self, call: &ToolCall) -> Result<Reconciliation, ToolError> {
        let plan = self.plan_of(call).await?;
        let Some(operation) = plan.reconciler(&call.spec.remote_name) else {
            return Ok(Reconciliation::Unknown);
        };
        let Ok(answer) = self.send(operation, &plan, call).await? else {
            return Ok(Reconciliation::Unknown);
        };
        if answer.status.is_success() {
            return Ok(Reconciliation::Done(bounded(render(&answer))));
        }
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(Reconciliation::NotDone);
        }
        // An overloaded server may tell later; any other answer is no answer to the question.
        settle(&answer, Safety::ReadOnly).map(|_| Reconciliation::Unknown)
    }

    /// Sends an operation's request. The inner error is for the model.
    async fn send(
        &self,
        operation: &Operation,
        plan: &Plan,
        call: &ToolCall,
    ) -> Result<Result<Incoming, String>, ToolError> {
        let mut request = match operation.request(&call.arguments, &plan.headers) {
            Ok(request) => request,
            Err(fault) => return Ok(Err(fault)),
        };
        let key = HeaderValue::from_str(call.effect.as_str()).expect("ids are plain ASCII");
        request.headers.insert(IDEMPOTENCY_KEY, key);
        let outgoing = Outgoing {
            method: operation.method.clone(),
            url: request.url,
            headers: request.headers,
            body: request.body,
            timeout_ms: Some(call.spec.timeout_ms),
            limit_bytes: MAX_RESPONSE_BYTES,
        };
        match self.egress.send(outgoing, &operation.hosts).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(EgressError::Refused(refusal)) => Ok(Err(refusal.to_string())),
            Err(error) => Err(error.into_tool_error(call.spec.safety)),
        }
    }

    /// The plan of a call: found by identity, so that a call neither hashes nor parses a document.
    async fn plan_of(&self, call: &ToolCall) -> Result<Arc<Plan>, ToolError> {
        let known = self.plans.same(&call.source);
        if let Some(plan) = known.filter(|plan| plan.operation(&call.spec.remote_name).is_some()) {
            return Ok(plan);
        }
        let plan = self.plan(&call.source).await?;
        self.plans.remember(&call.source, &plan);
        Ok(plan)
    }

    async fn plan(&self, source: &ToolSource) -> Result<Arc<Plan>, ToolError> {
        let fingerprint = hash_json(source).fingerprint;
        if let Some(plan) = self.plans.equal(&fingerprint).filter(|plan| self.is_fresh(plan)) {
            return Ok(plan);
        }
        let Some(Parts { place, choice }) = parts(source).map_err(unusable)? else {
            return Err(terminal("the tool's source is not an OpenAPI document"));
        };
        let url = match place {
            Place::Inline(spec) => {
                let plan = Arc::new(Plan::compile(spec, None, choice, None).map_err(unusable)?);
                self.plans.put(fingerprint, &plan);
                return Ok(plan);
            }
            Place::Url(url) => url,
        };
        self.fetch_plan(fingerprint, &url, choice).await
    }

    async fn fetch_plan(
        &self,
        fingerprint: Fingerprint,
        url: &Url,
        choice: Choice<'_>,
    ) -> Result<Arc<Plan>, ToolError> {
        let slot = usize::from(fingerprint[0]) % FETCH_SLOTS;
        let _fetching = self.fetching[slot].lock().await;
        let known = self.plans.equal(&fingerprint);
        if let Some(plan) = known.as_ref().filter(|plan| self.is_fresh(plan)) {
            return Ok(Arc::clone(plan));
        }
        match self.fetch(url, choice).await {
            Ok(plan) => {
                let plan = Arc::new(plan);
                self.plans.put(fingerprint, &plan);
                Ok(plan)
            }
            Err(error) => match known {
                // What worked a while ago is better than nothing.
                Some(plan) if error.retryable => {
                    tracing::warn!(url = %url, error = %error, "kept an older OpenAPI document");
                    Ok(plan)
                }
                _ => Err(error),
            },
        }
    }

    async fn fetch(&self, url: &Url, choice: Choice<'_>) -> Result<Plan, ToolError> {
        let failed = |reason: &str| format!("fetch the OpenAPI document {url}: {reason}");
        let hosts = AllowedHosts::only(url).ok_or_else(|| terminal(failed("it names no host")))?;
        let request = Outgoing {
            method: Method::GET,
            url: url.clone(),
            headers: HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]),
            body: None,
            timeout_ms: Some(DOCUMENT_TIMEOUT_MS),
            limit_bytes: MAX_DOCUMENT_BYTES,
        };
        let answer = self.egress.send(request, &hosts).await;
        let answer = answer.map_err(|error| error.into_tool_error(Safety::ReadOnly))?;
        if !answer.status.is_success() {
            let reason = failed(&format!("HTTP {}", answer.status));
            return Err(if answer.status.is_server_error() {
                not_sent(reason)
            } else {
                terminal(reason)
            });
        }
        if answer.is_cut {
            return Err(terminal(failed(&format!("it has more than {MAX_DOCUMENT_BYTES} bytes"))));
        }
        let document: Value = serde_json::from_slice(&answer.body)
            .map_err(|error| terminal(failed(&format!("it is not JSON: {error}"))))?;
        Plan::compile(&document, Some(url), choice, Some(self.clock.now_ms())).map_err(unusable)
    }

    fn is_fresh(&self, plan: &Plan) -> bool {
        let Some(fetched_at_ms) = plan.fetched_at_ms else {
            return true;
        };
        self.clock.now_ms().saturating_sub(fetched_at_ms) < DOCUMENT_FRESH_MS
    }
}

fn unusable((member, reason): Fault) -> ToolError {
    terminal(format!("the OpenAPI document is not usable: {member}: {reason}"))
}
