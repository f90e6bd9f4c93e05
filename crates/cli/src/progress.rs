//! Sizes and progress as people read them.

/// How wide a bar is.
const BAR_CHARS: u64 = 30;
const MB: u64 = 1_000_000;

/// `1.12 GB`, `491 MB`.
pub(crate) fn size(bytes: u64) -> String {
    let mb = bytes / MB;
    if mb >= 1_000 {
        format!("{}.{:02} GB", mb / 1_000, mb % 1_000 / 10)
    } else {
        format!("{mb} MB")
    }
}

/// A bar with numbers.
pub(crate) fn bar(done: u64, total: u64) -> String {
    let total = total.max(1);
    let done = done.min(total);
    let filled = usize::try_from(done * BAR_CHARS / total).unwrap_or_default();
    let empty = usize::try_from(BAR_CHARS).unwrap_or_default() - filled;
    format!(
        "{}{} {:>3} % of {}",
        "█".repeat(filled),
        "░".repeat(empty),
        done * 100 / total,
        size(total)
    )
}
