//! The fields of each type of line, their kinds and defaults.

use super::line::{Fields, Value};
use super::{Clear, quoted};
use authorization::{
    AccountItem, BlockReason, CardItem, CardLimitItem, PortfolioItem, ProductItem, TerminalItem,
};
use compact_str::{CompactString, ToCompactString};
use payment_types::{Currency, DeviceCategory, ExpiryDate, Pan, TerminalId};
use personal::Details;
use security::{PinReference, SecurityError, SecurityModule, TestPin};
use std::borrow::Cow;

const TYPES: [&str; 7] =
    ["product", "customer", "account", "card", "agent", "merchant", "terminal"];

/// PIN-2: the wrong PIN in a row that blocks, where the product says nothing.
const PIN_TRIES: u8 = 3;

/// A record, and what of it is to be sealed.
type Read = (PortfolioItem, Clear);

/// Reads the fields; what is wrong is noted in `fields`.
pub(super) fn item(fields: &Fields<'_>, security: &dyn SecurityModule) -> Option<Read> {
    let name = fields.required("type")?;
    let Some(kind) = TYPES.into_iter().find(|kind| *kind == name) else {
        let hint = match crate::suggest::nearest(name, TYPES.into_iter()) {
            Some(near) => format!("(did you mean `{near}`?)"),
            None => format!("(known are {})", TYPES.join(", ")),
        };
        fields.error("type", format!("unknown type `{}` {hint}", quoted(name)));
        return None;
    };
    fields.named(kind);
    let plain = match kind {
        "customer" => return customer(fields),
        "card" => return card(fields, security),
        "product" => product(fields, security).map(PortfolioItem::Product),
        "account" => account(fields).map(PortfolioItem::Account),
        "agent" => {
            let (id, name) = (fields.id("id"), text(fields, "name"));
            Some(PortfolioItem::Agent { id: id?.into(), name })
        }
        "merchant" => merchant(fields),
        _ => terminal(fields, security).map(PortfolioItem::Terminal),
    };
    plain.map(|item| (item, Clear::Nothing))
}

fn text(fields: &Fields<'_>, field: &'static str) -> CompactString {
    fields.text(field).unwrap_or_default().into()
}

fn product(fields: &Fields<'_>, security: &dyn SecurityModule) -> Option<ProductItem> {
    let (id, currency) = (fields.id("id"), fields.currency("currency"));
    let minimum = fields.positive_money("minimum_balance", currency.unwrap_or(Currency::KGS));
    let pin_tries = fields.count("pin_tries", 1, 15).and_then(|tries| u8::try_from(tries).ok());
    let hold_days = fields.count("hold_days", 1, 365).and_then(|days| u16::try_from(days).ok());
    let contactless = fields.flag("contactless").unwrap_or(true);
    let partial_approval = fields.flag("partial_approval").unwrap_or(false);
    let keys_and_chip = super::keys::of_product(fields, security);
    Some(ProductItem {
        id: id?.into(),
        currency: currency?,
        minimum_balance: minimum.unwrap_or(0),
        contactless,
        partial_approval,
        pin_tries: pin_tries.unwrap_or(PIN_TRIES),
        hold_days,
        security: keys_and_chip,
    })
}

fn customer(fields: &Fields<'_>) -> Option<Read> {
    let (id, tier) = (fields.id("id"), fields.optional_id("tier"));
    let text = |field| fields.text(field).unwrap_or_default().to_owned();
    let clear = Clear::Customer(Details { name: text("name"), phone: text("phone") });
    let tier = tier.unwrap_or("standard").into();
    let item = PortfolioItem::Customer { id: id?.into(), tier, details: Vec::new() };
    Some((item, clear))
}

fn account(fields: &Fields<'_>) -> Option<AccountItem> {
    let (id, customer) = (fields.id("id"), fields.id("customer"));
    let (product, currency) = (fields.id("product"), fields.currency("currency"));
    let unit = currency.unwrap_or(Currency::KGS);
    let balance = fields.money("balance", unit).unwrap_or(0);
    let overdraft_limit = fields.positive_money("overdraft_limit", unit).unwrap_or(0);
    let overdraft_from = fields.date("overdraft_from");
    let overdraft_until = fields.date("overdraft_until");
    if let (Some(from), Some(until)) = (overdraft_from, overdraft_until)
        && until < from
    {
        fields.error("overdraft_until", "lies before overdraft_from");
    }
    Some(AccountItem {
        id: id?.into(),
        customer: customer?.into(),
        product: product?.into(),
        currency: currency?,
        balance,
        overdraft_limit,
        overdraft_from,
        overdraft_until,
    })
}

