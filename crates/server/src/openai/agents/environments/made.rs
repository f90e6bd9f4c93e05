//! What a session is given for the environment that is asked for.

use mainstay_protocol::{ApiError, Principal};
use mainstay_runtime::{Engine, NewSandbox};

use super::hosted::hosted;
use super::self_hosted::self_hosted;
use crate::openai::project::{HostedView, SelfHostedView};
use crate::openai::wire::{At, EnvironmentParams};

/// A session's machine, and what is shown of it.
pub(crate) struct Made {
    pub(crate) sandbox: NewSandbox,
    pub(crate) hosted: Option<HostedView>,
    pub(crate) self_hosted: Option<SelfHostedView>,
}

/// The machine of an environment, if it has one and it can be had here.
pub(crate) async fn made(
    engine: &Engine,
    caller: &Principal,
    environment: EnvironmentParams,
    remote_url: impl FnOnce() -> String,
    at: &At<'_>,
) -> Result<Option<Made>, ApiError> {
    Ok(match environment {
        EnvironmentParams::None(_) => None,
        EnvironmentParams::Hosted(asked) => {
            let hosted = hosted(engine, caller, *asked, at).await?;
            Some(Made { sandbox: hosted.sandbox, hosted: Some(hosted.view), self_hosted: None })
        }
        EnvironmentParams::SelfHosted(asked) => {
            let (sandbox, view) = self_hosted(engine, asked, remote_url(), at).await?;
            Some(Made { sandbox, hosted: None, self_hosted: Some(view) })
        }
    })
}
