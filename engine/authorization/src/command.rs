//! Everything that can change state. There is no other way in.

use crate::{AccessCommand, AccessDone, AccessRefusal};
use crate::{
    CardSecurity, KeyEvent, KeyRole, ProductSecurity, ScriptKind, SealedKeys, TerminalSecurity,
};
use crate::{
    DayPart, Decision, Movement, Presentment, RateItem, Request, RuleId, StopListAction, Switch,
    TraceEntry,
};
use crate::{DisputeCommand, DisputeRefusal, DisputesDone, RetireCommand};
use crate::{Hindrance, PersonalCommand};
use crate::{OrderCommand, OrderDone, OrderRefusal};
use compact_str::CompactString;
use ledger::{AccountSlot, Spent, Transfer};
use payment_types::{Balance, BusinessDate, Currency, MaskedPan, Moment, PanDigest, Sequence};
use payment_types::{DeviceCategory, ExpiryDate, TerminalId, Timestamp};
use serde::{Deserialize, Serialize};

/// Why a card is blocked (rule book section 5). The order is that of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum BlockReason {
    /// Issued, not yet activated.
    NotActivated,
    /// The cardholder asked.
    HolderRequest,
    /// Lost.
    Lost,
    /// Stolen.
    Stolen,
    /// Suspected fraud.
    SuspectedFraud,
    /// The holder broke the terms.
    TermsBreach,
    /// Documents are missing.
    DocumentsMissing,
    /// TOD-4.
    TechnicalOverdraft,
    /// PIN-2.
    PinTries,
    /// On the stop-list.
    StopList,
    /// The agreement ended.
    AgreementEnded,
    /// Closed.
    Closed,
    /// Not collected six months after the application.
    NotCollected,
    /// A network's rules.
    NetworkRules,
}

impl BlockReason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::NotActivated,
        Self::HolderRequest,
        Self::Lost,
        Self::Stolen,
        Self::SuspectedFraud,
        Self::TermsBreach,
        Self::DocumentsMissing,
        Self::TechnicalOverdraft,
        Self::PinTries,
        Self::StopList,
        Self::AgreementEnded,
        Self::Closed,
        Self::NotCollected,
        Self::NetworkRules,
    ];

    /// The name in files and the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotActivated => "not_activated",
            Self::HolderRequest => "holder_request",
            Self::Lost => "lost",
            Self::Stolen => "stolen",
            Self::SuspectedFraud => "suspected_fraud",
            Self::TermsBreach => "terms_breach",
            Self::DocumentsMissing => "documents_missing",
            Self::TechnicalOverdraft => "technical_overdraft",
            Self::PinTries => "pin_tries",
            Self::StopList => "stop_list",
            Self::AgreementEnded => "agreement_ended",
            Self::Closed => "closed",
            Self::NotCollected => "not_collected",
            Self::NetworkRules => "network_rules",
        }
    }

    /// The reason with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// Whether anybody may lift it (rule book section 5, column "lifted by"): lost and stolen are
    /// lifted by a reissue only, an ended agreement, closing and non-collection by nobody.
    #[must_use]
    pub const fn can_be_lifted(self) -> bool {
        !matches!(
            self,
            Self::Lost | Self::Stolen | Self::AgreementEnded | Self::Closed | Self::NotCollected
        )
    }

    /// Whether two persons lift it (BLK-2).
    #[must_use]
    pub const fn needs_two_to_lift(self) -> bool {
        matches!(self, Self::SuspectedFraud)
    }
}

/// Who asked for a change and how that person was identified (BLK-3).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OnRequestOf {
    /// The user or service that entered it.
    pub entered_by: CompactString,
    /// On whose request.
    pub requested_by: CompactString,
    /// How that person was identified.
    pub identified_by: CompactString,
    /// Free text.
    pub note: CompactString,
}

/// A record of the portfolio (CONTRACT.md), with references still by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PortfolioItem {
    /// A product's terms.
    Product(ProductItem),
    /// A customer.
    Customer {
        /// Its id.
        id: CompactString,
        /// Its risk tier by name (CTL-2).
        tier: CompactString,
        /// Its name and telephone number, sealed under its own key: opaque bytes.
        details: Vec<u8>,
    },
    /// An account.
    Account(AccountItem),
    /// A card.
    Card(CardItem),
    /// A bank's agent.
    Agent {
        /// Its id.
        id: CompactString,
        /// Its name.
        name: CompactString,
    },
    /// A merchant.
    Merchant {
        /// Its id.
        id: CompactString,
        /// Its name.
        name: CompactString,
        /// Its category.
        mcc: u16,
        /// Its country, ISO 3166 alpha-2.
        country: CompactString,
    },
    /// A device in the register.
    Terminal(TerminalItem),
}

