//! Entries as this API's events and items.
//!
//! Invariant: an event's id and number depend on its entry alone, so that every connection, and a
//! connection after a restart, shows the same event under the same id. What a model is still writing
//! is shown too, without a place of its own: the entry that keeps it repeats all of it.
//! Deliberately absent: writing anything; these are readers of journals and rows.

mod brought;
mod call;
mod environment;
mod feed;
mod fleeting;
mod item;
mod item_list;
mod live;
mod outputs;
mod pieces;
mod place;
mod prime;
mod printed;
mod session;
mod subagent;
mod trace;
mod turn;

pub(crate) use brought::{brought, locate, unknown_cursor};
pub(crate) use call::{CallEnd, CallView};
pub(crate) use feed::{EventFold, read};
pub(crate) use item_list::{ItemQuery, TurnSpan, list_items};
pub(crate) use pieces::Shown;
pub(crate) use place::FeedPlace;
pub(crate) use prime::{primed, turn_scan};
pub(crate) use session::{
    HostedView, MICROUSD_PER_CENT, SelfHostedView, SessionExtras, SessionView, environment_id,
    environment_session, server_question,
};
pub(crate) use subagent::{among_agents, show_subagent};
pub(crate) use trace::TraceFold;
pub(crate) use turn::show_turn;

/// A time of the journal as this API writes it.
pub(crate) fn seconds(at_ms: u64) -> u64 {
    at_ms / 1_000
}
