//! The keys of an installation, through its server or on its store.

use std::sync::Arc;

use mainstay_client::Client;
use mainstay_runtime::{Control, SystemClock};

use crate::context::Context;
use crate::failure::Failure;
use crate::reach::{self, Target};
use crate::wire;

/// A way to the keys.
pub(super) enum Access {
    /// Through the server that runs.
    Server(Client),
    /// On the store, which no server holds.
    Store(Box<Control>),
}

impl Access {
    pub(super) async fn open(context: &Context, target: &Target) -> Result<Self, Failure> {
        if let Some(client) = reach::client_if_running(context, target)? {
            return Ok(Self::Server(client));
        }
        let store = wire::store(&context.config(Vec::new())?)?;
        let control = Control::open(store, Arc::new(SystemClock)).await?;
        Ok(Self::Store(Box::new(control)))
    }
}