/// A product of the portfolio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductItem {
    /// Its id.
    pub id: CompactString,
    /// The currency of its accounts.
    pub currency: Currency,
    /// BAL-3, minor units.
    pub minimum_balance: Balance,
    /// Whether its cards may be tapped.
    pub contactless: bool,
    /// BAL-4: whether it allows partial approvals.
    pub partial_approval: bool,
    /// PIN-2: the wrong PIN in a row that blocks.
    pub pin_tries: u8,
    /// TXN-3: how long a hold stands, days; `None` for the default by MCC.
    pub hold_days: Option<u16>,
    /// Keys, chip, 3-D Secure.
    pub security: ProductSecurity,
}

/// An account of the portfolio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountItem {
    /// Its id.
    pub id: CompactString,
    /// Its owner's id.
    pub customer: CompactString,
    /// Its product's id.
    pub product: CompactString,
    /// Its currency.
    pub currency: Currency,
    /// Its opening balance, minor units; may be negative.
    pub balance: Balance,
    /// BAL-2, minor units.
    pub overdraft_limit: Balance,
    /// BAL-2.
    pub overdraft_from: Option<BusinessDate>,
    /// BAL-2.
    pub overdraft_until: Option<BusinessDate>,
}

/// A card of the portfolio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardItem {
    /// Its id.
    pub id: CompactString,
    /// Its account's id.
    pub account: CompactString,
    /// Its holder's id.
    pub holder: CompactString,
    /// Its number.
    pub digest: PanDigest,
    /// Its number, sealed under its holder's key: opaque bytes.
    pub sealed_pan: Vec<u8>,
    /// Its number as people may see it.
    pub masked: MaskedPan,
    /// Its first eight digits, which tell its network (NET-1).
    pub leading: u32,
    /// Its last month.
    pub expiry: ExpiryDate,
    /// Its sequence number.
    pub sequence: u8,
    /// Its service code.
    pub service_code: u16,
    /// What it is blocked for from the start.
    pub blocks: Vec<BlockReason>,
    /// What its PIN is checked against: opaque bytes of the security module.
    pub pin_reference: Vec<u8>,
    /// When it was applied for (`not_collected`); the day of the import where it is not told.
    pub applied_on: Option<BusinessDate>,
    /// The id of the primary card (BLK-7).
    pub supplementary_of: Option<CompactString>,
    /// Ceilings of its own for limits of the rule set; may only tighten.
    pub limits: Vec<CardLimitItem>,
    /// Keys of its own, and switches.
    pub security: CardSecurity,
}

/// A card's own ceiling for a limit of the rule set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardLimitItem {
    /// The limit's id.
    pub limit: CompactString,
    /// The ceiling as written: major units of KGS for a limit on amounts, a number for a count.
    pub ceiling: CompactString,
    /// First day.
    pub valid_from: Option<BusinessDate>,
    /// Last day.
    pub valid_until: Option<BusinessDate>,
}

/// What is set for one card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CardChange {
    /// A higher ceiling for a time (LIM-4).
    Raise(RaiseItem),
    /// End a raise before its time.
    EndRaise {
        /// The limit's id.
        limit: CompactString,
    },
    /// A journey (LIM-6).
    Travel {
        /// The first day.
        from: BusinessDate,
        /// The last day.
        until: BusinessDate,
        /// Only these countries (ISO 3166 numeric); all if empty.
        countries: Vec<u16>,
    },
    /// Take a travel note back.
    EndTravel {
        /// Which.
        id: Sequence,
    },
    /// The primary holder's limits and switches, in place of those before (LIM-3).
    Holder {
        /// The primary card's id.
        primary: CompactString,
        /// Lower ceilings.
        limits: Vec<CardLimitItem>,
        /// What is switched off.
        off: Vec<Switch>,
    },
    /// Whether it pays without being there (SEC-4).
    CardAbsent {
        /// Over the net.
        ecommerce: bool,
        /// By mail and telephone orders.
        moto: bool,
    },
    /// Something that its chip is told with its next answer.
    QueueScript {
        /// What.
        kind: ScriptKind,
    },
    /// Take a script back that has not gone yet.
    CancelScript {
        /// Which.
        identifier: u32,
    },
}

