//! Copies of sessions: forks at a place of their journal, and imports of journals from elsewhere.
//!
//! Invariant: a copy is one commit, so that it is there whole or not at all. What the original's
//! journal holds is never run again: a turn that was under way ends in the copy. Deliberately absent:
//! the archive that a session travels in ([`crate::bundle`]).

mod fork;

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_core::fact::{Fact, SessionCopied};
use mainstay_core::port::Seals;
use mainstay_core::session::{
    Collect, Command, Facts, RESPONSES, SessionState, apply, decide, projected,
};
use mainstay_protocol::{
    ApiError, Entry, EntryDraft, ErrorCode, IdMint, JournalId, Principal, RowChange, RowKey, Seq,
    SessionId,
};
use mainstay_store::{Adoption, Commit, EntryRange, StoreError};

use crate::bundle::{BundledAgent, write_bundle};
use crate::engine::{Engine, Inner, api_error};
use crate::sandbox::{kept_no_longer, resealed};
use crate::session_task::{claimed, due_task};
use crate::subagents::has_parent;
use crate::submit::{Accepted, Idempotency, remembered};

/// The most entries that a copy takes over.
const MAX_COPIED_ENTRIES: usize = 200_000;
/// The most bytes of payload that a copy takes over.
const MAX_COPIED_BYTES: usize = 256 * 1024 * 1024;
/// How many entries are read at once.
const PAGE_LIMIT_COUNT: usize = 512;

/// A session to be made of another one's entries.
struct Copy {
    caller: Principal,
    session: SessionId,
    is_import: bool,
    /// Whether the copy has the original's name, and with it its responses.
    keeps_name: bool,
    /// Whether it is a subagent still: of a session of that name that is here.
    keeps_parent: bool,
    entries: Vec<Entry>,
    /// The request's key and where it counts.
    keyed: Option<(String, Idempotency)>,
    /// The blobs of its checkpoints.
    blobs: CopiedBlobs,
    /// The original, up to where its checkpoints are kept no longer, and what stays of them.
    collected: Option<(SessionId, Seq, Arc<[String]>)>,
}

/// Where the blobs of a copy's checkpoints come from.
enum CopiedBlobs {
    /// The session here that it is a copy of.
    Adopted(Option<Adoption>),
    /// They were brought in with it.
    Given(BTreeMap<String, Vec<u8>>),
}

impl Engine {
    /// Makes a session of a journal that was brought in with the blobs of its checkpoints, under its own
    /// name or another.
    pub async fn import(
        &self,
        caller: &Principal,
        entries: Vec<Entry>,
        blobs: BTreeMap<String, Vec<u8>>,
        name: Option<SessionId>,
        idempotency: Option<Idempotency>,
    ) -> Result<Accepted, ApiError> {
        let keyed = idempotency.map(|key| (format!("import:{}", caller.tenant), key));
        if let Some(known) = self.copied(keyed.as_ref()).await? {
            return Ok(known);
        }
        check_chain(&entries)?;
        let blobs = CopiedBlobs::Given(self.needed(&entries, blobs).await?);
        let journal = entries.first().map(|entry| entry.journal.clone());
        let own = journal.as_deref().and_then(|name| SessionId::parse(name).ok());
        let Some(session) = name.clone().or_else(|| own.clone()) else {
            return Err(refused("the journal has no name that a session can have"));
        };
        let keeps_name = own.as_ref() == Some(&session);
        let keeps_parent = keeps_name && has_parent(self, caller, &entries).await?;
        let caller = caller.clone();
        let is_import = true;
        self.copy(Copy {
            caller,
            session,
            is_import,
            keeps_name,
            keeps_parent,
            entries,
            keyed,
            blobs,
            // The entries say it themselves.
            collected: None,
        })
        .await
    }

    /// A session in one file.
    pub async fn export(
        &self,
        caller: &Principal,
        session: &SessionId,
    ) -> Result<Vec<u8>, ApiError> {
        self.session_of(session, caller).await?;
        let entries = self.entries_until(session, Seq::MAX).await?;
        let agent = bundled_agent(session, &entries)?;
        let blobs = self.blobs_of_checkpoints(session, &entries, MAX_COPIED_BYTES).await?;
        let seals = self.inner().parts.seals.as_ref();
        write_bundle(session, agent, &entries, &blobs, self.clock().now_ms(), seals)
    }

