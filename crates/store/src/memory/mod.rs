//! The store that forgets when it is dropped: for tests and simulation.

mod blobs;
mod state;
mod store;
mod table;

pub use store::MemoryStore;
