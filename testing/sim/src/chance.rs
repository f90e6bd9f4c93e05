//! The one source of randomness of a run, split by name so that one actor's draws do not shift
//! another's.

use std::sync::{Arc, Mutex};

use mainstay_core::port::Entropy;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A named stream of a run's randomness.
#[derive(Clone)]
pub(crate) struct Chance {
    seed: u64,
    rng: Arc<Mutex<ChaCha8Rng>>,
}

impl Chance {
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        // FNV-1a over the name, so that streams are far apart.
        let mut mixed = seed ^ 0xcbf2_9ce4_8422_2325;
        for byte in name.bytes() {
            mixed = (mixed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Self { seed, rng: Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(mixed))) }
    }

    /// Another stream of the same run.
    pub(crate) fn named(&self, name: &str) -> Self {
        Self::new(self.seed, name)
    }

    /// A number in `0..bound`.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.rng.lock().expect("draws do not panic").random_range(0..bound.max(1))
    }

    /// True in this many of a thousand draws.
    pub(crate) fn permille(&self, chance: u64) -> bool {
        self.below(1_000) < chance
    }
}

impl Entropy for Chance {
    fn next(&self) -> u128 {
        self.rng.lock().expect("draws do not panic").random()
    }
}
