//! How much of a list is shown.
//!
//! Invariant: a list that is cut says so, on stderr.

use crate::output;

/// How much of a list is shown.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Limit {
    /// How many at the most; what is left out is said on stderr
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 50,
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    limit: u32,
}

impl Limit {
    /// Cuts the list, and says whether it is all that is shown. `has_more` says that the server has
    /// more of it.
    pub(crate) fn ends<T>(self, list: &mut Vec<T>, has_more: bool) -> bool {
        let limit_count = usize::try_from(self.limit).unwrap_or(usize::MAX);
        if list.len() < limit_count && has_more {
            return false;
        }
        if list.len() > limit_count || has_more {
            output::note(format!("the newest {limit_count}; --limit shows more"));
        }
        list.truncate(limit_count);
        true
    }
}
