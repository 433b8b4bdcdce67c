//! From a message that parsed to what the core decides about.

use crate::elements::{LONGEST, digits, number, required, text, text_or_blank};
use crate::security_data::SecurityData;
use crate::verify::{self, Context, Evidence, Found};
use crate::{DeviceKeys, Fault, card, chip, edition1987, edition1993, edition2003, pin};
use authorization::{CardNumber, Extra, PinFact, Request, SecurityFacts};
use iso8583::Message;
use payment_types::{
    AcceptorId, AcquirerId, Amount, AuthorizationCode, Class, Currency, EntryMode,
    MerchantCategoryCode, OriginalDataElements, Pan, PosConditionCode, ProcessingCode, Rrn, Stan,
    TerminalId, TransactionType, WireDateTime,
};
use security::SecurityModule;
use std::cell::OnceCell;
use std::sync::Arc;

/// What the editions say in different places.
pub(crate) struct Particulars {
    /// The transaction amount, in a partial reversal the original's.
    pub(crate) amount: Option<u64>,
    /// What stays after a partial reversal.
    pub(crate) replacement: Option<u64>,
    /// The currency of both.
    pub(crate) currency: Option<Currency>,
    pub(crate) local: WireDateTime,
    pub(crate) entry_mode: EntryMode,
    pub(crate) condition: PosConditionCode,
    pub(crate) mcc: Option<MerchantCategoryCode>,
    pub(crate) original: Option<OriginalDataElements>,
}

/// Reads a message of the classes 1, 2 and 4, and has verified what it gives to be checked.
/// `default_currency` stands in for a missing DE 49.
pub(crate) fn read(
    message: &Message<'_>,
    default_currency: Option<Currency>,
    context: &Context<'_>,
    device: Option<&Arc<DeviceKeys>>,
) -> Result<(Request, Found), Fault> {
    let mut room = [0; LONGEST];
    let chip = chip::read(message, &mut room)?;
    let card = card::read(message)?;
    let mut request = plain(message, default_currency, card.as_ref())?;
    let holder = chip.as_ref().map(|chip| pin::by_chip(chip, request.entry_mode));
    let holder = holder.unwrap_or(PinFact::NotPresent);
    request.facts.pin = holder;
    let data = SecurityData::read(message, context.element)?;
    // Last, since it costs the most: nothing is verified for a message that is refused anyway.
    request.extra = receiver(message, request.processing_code, context.security)?;
    let Some(card) = &card else { return Ok((request, Found::nothing())) };
    let digest = context.security.pan_digest(&card.pan);
    let leading = card.pan.leading();
    request.card = Some(CardNumber { digest, masked: card.pan.masked(), leading });
    if request.mti.class() == Class::Reversal {
        request.facts.pin = PinFact::NotPresent;
        return Ok((request, Found::nothing()));
    }
    let evidence = Evidence {
        message,
        context,
        device: device.map(Arc::clone),
        data,
        pan: &card.pan,
        digest,
        card,
        chip: chip.as_ref(),
        entry_mode: request.entry_mode,
        keys: OnceCell::new(),
    };
    let kind = request.processing_code.transaction_type();
    let found = verify::all(&evidence, kind == TransactionType::PinChange, holder);
    request.facts = found.facts;
    Ok((request, found))
}

