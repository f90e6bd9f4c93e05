//! Resolves MCP sources and calls their tools.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_core::port::{
    Clock, Grant, Return, SecretText, ToolCall, ToolContext, ToolError, ToolOutput,
};
use mainstay_core::tool::{ToolSource, ToolSpec};

use super::call::{Ended, attempt, resume};
use super::consent::{Consents, Next};
use super::held::HeldCalls;
use super::oauth::OauthSettings;
use super::pool::{Bearer, Pool, Unreached};
use super::source::{self, Parts, parts};
use super::spec::specs;
use crate::tool::egress::Egress;
use crate::tool::output::{bounded_error, terminal};
use crate::tool::settings::McpServerSettings;

/// The MCP servers of all agents.
pub(crate) struct McpTools {
    pool: Pool,
    consents: Consents,
    held: HeldCalls,
}

impl McpTools {
    pub(crate) fn new(
        servers: BTreeMap<String, McpServerSettings>,
        oauth: OauthSettings,
        egress: Arc<Egress>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let consents = Consents::new(oauth, Arc::clone(&egress), Arc::clone(&clock));
        Self { pool: Pool::new(servers, egress, clock), consents, held: HeldCalls::default() }
    }

    /// Checks a source without asking anybody; the error names the member at fault.
    pub(crate) fn check(&self, source: &ToolSource) -> Result<(), (String, String)> {
        source::check(source, self.pool.servers())
    }

    /// Completes a consent that an attempt began.
    pub(crate) async fn consented(
        &self,
        flow: &SecretText,
        back: &Return,
    ) -> Result<Grant, String> {
        self.consents.complete(flow, back).await
    }

    /// The tools that a source offers now; none when it cannot be reached and need not be.
    pub(crate) async fn resolve(
        &self,
        source: &ToolSource,
        context: &ToolContext,
        position: usize,
    ) -> Result<Vec<ToolSpec>, ToolError> {
        let parts = own_parts(source)?;
        match self.listed(parts, context, position).await {
            Ok(specs) => Ok(specs),
            Err(error) if parts.required || error.needs.is_some() => Err(error),
            Err(error) => {
                tracing::warn!(label = parts.label, %error, "left out the tools of an MCP server");
                Ok(Vec::new())
            }
        }
    }

    async fn listed(
        &self,
        parts: Parts<'_>,
        context: &ToolContext,
        position: usize,
    ) -> Result<Vec<ToolSpec>, ToolError> {
        let own = context.credentials.of(position);
        let mut token = self.consents.client_credential(parts, own, position);
        loop {
            let bearer = Bearer { tenant: &context.tenant, credential: token.as_ref().or(own) };
            let challenge = match self.pool.get_fresh(bearer, parts.transport).await {
                Ok(connection) => return Ok(specs(&connection.tools(), parts, position)),
                Err(Unreached::Failed(error)) => return Err(error),
                Err(Unreached::Challenged(challenge)) => challenge,
            };
            let is_first = token.is_none();
            match self.consents.next(parts, context, position, own, &challenge, is_first).await {
                Next::Token(credential) => token = Some(credential),
                Next::Failed(reason) => return Err(terminal(reason)),
                Next::Ask(needs) => return Err(ToolError::asks(*needs)),
            }
        }
    }

    /// Runs one attempt. Dropping it tells the server to stop.
    pub(crate) async fn call(&self, call: &ToolCall) -> Result<ToolOutput, ToolError> {
        let parts = own_parts(&call.source)?;
        let (context, position) = (&call.context, call.spec.source);
        let own = context.credentials.of(position);
        let mut token = self.consents.client_credential(parts, own, position);
        let mut resumed = resume(&self.held, call, parts).await?;
        loop {
            let bearer = Bearer { tenant: &context.tenant, credential: token.as_ref().or(own) };
            let ended = match resumed.take() {
                Some(ended) => ended,
                None => match self.pool.get(bearer, parts.transport).await {
                    Ok(connection) => attempt(&connection, &self.held, call, parts).await?,
                    Err(Unreached::Failed(error)) => return Err(error),
                    Err(Unreached::Challenged(challenge)) => Ended::Challenged(challenge),
                },
            };
            let challenge = match ended {
                Ended::Answered(output) => return Ok(output),
                Ended::Asked(inquiry) => {
                    let needs = mainstay_core::port::Needs { inquiry, consent: None };
                    return Err(ToolError::asks(needs));
                }
                Ended::Challenged(challenge) => challenge,
            };
            let is_first = token.is_none();
            match self.consents.next(parts, context, position, own, &challenge, is_first).await {
                Next::Token(credential) => token = Some(credential),
                Next::Failed(reason) => return Ok(bounded_error(reason)),
                Next::Ask(needs) => return Err(ToolError::asks(*needs)),
            }
        }
    }
}

fn own_parts(source: &ToolSource) -> Result<Parts<'_>, ToolError> {
    parts(source).ok_or_else(|| terminal("the tool's source is not an MCP server"))
}