fn card(fields: &Fields<'_>, security: &dyn SecurityModule) -> Option<Read> {
    let (id, account, holder) = (fields.id("id"), fields.id("account"), fields.id("holder"));
    let pan = pan(fields);
    let expiry = expiry(fields);
    let sequence = fields.digits("sequence", 2).unwrap_or(0);
    let service_code = fields.digits("service_code", 3).unwrap_or(0);
    let blocks = blocks(fields);
    let pin_reference = pin_reference(fields, pan.as_ref(), security);
    let applied_on = fields.date("applied_on");
    let supplementary_of = fields.optional_id("supplementary_of").map(CompactString::from);
    let limits = card_limits(fields);
    let keys_and_switches = super::keys::of_card(fields, security);
    let pan = pan?;
    let item = CardItem {
        id: id?.into(),
        account: account?.into(),
        holder: holder?.into(),
        digest: security.pan_digest(&pan),
        sealed_pan: Vec::new(),
        masked: pan.masked(),
        leading: pan.leading(),
        expiry: expiry?,
        sequence: u8::try_from(sequence).unwrap_or_default(),
        service_code,
        blocks,
        pin_reference,
        applied_on,
        supplementary_of,
        limits,
        security: keys_and_switches,
    };
    Some((PortfolioItem::Card(item), Clear::Card(pan)))
}

fn pan(fields: &Fields<'_>) -> Option<Pan> {
    let pan = match Pan::from_ascii(fields.required("pan")?.as_bytes()) {
        Ok(pan) => pan,
        Err(error) => {
            fields.error("pan", error.to_string());
            return None;
        }
    };
    if !pan.has_valid_check_digit() {
        fields.error("pan", format!("{} has a wrong check digit", pan.masked()));
    }
    Some(pan)
}

fn expiry(fields: &Fields<'_>) -> Option<ExpiryDate> {
    let number = fields.required("expiry").and_then(|_| fields.digits("expiry", 4))?;
    let expiry = ExpiryDate::from_number(number);
    if expiry.is_none() {
        fields.error("expiry", "expected year and month, as in 2912");
    }
    expiry
}

/// `status` (one name) and `blocks` (a list of names).
fn blocks(fields: &Fields<'_>) -> Vec<BlockReason> {
    let mut blocks = Vec::new();
    let status = fields.text("status").filter(|status| *status != "active");
    let names = status.map(|name| ("status", name)).into_iter();
    for (field, name) in
        names.chain(fields.texts("blocks").into_iter().map(|name| ("blocks", name)))
    {
        match BlockReason::from_name(name) {
            Some(reason) if blocks.contains(&reason) => {}
            Some(reason) => blocks.push(reason),
            None => {
                let known = BlockReason::ALL.map(BlockReason::name);
                let near = crate::suggest::nearest(name, known.into_iter());
                let hint = near.map(|near| format!(" (did you mean `{near}`?)"));
                let message = match name {
                    "expired" => "`expired` follows from `expiry`".to_owned(),
                    _ => format!("no such reason: `{}`{}", quoted(name), hint.unwrap_or_default()),
                };
                fields.error(field, message);
            }
        }
    }
    blocks
}

/// `test_pin`, or `pvv` with `pvki`, or `pin_offset`; none for a card without PIN.
fn pin_reference(fields: &Fields<'_>, pan: Option<&Pan>, security: &dyn SecurityModule) -> Vec<u8> {
    let (test_pin, pvv) = (fields.text("test_pin"), fields.text("pvv"));
    let offset = fields.text("pin_offset");
    let index = fields.count("pvki", 0, 9).and_then(|index| u8::try_from(index).ok());
    let reference = match (test_pin, pvv, offset) {
        (None, None, None) => return Vec::new(),
        (None, Some(pvv), None) => PinReference::visa(index.unwrap_or(1), pvv)
            .map_err(|_| ("pvv", "a PVV has four digits".to_owned())),
        (None, None, Some(offset)) => PinReference::ibm_offset(offset)
            .map_err(|_| ("pin_offset", "an offset has 4 to 12 digits".to_owned())),
        (Some(pin), None, None) => TestPin::new(pin)
            .map_err(|error| ("test_pin", error.to_string()))
            .and_then(|pin| match pan {
                Some(pan) => security
                    .reference_for_test_pin(pan, &pin)
                    .map_err(|error| ("test_pin", refused(error))),
                None => Err(("test_pin", "needs the card's `pan`".to_owned())),
            }),
        _ => Err(("test_pin", "give only one of `test_pin`, `pvv`, `pin_offset`".to_owned())),
    };
    match reference {
        Ok(reference) => reference.to_bytes().to_vec(),
        Err((field, message)) => {
            fields.error(field, message);
            Vec::new()
        }
    }
}

pub(super) fn refused(error: SecurityError) -> String {
    match error {
        SecurityError::TestKeysOff => {
            "is for tests only; set `test_keys = true` under [security] to accept it".to_owned()
        }
        other => other.to_string(),
    }
}

