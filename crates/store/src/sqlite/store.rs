//! The `Store` trait over SQLite.
//!
//! Invariant: leases live in memory, because the lock on the data folder makes this process the
//! only one: a claim costs no write. An epoch is the number of this start in its upper half and a
//! counter in its lower, so that epochs grow over restarts too.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::thread::{Builder, JoinHandle};

use async_trait::async_trait;
use mainstay_protocol::{Entry, Hash, JournalId, Row, RowKey, RowSpec, sha256_hex};
use tokio::sync::broadcast;

use crate::check::{self, Specs};
use crate::leases::Leases;
use crate::sqlite::apply::RowSqls;
use crate::sqlite::blobs::{self, Blobs, INLINE_LIMIT_BYTES};
use crate::sqlite::desk::Desk;
use crate::sqlite::error::from_io;
use crate::sqlite::folder::Folder;
use crate::sqlite::options::SqliteOptions;
use crate::sqlite::readers::Readers;
use crate::sqlite::wal::Wal;
use crate::sqlite::witness::Witness;
use crate::sqlite::work::Write;
use crate::sqlite::writer::Writer;
use crate::sqlite::{read, schema};
use crate::{
    Claim, ClaimRequest, ClaimWhat, Commit, EntryRange, Health, RowPage, RowScan, Snapshot, Store,
    StoreError, TaskHint,
};

/// How many files are removed while nobody may put one.
const REMOVED_FILES_LIMIT_COUNT: usize = 1_024;

/// An epoch's lower half: claims since the start.
const EPOCH_COUNTER_BITS: u32 = 32;

/// The declared specs and their SQL.
#[derive(Debug, Default)]
struct Declared {
    specs: Specs,
    row_sqls: RowSqls,
}

/// A store in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    desk: Arc<Desk>,
    leases: Arc<Mutex<Leases>>,
    declared: RwLock<Arc<Declared>>,
    readers: Readers,
    blobs: Arc<Blobs>,
    /// Held for reading while a file becomes a journal's blob, for writing while files are removed.
    removing: tokio::sync::RwLock<()>,
    database: Arc<PathBuf>,
    thread: Option<JoinHandle<()>>,
    /// Released last: fields fall in their order.
    _folder: Folder,
}

