//! 3-D Secure (SEC-4): what the merchant brings of the holder's authentication.
//!
//! The group `EC` is the electronic commerce indicator, `CA` the 20 bytes of a CAVV or an AAV in
//! base64. An AAV begins with its control byte, which has the highest bit set; a CAVV with a result
//! code, which has not.

use crate::card_value::{checked, checked_of};
use crate::concern::{Cause, Concerns, Subject, note};
use crate::elements::digits;
use crate::security_data::{Group, base64_20};
use crate::verify::Evidence;
use authorization::{Checked, ThreeDSecureFact};
use zeroize::Zeroizing;

/// What is known about it; `None` if the message says nothing.
pub(crate) fn fact(
    evidence: &Evidence<'_, '_>,
    concerns: &mut Concerns,
) -> Option<ThreeDSecureFact> {
    let data = evidence.data.as_ref()?;
    let (indicator, value) = (data.text(Group::Indicator), data.text(Group::Authentication));
    if indicator.is_none() && value.is_none() {
        return None;
    }
    // An indicator that is none claims nothing.
    let eci = indicator.and_then(digits).and_then(|eci| u8::try_from(eci).ok()).unwrap_or(0);
    let Some(value) = value.map(base64_20) else {
        return Some(ThreeDSecureFact { eci, outcome: Checked::NotPresent, version: 0 });
    };
    let Some(value) = value.map(Zeroizing::new) else {
        return Some(ThreeDSecureFact { eci, outcome: Checked::Wrong, version: 0 });
    };
    let is_aav = value.first().is_some_and(|control| control & 0x80 != 0);
    let outcome = check(evidence, is_aav, &*value).unwrap_or_else(|cause| {
        note(concerns, Subject::Authentication, cause);
        checked_of(cause)
    });
    Some(ThreeDSecureFact { eci, outcome, version: u8::from(is_aav) })
}

fn check(evidence: &Evidence<'_, '_>, is_aav: bool, value: &[u8]) -> Result<Checked, Cause> {
    let keys = evidence.keys().ok_or(Cause::NoKey)?;
    let (security, pan) = (evidence.security(), evidence.pan);
    checked(if is_aav {
        security.verify_aav(keys.issuer.aav.as_ref().ok_or(Cause::NoKey)?, pan, value)
    } else {
        security.verify_cavv(keys.issuer.cavv.as_ref().ok_or(Cause::NoKey)?, pan, value)
    })
}