/// All that needs no keys.
fn plain(
    message: &Message<'_>,
    default_currency: Option<Currency>,
    card: Option<&card::CardRead>,
) -> Result<Request, Fault> {
    let mti = message.mti().without_version();
    let undoes = mti.class() == Class::Reversal;
    let processing_code = required(number(message, 3, processing_code), 3)?;
    // A reversal finds its card by its original.
    if card.is_none() && !undoes {
        return Err(Fault::missing(2));
    }
    let stan = required(number(message, 11, |n| Stan::new(u32::try_from(n).ok()?)), 11)?;
    let terminal = required(text_or_blank(message, 41, TerminalId::new), 41)?;
    let transmission = number(message, 7, WireDateTime::from_number)?.unwrap_or_default();
    let told = match message.dialect().version() {
        0 => edition1987::read(message, mti.class())?,
        1 => edition1993::read(message, mti.class())?,
        _ => edition2003::read(message, mti.class())?,
    };
    if transmission.number() == 0 && told.local.number() == 0 {
        return Err(Fault::missing(7));
    }
    if told.amount.is_none() && !undoes && moves_money(processing_code) {
        return Err(Fault::missing(4));
    }
    let amount = amount(&told, default_currency)?;
    Ok(Request {
        mti,
        processing_code,
        card: None,
        amount,
        cash_back: cash_back(message, amount.currency())?,
        surcharge: surcharge(message)?,
        stan,
        rrn: text_or_blank(message, 37, Rrn::new)?,
        transmission,
        local: told.local,
        expiry: card.and_then(|card| card.expiry),
        entry_mode: told.entry_mode,
        condition: told.condition,
        acquirer: number(message, 32, institution)?.unwrap_or_default(),
        forwarding: number(message, 33, institution)?.unwrap_or_default(),
        terminal,
        acceptor: text(message, 42, AcceptorId::new)?.unwrap_or_default(),
        mcc: told.mcc,
        authorization_code: text_or_blank(message, 38, AuthorizationCode::new)?,
        original: told.original,
        replacement: told.replacement,
        sender_told: sender_told(message)?,
        facts: SecurityFacts::default(),
        extra: None,
    })
}

/// DE 103 of a transfer: the card that receives (TXN-5).
fn receiver(
    message: &Message<'_>,
    code: ProcessingCode,
    security: &dyn SecurityModule,
) -> Result<Option<Extra>, Fault> {
    if code.transaction_type() != TransactionType::Transfer {
        return Ok(None);
    }
    let pan = text_or_blank(message, 103, |text| Pan::from_ascii(text).ok())?;
    Ok(pan.map(|pan| {
        let (digest, masked, leading) = (security.pan_digest(&pan), pan.masked(), pan.leading());
        Extra::Receiver(CardNumber { digest, masked, leading })
    }))
}

/// Whether DE 3 asks for something that needs an amount. Of an unknown type the core says that it
/// is unknown, not that its amount is missing.
fn moves_money(code: ProcessingCode) -> bool {
    !matches!(
        code.transaction_type(),
        TransactionType::BalanceInquiry
            | TransactionType::MiniStatement
            | TransactionType::PinChange
            | TransactionType::Activation
            | TransactionType::Other
    )
}

fn processing_code(number: u64) -> Option<ProcessingCode> {
    ProcessingCode::from_number(u32::try_from(number).ok()?)
}

fn institution(number: u64) -> Option<AcquirerId> {
    (number <= 99_999_999_999).then_some(AcquirerId(number))
}

/// Money of unknown currency is nothing to guess at; nothing is nothing in any.
fn amount(told: &Particulars, default_currency: Option<Currency>) -> Result<Amount, Fault> {
    let currency = match (told.currency.or(default_currency), told.amount) {
        (Some(currency), _) => currency,
        (None, Some(_)) => return Err(Fault::missing(49)),
        (None, None) => Currency::KGS,
    };
    Ok(Amount::new(told.amount.unwrap_or(0), currency))
}

/// DE 49 of the first two editions: three digits, or the letters that 1993 allows.
pub(crate) fn currency(message: &Message<'_>) -> Result<Option<Currency>, Fault> {
    text(message, 49, |text| match digits(text) {
        Some(numeric) => Currency::from_numeric(u16::try_from(numeric).ok()?),
        None => Currency::from_alpha(core::str::from_utf8(text).ok()?),
    })
}