impl SqliteStore {
    /// Opens the store of a data folder, making it when there is none. Blocks for milliseconds.
    pub fn open(options: &SqliteOptions) -> Result<Self, StoreError> {
        let folder = Folder::hold(&options.folder)?;
        let database = folder.database();
        let page_bytes = u64::from(schema::PAGE_SIZE_BYTES);
        let page_limit_count = options.file_limit_bytes.map(|bytes| bytes / page_bytes);
        let (connection, start) = schema::open_writer(&database, page_limit_count)?;
        let witness = Witness::open(&folder.witness(), &connection, &database)?;
        let wal = Wal::open(folder.log())?;
        let blobs = Arc::new(Blobs::open(folder.blobs())?);
        let leases = Arc::new(Mutex::new(Leases::new(start << EPOCH_COUNTER_BITS)));
        let writer = Writer::new(connection, database.clone(), leases.clone(), wal, witness);
        let desk = Arc::new(Desk::new(writer, options));
        let served = desk.clone();
        let thread = Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || served.serve())
            .map_err(|e| from_io(e, "start the writer thread for", &database))?;
        Ok(Self {
            desk,
            leases,
            declared: RwLock::default(),
            readers: Readers::new(database.clone(), options.reader_limit_count),
            blobs,
            removing: tokio::sync::RwLock::default(),
            database: Arc::new(database),
            thread: Some(thread),
            _folder: folder,
        })
    }

    fn declared(&self) -> Arc<Declared> {
        self.declared.read().expect("no code panics while it holds the specs").clone()
    }

    fn leases(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().expect("no code panics while it holds the leases")
    }

    /// Removes the files that nobody has any more. What cannot be removed now is, the next time.
    async fn remove_unowned_files(&self) {
        loop {
            match self.remove_some_files().await {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "blobs that nobody has any more are still on the disk");
                    return;
                }
            }
        }
    }

    async fn remove_some_files(&self) -> Result<usize, StoreError> {
        let database = self.database.clone();
        let look = move |c: &_| read::unowned_files(c, &database, REMOVED_FILES_LIMIT_COUNT);
        if self.readers.read(1, look.clone()).await?.is_empty() {
            return Ok(0);
        }
        // Nobody puts a file that is removed here, and those found now are still unowned.
        let _alone = self.removing.write().await;
        let hashes = self.readers.read(REMOVED_FILES_LIMIT_COUNT, look).await?;
        let files = hashes.clone();
        let remove = move |blobs: &Blobs| files.iter().try_for_each(|hash| blobs.remove(hash));
        self.block_on_blobs(remove).await?;
        let count = hashes.len();
        self.desk.write(Write::FilesRemoved(hashes)).await?;
        Ok(count)
    }

    async fn block_on_blobs<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Blobs) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let blobs = self.blobs.clone();
        let task = tokio::task::spawn_blocking(move || act(&blobs));
        task.await.map_err(|e| StoreError::Unavailable {
            what: "a blob's reading or writing did not end".to_owned(),
            source: Some(Box::new(e)),
        })?
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.desk.close();
        // The writer must be the last to close the file: only it may then empty the log.
        self.readers.close();
        if let Some(thread) = self.thread.take() {
            // A panic of the writer was reported by its own hook; there is nobody to tell here.
            let _ = thread.join();
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn migrate(&self, specs: &'static [RowSpec]) -> Result<(), StoreError> {
        let checked = check::specs(specs)?;
        self.desk.migrate(specs).await?;
        let declared = Declared { row_sqls: RowSqls::new(&checked), specs: checked };
        *self.declared.write().expect("no code panics while it holds the specs") =
            Arc::new(declared);
        // A crash may have come between the end of a blob's last owner and this.
        self.remove_unowned_files().await;
        Ok(())
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        check::commit(&commit, &self.declared().specs)?;
        let may_leave_files = commit.erases || !commit.frees.is_empty();
        self.desk.write(Write::Commit(commit)).await?;
        if may_leave_files {
            self.remove_unowned_files().await;
        }
        Ok(())
    }

    async fn entries(
        &self,
        journal: &JournalId,
        range: EntryRange,
    ) -> Result<Vec<Entry>, StoreError> {
        let (database, journal) = (self.database.clone(), journal.clone());
        let entry_count = range.limit_count;
        self.readers.read(entry_count, move |c| read::entries(c, &database, &journal, &range)).await
    }

    async fn snapshot(&self, journal: &JournalId) -> Result<Option<Snapshot>, StoreError> {
        let (database, journal) = (self.database.clone(), journal.clone());
        self.readers.read(1, move |c| read::snapshot(c, &database, &journal)).await
    }

    async fn row(&self, key: &RowKey) -> Result<Option<Row>, StoreError> {
        let declared = self.declared();
        check::key_spec(key, &declared.specs)?;
        let (database, key) = (self.database.clone(), key.clone());
        self.readers
            .read(1, move |c| read::row(c, &database, declared.row_sqls.of(&key), &key))
            .await
    }

    async fn rows(&self, scan: RowScan) -> Result<RowPage, StoreError> {
        let (database, declared) = (self.database.clone(), self.declared());
        let row_count = scan.limit_count;
        self.readers
            .read(row_count, move |c| read::rows(c, &database, &scan, &declared.specs))
            .await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError> {
        let candidates = match &request.what {
            ClaimWhat::One(key) => vec![key.clone()],
            ClaimWhat::Due { kind, limit_count } => {
                let (database, leases, kind) =
                    (self.database.clone(), self.leases.clone(), kind.clone());
                let (now_ms, limit_count) = (request.now_ms, *limit_count);
                let is_free = move |key: &_| {
                    let leases = leases.lock().expect("no code panics while it holds the leases");
                    leases.is_free(key, now_ms)
                };
                let read =
                    move |c: &_| read::due_tasks(c, &database, &kind, now_ms, limit_count, is_free);
                self.readers.read(limit_count, read).await?
            }
        };
        let mut leases = self.leases();
        let is_due = matches!(request.what, ClaimWhat::Due { .. });
        let mut claims = Vec::with_capacity(candidates.len());
        for key in candidates {
            // Another claim may have come between the look at the tasks and this moment.
            let may_claim = if is_due {
                leases.is_free(&key, request.now_ms)
            } else {
                leases.may_claim(&key, &request)
            };
            if may_claim {
                claims.push(leases.grant(key, &request));
            }
        }
        Ok(claims)
    }

    async fn renew(
        &self,
        claims: &[Claim],
        now_ms: u64,
        lease_ms: u64,
    ) -> Result<Vec<Claim>, StoreError> {
        Ok(self.leases().renew(claims, now_ms, lease_ms))
    }

    fn watch(&self) -> broadcast::Receiver<TaskHint> {
        self.desk.watch()
    }

    async fn put_blob(&self, journal: &JournalId, bytes: &[u8]) -> Result<String, StoreError> {
        let name = sha256_hex(bytes);
        let hash = Hash::parse(&name).expect("a hash is written as it is read");
        let (database, owner) = (self.database.clone(), journal.clone());
        let is_owned = move |c: &_| read::is_owned(c, &database, &owner, &hash);
        // What a reader sees is on the disk.
        if self.readers.read(1, is_owned).await? {
            return Ok(name);
        }
        let journal = journal.clone();
        if bytes.len() <= INLINE_LIMIT_BYTES {
            let bytes = Some(bytes.to_vec());
            self.desk.write(Write::Blob { journal, hash, bytes }).await?;
            return Ok(name);
        }
        let _kept = self.removing.read().await;
        let bytes = bytes.to_vec();
        self.block_on_blobs(move |blobs| blobs.put(&hash, &bytes)).await?;
        self.desk.write(Write::Blob { journal, hash, bytes: None }).await?;
        Ok(name)
    }

    async fn blob(&self, journal: &JournalId, hash: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(hash) = blobs::named(hash) else { return Ok(None) };
        let (database, owner) = (self.database.clone(), journal.clone());
        let find = move |c: &_| read::blob(c, &database, &owner, &hash);
        match self.readers.read(1, find).await? {
            None => Ok(None),
            Some(Some(bytes)) => blobs::checked(&hash, bytes).map(Some),
            Some(None) => self.block_on_blobs(move |blobs| blobs.get(&hash)).await,
        }
    }

    async fn health(&self) -> Result<Health, StoreError> {
        self.desk.health()
    }
}
