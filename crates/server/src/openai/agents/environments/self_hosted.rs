//! A client's own machine, as asked for.

use axum::http::HeaderMap;
use mainstay_core::port::{ExecutorSpec, SandboxSetup, SandboxSpec};
use mainstay_protocol::{ApiError, ErrorCode};
use mainstay_runtime::NewSandbox;

use crate::executor::remote_url;
use crate::openai::project::SelfHostedView;
use crate::openai::wire::{At, SelfHostedParams};
use crate::state::AppState;

/// The machine, and what is shown of it. Its executor dials in when it likes.
pub(crate) async fn self_hosted(
    state: &AppState,
    asked: SelfHostedParams,
    headers: &HeaderMap,
    at: &At<'_>,
) -> Result<(NewSandbox, SelfHostedView), ApiError> {
    if asked.capability_directories.is_some_and(|directories| !directories.is_empty()) {
        let message =
            "asks for directories of capabilities, which environments of this server do not have";
        let at = at.field("capability_directories");
        return Err(at.refuse(ErrorCode::Unsupported, message));
    }
    let workspace_directory = asked.workspace_directory;
    let executor = ExecutorSpec { workspace_directory: workspace_directory.clone() };
    let spec = SandboxSpec::self_hosted(executor);
    state.engine().check_sandbox(&spec).await?;
    let view = SelfHostedView { workspace_directory, remote_url: remote_url(headers) };
    Ok((NewSandbox { spec, setup: SandboxSetup::default() }, view))
}