    /// A session's entries, oldest first.
    pub async fn entries_until(
        &self,
        session: &SessionId,
        last: Seq,
    ) -> Result<Vec<Entry>, ApiError> {
        let journal: JournalId = session.as_str().into();
        let (mut entries, mut bytes) = (Vec::new(), 0);
        loop {
            let after = entries.last().map_or(0, |entry: &Entry| entry.seq);
            let range = EntryRange::following(after, PAGE_LIMIT_COUNT);
            let page = self.store().entries(&journal, range).await;
            let page = page.map_err(|error| api_error(&error))?;
            let is_end = page.len() < PAGE_LIMIT_COUNT;
            for entry in page {
                if entry.seq > last {
                    return Ok(entries);
                }
                bytes += entry.payload.get().len();
                entries.push(entry);
            }
            if entries.len() > MAX_COPIED_ENTRIES || bytes > MAX_COPIED_BYTES {
                let message = format!(
                    "session {session} has more than {MAX_COPIED_ENTRIES} entries or {MAX_COPIED_BYTES} bytes, which is too much to copy"
                );
                return Err(ApiError::new(ErrorCode::LimitReached, message));
            }
            if is_end {
                return Ok(entries);
            }
        }
    }

    fn mint(&self) -> IdMint {
        IdMint::new(self.clock().now_ms(), self.entropy().next())
    }

