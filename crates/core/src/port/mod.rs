//! The ports: what the centre needs of the world, implemented in `adapters` and `runtime`.

mod clock;
mod courier;
mod credential;
mod executor;
mod model;
mod sandbox;
mod seal;
mod tool;

pub use clock::{Clock, Entropy};
pub use courier::{Courier, CourierError, NoCourier, Parcel, Receipt};
pub use credential::{ClientPlace, Credential, Credentials, Registration};
pub use executor::{ExecutorError, ExecutorStatus, ExecutorWire, Executors, WireClosed};
pub use model::{
    Model, ModelCapabilities, ModelError, ModelErrorKind, ModelInfo, ModelOptions, ModelOutput,
    ModelPart, ModelReply, ModelRequest, ModelStream, Models, PartKind, StopReason, ToolChoice,
};
pub use sandbox::{
    BlobError, Blobs, Checkpoint, CodeLanguage, CodeOutput, CodeRequest, CodeResult, Connection,
    ExecEnd, ExecOutput, ExecRecord, ExecRequest, ExecutorSpec, Fate, FileInfo, FileKind,
    MachineSeen, NamedBlobs, NetworkRule, NoSandboxes, OutputSink, OutputStream, Readiness,
    SandboxCapabilities, SandboxError, SandboxInfo, SandboxLog, SandboxRequest, SandboxSecret,
    SandboxSetup, SandboxSpec, SandboxStatus, SandboxTier, Sandboxes, Saved, SavedFile, Terminal,
    TerminalEvent, TerminalRequest, WORKSPACE,
};
pub use seal::{NoSeals, SealError, Seals, SecretText, Signed};
pub use tool::{
    Consent, Grant, LiveSink, Needs, Reconciliation, Return, ToolCall, ToolContext, ToolError,
    ToolOutput, Tools, WorldChange,
};
