//! What a fuzzer calls: not part of the API.

use crate::{IccData, IssuerApplicationData, TlvBuilder, TlvReader};

/// Reads any bytes, and writes what could be read again: nothing may panic, every value must lie
/// within the input, and what was written must read back the same.
///
/// # Panics
/// If one of these is not so.
pub fn tlv(data: &[u8]) {
    let mut written = Vec::new();
    let mut whole = true;
    for tlv in TlvReader::new(data) {
        let Ok(tlv) = tlv else {
            whole = false;
            break;
        };
        let end = tlv.offset() + tlv.value.len();
        assert!(data.get(tlv.offset()..end) == Some(tlv.value), "value outside the input");
        assert!(
            TlvBuilder::new(&mut written).push(tlv.tag, tlv.value).is_ok(),
            "cannot be written"
        );
    }
    let first = TlvReader::new(data).map_while(Result::ok).map(|tlv| (tlv.tag, tlv.value));
    let second = TlvReader::new(&written).map_while(Result::ok).map(|tlv| (tlv.tag, tlv.value));
    assert!(first.eq(second), "reads back differently");
    let walked = TlvReader::new(data).walk().all(|tlv| tlv.is_ok());
    assert!(whole || !walked, "the walk read what the reader could not");
    if let Ok(icc) = IccData::parse(data) {
        assert!(walked, "chip data with a template that cannot be read");
        let found = icc.cryptogram_data();
        issuer_data(found.issuer_data.unwrap_or_default(), found.application);
    }
    issuer_data(data, None);
}

/// What is taken out of issuer application data lies within it.
fn issuer_data(data: &[u8], application: Option<&[u8]>) {
    if let Some(found) = IssuerApplicationData::parse(data, application) {
        let within = data.windows(found.cvr.len()).any(|part| part == found.cvr);
        assert!(within && matches!(found.cvr.len(), 4 | 6), "results that are not in the data");
    }
}
