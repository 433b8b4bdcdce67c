//! Why a request got its answer: the cause inside, which a table per link turns into DE 39.

use serde::{Deserialize, Serialize};

macro_rules! results {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal $name:literal $rule:literal;)+) => {
        /// The outcome of a decision. Each has a default DE 39 of the 1987 edition (WIRE.md); a
        /// link may map it to another.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum ResultCode {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl ResultCode {
            /// Every outcome.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The default DE 39 of the 1987 edition.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The name used in mapping tables, the API and logs.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The rule of the rule book that asks for it.
            #[must_use]
            pub const fn rule(self) -> &'static str {
                match self { $(Self::$variant => $rule,)+ }
            }
        }
    };
}

results! {
    /// Approved.
    Approved = "00" "approved" "BAL-1";
    /// Approved for less than was asked.
    PartiallyApproved = "10" "partially_approved" "BAL-4";
    /// A fact was booked.
    Booked = "00" "booked" "TOD-1";
    /// A reversal did what it asked, or there was nothing left to do.
    Reversed = "00" "reversed" "TXN-2";
    /// A reversal of what never came was recorded.
    ReversalRecorded = "00" "reversal_recorded" "TXN-2";
    /// Totals agree, or the uploaded batch was closed.
    Reconciled = "00" "reconciled" "TXN-6";
    /// The acquirer's period ended.
    CutOverDone = "00" "cut_over_done" "TXN-6";
    /// The stop-list was changed, or the entry was found.
    FileActionDone = "00" "file_action_done" "BLK-5";
    /// Totals differ; the batch is to be uploaded.
    TotalsDiffer = "95" "totals_differ" "TXN-6";
    /// Not on the stop-list.
    NotOnStopList = "25" "not_on_stop_list" "BLK-5";
    /// An entry that has ended, or a range that overlaps another.
    StopListConflict = "29" "stop_list_conflict" "BLK-5";
    /// A data element can't be understood.
    FormatError = "30" "format_error" "TXN-1";
    /// A known key with other content.
    DuplicateDiffers = "94" "duplicate_differs" "TXN-1";
    /// A presentment with this reference was booked before.
    PresentedBefore = "94" "presented_before" "TXN-1";
    /// A presentment of an operation that is to come, or older than references are remembered.
    PresentmentOutOfTime = "12" "presentment_out_of_time" "TXN-4";
    /// Its reversal came before it.
    ReversedBeforeArrival = "05" "reversed_before_arrival" "TXN-2";
    /// A reversal that does not fit its original.
    ReversalDiffers = "77" "reversal_differs" "TXN-2";
    /// The device is not in the register.
    UnknownTerminal = "58" "unknown_terminal" "TXN-8";
    /// The device may not do this.
    TerminalNotPermitted = "58" "terminal_not_permitted" "TXN-5";
    /// No such card.
    UnknownCard = "14" "unknown_card" "BLK-2";
    /// Reported stolen.
    CardStolen = "43" "card_stolen" "BLK-2";
    /// Reported lost.
    CardLost = "41" "card_lost" "BLK-2";
    /// On the stop-list.
    CardStopListed = "04" "card_stop_listed" "BLK-2";
    /// On the stop-list, special condition.
    CardStopListedSpecial = "07" "card_stop_listed_special" "BLK-5";
    /// Suspected fraud.
    CardFraud = "59" "card_suspected_fraud" "BLK-2";
    /// Closed, or never collected.
    CardClosed = "14" "card_closed" "BLK-2";
    /// Past its last day, or the date given is not the card's.
    CardExpired = "54" "card_expired" "BLK-2";
    /// Too many wrong PINs.
    PinTriesExceeded = "75" "pin_tries_exceeded" "PIN-2";
    /// Any other block.
    CardRestricted = "62" "card_restricted" "BLK-2";
    /// Wrong PIN, tries left.
    WrongPin = "55" "wrong_pin" "PIN-2";
    /// The PIN block can't be read or checked; no try is counted.
    PinUnverifiable = "63" "pin_unverifiable" "PIN-1";
    /// A PIN change without a new PIN that can be read.
    NewPinMissing = "12" "new_pin_missing" "PIN-4";
    /// A PIN, a cryptogram or another value must be checked, and the security module can't be asked.
    SecurityUnavailable = "91" "security_unavailable" "PIN-1";
    /// A card verification value is wrong. Which one stands in the trace, never on the wire.
    CardValueWrong = "05" "card_value_wrong" "SEC-1";
    /// The chip's cryptogram is wrong.
    CryptogramWrong = "05" "cryptogram_wrong" "SEC-2";
    /// The chip's transaction counter was seen before, or is too old.
    CounterReplayed = "05" "counter_replayed" "SEC-2";
    /// What the chip or the terminal found out about the card is not acceptable.
    ChipCheckFailed = "05" "chip_check_failed" "SEC-2";
    /// The stripe of a chip card at a terminal that reads chips.
    FallbackNotPermitted = "57" "fallback_not_permitted" "SEC-3";
    /// The holder must be authenticated (3-D Secure).
    AuthenticationRequired = "1A" "authentication_required" "SEC-4";
    /// Payments without the card are switched off for it.
    CardAbsentOff = "57" "card_absent_off" "SEC-4";
    /// The message's authentication code is wrong.
    MacWrong = "63" "mac_wrong" "SEC-5";
    /// A key of a key exchange that can't be taken or made: broken, weak, or for another use.
    KeyRefused = "63" "key_refused" "PIN-1";
    /// The account is under arrest.
    AccountArrested = "57" "account_arrested" "BAL-6";
    /// The account is closed.
    AccountClosed = "14" "account_closed" "BLK-7";
    /// The product does not allow it.
    CardNotPermitted = "57" "card_not_permitted" "TXN-5";
    /// Its payment network is not registered now.
    NetworkNotRegistered = "57" "network_not_registered" "NET-1";
    /// Money from an operator that is not registered.
    TransferOperatorUnknown = "57" "transfer_operator_unknown" "NET-3";
    /// Money from nobody knows whom.
    SenderMissing = "12" "sender_missing" "NET-3";
    /// A high-risk country, and no travel note.
    CountryRestricted = "57" "country_restricted" "LIM-6";
    /// A blocked merchant category, and no travel note.
    CategoryRestricted = "62" "category_restricted" "LIM-6";
    /// Switched off by the primary holder.
    SwitchedOff = "57" "switched_off" "LIM-3";
    /// A transaction the engine does not do.
    InvalidTransaction = "12" "invalid_transaction" "TXN-5";
    /// Another currency than a domestic terminal may ask in.
    CurrencyNotPermitted = "12" "currency_not_permitted" "AMT-2";
    /// Zero, cash above the total, or nothing that could be handed out.
    InvalidAmount = "13" "invalid_amount" "AMT-1";
    /// The cash machine's notes can't make it.
    NotesCannotPay = "13" "notes_cannot_pay" "AMT-1";
    /// No rate for the account's currency.
    NoRate = "96" "no_rate" "AMT-3";
    /// Over the agents' cash cap.
    AgentCapExceeded = "61" "agent_cap_exceeded" "AGT-3";
    /// Over an amount limit.
    AmountLimitExceeded = "61" "amount_limit_exceeded" "LIM-1";
    /// Over a count limit.
    CountLimitExceeded = "65" "count_limit_exceeded" "LIM-1";
    /// Not enough available.
    InsufficientFunds = "51" "insufficient_funds" "BAL-1";
    /// The terminal is to ask for the PIN.
    PinRequired = "70" "pin_required" "CTL-3";
    /// The engine can't take it now; the terminal may try again.
    IssuerInoperative = "91" "issuer_inoperative" "TXN-3";
    /// A sum that would not fit, or another fault inside.
    SystemError = "96" "system_error" "TXN-8";
}

impl ResultCode {
    /// Whether money or a hold was promised, or a fact taken.
    #[must_use]
    pub const fn is_approval(self) -> bool {
        matches!(
            self,
            Self::Approved
                | Self::PartiallyApproved
                | Self::Booked
                | Self::Reversed
                | Self::ReversalRecorded
                | Self::Reconciled
                | Self::CutOverDone
                | Self::FileActionDone
        )
    }

    /// Whether the same request may get another answer later without anything being changed by
    /// staff (STYLE.md habit 7).
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::IssuerInoperative | Self::SecurityUnavailable | Self::SystemError | Self::NoRate
        )
    }
}
