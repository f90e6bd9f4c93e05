//! Journals: of sessions, and of a day's chat completions.

mod chat;
mod chats;
mod entries;
mod session;

pub(crate) use chat::{READ_CHAT, read_chat};
pub(crate) use chats::{LIST_CHATS, list_chats};
pub(crate) use session::{READ, read};
