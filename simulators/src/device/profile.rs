//! How a terminal protects what it sends: which keys, which PIN block, which MAC (PIN-1, SEC-5).

use serde::Deserialize;

/// The `security` of a terminal in a portfolio. What is not said is as terminals were before there
/// was such a thing: a format 0 block under a session key, and no MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct SecurityProfile {
    /// ISO 9564-1 PIN block format: 0, 1, 3 or 4.
    pub pin_format: u8,
    /// Where its working keys come from.
    pub keys: KeyScheme,
    /// Whether its messages carry a MAC.
    pub mac: MacDuty,
    /// How the MAC is computed.
    pub mac_algorithm: MacMethod,
    /// How working keys are delivered to it.
    pub key_form: KeyForm,
}

/// Where a terminal's working keys come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyScheme {
    /// Delivered by the host under the terminal's master key.
    #[default]
    Session,
    /// A key of its own for every transaction, ANSI X9.24-1.
    DukptTdes,
    /// The same with AES, ANSI X9.24-3.
    DukptAes,
}

/// Whether messages carry a MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MacDuty {
    /// They do not.
    #[default]
    None,
    /// Every request and every answer does.
    Required,
}

/// How a MAC is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum MacMethod {
    /// ISO/IEC 9797-1 algorithm 1: CBC-MAC.
    #[serde(rename = "iso9797-1")]
    Algorithm1,
    /// ISO/IEC 9797-1 algorithm 3: the retail MAC.
    #[default]
    #[serde(rename = "iso9797-3")]
    Algorithm3,
    /// CMAC, over the cipher of the key.
    #[serde(rename = "cmac")]
    Cmac,
}

/// How a working key travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyForm {
    /// As a key block (ANSI X9.143, TR-31).
    #[default]
    Tr31,
    /// As a cryptogram, each block by itself.
    Ecb,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_as_before() {
        let read = |text: &str| serde_json::from_str::<SecurityProfile>(text).unwrap();
        assert_eq!(read("{}"), SecurityProfile::default());
        let full = read(
            r#"{"pin_format":4,"keys":"dukpt-aes","mac":"required","mac_algorithm":"cmac",
                "mac_wrong":"drop","key_form":"ecb"}"#,
        );
        assert_eq!((full.pin_format, full.keys), (4, KeyScheme::DukptAes));
        assert_eq!((full.mac, full.mac_algorithm), (MacDuty::Required, MacMethod::Cmac));
        assert_eq!(full.key_form, KeyForm::Ecb);
        assert!(serde_json::from_str::<SecurityProfile>(r#"{"keys":"dukpt"}"#).is_err());
    }
}
