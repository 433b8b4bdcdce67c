-- The read model: what is searched, not what is true. The journal is the truth, and deleting this
-- file only costs the time to build it again. Money is minor units; instants are milliseconds
-- since 1970 UTC with the bank's offset in minutes; `sequence` is the place in the journal.
-- No clear card number is here or could be: the journal holds none.

-- How far the journal has been taken in. In the same transaction as the rows (exactly once).
CREATE TABLE position (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    sequence     INTEGER NOT NULL,
    digest       INTEGER NOT NULL,   -- of that record's bytes: another journal is noticed
    accounts     INTEGER NOT NULL,   -- how many accounts, cards ... have taken effect; those
    cards        INTEGER NOT NULL,   -- above are parts of an import that is not finished
    terminals    INTEGER NOT NULL,
    merchants    INTEGER NOT NULL,
    agents       INTEGER NOT NULL
) STRICT;

-- Positions in the core's directory, turned back into ids.
CREATE TABLE accounts (
    slot INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    customer TEXT NOT NULL, currency INTEGER NOT NULL, opening INTEGER NOT NULL
) STRICT;
CREATE TABLE cards (
    slot INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    masked TEXT NOT NULL, account TEXT NOT NULL
) STRICT;
CREATE INDEX cards_by_account ON cards (account);
CREATE TABLE terminals (
    slot INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    category TEXT NOT NULL, merchant TEXT, agent TEXT
) STRICT;
CREATE TABLE merchants (
    slot INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL, mcc INTEGER NOT NULL, country TEXT NOT NULL
) STRICT;
CREATE TABLE agents (
    slot INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL
) STRICT;

CREATE TABLE rule_sets (
    sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, zone INTEGER NOT NULL,
    version TEXT NOT NULL, text TEXT NOT NULL,
    limits TEXT NOT NULL             -- its limits in order, a JSON array of [id, measure]
) STRICT;

CREATE TABLE transactions (
    sequence        INTEGER PRIMARY KEY,
    at              INTEGER NOT NULL,
    zone            INTEGER NOT NULL,
    mti             INTEGER NOT NULL,
    processing_code INTEGER NOT NULL,
    card            INTEGER,         -- slot; null for a card that is not ours
    masked_pan      TEXT,
    account         INTEGER,         -- slot
    terminal        TEXT NOT NULL,   -- DE 41, in the register or not
    acceptor        TEXT NOT NULL,
    mcc             INTEGER,
    amount          INTEGER NOT NULL,
    currency        INTEGER NOT NULL,
    cash_back       INTEGER,
    replacement     INTEGER,         -- DE 95: what stays after a partial reversal
    entry_mode      INTEGER NOT NULL,
    pin             TEXT NOT NULL,
    stan            INTEGER NOT NULL,
    local_time      INTEGER NOT NULL,
    transmission    INTEGER NOT NULL,
    acquirer        INTEGER NOT NULL,
    approved        INTEGER NOT NULL,
    result          TEXT NOT NULL,
    code            TEXT NOT NULL,   -- DE 39 of 1987, before a link's own table
    auth_code       TEXT,
    rrn             TEXT NOT NULL,
    liability       TEXT NOT NULL,
    approved_amount INTEGER,         -- BAL-4
    handed_out      INTEGER,         -- AMT-1
    cap_left        INTEGER,         -- AGT-3
    hold            TEXT,            -- placed, resized, captured, voided
    hold_amount     INTEGER,
    original        INTEGER,         -- what it reverses, completes or adds to
    rules           TEXT NOT NULL,
    -- TXN-8: a JSON array with [rule, verdict, limit, asked, used, ceiling] for each rule looked
    -- at, in order. Verdict: "-" not applicable, P pass, D decline, A asks for the PIN, N note.
    -- Limit: null, or the place in the `limits` of the rule set in force. The three numbers are
    -- left out where all are 0.
    trace           TEXT NOT NULL
) STRICT;
-- A row whose places in the indexes are all over costs a page written for each. So a card's and a
-- terminal's rows stand together only within a stretch of 65 536 records: a stretch's part of the
-- index stays in memory while it grows, and a search walks the stretches, newest first. There is
-- none by account: its transactions are those of its cards. None by time: it rises with `sequence`.
CREATE INDEX transactions_by_card     ON transactions (sequence >> 16, card, sequence)
    WHERE card IS NOT NULL;
