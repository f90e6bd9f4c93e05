//! A source, compiled: its operations, its headers, and which of them reconcile others.

use std::collections::{BTreeMap, HashMap};

use mainstay_core::tool::{ApprovalMode, Safety, ToolSpec};
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use serde_json::Value;
use url::Url;

use super::document::Document;
use super::operation::Operation;
use crate::tool::http::parse_headers;
use crate::tool::set::MAX_TOOLS;
use crate::tool::spec::Draft;

/// What is wrong with a source: the member at fault and why.
pub(super) type Fault = (String, String);

/// What an agent says of an OpenAPI source, without the document.
#[derive(Clone, Copy)]
pub(super) struct Choice<'a> {
    pub(super) allowed: Option<&'a [String]>,
    pub(super) safety: &'a BTreeMap<String, Safety>,
    pub(super) reconcile: &'a BTreeMap<String, String>,
    pub(super) headers: &'a BTreeMap<String, String>,
    pub(super) approval: ApprovalMode,
}

/// A compiled source.
#[derive(Debug)]
pub(super) struct Plan {
    operations: HashMap<String, Operation>,
    /// Ids in the order in which they are offered.
    offered: Vec<String>,
    safety: BTreeMap<String, Safety>,
    reconcile: BTreeMap<String, String>,
    approval: ApprovalMode,
    /// What every request starts with.
    pub(super) headers: HeaderMap,
    /// When the document was fetched; none for one that is in the source.
    pub(super) fetched_at_ms: Option<u64>,
}

impl Plan {
    /// Compiles a document for a source. `base` is where the document came from.
    pub(super) fn compile(
        root: &Value,
        base: Option<&Url>,
        choice: Choice<'_>,
        fetched_at_ms: Option<u64>,
    ) -> Result<Self, Fault> {
        let mut headers =
            parse_headers(choice.headers).map_err(|reason| fault("headers", reason))?;
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json, */*;q=0.5"));
        let mut plan = Self {
            operations: HashMap::new(),
            offered: Vec::new(),
            safety: choice.safety.clone(),
            reconcile: choice.reconcile.clone(),
            approval: choice.approval,
            headers,
            fetched_at_ms,
        };
        plan.add_operations(root, base, choice.allowed)?;
        plan.check_names(choice.allowed)?;
        Ok(plan)
    }

    fn add_operations(
        &mut self,
        root: &Value,
        base: Option<&Url>,
        allowed: Option<&[String]>,
    ) -> Result<(), Fault> {
        let document = Document::new(root).map_err(|reason| fault("spec", reason))?;
        for found in document.operations().map_err(|reason| fault("spec", reason))? {
            let is_offered = allowed.is_none_or(|allowed| allowed.contains(&found.id));
            let is_named = allowed.is_some() && is_offered;
            let reconciles = self.reconcile.values().any(|id| *id == found.id);
            if !is_offered && !reconciles {
                continue;
            }
            let place =
                format!("spec.paths.{}.{}", found.path, found.method.as_str().to_lowercase());
            if self.operations.contains_key(&found.id) {
                return Err((place, format!("the operation id {:?} is there twice", found.id)));
            }
            let operation = match Operation::compile(document, &found, base) {
                Ok(operation) => operation,
                Err(reason) if is_named || reconciles => return Err((place, reason)),
                Err(reason) => {
                    tracing::warn!(operation = found.id, reason, "left out an operation");
                    continue;
                }
            };
            if is_offered {
                self.offered.push(operation.id.clone());
            }
            self.operations.insert(operation.id.clone(), operation);
            if self.offered.len() > MAX_TOOLS {
                let reason =
                    format!("the document has more than {MAX_TOOLS} operations; choose some");
                return Err(fault("allowed_operations", reason));
            }
        }
        Ok(())
    }

    /// Every operation that the source names is there.
    fn check_names(&self, allowed: Option<&[String]>) -> Result<(), Fault> {
        let named = allowed.into_iter().flatten().map(|id| ("allowed_operations", id));
        let named = named.chain(self.safety.keys().map(|id| ("safety", id)));
        let named = named.chain(
            self.reconcile.iter().flat_map(|(id, by)| [("reconcile", id), ("reconcile", by)]),
        );
        for (member, id) in named {
            if !self.operations.contains_key(id) {
                return Err(fault(
                    member,
                    format!("the document has no operation {id:?}, or it is not offered"),
                ));
            }
        }
        if self.offered.is_empty() {
            return Err(fault("spec", "no operation of it can be offered".to_owned()));
        }
        Ok(())
    }

    pub(super) fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.get(id)
    }

    /// The operation that tells what became of calls of this one.
    pub(super) fn reconciler(&self, id: &str) -> Option<&Operation> {
        self.operation(self.reconcile.get(id)?)
    }

    /// What the model is offered; `source` is the position in the agent's list.
    pub(super) fn specs(&self, source: usize) -> Vec<ToolSpec> {
        let offered = self.offered.iter().filter_map(|id| self.operations.get(id));
        offered
            .map(|operation| {
                let draft = Draft {
                    name: operation.name.clone(),
                    remote_name: operation.id.clone(),
                    description: operation.description.clone(),
                    parameters: operation.schema.clone(),
                    safety: self.safety.get(&operation.id).copied().unwrap_or(operation.safety),
                    approval: self.approval,
                    reconcile: self.reconcile.contains_key(&operation.id),
                };
                draft.into_spec(source)
            })
            .collect()
    }
}

pub(super) fn fault(member: &str, reason: String) -> Fault {
    (member.to_owned(), reason)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
