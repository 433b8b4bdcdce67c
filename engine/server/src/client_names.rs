//! The names in a client's certificate: the subject's common name and the DNS names among its
//! alternative names. Only so much of X.509 is read; that the certificate is whole, in time and of
//! the right authority was verified before (the TLS handshake).

/// Tags of DER.
mod tag {
    pub(super) const SEQUENCE: u8 = 0x30;
    pub(super) const SET: u8 = 0x31;
    pub(super) const OID: u8 = 0x06;
    pub(super) const OCTETS: u8 = 0x04;
    /// `[0]` of a certificate: its version.
    pub(super) const VERSION: u8 = 0xA0;
    /// `[3]` of a certificate: its extensions.
    pub(super) const EXTENSIONS: u8 = 0xA3;
    /// `[2]` of a general name: a DNS name.
    pub(super) const DNS: u8 = 0x82;
}

/// 2.5.4.3.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
/// 2.5.29.17.
const ALTERNATIVE_NAMES: [u8; 3] = [0x55, 0x1D, 0x11];

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ClientNames(Vec<String>);

impl ClientNames {
    /// The names in a certificate in DER; none of one that can't be read.
    pub(crate) fn read(certificate: &[u8]) -> Self {
        let mut names = Vec::new();
        let _read = collect(certificate, &mut names);
        Self(names)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Cuts one element off: its tag and its content.
fn next<'d>(rest: &mut &'d [u8]) -> Option<(u8, &'d [u8])> {
    let (&tag, after) = rest.split_first()?;
    let (&first, mut after) = after.split_first()?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        let (digits, value) = after.split_at_checked(usize::from(first & 0x7F))?;
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
        after = value;
    }
    let (content, after) = after.split_at_checked(length)?;
    *rest = after;
    Some((tag, content))
}

/// The content of the next element, which has this tag.
fn expect<'d>(rest: &mut &'d [u8], tag: u8) -> Option<&'d [u8]> {
    next(rest).filter(|found| found.0 == tag).map(|found| found.1)
}

fn collect(mut certificate: &[u8], names: &mut Vec<String>) -> Option<()> {
    let mut whole = expect(&mut certificate, tag::SEQUENCE)?;
    let mut signed = expect(&mut whole, tag::SEQUENCE)?;
    if signed.first() == Some(&tag::VERSION) {
        next(&mut signed)?;
    }
    // Serial number, algorithm, issuer, validity.
    for _ in 0..4 {
        next(&mut signed)?;
    }
    let mut subject = expect(&mut signed, tag::SEQUENCE)?;
    while let Some(mut set) = expect(&mut subject, tag::SET) {
        let mut pair = expect(&mut set, tag::SEQUENCE)?;
        let kind = expect(&mut pair, tag::OID)?;
        let (_, text) = next(&mut pair)?;
        if kind == COMMON_NAME {
            names.extend(text_of(text));
        }
    }
    while let Some((found, mut content)) = next(&mut signed) {
        if found == tag::EXTENSIONS {
            alternative_names(expect(&mut content, tag::SEQUENCE)?, names)?;
        }
    }
    Some(())
}

fn alternative_names(mut extensions: &[u8], names: &mut Vec<String>) -> Option<()> {
    while let Some(mut extension) = expect(&mut extensions, tag::SEQUENCE) {
        if expect(&mut extension, tag::OID)? != ALTERNATIVE_NAMES {
            continue;
        }
        // Whether it is critical may stand between.
        let mut value = loop {
            let (found, value) = next(&mut extension)?;
            if found == tag::OCTETS {
                break value;
            }
        };
        let mut list = expect(&mut value, tag::SEQUENCE)?;
        while let Some((kind, name)) = next(&mut list) {
            if kind == tag::DNS {
                names.extend(text_of(name));
            }
        }
    }
    Some(())
}

fn text_of(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    fn certificate(common: &str, alternative: &[&str]) -> Vec<u8> {
        let names: Vec<String> = alternative.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::OrganizationName, "Bank");
        params.distinguished_name.push(DnType::CommonName, common);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn names_are_read_from_subject_and_alternative_names() {
        let der = certificate("POS00001", &["AGT00001", "417001"]);
        let names = ClientNames::read(&der);
        let has = |name: &str| names.iter().any(|known| known == name);
        assert!(has("POS00001") && has("AGT00001") && has("417001"), "{names:?}");
        assert!(!has("Bank"), "an organization is no device");
    }

    #[test]
    fn a_broken_certificate_names_nobody_it_does_not_and_panics_nowhere() {
        let whole = certificate("POS00001", &["AGT00001"]);
        for end in 0..whole.len() {
            let names = ClientNames::read(&whole[..end]);
            assert!(names.iter().count() == 0, "{end}: {names:?}");
        }
        for place in 0..whole.len() {
            let mut broken = whole.clone();
            broken[place] ^= 0xFF;
            let _names = ClientNames::read(&broken);
        }
    }
}