/// DE 54: the group of type 40, if there is one (AGT-4). All groups must be well formed, the cash
/// part in the transaction's currency.
fn cash_back(message: &Message<'_>, currency: Currency) -> Result<Option<u64>, Fault> {
    let mut scratch = [0; LONGEST];
    let Some(text) = message.text(54, &mut scratch) else { return Ok(None) };
    let text = text.map_err(|_| Fault::malformed(54))?;
    let has_exponent = edition2003::amounts_have_exponents(message.dialect());
    let mut cash = None;
    for group in text.chunks(if has_exponent { 21 } else { 20 }) {
        let group = amount_group(group, has_exponent).ok_or(Fault::malformed(54))?;
        if group.kind != 40 {
            continue;
        }
        let is_fitting = group.currency == u64::from(currency.numeric())
            && group.exponent.is_none_or(|exponent| exponent == u64::from(currency.exponent()));
        if !is_fitting || cash.is_some() {
            return Err(Fault::contradicts(54));
        }
        cash = Some(group.minor);
    }
    Ok(cash)
}

/// DE 104, `NAME/DOCUMENT`: the sender's name and document or account, neither empty (NET-3).
fn sender_told(message: &Message<'_>) -> Result<bool, Fault> {
    let told = text(message, 104, |text| {
        let mut parts = text.split(|byte| *byte == b'/').map(<[u8]>::trim_ascii);
        let both = parts.next().zip(parts.next());
        Some(both.is_some_and(|(name, document)| !name.is_empty() && !document.is_empty()))
    })?;
    Ok(told.unwrap_or(false))
}

/// DE 28 of the edition of 1987, x+n 8: what the acquirer charges the holder (D). What it would give
/// (C) is nothing of ours. Later editions have a date there.
fn surcharge(message: &Message<'_>) -> Result<Option<u64>, Fault> {
    if message.dialect().version() != 0 {
        return Ok(None);
    }
    let charged = text(message, 28, |text| {
        let (sign, minor) = text.split_first()?;
        let minor = digits(minor)?;
        match sign {
            b'D' => Some(Some(minor)),
            b'C' => Some(None),
            _ => None,
        }
    })?;
    Ok(charged.flatten().filter(|minor| *minor > 0))
}

/// One amount of DE 54.
#[derive(Debug, PartialEq, Eq)]
struct AmountGroup {
    kind: u64,
    currency: u64,
    exponent: Option<u64>,
    minor: u64,
}

/// Account type 2, amount type 2, currency 3, since 2003 its exponent 1, sign 1, amount 12.
fn amount_group(group: &[u8], has_exponent: bool) -> Option<AmountGroup> {
    let sign = if has_exponent { 8 } else { 7 };
    let part = |from: usize, to: usize| group.get(from..to).and_then(digits);
    let is_whole = group.len() == sign + 13 && matches!(group.get(sign), Some(b'C' | b'D'));
    part(0, 2).filter(|_| is_whole)?;
    let exponent = if has_exponent { Some(part(7, 8)?) } else { None };
    let (kind, currency, minor) = (part(2, 4)?, part(4, 7)?, part(sign + 1, sign + 13)?);
    Some(AmountGroup { kind, currency, exponent, minor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_groups_of_de_54() {
        let group =
            |kind, currency, exponent, minor| Some(AmountGroup { kind, currency, exponent, minor });
        let read = |text: &str| amount_group(text.as_bytes(), false);
        assert_eq!(read("0040417D000000100000"), group(40, 417, None, 100_000));
        assert_eq!(read("2001840C000000000000"), group(1, 840, None, 0));
        for bad in [
            "",
            "0040417D00000010000",
            "0040417X000000100000",
            "00A0417D000000100000",
            "0040KGSD000000100000",
            "0040417D00000010000 ",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        let later = |text: &str| amount_group(text.as_bytes(), true);
        assert_eq!(later("00404172D000000100000"), group(40, 417, Some(2), 100_000));
        assert_eq!(later("0040417D000000100000"), None);
    }

    #[test]
    fn inquiries_need_no_amount() {
        let asks = |number| moves_money(ProcessingCode::from_number(number).unwrap());
        assert!(asks(0) && asks(10_000) && asks(90_000) && asks(200_000) && asks(210_000));
        assert!(!asks(310_000) && !asks(300_000) && !asks(380_000) && !asks(990_000));
    }
}
