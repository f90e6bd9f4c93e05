//! The wire types against files that the official SDK's own types are checked with too
//! (`testing/it/python/test_wire_types.py`).

mod events;
mod frames;
mod objects;
mod queries;
mod requests;
mod samples;
mod snapshots;
mod stream;
