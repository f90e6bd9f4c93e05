//! The same random requests to memory and to SQLite: every answer must be the same.

use std::sync::Arc;

use mainstay_protocol::{JournalId, TaskKey};
use mainstay_store::conformance::{Chain, SPECS};
use mainstay_store::{
    Claim, ClaimRequest, ClaimWhat, Commit, Direction, EntryRange, MemoryStore, RowPage, RowScan,
    SqliteStore, Store, StoreError,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

use crate::support::{ALL_COUNT, folder_in_memory, open};
use crate::world::{self, JOURNALS, OWNERS, pick};

const SEED_COUNT: u64 = 100;
const STEP_COUNT: usize = 40;
const SEED_VARIABLE: &str = "MAINSTAY_SEED";

/// Both stores, and what the writer of each journal knows.
struct Pair {
    rng: ChaCha8Rng,
    memory: Arc<MemoryStore>,
    sqlite: Option<Arc<SqliteStore>>,
    home: TempDir,
    chains: Vec<Chain>,
    /// The same leases, as each store granted them.
    claims: Vec<(Claim, Claim)>,
    now_ms: u64,
}

/// An answer as a text that can be compared.
fn told<T>(answer: Result<T, StoreError>, tell: impl Fn(T) -> String) -> String {
    match answer {
        Ok(value) => tell(value),
        Err(error) => {
            let debug = format!("{error:?}");
            debug.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
        }
    }
}

fn page_text(page: &RowPage) -> String {
    let rows: Vec<_> =
        page.rows.iter().map(|row| serde_json::to_string(row).expect("serialises")).collect();
    format!("{rows:?} {}", page.has_more)
}

impl Pair {
    async fn new(seed: u64) -> Self {
        let home = folder_in_memory();
        let memory = Arc::new(MemoryStore::new());
        memory.migrate(SPECS).await.expect("migrates");
        let sqlite = Some(open(home.path()).await);
        let chains = JOURNALS.iter().map(|journal| Chain::new(journal)).collect();
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { rng, memory, sqlite, home, chains, claims: Vec::new(), now_ms: 0 }
    }

    fn sqlite(&self) -> Arc<SqliteStore> {
        self.sqlite.clone().expect("open between restarts")
    }

    async fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..=49 => self.commits().await,
            50..=59 => self.put_blob().await,
            60..=74 => self.claim().await,
            75..=82 => self.renew().await,
            83..=95 => self.now_ms += self.rng.random_range(0..200),
            _ => self.restart().await,
        }
    }

    /// Several commits at once, of which the later ones may follow from the earlier.
    async fn commits(&mut self) {
        let mut pairs = Vec::new();
        for _ in 0..self.rng.random_range(1..5) {
            let i = self.rng.random_range(0..self.chains.len());
            let epochs: Vec<_> = self.claims.iter().map(|(claim, _)| claim.epoch).collect();
            let (commit, next) = world::commit(&mut self.rng, &self.chains[i], &epochs);
            let in_sqlite = Commit { epoch: self.sqlite_epoch(commit.epoch), ..commit.clone() };
            // The writer hopes for the best and goes on.
            let epoch = self.chains[i].epoch;
            self.chains[i] = Chain { epoch, ..next };
            pairs.push((commit, in_sqlite));
        }
        let (for_memory, for_sqlite): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let (memory, sqlite) = (
            commit_all(self.memory.clone(), for_memory).await,
            commit_all(self.sqlite(), for_sqlite).await,
        );
        assert_eq!(memory, sqlite, "commits");
        self.reload().await;
    }

    async fn put_blob(&mut self) {
        let journal = pick(&mut self.rng, JOURNALS).into();
        let bytes = world::blob(&mut self.rng);
        let memory = self.memory.put_blob(&journal, &bytes).await.expect("kept");
        let sqlite = self.sqlite().put_blob(&journal, &bytes).await.expect("kept");
        assert_eq!(memory, sqlite);
    }

    fn sqlite_epoch(&self, epoch: u64) -> u64 {
        self.claims
            .iter()
            .find(|(memory, _)| memory.epoch == epoch)
            .map_or(0, |(_, sqlite)| sqlite.epoch)
    }

    /// What a writer does after a conflict.
    async fn reload(&mut self) {
        for chain in &mut self.chains {
            let last =
                EntryRange { after: u64::MAX, direction: Direction::Descending, limit_count: 1 };
            let last = self.memory.entries(&chain.journal, last).await.expect("readable");
            let fresh = Chain::new(&chain.journal);
            (chain.seq, chain.hash) =
                last.first().map_or((fresh.seq, fresh.hash), |entry| (entry.seq, entry.hash));
        }
    }

    async fn claim(&mut self) {
        let what = if self.rng.random() {
            ClaimWhat::Due {
                kind: pick(&mut self.rng, &["session", "timer"]).into(),
                limit_count: self.rng.random_range(0..4),
            }
        } else {
            ClaimWhat::One(TaskKey {
                kind: "session".into(),
                subject: pick(&mut self.rng, JOURNALS).into(),
            })
        };
        let owner = pick(&mut self.rng, OWNERS).into();
        let request = ClaimRequest {
            what,
            owner,
            now_ms: self.now_ms,
            lease_ms: self.rng.random_range(1..300),
        };
        let memory = self.memory.claim(request.clone()).await.expect("claims");
        let sqlite = self.sqlite().claim(request).await.expect("claims");
        self.compare_claims(&memory, &sqlite);
        for (a, b) in memory.into_iter().zip(sqlite) {
            if let Some(chain) = self
                .chains
                .iter_mut()
                .find(|c| c.journal == a.key.subject && &*a.key.kind == "session")
            {
                chain.epoch = a.epoch;
            }
            self.claims.push((a, b));
        }
    }

    fn compare_claims(&self, memory: &[Claim], sqlite: &[Claim]) {
        let text = |claims: &[Claim]| {
            claims.iter().map(|c| format!("{:?} {}", c.key, c.until_ms)).collect::<Vec<_>>()
        };
        assert_eq!(text(memory), text(sqlite), "claims at {}", self.now_ms);
    }

    async fn renew(&mut self) {
        let some: Vec<_> = self.claims.iter().filter(|_| self.rng.random()).cloned().collect();
        let (memory, sqlite): (Vec<_>, Vec<_>) = some.into_iter().unzip();
        let lease_ms = if self.rng.random_ratio(1, 4) { 0 } else { 100 };
        let memory = self.memory.renew(&memory, self.now_ms, lease_ms).await.expect("renews");
        let sqlite = self.sqlite().renew(&sqlite, self.now_ms, lease_ms).await.expect("renews");
        self.compare_claims(&memory, &sqlite);
    }

    /// Leases of a store that one process owns end with the process.
    async fn restart(&mut self) {
        let all: Vec<_> = self.claims.iter().map(|(claim, _)| claim.clone()).collect();
        self.memory.renew(&all, self.now_ms, 0).await.expect("gives up");
        // What a journal without entries has does not outlive the process.
        for chain in self.chains.iter().filter(|chain| chain.seq == 0) {
            let commit = Commit { erases: true, ..Chain::new(&chain.journal).commit(&[]) };
            self.memory.commit(commit).await.expect("committed");
        }
        self.sqlite = None;
        self.sqlite = Some(open(self.home.path()).await);
    }

    /// Compares whatever can be read.
    async fn compare(&mut self) {
        let (memory, sqlite) = (self.memory.clone(), self.sqlite());
        for journal in JOURNALS {
            let journal = JournalId::from(*journal);
            let mut ranges: Vec<_> = (0..5).map(|_| world::range(&mut self.rng)).collect();
            ranges.push(EntryRange::following(0, ALL_COUNT));
            for range in ranges {
                let tell = |entries| serde_json::to_string(&entries).expect("serialises");
                let text = format!("{journal} {range:?}");
                let answers = (
                    memory.entries(&journal, range.clone()).await,
                    sqlite.entries(&journal, range).await,
                );
                assert_eq!(told(answers.0, tell), told(answers.1, tell), "{text}");
            }
            for bytes in world::all_blobs() {
                let hash = mainstay_protocol::sha256_hex(&bytes);
                let answers =
                    (memory.blob(&journal, &hash).await, sqlite.blob(&journal, &hash).await);
                assert_eq!(
                    answers.0.expect("readable"),
                    answers.1.expect("readable"),
                    "blob {hash} of {journal}"
                );
            }
            let answers = (memory.snapshot(&journal).await, sqlite.snapshot(&journal).await);
            assert_eq!(
                answers.0.expect("readable"),
                answers.1.expect("readable"),
                "snapshot of {journal}"
            );
        }
        for _ in 0..40 {
            let scan = world::scan(&mut self.rng);
            let answers = (memory.rows(scan.clone()).await, sqlite.rows(scan.clone()).await);
            assert_eq!(
                told(answers.0, |page| page_text(&page)),
                told(answers.1, |page| page_text(&page)),
                "{scan:?}"
            );
        }
        for spec in SPECS {
            let scan = RowScan {
                spec: spec.name.into(),
                index: Vec::new(),
                prefix: Vec::new(),
                after: None,
                direction: Direction::Ascending,
                limit_count: ALL_COUNT,
            };
            let answers = (memory.rows(scan.clone()).await, sqlite.rows(scan).await);
            let rows = answers.0.expect("readable");
            for row in &rows.rows {
                let alone = sqlite.row(&row.key).await.expect("readable").expect("there");
                assert_eq!(alone.doc.get(), row.doc.get(), "{:?}", row.key);
            }
            assert_eq!(
                page_text(&rows),
                told(answers.1, |page| page_text(&page)),
                "all of {}",
                spec.name
            );
        }
    }
}

