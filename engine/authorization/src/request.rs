//! What a terminal asked for, with what the edge already found out.
//!
//! A request is fixed in size and holds no secret: the card number is a keyed digest and a masked
//! text, and PIN, MAC and cryptogram arrive as facts. It is what the journal keeps, so a replay
//! needs no keys (ARCHITECTURE.md decision 1).

use crate::{SecurityFacts, StopListAction, ToldTotals};
use payment_types::{
    AcceptorId, AcquirerId, Amount, AuthorizationCode, EntryMode, ExpiryDate, MaskedPan,
    MerchantCategoryCode, Mti, OriginalDataElements, PanDigest, PosConditionCode, ProcessingCode,
    Rrn, Stan, TerminalId, WireDateTime,
};
use serde::{Deserialize, Serialize};

/// A card number as the core knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardNumber {
    /// What it is looked up by.
    pub digest: PanDigest,
    /// What people see.
    pub masked: MaskedPan,
    /// The first eight digits, which tell the network (NET-1). Never shown: people see six.
    pub leading: u32,
}

/// What only some messages say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Extra {
    /// DE 103 of a transfer: the card that receives (TXN-5).
    Receiver(CardNumber),
    /// 0302: a change of the stop-list, or a look at it (BLK-5).
    File(StopListAction),
    /// 0500 and 0520: what the terminal, or the acquirer, counted (TXN-6).
    Totals(ToldTotals),
}

/// A message from a terminal that may change state. Amounts are as on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The type, with the version digit of 1987 whatever the dialect.
    pub mti: Mti,
    /// DE 3.
    pub processing_code: ProcessingCode,
    /// DE 2, or the number in DE 35.
    pub card: Option<CardNumber>,
    /// DE 4 in the currency of DE 49.
    pub amount: Amount,
    /// The cash part: DE 54 type 40 of the request (AGT-4).
    pub cash_back: Option<u64>,
    /// DE 28 where it charges the holder: the acquirer's own fee (AMT-4), the same units.
    pub surcharge: Option<u64>,
    /// DE 11.
    pub stan: Stan,
    /// DE 37.
    pub rrn: Option<Rrn>,
    /// DE 7.
    pub transmission: WireDateTime,
    /// DE 13 and DE 12.
    pub local: WireDateTime,
    /// DE 14, or the expiry in DE 35.
    pub expiry: Option<ExpiryDate>,
    /// DE 22.
    pub entry_mode: EntryMode,
    /// DE 25.
    pub condition: PosConditionCode,
    /// DE 32.
    pub acquirer: AcquirerId,
    /// DE 33.
    pub forwarding: AcquirerId,
    /// DE 41.
    pub terminal: TerminalId,
    /// DE 42.
    pub acceptor: AcceptorId,
    /// DE 18, if told; else the register's.
    pub mcc: Option<MerchantCategoryCode>,
    /// DE 38 of a completion or an advice.
    pub authorization_code: Option<AuthorizationCode>,
    /// DE 90.
    pub original: Option<OriginalDataElements>,
    /// DE 95, first amount: what stays after a partial reversal (TXN-2), minor units.
    pub replacement: Option<u64>,
    /// Whether a transfer says whose money it is: DE 104 has the sender's name and document or
    /// account (NET-3). The words themselves are not kept.
    pub sender_told: bool,
    /// What the security module found.
    pub facts: SecurityFacts,
    /// What only some messages say.
    pub extra: Option<Extra>,
}
