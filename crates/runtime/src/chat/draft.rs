//! One commit of a ledger, as it is decided: entries, and the rows that change with them.
//!
//! Invariant: a call that does not fit its key's limit any more changes nothing; an end of a call that
//! has no row any more neither, because it was written before.

use std::collections::HashMap;
use std::sync::Arc;

use mainstay_core::chat::{
    CHAT_CALLS, CHAT_DAYS, ChainEnd, ChatCallRow, ChatDayBegan, ChatDayRow, ChatEnded, ChatFact,
    ChatRequested, chat_journal,
};
use mainstay_core::spend::{
    KEY_SPENDS, KeySpend, KeySpendLimit, LimitReached, SpendPeriod, day_name, usd, utc_day,
};
use mainstay_protocol::{
    ApiError, Entry, ErrorCode, Hash, KeyId, Row, RowChange, RowKey, Seq, TenantId,
};
use mainstay_store::Commit;

use super::ledger::{Ledger, Page};
use super::{CallEnd, Counts, NewChat};
use crate::control::parse;
use crate::engine::{Inner, api_error};

/// Entries and rows of one commit.
pub(super) struct Draft<'a> {
    inner: &'a Inner,
    tenant: &'a TenantId,
    now_ms: u64,
    page: Page,
    expected_seq: Seq,
    entries: Vec<Entry>,
    rows: Vec<RowChange>,
    spends: HashMap<KeyId, KeySpend>,
    begun: Vec<ChatCallRow>,
    ended: Vec<String>,
}

/// What a job comes to once the commit is made.
pub(super) enum Decided {
    Done,
    Refused(ApiError),
}

/// What a ledger knows behind the commit.
pub(super) struct Learned {
    pub(super) page: Page,
    pub(super) spends: HashMap<KeyId, KeySpend>,
    pub(super) begun: Vec<ChatCallRow>,
    pub(super) ended: Vec<String>,
}

impl<'a> Draft<'a> {
    /// Nothing yet, behind the end of a journal.
    pub(super) fn on(inner: &'a Inner, tenant: &'a TenantId, now_ms: u64, page: Page) -> Self {
        Self {
            inner,
            tenant,
            now_ms,
            expected_seq: page.seq,
            page,
            entries: Vec::new(),
            rows: Vec::new(),
            spends: HashMap::new(),
            begun: Vec::new(),
            ended: Vec::new(),
        }
    }

    /// The same where entries of now belong: in the journal that is open, or a new one.
    pub(super) fn now(
        inner: &'a Inner,
        tenant: &'a TenantId,
        now_ms: u64,
        last: Option<&Page>,
    ) -> Self {
        let today = utc_day(now_ms);
        let day = match last {
            Some(page) if !page.is_closed => return Self::on(inner, tenant, now_ms, page.clone()),
            // A clock that went back opens no day again.
            Some(page) => today.max(page.day + 1),
            None => today,
        };
        let journal = chat_journal(tenant, day);
        let page = Page { day, journal, seq: 0, hash: Hash::ZERO, is_closed: false };
        let mut draft = Self::on(inner, tenant, now_ms, page);
        let previous = last.map(|page| ChainEnd {
            journal: page.journal.clone(),
            seq: page.seq,
            hash: page.hash,
        });
        let day_text = day_name(day);
        let key = RowKey::new(&CHAT_DAYS, &[tenant.as_str(), &day_text]);
        let row = ChatDayRow { journal: draft.page.journal.clone(), day, began_at_ms: now_ms };
        draft.rows.push(RowChange::Insert(Row::new(key, &[], &row)));
        let fact = ChatFact::DayBegan(ChatDayBegan { day: day_text, previous });
        draft.push(&fact, &inner.runtime_principal);
        draft
    }

