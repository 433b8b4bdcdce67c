//! The pure core: what is decided, and how the state changes.
//!
//! [`State::authorize`] is `decide` and then `apply`: decide looks and may decline, apply carries
//! out and may not fail. Nothing here reads a clock, draws a random number, does I/O, uses a float
//! or walks a hash table, so the same state, request, moment and rules give the same decision for
//! ever (ARCHITECTURE.md decision 1). Everything that can change state is a [`Command`]; each is
//! journaled with its moment and outcome as a [`Record`], and a replay must repeat it bit for bit.
//!
//! Reading order: [`Request`], `decide/mod.rs`, `decide/request.rs`, `apply.rs`, [`State`].

mod access;
mod apply;
mod atc;
mod batch;
mod card;
mod clearing;
mod command;
mod day;
mod debts;
mod decide;
mod decision;
mod directory;
mod disputes;
mod effects;
mod execute;
mod facts;
mod import;
mod key_event;
mod keys;
mod links;
mod notification_fee;
mod orders;
mod outcome;
mod overdraft_jobs;
mod personal;
mod pin_change;
mod pricing;
mod rates;
mod record;
mod request;
mod result;
mod retirement;
mod rules;
mod scripts;
mod settings;
mod sha256;
mod signature;
mod snapshot;
mod state;
mod stop_list;
mod trace;
mod transactions;

pub use access::{
    AccessCommand, AccessDone, AccessRefusal, Alert, AlertKind, Authority, CodePurpose,
    ENROLMENT_HOURS, LockTerms, LogoutReason, OneTimeSecret, PersonalKey, RefusedBecause, Reset,
    ResetAsked, Role, Roles, User, Users,
};
pub use atc::{ATC_WINDOW, AtcWindow};
pub use batch::{Batch, Batches, Counted, Reconciliation, ToldTotals, Totals};
pub use card::{Blocks, Card, Obstacle, PinReferenceBytes};
pub use clearing::{PRESENTMENT, Presented, PresentedBefore, Presentment, REMEMBER_DAYS};
pub use command::{
    Accepted, AccountItem, BlockReason, CardChange, CardItem, CardLimitItem, Command, Decided,
    Done, IdempotencyKey, Notice, OnRequestOf, Outcome, Parties, PortfolioItem, ProductItem,
    RaiseItem, Refusal, StopListDone, TerminalItem,
};
pub use day::{DayJob, DayPart, DayProgress, DayStanding, DaySummary, JobDone};
pub use decision::{
    AnswerAmounts, Decision, HoldChange, Liability, Movement, STATEMENT_LINES, Statement,
    StatementLine, Transfers,
};
pub use directory::{Customer, Directory, Merchant, Product, Terminal};
pub use disputes::{
    Answerable, CLAIM_DAYS, ClaimKind, Dispute, DisputeCommand, DisputeRefusal, DisputeStatus,
    DisputedOperation, Disputes, DisputesDone,
};
pub use effects::Scratch;
pub use facts::{
    CardValueFact, CardValueKind, Checked, ChipFact, CryptogramKind, MacFact, NewPin, PinFact,
    SCRIPT_RESULTS, ScriptOutcome, ScriptResult, SecurityFacts, ThreeDSecureFact,
};
pub use import::ImportError;
pub use key_event::{KeyEvent, KeyStanding, KeyVersion};
pub use keys::{
    CardSecurity, Derivation, FORMER_KEYS_MOST, FormerKey, KEY_OVERLAP_MINUTES, KeyForm, KeyRole,
    KeyScheme, MacScheme, MacWrong, ProductSecurity, SealedKeys, TerminalSecurity,
};
pub use notification_fee::NotificationService;
pub use orders::{
    Guard, GuardStands, KeyStaged, KeyWish, Order, OrderChange, OrderCommand, OrderDone,
    OrderDraft, OrderEnd, OrderKind, OrderProblem, OrderRefusal, OrderSignature, OrderStatus,
    Orders, Register, RegisterAct, RegisterEntry, Risk, RolledBackBy, RulesPut, SignedAs, hex,
};
pub use overdraft_jobs::Ageing;
pub use personal::{Hindrance, LookedAt, PersonalCommand, Retained, SealedPanBytes, Subject};
pub use pricing::{FeeLine, Pricing};
pub use rates::{Exact, Quote, RateItem, RateView, Ratio};
pub use record::{
    RECORD_VERSION, Record, RecordError, decode_record, encode_decided, encode_record,
};
pub use request::{CardNumber, Extra, Request};
pub use result::ResultCode;
pub use retirement::{IdleMoney, RetireCommand};
pub use scripts::{
    CardScript, PUT_DATA_MOST, SCRIPT_BYTES_MOST, SCRIPT_LONGEST, SCRIPTS_MOST, ScriptKind,
    ScriptOrder, ScriptOrders, ScriptStanding, ScriptTemplate, ScriptsBeforeFinal,
};
pub use settings::{CardRaise, CardSettings, Switch, TravelNote};
pub use sha256::sha256;
pub use signature::{Factor, STATEMENT, Signature, Strength, statement, statement_in};
pub use snapshot::{SNAPSHOT_VERSION, SnapshotError};
pub use state::State;
pub use stop_list::{StopList, StopListAction, StopListed, StopTerms};
pub use trace::{RuleId, TraceEntry, Verdict};
pub use transactions::{Answer, KEEP_DAYS, Place, Status, Transaction, Transactions};
