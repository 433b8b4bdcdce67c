//! Network management (08xx): answered here, since it moves nothing. Whether a peer has to sign on
//! is the connection's matter.

use crate::elements::number;
use crate::{Answered, Fault, edition1993};
use iso8583::Message;

/// What an 08xx message asks for: DE 70, in the later editions DE 24 where that is a function of
/// network management (ISO 8583:1993 table A.8).
pub(crate) fn asked(message: &Message<'_>) -> Result<Answered, Fault> {
    let function = match message.dialect().version() {
        0 => None,
        _ => edition1993::network_function(message)?,
    };
    let code = match function {
        Some(function) => function,
        None => number(message, 70, Some)?.ok_or(Fault::missing(70))?,
    };
    Ok(match code {
        1 | 801 => Answered::SignOn,
        2 | 802 => Answered::SignOff,
        301 | 831 => Answered::Echo,
        101 | 161 | 162 | 811 => Answered::KeyExchange,
        201 | 821 => Answered::CutOver,
        _ => Answered::OtherNetworkManagement,
    })
}

/// Whether what was asked for is done.
pub(crate) const fn is_done(asked: Answered) -> bool {
    matches!(asked, Answered::SignOn | Answered::SignOff | Answered::Echo)
}
