//! The keys of an installation, through its server or on its store.

use std::sync::Arc;

use mainstay_client::Client;
use mainstay_core::port::Seals;
use mainstay_runtime::{Control, SystemClock};

use crate::context::Context;
use crate::failure::Failure;
use crate::reach::{self, Target};
use crate::wire;

/// A way to the keys.
pub(super) enum Access {
    /// Through the server that runs.
    Server(Client),
    /// On the store, which no server holds, with what encrypts its secrets.
    Store(Box<Control>, Arc<dyn Seals>),
}

impl Access {
    /// The way to the keys of an installation that is there.
    pub(super) async fn open(context: &Context, target: &Target) -> Result<Self, Failure> {
        if reach::client_if_running(context, target)?.is_none() {
            context.folder()?.require_store()?;
        }
        Self::open_or_make(context, target).await
    }

    /// The same; where there is no installation yet, one is made.
    pub(super) async fn open_or_make(context: &Context, target: &Target) -> Result<Self, Failure> {
        if let Some(client) = reach::client_if_running(context, target)? {
            return Ok(Self::Server(client));
        }
        let config = context.config(Vec::new())?;
        let seals = wire::seals(&config, &context.environment)?;
        let control = Control::open(wire::store(&config)?, Arc::new(SystemClock)).await?;
        Ok(Self::Store(Box::new(control), seals))
    }
}