    /// Whether no call begins or ends with it.
    pub(super) fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.ended.is_empty()
    }

    /// An entry behind those before.
    pub(super) fn push(&mut self, fact: &ChatFact, principal: &Arc<str>) {
        let Page { journal, seq, hash, .. } = &mut self.page;
        let entry = Entry::seal(
            fact.draft(),
            journal,
            *seq + 1,
            *hash,
            self.now_ms,
            principal,
            &Arc::from(""),
        );
        (*seq, *hash) = (entry.seq, entry.hash);
        self.entries.push(entry);
    }

    /// A call begins, if its key's limit lets it.
    pub(super) async fn begin(
        &mut self,
        known: &Ledger,
        new: &NewChat,
    ) -> Result<Decided, ApiError> {
        let reserved_microusd = new.limit.map(|_| new.most_microusd);
        if let Some(limit) = new.limit {
            let mut spend = self.spend(known, &new.key).await?;
            if let Err(reached) = spend.reserve(limit, new.most_microusd) {
                return Ok(Decided::Refused(refusal(limit, reached, new.most_microusd)));
            }
            self.spends.insert(new.key.clone(), spend);
        }
        let fact = ChatFact::Requested(ChatRequested {
            completion: new.completion.clone(),
            key: new.key.clone(),
            models: new.models.clone(),
            body_sha256: new.body_sha256.clone(),
            limit: new.limit,
            reserved_microusd,
        });
        self.push(&fact, &new.caller.id.as_str().into());
        self.begun.push(ChatCallRow {
            completion: new.completion.clone(),
            key: new.key.clone(),
            principal: new.caller.id.clone(),
            journal: self.page.journal.clone(),
            seq: self.page.seq,
            began_at_ms: self.now_ms,
            reserved_microusd,
            process: self.inner.books.process.to_string(),
        });
        Ok(Decided::Done)
    }

    /// A call has ended.
    pub(super) async fn end(&mut self, known: &Ledger, end: &CallEnd) -> Result<(), ApiError> {
        let row = match known.calls.get(&end.completion) {
            Some(row) => Some(row.clone()),
            None => self.read(call_key(self.tenant, &end.completion)).await?,
        };
        let Some(row) = row.filter(|row: &ChatCallRow| !self.ended.contains(&row.completion))
        else {
            return Ok(());
        };
        let counted_microusd = row.reserved_microusd.map(|reserved_microusd| match end.counts {
            Counts::Cost(cost_microusd) => cost_microusd,
            Counts::Reserved => reserved_microusd,
        });
        if let (Some(reserved_microusd), Some(counted_microusd)) =
            (row.reserved_microusd, counted_microusd)
        {
            let mut spend = self.spend(known, &row.key).await?;
            spend.settle(reserved_microusd, counted_microusd);
            self.spends.insert(row.key.clone(), spend);
        }
        let fact = ChatFact::Ended(ChatEnded {
            completion: row.completion.clone(),
            key: row.key,
            journal: row.journal,
            seq: row.seq,
            outcome: end.outcome,
            code: end.code,
            model: end.model.clone(),
            usage: end.usage,
            counted_microusd,
            duration_ms: self.now_ms.saturating_sub(row.began_at_ms),
        });
        self.push(&fact, &end.caller.id.as_str().into());
        self.ended.push(row.completion);
        Ok(())
    }

    /// What a key has spent, as this commit has it so far.
    async fn spend(&self, known: &Ledger, key: &KeyId) -> Result<KeySpend, ApiError> {
        let spend = match self.spends.get(key).or_else(|| known.spends.get(key)) {
            Some(spend) => spend.clone(),
            None => self.read(spend_key(self.tenant, key)).await?.unwrap_or_default(),
        };
        Ok(spend.at(self.now_ms))
    }

    async fn read<T: serde::de::DeserializeOwned>(
        &self,
        key: RowKey,
    ) -> Result<Option<T>, ApiError> {
        let row = self.inner.parts.store.row(&key).await.map_err(|error| api_error(&error))?;
        row.as_ref().map(parse).transpose()
    }

    /// The commit, and what is known when it is made.
    pub(super) fn finish(self) -> (Commit, Learned) {
        let Self { tenant, page, mut rows, spends, begun, ended, .. } = self;
        let key = |row: &ChatCallRow| call_key(tenant, &row.completion);
        rows.extend(begun.iter().map(|row| RowChange::Insert(Row::new(key(row), &[], row))));
        rows.extend(ended.iter().map(|id| RowChange::Delete(call_key(tenant, id))));
        let spent = |(key, spend)| RowChange::Put(Row::new(spend_key(tenant, key), &[], spend));
        rows.extend(spends.iter().map(spent));
        let commit = Commit {
            journal: page.journal.clone(),
            expected_seq: self.expected_seq,
            epoch: 0,
            entries: self.entries,
            rows,
            tasks: Vec::new(),
            snapshot: None,
            erases: false,
            adopts: None,
            frees: Vec::new(),
        };
        (commit, Learned { page, spends, begun, ended })
    }
}

/// The row of a key's spending.
pub(super) fn spend_key(tenant: &TenantId, key: &KeyId) -> RowKey {
    RowKey::new(&KEY_SPENDS, &[tenant.as_str(), key.as_str()])
}

fn call_key(tenant: &TenantId, completion: &str) -> RowKey {
    RowKey::new(&CHAT_CALLS, &[tenant.as_str(), completion])
}

fn refusal(limit: KeySpendLimit, reached: LimitReached, most_microusd: u64) -> ApiError {
    let when = match limit.period {
        SpendPeriod::Day => " of this day",
        SpendPeriod::Month => " of this month",
        SpendPeriod::Total => "",
    };
    let (left, all, most) =
        (usd(reached.left_microusd), usd(limit.limit_microusd), usd(most_microusd));
    let message = format!(
        "the key's spend limit is reached: {left} of {all} USD{when} are left, and this answer may cost up to {most} USD; raise the key's spend_limit, or ask for less with max_completion_tokens"
    );
    ApiError::new(ErrorCode::BudgetReached, message)
}
