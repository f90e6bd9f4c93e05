//! What a run says of itself.

/// One run's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Digest of everything that was written, done and shown.
    pub digest: String,
    /// Entries written.
    pub entries: usize,
    /// Times a process died.
    pub deaths: u32,
    /// Applications of effects to the world.
    pub deeds: usize,
    /// What does not hold; none when all does.
    pub failure: Option<String>,
}
