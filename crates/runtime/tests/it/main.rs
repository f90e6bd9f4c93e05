//! The engine over the memory store, with models and tools that do as each test says.

mod bundles;
mod chats;
mod collecting;
mod copies;
mod crash;
mod feed;
mod limits;
mod machines;
mod requests;
mod sandboxes;
mod snapshots;
mod support;