/// A temporary raise as entered (LIM-4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaiseItem {
    /// The limit's id.
    pub limit: CompactString,
    /// The ceiling as written.
    pub ceiling: CompactString,
    /// When it ends.
    pub until: Timestamp,
    /// Why.
    pub reason: CompactString,
    /// Who entered it.
    pub entered_by: CompactString,
    /// The second person.
    pub approved_by: CompactString,
}

/// A device of the portfolio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalItem {
    /// DE 41.
    pub id: TerminalId,
    /// What it is.
    pub category: DeviceCategory,
    /// Its merchant's id.
    pub merchant: Option<CompactString>,
    /// Its agent's id.
    pub agent: Option<CompactString>,
    /// The listener it comes in by.
    pub listener: CompactString,
    /// Whether it is ours, and not another bank's (AMT-4).
    pub on_us: bool,
    /// The notes it holds, minor units of KGS, for an ATM.
    pub denominations: Vec<u64>,
    /// Its keys.
    pub keys: SealedKeys,
    /// Its security profile.
    pub security: TerminalSecurity,
    /// BAL-4: whether it can take a partial approval.
    pub partial_approval: bool,
    /// BAL-1: whether it asks for the available amount on a decline for funds.
    pub balance_on_decline: bool,
}

/// What may change state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant)] // By far the most are messages; the queue boxes commands.
pub enum Command {
    /// A message from a terminal.
    Authorize(Request),
    /// A record of a clearing file (TOD-1), decided as messages are.
    Present(Box<Presentment>),
    /// A new rule set, as its text.
    InstallRules {
        /// The TOML text.
        text: String,
    },
    /// A part of a portfolio. Nothing takes effect before the last part (all or nothing).
    Import {
        /// Which part, from 0.
        part: u32,
        /// Whether it is the last.
        last: bool,
        /// Its records.
        items: Vec<PortfolioItem>,
    },
    /// Block a card (BLK-1).
    Block {
        /// The card's id.
        card: CompactString,
        /// Why.
        reason: BlockReason,
        /// On whose request.
        by: OnRequestOf,
    },
    /// Lift one reason (BLK-2: the others stay).
    Unblock {
        /// The card's id.
        card: CompactString,
        /// Which reason.
        reason: BlockReason,
        /// On whose request.
        by: OnRequestOf,
    },
    /// Exempt a card from the block policy for technical overdrafts (TOD-4), or end that. The
    /// policy's own block is lifted at once; one that staff set stays.
    ExemptCard {
        /// The card's id.
        card: CompactString,
        /// The last day; `None` ends the exemption.
        until: Option<BusinessDate>,
        /// On whose request and why.
        by: OnRequestOf,
    },
    /// A claim, or a decision about claims (TXN-7).
    Dispute(DisputeCommand),
    /// An approval of what the end of day listed (BLK-8, `not_collected`).
    Retire(RetireCommand),
    /// A look at personal data, or its erasure (PII-2, PII-3).
    Personal(PersonalCommand),
    /// Entries for the stop-list, or off it (BLK-5): all of them or none.
    StopList {
        /// The file they come from, or nothing.
        file: CompactString,
        /// What to change.
        actions: Vec<StopListAction>,
        /// On whose request.
        by: OnRequestOf,
    },
    /// Put an account under arrest (BAL-6).
    Arrest {
        /// The account's id.
        account: CompactString,
        /// Who ordered it.
        authority: CompactString,
        /// By which document.
        document: CompactString,
        /// Who entered it.
        entered_by: CompactString,
    },
    /// Lift an arrest.
    LiftArrest {
        /// The account's id.
        account: CompactString,
        /// Who ordered it.
        authority: CompactString,
        /// By which document.
        document: CompactString,
        /// Who entered it.
        entered_by: CompactString,
    },
    /// Money for an account (BAL-5).
    Credit {
        /// The account's id.
        account: CompactString,
        /// How much, minor units of the account's currency.
        amount: u64,
        /// The payer's reference.
        reference: CompactString,
        /// What it is said to be for.
        purpose: CompactString,
        /// Who entered it.
        entered_by: CompactString,
    },
    /// What is set for one card besides its blocks.
    SetCard {
        /// The card's id.
        card: CompactString,
        /// What.
        change: CardChange,
        /// On whose request.
        by: OnRequestOf,
    },
    /// Exchange rates, all or none (AMT-3).
    LoadRates {
        /// The rates.
        rates: Vec<RateItem>,
        /// Who entered them.
        entered_by: CompactString,
    },
    /// A new working key of a device, as it was delivered or taken in (0800), or by staff.
    SetTerminalKey {
        /// The device.
        terminal: TerminalId,
        /// What the key is for.
        role: KeyRole,
        /// The key, sealed by the security module: opaque bytes.
        sealed: Vec<u8>,
        /// Its check value, in hex.
        check_value: CompactString,
        /// Who asked for it: the device itself, or a user.
        entered_by: CompactString,
        /// The key that the device used last, sealed, where that is known: it is taken until the
        /// device uses a later one.
        in_use: Option<Vec<u8>>,
    },
    /// What was done with a named key: noted before it is done. The key itself is in the security
    /// module's store.
    Key(Box<KeyEvent>),
    /// What concerns users and who gets in (SIG-4, PII-2).
    Access(Box<AccessCommand>),
    /// A step of a change order (SIG-1).
    Order(Box<OrderCommand>),
    /// A message without a right authentication code was refused (SEC-5). Nothing of the message is
    /// used: what stands here is what it said of itself, for those who look into it.
    Unauthentic {
        /// DE 41.
        terminal: TerminalId,
        /// The listener it came in on.
        listener: CompactString,
        /// What was wrong with the code.
        problem: CompactString,
    },
    /// Release the holds whose time is up (TXN-3).
    ExpireHolds,
    /// Carry the end of a business day on by one part: to be sent until the outcome says that the
    /// day is ended. For a day already ended it has no effect.
    EndOfDay {
        /// The day that ends.
        date: BusinessDate,
    },
}

