//! What host and guest say to each other.
//!
//! Invariant: both sides treat the other as hostile: every length is checked before anything is kept.
//! Deliberately absent: what either side does with it.