CREATE INDEX transactions_by_terminal ON transactions (sequence >> 16, terminal, sequence);
CREATE INDEX transactions_by_code     ON transactions (code, sequence);
CREATE INDEX transactions_by_original ON transactions (original) WHERE original IS NOT NULL;

-- TXN-1: the same message again. It has no effect, so it is not a transaction.
CREATE TABLE retransmissions (
    sequence INTEGER PRIMARY KEY, original INTEGER NOT NULL,
    at INTEGER NOT NULL, zone INTEGER NOT NULL, mti INTEGER NOT NULL
) STRICT;
CREATE INDEX retransmissions_by_original ON retransmissions (original);

-- BAL-7: amounts of a sequence sum to zero per currency. Of a customer's account or of the bank's.
CREATE TABLE postings (
    sequence INTEGER NOT NULL, line INTEGER NOT NULL,
    account INTEGER, general TEXT, amount INTEGER NOT NULL, currency INTEGER NOT NULL,
    PRIMARY KEY (sequence, line)
) STRICT, WITHOUT ROWID;
-- An account's, by stretches as above. With the amount, so that a balance is summed in the index.
CREATE INDEX postings_by_account ON postings (sequence >> 16, account, sequence, line, amount)
    WHERE account IS NOT NULL;

-- What booked postings and was no card transaction: the audit's word for it.
CREATE TABLE bookings (
    sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, zone INTEGER NOT NULL, what TEXT NOT NULL
) STRICT;

-- The turnover of a day by class of account: a general account's name, or 'customers' for all of
-- theirs together. Debits and credits of a day and currency are the same sum.
CREATE TABLE turnovers (
    day INTEGER NOT NULL, currency INTEGER NOT NULL, class TEXT NOT NULL,
    debit INTEGER NOT NULL, credit INTEGER NOT NULL, postings INTEGER NOT NULL,
    PRIMARY KEY (day, currency, class)
) STRICT, WITHOUT ROWID;

-- The records of clearing files. What was booked is a transaction too, with the same sequence.
CREATE TABLE presentments (
    sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, zone INTEGER NOT NULL,
    file TEXT NOT NULL, line INTEGER NOT NULL, reference TEXT NOT NULL,
    operation INTEGER NOT NULL,      -- the day, since 1970
    status TEXT NOT NULL,            -- matched, unmatched, duplicate, refused
    result TEXT NOT NULL,
    original INTEGER,                -- matched to, or booked before as
    masked_pan TEXT NOT NULL, amount INTEGER NOT NULL, currency INTEGER NOT NULL
) STRICT;
CREATE INDEX presentments_by_status ON presentments (status, sequence);

-- TXN-3.
CREATE TABLE hold_expiries (
    original INTEGER PRIMARY KEY, sequence INTEGER NOT NULL,
    at INTEGER NOT NULL, zone INTEGER NOT NULL
) STRICT;

-- The outbox. One record can tell many customers something, so `id` counts them.
CREATE TABLE notifications (
    id INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, at INTEGER NOT NULL, zone INTEGER NOT NULL,
    kind TEXT NOT NULL, account INTEGER NOT NULL,
    amount INTEGER NOT NULL, due_on INTEGER NOT NULL
) STRICT;
CREATE INDEX notifications_by_account ON notifications (account, id);

-- Everything that changed state and was not a message from a terminal (BLK-3: who, when, why, on
-- whose request, how identified).
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, zone INTEGER NOT NULL,
    action TEXT NOT NULL, subject_kind TEXT, subject TEXT, entered_by TEXT,
    refused TEXT, details TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_subject ON audit (subject_kind, subject, sequence);
-- Users an entry is about beside its subject: an order about rights may be about several.
CREATE TABLE audit_users (
    user TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (user, sequence)
) STRICT, WITHOUT ROWID;