/// `limits`: `{"limit": id, "ceiling": "5000.00" or a count, "valid_from", "valid_until"}`.
fn card_limits(fields: &Fields<'_>) -> Vec<CardLimitItem> {
    let items = fields.list("limits").unwrap_or_default();
    let mut limits = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let name = format!("limits.{index}");
        let Value::Object(list) = item else {
            fields.error(&name, "expected an object");
            continue;
        };
        let inner = Fields::of(Cow::Borrowed(list));
        inner.named("limit of a card");
        limits.extend(card_limit(&inner));
        fields.errors_of(&name, inner.finish());
    }
    limits
}

/// The ceiling stays as written: whether it is money or a count depends on the limit it is for.
fn card_limit(fields: &Fields<'_>) -> Option<CardLimitItem> {
    let limit = fields.id("limit");
    let ceiling = match fields.value("ceiling") {
        Some(Value::Count(count)) => Some(count.to_compact_string()),
        Some(Value::Text(text)) => fields
            .parse_money("ceiling", text, Currency::KGS)
            .filter(|minor| {
                let positive = *minor >= 0;
                if !positive {
                    fields.error("ceiling", "may not be negative");
                }
                positive
            })
            .map(|_| text.as_ref().into()),
        Some(_) => {
            fields.error("ceiling", "expected a sum such as \"5000.00\", or a count");
            None
        }
        None => {
            fields.error("ceiling", "is missing");
            None
        }
    };
    let (valid_from, valid_until) = (fields.date("valid_from"), fields.date("valid_until"));
    Some(CardLimitItem { limit: limit?.into(), ceiling: ceiling?, valid_from, valid_until })
}

fn merchant(fields: &Fields<'_>) -> Option<PortfolioItem> {
    let (id, name) = (fields.id("id"), text(fields, "name"));
    let mcc = fields.required("mcc").and_then(|_| fields.digits("mcc", 4));
    let country = fields.required("country");
    if let Some(country) = country
        && !(country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase()))
    {
        fields.error("country", "expected two capital letters (ISO 3166), as in KG");
    }
    Some(PortfolioItem::Merchant { id: id?.into(), name, mcc: mcc?, country: country?.into() })
}

fn terminal(fields: &Fields<'_>, security: &dyn SecurityModule) -> Option<TerminalItem> {
    let id = fields.required("id").and_then(|id| {
        let good = TerminalId::new(id.as_bytes()).filter(|_| id.len() == 8);
        if good.is_none() {
            fields.error("id", "a terminal's id is its DE41: 8 printable characters");
        }
        good
    });
    let category = category(fields);
    let merchant = fields.optional_id("merchant").map(CompactString::from);
    let agent = fields.optional_id("agent").map(CompactString::from);
    match category {
        Some(DeviceCategory::Agent) if agent.is_none() => {
            fields.error("agent", "is missing: an agent's terminal names its agent");
        }
        Some(DeviceCategory::Merchant | DeviceCategory::Ecommerce) if merchant.is_none() => {
            fields.error("merchant", "is missing: this category of terminal names its merchant");
        }
        _ => {}
    }
    let listener = fields.id("listener");
    // What comes in from the network is another bank's, unless the line says otherwise.
    let on_us = fields.flag("on_us").unwrap_or(listener != Some("network"));
    let denominations = denominations(fields);
    let (keys, profile) = super::keys::of_terminal(fields, security);
    let partial_approval = fields.flag("partial_approval").unwrap_or(false);
    let balance_on_decline = fields.flag("balance_on_decline").unwrap_or(false);
    Some(TerminalItem {
        id: id?,
        category: category?,
        merchant,
        agent,
        listener: listener?.into(),
        on_us,
        denominations,
        keys,
        security: profile,
        partial_approval,
        balance_on_decline,
    })
}

fn category(fields: &Fields<'_>) -> Option<DeviceCategory> {
    const ALL: [DeviceCategory; 5] = [
        DeviceCategory::Merchant,
        DeviceCategory::Agent,
        DeviceCategory::Atm,
        DeviceCategory::Branch,
        DeviceCategory::Ecommerce,
    ];
    let name = fields.required("category")?;
    let category = ALL.into_iter().find(|category| category.name() == name);
    if category.is_none() {
        let names = ALL.map(DeviceCategory::name).join(", ");
        fields.error("category", format!("no such category; known are {names}"));
    }
    category
}

fn denominations(fields: &Fields<'_>) -> Vec<u64> {
    let notes = fields.texts("denominations").into_iter();
    notes
        .filter_map(|note| {
            let minor = fields.parse_money("denominations", note, Currency::KGS)?;
            if minor <= 0 {
                fields.error("denominations", "a note is worth more than nothing");
            }
            u64::try_from(minor).ok()
        })
        .collect()
}
