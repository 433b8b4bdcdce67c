//! The readers' handle on the read model.

use crate::pool::Pool;
use crate::projector::Progress;
use crate::{
    AuditEntry, BookSums, CodeCount, Filter, GeneralTotal, HistoryError, Notification, Page,
    Period, PresentmentEntry, Projector, RuleSetEntry, Statement, TransactionDetail,
    TransactionSummary, presentments, query, schema, statement,
};
use payment_types::{BusinessDate, Timestamp};
use std::path::Path;
use std::sync::Arc;

/// The file in the data directory.
pub const FILE_NAME: &str = "history.sqlite";

/// Searches the read model. Cheap to clone. Every call blocks on the disk.
#[derive(Clone)]
pub struct History {
    pool: Arc<Pool>,
    progress: Arc<Progress>,
}

impl History {
    /// Opens the read model of a data directory, empty if there is none or it is of another
    /// version, with the projector that brings it up to date.
    ///
    /// # Errors
    /// [`HistoryError`]: the file can be neither used nor replaced.
    pub fn open(data: &Path) -> Result<(Self, Projector), HistoryError> {
        let path = data.join(FILE_NAME);
        let (connection, is_new) = schema::open_writer(&path)?;
        let progress = Arc::new(Progress::default());
        let projector =
            Projector::new(connection, data.to_path_buf(), Arc::clone(&progress), is_new)?;
        Ok((Self { pool: Arc::new(Pool::new(path)), progress }, projector))
    }

    /// Opens the read model of a data directory only to search it as it is, whoever writes it.
    /// `None` if there is none of this version.
    ///
    /// # Errors
    /// [`HistoryError`]: the file can't be read.
    pub fn as_it_is(data: &Path) -> Result<Option<Self>, HistoryError> {
        let path = data.join(FILE_NAME);
        if !path.exists() {
            return Ok(None);
        }
        // A file of another version lacks a table: it is as none.
        let Ok(position) = query::position_of_current(&schema::open_reader(&path)?) else {
            return Ok(None);
        };
        let progress = Progress::at(position);
        Ok(Some(Self { pool: Arc::new(Pool::new(path)), progress: Arc::new(progress) }))
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Transactions, newest first, older than `before`, at most `most`.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn transactions(
        &self,
        filter: &Filter,
        before: Option<u64>,
        most: u32,
    ) -> Result<Page<TransactionSummary>, HistoryError> {
        self.pool.with(|sql| query::transactions(sql, filter, before, most))
    }

    /// One transaction with all that belongs to it. The sequence of a retransmission gives the
    /// transaction that it repeated.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn transaction(&self, sequence: u64) -> Result<Option<TransactionDetail>, HistoryError> {
        self.pool.with(|sql| query::transaction(sql, sequence))
    }

    /// The sequence of the first transaction at an instant or later, if there is one.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn first_at(&self, instant: Timestamp) -> Result<Option<u64>, HistoryError> {
        self.pool.with(|sql| query::first_transaction_at(sql, instant))
    }

    /// How many transactions after a record were approved or declined with which code, and the
    /// last record that was counted.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn codes_after(&self, sequence: u64) -> Result<(u64, Vec<CodeCount>), HistoryError> {
        self.pool.with(|sql| query::codes_after(sql, sequence))
    }

    /// The outbox, newest first, of one account or of all.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn notifications(
        &self,
        account: Option<&str>,
        before: Option<u64>,
        most: u32,
    ) -> Result<Page<Notification>, HistoryError> {
        self.pool.with(|sql| query::notifications(sql, account, before, most))
    }

    /// The records of clearing files, newest first; of one file, or with one status, or all.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn presentments(
        &self,
        file: Option<&str>,
        status: Option<&str>,
        before: Option<u64>,
        most: u32,
    ) -> Result<Page<PresentmentEntry>, HistoryError> {
        self.pool.with(|sql| presentments::list(sql, (file, status), before, most))
    }

    /// What staff and the engine did, newest first, about one subject (`card` or `account`, and
    /// its id) or all.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn audit(
        &self,
        subject: Option<(&str, &str)>,
        before: Option<u64>,
        most: u32,
    ) -> Result<Page<AuditEntry>, HistoryError> {
        self.pool.with(|sql| query::audit(sql, subject, before, most))
    }

    /// The ids of the cards that draw on an account. They never change, so what the shard says
    /// about each of them is current.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn cards_of_account(&self, account: &str) -> Result<Vec<String>, HistoryError> {
        self.pool.with(|sql| query::cards_of_account(sql, account))
    }

    /// A part of an account's statement: at most `most` postings, oldest first. `None` if there is
    /// no such account.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn statement(
        &self,
        account: &str,
        period: &Period,
        most: u32,
    ) -> Result<Option<Statement>, HistoryError> {
        self.pool.with(|sql| statement::statement(sql, account, period, most))
    }

    /// The bank's totals of a day, by currency and class of account (BAL-7: they sum to zero).
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn general_ledger(&self, date: BusinessDate) -> Result<Vec<GeneralTotal>, HistoryError> {
        self.pool.with(|sql| statement::general_ledger(sql, date))
    }

    /// Every account's and class's balance by its postings, as of one record. Walks everything.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn book_sums(&self) -> Result<BookSums, HistoryError> {
        self.pool.with(statement::book_sums)
    }

    /// The rule sets that were ever in force, newest first.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn rule_sets(&self) -> Result<Vec<RuleSetEntry>, HistoryError> {
        self.pool.with(query::rule_sets)
    }
}
