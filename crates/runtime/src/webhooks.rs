//! Webhooks: what endpoints are told is written in the commit that they are told of, and delivered
//! from there until the endpoint takes it or it is given up.
//!
//! Invariant: an acknowledged fact and the deliveries that tell of it are one commit; a delivery is
//! attempted at least once, every time under the same `webhook-id`. Deliberately absent: an order of
//! deliveries.

mod attempt;
mod deliver;
mod outbox;
mod replay;
mod signature;

use mainstay_core::resource::DELIVERY_TASK_KIND;

pub(crate) use self::deliver::start;
use self::outbox::Endpoints;
pub use self::outbox::MAX_ENDPOINTS_COUNT;
pub(crate) use self::outbox::{Outbox, outbox};
pub use self::signature::{WEBHOOK_SECRET_BYTES, WEBHOOK_SECRET_PREFIX, WebhookSecret};
use crate::due::Desk;

/// How many attempts are under way at once.
const ATTEMPTS_LIMIT_COUNT: usize = 32;
/// The journal of what deliveries write, which stays empty: they have no author.
const JOURNAL: &str = "webhooks";

/// What the parts of an engine share about webhooks.
pub(crate) struct Webhooks {
    desk: Desk,
    endpoints: Endpoints,
}

impl Default for Webhooks {
    fn default() -> Self {
        let desk = Desk::new(DELIVERY_TASK_KIND, ATTEMPTS_LIMIT_COUNT);
        Self { desk, endpoints: Endpoints::default() }
    }
}

impl Webhooks {
    /// A tenant's endpoints changed.
    pub(crate) fn forget(&self, tenant: &mainstay_protocol::TenantId) {
        self.endpoints.forget(tenant);
    }
}
