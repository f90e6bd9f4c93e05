//! The connections that read.
//!
//! Invariant: at most `limit_count` of them exist, each used by one read at a time. A read of few
//! rows runs where it is asked for: it costs microseconds, less than handing it to another thread
//! would. A long one goes to a thread that may block.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::StoreError;
use crate::sqlite::queue::stopped;
use crate::sqlite::schema;

/// The most rows or entries that a read may ask for and still run on the caller's thread.
const INLINE_LIMIT_COUNT: usize = 128;

#[derive(Debug)]
struct Pool {
    database: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

#[derive(Debug)]
pub(super) struct Readers {
    pool: Arc<Pool>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(database: PathBuf, limit_count: usize) -> Self {
        Self {
            pool: Arc::new(Pool { database, idle: Mutex::default() }),
            permits: Arc::new(Semaphore::new(limit_count.max(1))),
        }
    }

    /// Closes the connections that nobody uses.
    pub(super) fn close(&self) {
        self.permits.close();
        self.pool.idle.lock().expect("no code panics while it holds the idle readers").clear();
    }

    /// Runs a read that answers at most `row_count` rows.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        row_count: usize,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| stopped())?;
        if row_count <= INLINE_LIMIT_COUNT {
            return self.pool.run(read);
        }
        let pool = self.pool.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            pool.run(read)
        });
        task.await.map_err(|e| StoreError::Unavailable {
            what: "a read of the store did not end".to_owned(),
            source: Some(Box::new(e)),
        })?
    }
}

impl Pool {
    fn run<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle.lock().expect("no code panics while it holds the idle readers").pop();
        let connection = match idle {
            Some(connection) => connection,
            None => schema::open_reader(&self.database)?,
        };
        let result = read(&connection);
        self.idle.lock().expect("no code panics while it holds the idle readers").push(connection);
        result
    }
}
