//! A client's own machine, as asked for.

use mainstay_core::port::{ExecutorSpec, SandboxSetup, SandboxSpec};
use mainstay_protocol::{ApiError, ErrorCode};
use mainstay_runtime::{Engine, NewSandbox};

use crate::openai::project::SelfHostedView;
use crate::openai::wire::{At, SelfHostedParams};

/// The machine, and what is shown of it. Its executor dials in when it likes.
pub(super) async fn self_hosted(
    engine: &Engine,
    asked: SelfHostedParams,
    remote_url: String,
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
    engine.check_sandbox(&spec).await?;
    let view = SelfHostedView { workspace_directory, remote_url };
    Ok((NewSandbox { spec, setup: SandboxSetup::default() }, view))
}