/// A command with the moment at which the engine accepted it, as journaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// When. Never earlier than that of the command before.
    pub moment: Moment,
    /// The caller's key for a POST that may be sent twice, with a digest of its content.
    pub idempotency: Option<IdempotencyKey>,
    /// What.
    pub command: Command,
}

/// A caller's key (digest of it) and what it stood for (digest of the request).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyKey {
    /// Digest of the token's name and the key.
    pub key: [u8; 16],
    /// Digest of method, path and body.
    pub content: [u8; 16],
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// A message was decided.
    Decided(Box<Decided>),
    /// An administrative command took effect.
    Done(Done),
    /// It was refused, and nothing changed.
    Refused(Refusal),
}

/// A decision with its money and its reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// The money.
    pub movement: Movement,
    /// The card, account and device it was found to be about: positions in the directory.
    pub parties: Parties,
    /// The transaction that it reverses, completes or adds to (TXN-2, TXN-4), as far as it was
    /// found.
    pub original: Option<Sequence>,
    /// The rule set's version of that moment.
    pub rules: CompactString,
    /// Each rule looked at, in order.
    pub trace: Vec<TraceEntry>,
    /// What the customer is to be told.
    pub notice: Option<Notice>,
}

/// Whom a transaction concerns: positions in the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Parties {
    /// The card.
    pub card: Option<u32>,
    /// The account.
    pub account: Option<AccountSlot>,
    /// The device.
    pub terminal: Option<u32>,
}

/// Something the customer is told by SMS or push (the outbox).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// A technical overdraft was opened or grew (TOD-2).
    TechnicalOverdraft {
        /// Whose.
        account: AccountSlot,
        /// How much is open, minor units.
        amount: Balance,
        /// The last day for repaying it.
        due_on: BusinessDate,
    },
    /// A fact ate into the minimum balance (BAL-3).
    MinimumBalance {
        /// Whose.
        account: AccountSlot,
        /// How much is missing, minor units.
        missing: Balance,
        /// The last day for refilling it.
        due_on: BusinessDate,
    },
    /// A technical overdraft was not repaid in time (TOD-2).
    TechnicalOverdraftOverdue {
        /// Whose.
        account: AccountSlot,
        /// How much is open, minor units.
        amount: Balance,
        /// The last day for repaying it, which is over.
        due_on: BusinessDate,
    },
    /// The monthly fee was not covered, so notifications are suspended (AMT-5).
    NotificationsSuspended {
        /// Whose.
        account: AccountSlot,
        /// The fee, minor units.
        amount: Balance,
        /// When it is tried again.
        due_on: BusinessDate,
    },
    /// A minimum balance was not refilled in time (BAL-3).
    MinimumBalanceOverdue {
        /// Whose.
        account: AccountSlot,
        /// How much is missing, minor units.
        missing: Balance,
        /// The last day for refilling it, which is over.
        due_on: BusinessDate,
    },
}