/// Hands commits over at once; answers how each ended.
async fn commit_all(store: Arc<dyn Store>, commits: Vec<Commit>) -> Vec<String> {
    let mut running = Vec::new();
    for commit in commits {
        let store = store.clone();
        let mut future = Box::pin(async move { store.commit(commit).await });
        // The first poll puts the commit into the store's queue, in this order.
        let first =
            std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context)))
                .await;
        running.push((future, first));
    }
    let mut outcomes = Vec::new();
    for (future, first) in running {
        let outcome = match first {
            std::task::Poll::Ready(outcome) => outcome,
            std::task::Poll::Pending => future.await,
        };
        outcomes.push(told(outcome, |()| "Ok".to_owned()));
    }
    outcomes
}

/// Says how to run the seed again when it fails.
struct Running(u64);

impl Drop for Running {
    #[expect(clippy::print_stderr, reason = "a failing test must say how to run it again")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "again: {SEED_VARIABLE}={} cargo test -p mainstay-store --test it differential",
                self.0
            );
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a failing seed is run again alone")]
fn seeds() -> Vec<u64> {
    match std::env::var(SEED_VARIABLE) {
        Ok(seed) => vec![seed.parse().expect("a number")],
        Err(_) => (0..SEED_COUNT).collect(),
    }
}

#[tokio::test]
async fn memory_and_sqlite_answer_alike() {
    for seed in seeds() {
        let _running = Running(seed);
        let mut pair = Pair::new(seed).await;
        for step in 1..=STEP_COUNT {
            pair.step().await;
            if step % 10 == 0 {
                pair.compare().await;
            }
        }
    }
}
