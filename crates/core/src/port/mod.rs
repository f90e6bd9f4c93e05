//! The ports: what the centre needs of the world, implemented in `adapters` and `runtime`.

mod clock;
mod model;
mod sandbox;
mod tool;

pub use clock::{Clock, Entropy};
pub use model::{
    Model, ModelCapabilities, ModelError, ModelErrorKind, ModelInfo, ModelOptions, ModelOutput,
    ModelPart, ModelReply, ModelRequest, ModelStream, Models, PartKind, StopReason, ToolChoice,
};
pub use sandbox::{
    ExecOutput, ExecRequest, Sandbox, SandboxCapabilities, SandboxError, SandboxHandle, SandboxSpec,
};
pub use tool::{Reconciliation, ToolCall, ToolContext, ToolError, ToolOutput, Tools, WorldChange};