/// What became of entries for the stop-list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StopListDone {
    /// New ones.
    pub added: u64,
    /// In place of ones that were there.
    pub replaced: u64,
    /// Taken off.
    pub removed: u64,
    /// To be taken off, and not there.
    pub missing: u64,
}

/// What an administrative command did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Done {
    /// A rule set is in force.
    RulesInstalled {
        /// Its version.
        version: CompactString,
    },
    /// A part of a portfolio was put by.
    ImportStaged,
    /// A portfolio took effect.
    Imported {
        /// How many records.
        items: u64,
    },
    /// A block was set or was there already.
    Blocked,
    /// A block was lifted.
    Unblocked,
    /// A card is exempt from the block policy, or no more (TOD-4).
    Exempted {
        /// Whether the policy's own block was lifted, or set again.
        changed: bool,
    },
    /// An idle account was closed, or a card cancelled that was not collected.
    Retired {
        /// The money that was left.
        transfers: Vec<Transfer>,
    },
    /// A look at personal data was noted (PII-2).
    Looked,
    /// A customer's data was dropped; its key is to be destroyed (PII-3).
    Erased {
        /// Whose: a position in the directory.
        customer: u32,
    },
    /// Disputes were taken or decided.
    Disputes(Box<DisputesDone>),
    /// The stop-list was changed.
    StopListChanged(StopListDone),
    /// An account is under arrest.
    Arrested,
    /// An arrest was lifted.
    ArrestLifted,
    /// Money arrived.
    Credited {
        /// Whose account.
        account: AccountSlot,
        /// What it was spent on (BAL-5).
        spent: Spent,
        /// The balance after.
        balance: Balance,
        /// The money, in order.
        transfers: Vec<Transfer>,
    },
    /// A card's settings are as asked.
    CardSet,
    /// Rates were taken in.
    RatesLoaded {
        /// New ones.
        added: u64,
        /// Those that were there already.
        known: u64,
    },
    /// A device has a new key.
    TerminalKeySet,
    /// What was done with a named key is noted: again, for who asks the same once more.
    KeyNoted(Box<KeyEvent>),
    /// What concerned a user is done or noted.
    Access(AccessDone),
    /// A step of a change order was done.
    Order(Box<OrderDone>),
    /// A refused message was noted.
    UnauthenticNoted,
    /// Holds were released.
    HoldsExpired {
        /// How many.
        count: u64,
        /// How much, per currency.
        amounts: Vec<(Currency, Balance)>,
        /// The transactions whose holds they were.
        transactions: Vec<Sequence>,
    },
    /// The end of a day was carried on, or had been done before.
    Day(Box<DayPart>),
}

/// Why an administrative command was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// No such card.
    UnknownCard,
    /// No such account.
    UnknownAccount,
    /// No such device.
    UnknownTerminal,
    /// No such customer.
    UnknownCustomer,
    /// Something stands against ending the agreement or erasing the customer (PII-3).
    Hindered(Hindrance),
    /// Not on the list of the end of day, or no longer rightly (BLK-8).
    NotListed,
    /// There is no rate to KGS (AMT-3).
    NoRate,
    /// A claim, or a decision about one.
    Dispute(DisputeRefusal),
    /// An entry for the stop-list has ended, or its range overlaps another: which, from 0.
    StopList(u64),
    /// The reason is not set on the card.
    NotBlockedFor,
    /// Nobody may lift this reason.
    CannotBeLifted,
    /// The account is closed.
    AccountClosed,
    /// The sum would not fit.
    AmountOutOfRange,
    /// The rule set has errors.
    Rules(Vec<String>),
    /// A record of the portfolio has an error.
    Import(String),
    /// The day is to come.
    DayToCome,
    /// The day is past.
    DayPast,
    /// Days before it have not been ended: this one is next.
    DaysBefore(BusinessDate),
    /// A card can't be set so.
    Setting {
        /// The rule that says so.
        rule: RuleId,
        /// What is wrong.
        field: CompactString,
        /// Why, and what would be right.
        detail: CompactString,
    },
    /// Rates with an error, a line each.
    Rates(Vec<CompactString>),
    /// It concerned a user.
    Access(AccessRefusal),
    /// A step of a change order.
    Order(Box<OrderRefusal>),
    /// The key was used for another request.
    IdempotencyDiffers,
}
