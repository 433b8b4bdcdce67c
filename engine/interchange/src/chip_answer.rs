//! What goes back to the chip in DE 55 (SEC-2): the response code (8A), the issuer's proof that it
//! saw the cryptogram (91), and scripts (71, 72).
//!
//! It is made of the request and the decision alone, so that the answer to a repeat is the first
//! one byte for byte (TXN-1). A chip whose cryptogram is not known to be right gets nothing: it
//! could not tell an issuer from anybody else either.
//!
//! | version | proof | approval | decline |
//! | --- | --- | --- | --- |
//! | Visa CVN 10 | method 1 | over the two characters of 8A | the same |
//! | M/Chip CVN 16, 17, 20, 21 | method 1 | `0012`: approved online, counters reset | `0000` |
//! | Visa CVN 18, 22 | method 2, card status update | `00820000`: the same | `00000000` |

use crate::authentication::Seal;
use crate::chip;
use crate::concern::{Cause, Concerns, Subject, note};
use crate::elements::LONGEST;
use crate::scripts::Writer;
use crate::{CodeTable, IssuerKeys, card};
use authorization::Decision;
use emv::{Tag, TlvBuilder};
use iso8583::Message;
use security::{
    ArpcInput, CryptogramInput, CryptogramVersion, IssuerAuthenticationData, SecurityModule,
};

/// DE 55 of the answer to a request whose cryptogram is right; `None` if nothing can be made.
pub(crate) fn data(
    request: &Message<'_>,
    decision: &Decision,
    keys: &IssuerKeys,
    seal: &Seal<'_>,
    concerns: &mut Concerns,
) -> Option<Vec<u8>> {
    let security = seal.security;
    let mut room = [0; LONGEST];
    let icc = chip::read(request, &mut room).ok().flatten()?;
    let card = card::read(request).ok().flatten()?;
    let input = chip::input(request, &card.pan, keys, icc.cryptogram_data()).ok()?;
    let code = response_code(decision);
    let mut out = Vec::with_capacity(128);
    TlvBuilder::new(&mut out).push(Tag::AUTHORISATION_RESPONSE_CODE, &code).ok()?;
    match proof(&input, decision, code, keys, security) {
        Ok(proof) => drop(TlvBuilder::new(&mut out).push(Tag::ISSUER_AUTHENTICATION_DATA, &proof)),
        Err(cause) => note(concerns, Subject::ChipAnswer, cause),
    }
    let device = seal.secured.device.as_deref();
    let element = seal.element;
    let writer = Writer { request, input: &input, keys, device, security, element };
    for order in decision.scripts.iter().flatten() {
        if let Err(cause) = writer.push(order, &mut out) {
            note(concerns, Subject::ChipAnswer, cause);
        }
    }
    Some(out)
}

/// Tag 8A: the two characters of the edition of 1987, whatever the link's own codes.
fn response_code(decision: &Decision) -> [u8; 2] {
    let code = CodeTable::default_for(0).of_decision(decision);
    code.as_str().as_bytes().try_into().unwrap_or(*b"05")
}

fn proof(
    input: &CryptogramInput<'_>,
    decision: &Decision,
    code: [u8; 2],
    keys: &IssuerKeys,
    security: &dyn SecurityModule,
) -> Result<IssuerAuthenticationData, Cause> {
    let key = keys.cryptogram.as_ref().ok_or(Cause::NoKey)?;
    let approved = decision.result.is_approval();
    let answer = match input.card.version {
        CryptogramVersion::VisaCvn10 => ArpcInput::Method1 { response_code: code },
        CryptogramVersion::MChipCvn16
        | CryptogramVersion::MChipCvn17
        | CryptogramVersion::MChipCvn20
        | CryptogramVersion::MChipCvn21 => {
            ArpcInput::Method1 { response_code: if approved { [0x00, 0x12] } else { [0, 0] } }
        }
        CryptogramVersion::VisaCvn18 | CryptogramVersion::VisaCvn22 => ArpcInput::Method2 {
            status_update: if approved { [0x00, 0x82, 0, 0] } else { [0; 4] },
            proprietary: &[],
        },
    };
    Ok(security.response_cryptogram(key, input, answer)?)
}