    async fn copy(&self, copy: Copy) -> Result<Accepted, ApiError> {
        self.check_free(&copy.session).await?;
        let claim = claimed(self.inner(), &copy.session).await?;
        let done = self.commit_copy(&copy, claim.epoch).await;
        self.inner().release(&claim).await;
        match done {
            Ok(seq) => Ok(Accepted { session: copy.session, first_seq: 0, seq, replayed: false }),
            // Two requests with one key raced: the other made the copy.
            Err(error) if error.code == ErrorCode::Conflict => {
                self.copied(copy.keyed.as_ref()).await?.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// The copy that the same request made before.
    async fn copied(
        &self,
        keyed: Option<&(String, Idempotency)>,
    ) -> Result<Option<Accepted>, ApiError> {
        match keyed {
            Some((scope, idempotency)) => self.replayed(scope, Some(idempotency)).await,
            None => Ok(None),
        }
    }

    /// A name that is taken is found out before its session's lease is.
    async fn check_free(&self, session: &SessionId) -> Result<(), ApiError> {
        let journal: JournalId = session.as_str().into();
        match self.store().entries(&journal, EntryRange::following(0, 1)).await {
            Ok(entries) if entries.is_empty() => Ok(()),
            // A journal of which a deletion left the end alone does not read from its beginning.
            Ok(_) | Err(StoreError::Corrupt { .. }) => Err(taken(session)),
            Err(error) => Err(api_error(&error)),
        }
    }

    async fn commit_copy(&self, copy: &Copy, epoch: u64) -> Result<Seq, ApiError> {
        let mut made = Made::of(self.inner(), copy)?;
        if let Some((scope, idempotency)) = &copy.keyed {
            let now_ms = self.clock().now_ms();
            made.rows.push(remembered(scope, idempotency, &copy.session, 0, now_ms));
        }
        let session = &copy.session;
        let journal: JournalId = session.as_str().into();
        let adopts = match &copy.blobs {
            CopiedBlobs::Adopted(adoption) => adoption.clone(),
            CopiedBlobs::Given(blobs) => {
                // A crash before the commit leaves blobs of a journal that never began, which go.
                for bytes in blobs.values() {
                    let kept = self.store().put_blob(&journal, bytes).await;
                    kept.map_err(|error| api_error(&error))?;
                }
                None
            }
        };
        let commit = Commit {
            journal,
            expected_seq: 0,
            epoch,
            tasks: due_task(session, &made.state).into_iter().collect(),
            entries: made.entries,
            rows: made.rows,
            snapshot: None,
            erases: false,
            adopts,
            frees: Vec::new(),
        };
        self.store().commit(commit).await.map_err(|error| match error {
            StoreError::Conflict { .. } => taken(session),
            other => api_error(&other),
        })?;
        Ok(made.state.seq)
    }
}

/// The copy has no more of old checkpoints than the original has. One that would stand on a checkpoint
/// that is gone is not made.
fn collected(copy: &Copy, state: &SessionState) -> Result<Option<Command>, ApiError> {
    let Some((original, before, stays)) = &copy.collected else { return Ok(None) };
    let workspace = &state.workspace;
    if workspace.checkpoint.is_none() || *before <= workspace.collected_before {
        return Ok(None);
    }
    if workspace.checkpoint_seq < *before {
        return Err(kept_no_longer(original, workspace.checkpoint_seq, *before, "seq"));
    }
    Ok(Some(Command::Collect(Box::new(Collect {
        before: *before,
        checkpoint_count: 0,
        frees: Vec::new(),
        stays: stays.to_vec(),
        as_of: None,
    }))))
}

/// The agent as of the last entry that names one.
fn bundled_agent(session: &SessionId, entries: &[Entry]) -> Result<BundledAgent, ApiError> {
    let named = entries.iter().rev().find_map(|entry| match Fact::read(entry) {
        Ok(Fact::SessionUpdated(fact)) => fact.agent,
        Ok(Fact::SessionCreated(fact)) => Some(fact.agent),
        _ => None,
    });
    let agent = named.ok_or_else(|| {
        ApiError::new(ErrorCode::JournalCorrupt, format!("session {session} names no agent"))
    })?;
    Ok(BundledAgent { id: agent.id.clone(), revision: agent.revision })
}

fn taken(session: &SessionId) -> ApiError {
    let message = format!("session {session}, or a response of it, exists already");
    ApiError::new(ErrorCode::Conflict, message)
}

fn refused(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidParameter, message)
}

/// Whether the entries follow each other and are what their hashes say.
fn check_chain(entries: &[Entry]) -> Result<(), ApiError> {
    let mut last = (0, mainstay_protocol::Hash::ZERO);
    for entry in entries {
        entry
            .verify_after(last.0, last.1)
            .map_err(|error| refused(format!("the journal cannot be taken in: {error}")))?;
        last = (entry.seq, entry.hash);
    }
    Ok(())
}

/// The copy, before it is committed.
struct Made {
    state: SessionState,
    entries: Vec<Entry>,
    rows: Vec<RowChange>,
}

impl Made {
    fn of(inner: &Arc<Inner>, copy: &Copy) -> Result<Self, ApiError> {
        let journal: JournalId = copy.session.as_str().into();
        let mut making = Making {
            state: SessionState::new(journal),
            entries: Vec::with_capacity(copy.entries.len() + 1),
            rows: BTreeMap::new(),
            keeps_responses: copy.keeps_name,
        };
        for (index, entry) in copy.entries.iter().enumerate() {
            let fact = Fact::read(entry)
                .map_err(|error| ApiError::new(ErrorCode::EntryUnknown, error.to_string()))?;
            let seals = inner.parts.seals.as_ref();
            let fact = if index == 0 { renamed(fact, copy, seals)? } else { fact };
            making.take(&fact, entry.at, &entry.principal, &entry.trace);
        }
        let origin = copy.entries.last().map(|last| SessionCopied {
            from: SessionId::parse(&last.journal).unwrap_or_else(|_| copy.session.clone()),
            seq: last.seq,
            hash: last.hash,
        });
        let Some(origin) = origin else { return Err(refused("the journal has no entries")) };
        let principal: Arc<str> = copy.caller.id.as_str().into();
        let facts = Facts {
            now_ms: inner.parts.clock.now_ms(),
            entropy: inner.parts.entropy.next(),
            principal: principal.clone(),
            rules: &inner.rules,
        };
        let copied = Command::Copied { is_import: copy.is_import, origin };
        let commands =
            [Some(copied), collected(copy, &making.state)?].into_iter().flatten().collect();
        let decision = decide(&making.state, commands, &facts).map_err(|error| error.0)?;
        for fact in &decision.facts {
            making.take(fact, facts.now_ms, &principal, &"".into());
        }
        let rows = making.rows.into_values().collect();
        Ok(Self { state: making.state, entries: making.entries, rows })
    }
}

/// The first entry under the copy's name, for the tenant that takes it.
fn renamed(fact: Fact, copy: &Copy, seals: &dyn Seals) -> Result<Fact, ApiError> {
    let Fact::SessionCreated(mut created) = fact else {
        return Err(refused("the journal does not begin with the session's creation"));
    };
    created.session = copy.session.clone();
    created.tenant = copy.caller.tenant.clone();
    if !copy.keeps_parent {
        created.parent = None;
    }
    let own = |sandbox: Arc<_>| Arc::new(resealed(seals, &created.tenant, &sandbox));
    created.sandbox = created.sandbox.map(own);
    Ok(Fact::SessionCreated(created))
}

/// A copy in the making: the fold so far, sealed again, with the newest of each row.
struct Making {
    state: SessionState,
    entries: Vec<Entry>,
    rows: BTreeMap<RowKey, RowChange>,
    keeps_responses: bool,
}

impl Making {
    fn take(&mut self, fact: &Fact, at_ms: u64, principal: &Arc<str>, trace: &Arc<str>) {
        let before = self.state.clone();
        apply(&mut self.state, fact, at_ms);
        let rows = projected(&before, &self.state, std::slice::from_ref(fact));
        let draft: EntryDraft = fact.draft();
        let (seq, journal) = (self.state.seq, &self.state.journal);
        let entry = Entry::seal(draft, journal, seq, before.hash, at_ms, principal, trace);
        self.state.hash = entry.hash;
        self.entries.push(entry);
        for row in rows {
            self.put(row);
        }
    }

    fn put(&mut self, change: RowChange) {
        let (key, change) = match change {
            RowChange::Put(row) if row.key.spec.as_ref() == RESPONSES.name => {
                (row.key.clone(), RowChange::Insert(row))
            }
            RowChange::Put(row) => (row.key.clone(), RowChange::Put(row)),
            RowChange::Insert(row) => (row.key.clone(), RowChange::Insert(row)),
            RowChange::Delete(key) => {
                self.rows.remove(&key);
                return;
            }
        };
        if key.spec.as_ref() != RESPONSES.name || self.keeps_responses {
            self.rows.insert(key, change);
        }
    }
}
