//! The ports: what the centre needs of the world, implemented in `adapters` and `runtime`.

mod clock;
mod courier;
mod credential;
mod model;
mod sandbox;
mod seal;
mod tool;

pub use clock::{Clock, Entropy};
pub use courier::{Courier, CourierError, NoCourier, Parcel, Receipt};
pub use credential::{Credential, Credentials};
pub use model::{
    Model, ModelCapabilities, ModelError, ModelErrorKind, ModelInfo, ModelOptions, ModelOutput,
    ModelPart, ModelReply, ModelRequest, ModelStream, Models, PartKind, StopReason, ToolChoice,
};
pub use sandbox::{
    ExecOutput, ExecRequest, Sandbox, SandboxCapabilities, SandboxError, SandboxHandle, SandboxSpec,
};
pub use seal::{NoSeals, SealError, Seals, SecretText, Signed};
pub use tool::{Reconciliation, ToolCall, ToolContext, ToolError, ToolOutput, Tools, WorldChange};
