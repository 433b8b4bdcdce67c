//! The words that stand in columns for the core's types.

use authorization::{HoldChange, Liability, PinFact, Refusal, Verdict};

pub(crate) const fn pin(fact: PinFact) -> &'static str {
    match fact {
        PinFact::NotPresent => "not_present",
        PinFact::OnlineVerified => "online_verified",
        PinFact::OnlineWrong => "online_wrong",
        PinFact::Unverifiable => "unverifiable",
        PinFact::OfflineVerified => "offline_verified",
        PinFact::DeviceVerified => "device_verified",
        PinFact::Unavailable => "unavailable",
    }
}

pub(crate) const fn liability(liability: Liability) -> &'static str {
    match liability {
        Liability::Unset => "unset",
        Liability::Issuer => "issuer",
        Liability::Acquirer => "acquirer",
    }
}

/// A verdict as the trace column has it.
pub(crate) const fn verdict_letter(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotApplicable => "-",
        Verdict::Pass => "P",
        Verdict::Decline => "D",
        Verdict::AskPin => "A",
        Verdict::Note => "N",
    }
}

/// A verdict as people read it.
pub(crate) fn verdict(letter: &str) -> Option<&'static str> {
    Some(match letter {
        "-" => "not_applicable",
        "P" => "pass",
        "D" => "decline",
        "A" => "ask_pin",
        "N" => "note",
        _ => return None,
    })
}

/// What became of a hold, and of how much.
pub(crate) const fn hold(change: HoldChange) -> (Option<&'static str>, Option<i64>) {
    match change {
        HoldChange::None => (None, None),
        HoldChange::Placed { amount, .. } => (Some("placed"), Some(amount)),
        HoldChange::Resized(_, amount) => (Some("resized"), Some(amount)),
        HoldChange::Captured(_) => (Some("captured"), None),
        HoldChange::Voided(_) => (Some("voided"), None),
    }
}

pub(crate) fn refusal(refusal: &Refusal) -> String {
    let text = match refusal {
        Refusal::UnknownCard => "unknown card",
        Refusal::UnknownAccount => "unknown account",
        Refusal::UnknownTerminal => "unknown terminal",
        Refusal::UnknownCustomer => "unknown customer",
        Refusal::Hindered(hindrance) => return format!("hindered: {hindrance:?}"),
        Refusal::Dispute(why) => return format!("dispute: {why:?}"),
        Refusal::StopList(at) => {
            return format!("entry {at} of the stop-list has ended, or overlaps another");
        }
        Refusal::Order(why) => return format!("order: {why:?}"),
        Refusal::NotListed => "not on the list of the end of day, or no longer rightly",
        Refusal::NoRate => "there is no rate to KGS",
        Refusal::NotBlockedFor => "not blocked for that reason",
        Refusal::CannotBeLifted => "nobody may lift that reason",
        Refusal::AccountClosed => "the account is closed",
        Refusal::AmountOutOfRange => "the sum would not fit",
        Refusal::Rules(errors) => return format!("rule set: {}", errors.join("; ")),
        Refusal::Setting { detail, .. } => return detail.to_string(),
        Refusal::Rates(faults) => return format!("rates: {}", faults.join("; ")),
        Refusal::Import(error) => return format!("portfolio: {error}"),
        Refusal::DayPast => "the day is past",
        Refusal::DayToCome => "the day is to come",
        Refusal::DaysBefore(_) => "days before it have not been ended",
        Refusal::Access(why) => return format!("user: {why:?}"),
        Refusal::IdempotencyDiffers => "the idempotency key stood for another request",
    };
    text.to_owned()
}
