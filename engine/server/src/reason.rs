//! Why a decision is as it is, in a rule's id and a few words.

use authorization::{Decided, ResultCode, RuleId, TraceEntry, Verdict};
use payment_types::format_minor;

/// The entry of the trace that settled it: what declined or asked for the PIN.
fn settling(trace: &[TraceEntry]) -> Option<&TraceEntry> {
    let says = |verdict: Verdict| trace.iter().find(move |e| e.verdict == verdict);
    says(Verdict::Decline).or_else(|| says(Verdict::AskPin))
}

/// The position of the limit that settled it, in the rule set of that moment.
#[must_use]
pub fn limit_position(decided: &Decided) -> Option<u16> {
    limit_of(&decided.trace)
}

/// The same of a trace.
pub(crate) fn limit_of(trace: &[TraceEntry]) -> Option<u16> {
    settling(trace).and_then(|entry| entry.limit)
}

/// The rule that settled it: `AGT-1`, or `LIM-1 atm-day` where `limit` is the limit's id.
#[must_use]
pub fn rule(decided: &Decided, limit: Option<&str>) -> String {
    rule_of(decided.decision.result, &decided.trace, limit)
}

/// The same of a trace.
pub(crate) fn rule_of(result: ResultCode, trace: &[TraceEntry], limit: Option<&str>) -> String {
    let id = match settling(trace) {
        Some(entry) if !result.is_approval() => entry.rule.id(),
        _ => result.rule(),
    };
    match limit {
        Some(limit) if id == RuleId::Lim1.id() => format!("{id} {limit}"),
        _ => id.to_owned(),
    }
}

/// Why, for people: `AGT-1 agents' cash cap: 500.00 asked, 15000.00 of 15000.00 used`.
#[must_use]
pub fn sentence(decided: &Decided, limit: Option<&str>) -> String {
    let rule = rule(decided, limit);
    let words = words(decided.decision.result);
    let numbers = settling(&decided.trace).and_then(numbers).unwrap_or_default();
    format!("{rule}  {words}{numbers}")
}

/// The numbers of a cap, of a limit on amounts, or of the funds.
fn numbers(entry: &TraceEntry) -> Option<String> {
    let money = |minor: i64| format_minor(i128::from(minor), 2);
    let (asked, used, ceiling) = (money(entry.asked), money(entry.used), money(entry.ceiling));
    match entry.rule {
        RuleId::Agt1 | RuleId::Agt2 => Some(format!(": {asked} asked, {used} of {ceiling} used")),
        RuleId::Bal1 => Some(format!(": {asked} asked, {used} available")),
        RuleId::Ctl1 => Some(format!(": {asked} asked, up to {ceiling} without")),
        _ => None,
    }
}

/// A result in words.
#[must_use]
pub const fn words(result: ResultCode) -> &'static str {
    match result {
        ResultCode::Approved => "approved",
        ResultCode::PartiallyApproved => "approved for less",
        ResultCode::Booked => "a fact, booked",
        ResultCode::Reversed => "reversed",
        ResultCode::ReversalRecorded => "reversal of what never came, recorded",
        ResultCode::FormatError => "cannot be understood",
        ResultCode::DuplicateDiffers => "same key, other content",
        ResultCode::Reconciled => "totals agree, or an uploaded batch closed",
        ResultCode::CutOverDone => "the acquirer's period ended",
        ResultCode::FileActionDone => "the stop-list was changed or read",
        ResultCode::TotalsDiffer => "totals differ",
        ResultCode::NotOnStopList => "not on the stop-list",
        ResultCode::StopListConflict => "an entry that ended, or overlaps another",
        ResultCode::CardStopListedSpecial => "card on the stop-list, special condition",
        ResultCode::PresentedBefore => "presented before",
        ResultCode::PresentmentOutOfTime => "an operation to come, or too old",
        ResultCode::ReversedBeforeArrival => "its reversal came first",
        ResultCode::ReversalDiffers => "does not fit its original",
        ResultCode::UnknownTerminal => "terminal not in the register",
        ResultCode::TerminalNotPermitted => "not for this terminal",
        ResultCode::UnknownCard => "no such card",
        ResultCode::CardStolen => "card reported stolen",
        ResultCode::CardLost => "card reported lost",
        ResultCode::CardStopListed => "card on the stop-list",
        ResultCode::CardFraud => "suspected fraud",
        ResultCode::CardClosed => "card closed",
        ResultCode::CardExpired => "card expired",
        ResultCode::PinTriesExceeded => "PIN tries used up",
        ResultCode::CardRestricted => "card blocked",
        ResultCode::WrongPin => "wrong PIN",
        ResultCode::PinUnverifiable => "PIN cannot be checked",
        ResultCode::NewPinMissing => "no new PIN that can be read",
        ResultCode::SecurityUnavailable => "the security module can't be asked",
        ResultCode::CardValueWrong => "wrong card verification value",
        ResultCode::CryptogramWrong => "wrong cryptogram",
        ResultCode::CounterReplayed => "the chip's counter was seen before",
        ResultCode::ChipCheckFailed => "what chip or terminal found is not acceptable",
        ResultCode::FallbackNotPermitted => "a chip card's stripe at a terminal for chips",
        ResultCode::AuthenticationRequired => "the holder must be authenticated",
        ResultCode::CardAbsentOff => "payments without the card are off for it",
        ResultCode::MacWrong => "wrong message authentication code",
        ResultCode::KeyRefused => "a key that cannot be taken",
        ResultCode::AccountArrested => "account under arrest",
        ResultCode::AccountClosed => "account closed",
        ResultCode::CardNotPermitted => "not for this card",
        ResultCode::NetworkNotRegistered => "the network is not registered",
        ResultCode::TransferOperatorUnknown => "the transfer's operator is not registered",
        ResultCode::SenderMissing => "the sender is not told",
        ResultCode::CountryRestricted => "a high-risk country",
        ResultCode::CategoryRestricted => "a blocked category",
        ResultCode::SwitchedOff => "switched off by the primary holder",
        ResultCode::InvalidTransaction => "not a transaction of ours",
        ResultCode::CurrencyNotPermitted => "not in this currency here",
        ResultCode::InvalidAmount => "no amount for this",
        ResultCode::NotesCannotPay => "the machine's notes can't pay it",
        ResultCode::NoRate => "no exchange rate",
        ResultCode::AgentCapExceeded => "over the agents' cash cap",
        ResultCode::AmountLimitExceeded => "over an amount limit",
        ResultCode::CountLimitExceeded => "over a count limit",
        ResultCode::InsufficientFunds => "not enough funds",
        ResultCode::PinRequired => "PIN needed",
        ResultCode::IssuerInoperative => "the engine can't take it now",
        ResultCode::SystemError => "a fault inside",
    }
}
