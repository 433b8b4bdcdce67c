//! Keys, chips, switches and security profiles of products, cards and devices.

use super::items::refused;
use super::line::Fields;
use authorization::{
    CardSecurity, Derivation, KeyForm, KeyRole, KeyScheme, MacScheme, MacWrong, ProductSecurity,
    ScriptKind, ScriptsBeforeFinal, SealedKeys, TerminalSecurity,
};
use payment_types::Currency;
use security::{KeyUsage, SecurityModule};

/// `keys` of a product, and `chip`, `fallback`, `three_d_secure_above`, `pin_tries_reset_daily`,
/// `decimalization_table`.
pub(super) fn of_product(fields: &Fields<'_>, security: &dyn SecurityModule) -> ProductSecurity {
    let above = fields.positive_money("three_d_secure_above", Currency::KGS);
    ProductSecurity {
        keys: keys(fields, "product's keys", &KeyRole::OF_CARDS, KeyScheme::Session, security),
        fallback: fields.flag("fallback").unwrap_or(false),
        three_d_secure_above: above.and_then(|minor| u64::try_from(minor).ok()),
        pin_tries_reset_daily: fields.flag("pin_tries_reset_daily").unwrap_or(false),
        decimalization_table: decimalization_table(fields),
        ..chip(fields)
    }
}

/// `keys`, `ecommerce` and `moto` of a card.
pub(super) fn of_card(fields: &Fields<'_>, security: &dyn SecurityModule) -> CardSecurity {
    CardSecurity {
        keys: keys(fields, "card's keys", &KeyRole::OF_CARDS, KeyScheme::Session, security),
        ecommerce: fields.flag("ecommerce").unwrap_or(true),
        moto: fields.flag("moto").unwrap_or(true),
    }
}

/// `keys`, `chip` and `security` of a device.
pub(super) fn of_terminal(
    fields: &Fields<'_>,
    security: &dyn SecurityModule,
) -> (SealedKeys, TerminalSecurity) {
    let mut profile = fields.object("security").map_or_else(TerminalSecurity::default, |inner| {
        inner.named("terminal's security");
        let profile = profile(&inner);
        fields.errors_of("security", inner.finish());
        profile
    });
    profile.reads_chip = fields.flag("chip").unwrap_or(true);
    let keys = keys(fields, "terminal's keys", &KeyRole::OF_DEVICES, profile.keys, security);
    (keys, profile)
}

fn profile(fields: &Fields<'_>) -> TerminalSecurity {
    let pin_format = fields.count("pin_format", 0, 4).unwrap_or(0);
    if pin_format == 2 {
        fields.error("pin_format", "format 2 is for chips; a device has 0, 1, 3 or 4");
    }
    let schemes = [
        ("session", KeyScheme::Session),
        ("dukpt-tdes", KeyScheme::DukptTdes),
        ("dukpt-aes", KeyScheme::DukptAes),
    ];
    let algorithms = [
        ("iso9797-1", MacScheme::Iso9797Alg1),
        ("iso9797-3", MacScheme::Iso9797Alg3),
        ("cmac", MacScheme::Cmac),
    ];
    let wrong = [("answer", MacWrong::Answer), ("drop", MacWrong::Drop)];
    let forms = [("tr31", KeyForm::Tr31), ("ecb", KeyForm::Ecb)];
    let requests = [("sealed", false), ("open", true)];
    TerminalSecurity {
        pin_format: u8::try_from(pin_format).unwrap_or_default(),
        keys: one_of(fields, "keys", &schemes).unwrap_or_default(),
        mac_required: one_of(fields, "mac", &[("none", false), ("required", true)])
            .unwrap_or_default(),
        mac_algorithm: one_of(fields, "mac_algorithm", &algorithms).unwrap_or_default(),
        mac_wrong: one_of(fields, "mac_wrong", &wrong).unwrap_or_default(),
        key_form: one_of(fields, "key_form", &forms).unwrap_or_default(),
        key_request_open: one_of(fields, "key_request", &requests).unwrap_or_default(),
        ..TerminalSecurity::default()
    }
}

/// A text that is one of some.
fn one_of<T: Copy>(fields: &Fields<'_>, field: &'static str, known: &[(&str, T)]) -> Option<T> {
    let text = fields.text(field)?;
    let found = known.iter().find(|(name, _)| *name == text).map(|row| row.1);
    if found.is_none() {
        let names: Vec<_> = known.iter().map(|row| row.0).collect();
        fields.error(field, format!("expected one of {}", names.join(", ")));
    }
    found
}

/// `chip` of a product.
fn chip(fields: &Fields<'_>) -> ProductSecurity {
    let Some(inner) = fields.object("chip") else { return ProductSecurity::default() };
    inner.named("product's chip");
    let derivations = [("A", Derivation::A), ("B", Derivation::B)];
    let derivation = one_of(&inner, "derivation", &derivations).unwrap_or_default();
    let version = inner.count("cryptogram_version", 1, 255);
    let asked = [("required", true), ("if-present", false)];
    let cryptogram_required = one_of(&inner, "cryptogram", &asked).unwrap_or(true);
    let scripts_before_final = scripts_before_final(&inner);
    fields.errors_of("chip", inner.finish());
    let cryptogram_version = version.and_then(|version| u8::try_from(version).ok());
    ProductSecurity {
        derivation,
        cryptogram_version,
        cryptogram_required,
        scripts_before_final,
        ..ProductSecurity::default()
    }
}

/// The kinds of script that go in template 71.
fn scripts_before_final(fields: &Fields<'_>) -> ScriptsBeforeFinal {
    const FIELD: &str = "scripts_before_final";
    let mut all = ScriptsBeforeFinal::default();
    for name in fields.texts(FIELD) {
        match all.with(name) {
            Some(with) => all = with,
            None => {
                let known = ScriptKind::NAMES.join(", ");
                fields.error(FIELD, format!("a script is one of {known}"));
            }
        }
    }
    all
}

/// Sixteen digits.
fn decimalization_table(fields: &Fields<'_>) -> Option<[u8; 16]> {
    let text = fields.text("decimalization_table")?;
    let table: Option<[u8; 16]> = text.as_bytes().try_into().ok();
    let table = table.filter(|table| table.iter().all(u8::is_ascii_digit));
    if table.is_none() {
        fields.error("decimalization_table", "expected 16 digits");
    }
    table
}

/// `keys`: each a name of a key in the module's store, or in test mode hex digits; sealed.
fn keys(
    fields: &Fields<'_>,
    what: &'static str,
    roles: &[KeyRole],
    scheme: KeyScheme,
    security: &dyn SecurityModule,
) -> SealedKeys {
    let mut keys = SealedKeys::default();
    let Some(inner) = fields.object("keys") else { return keys };
    inner.named(what);
    for role in roles.iter().copied() {
        let Some(written) = inner.text(role.name()) else { continue };
        match security.written_key(written, usage(role, scheme)) {
            Ok(sealed) => {
                keys.set(role, sealed.as_bytes().to_vec());
            }
            Err(error) => inner.error(role.name(), refused(error)),
        }
    }
    fields.errors_of("keys", inner.finish());
    keys
}

/// What the security module lets a key of a role do.
pub(crate) const fn usage(role: KeyRole, scheme: KeyScheme) -> KeyUsage {
    match role {
        KeyRole::Pvk => KeyUsage::PinVerificationVisa,
        KeyRole::IbmPvk => KeyUsage::PinVerificationIbm,
        KeyRole::Cvk => KeyUsage::CardVerification,
        KeyRole::Cavk => KeyUsage::CardholderAuthentication,
        KeyRole::Aav => KeyUsage::AccountholderAuthentication,
        KeyRole::Cvc3 => KeyUsage::CardDynamic,
        KeyRole::ImkAc => KeyUsage::ChipCryptogram,
        KeyRole::ImkSmi => KeyUsage::ChipScriptMac,
        KeyRole::ImkSmc => KeyUsage::ChipScriptConfidentiality,
        KeyRole::Tmk => KeyUsage::TerminalMaster,
        KeyRole::Tpk => KeyUsage::PinEncryption,
        KeyRole::Tak => KeyUsage::MacTerminal,
        KeyRole::Bdk => match scheme {
            KeyScheme::DukptAes => KeyUsage::BaseDerivationAes,
            KeyScheme::Session | KeyScheme::DukptTdes => KeyUsage::BaseDerivationTdes,
        },
        KeyRole::Zpk => KeyUsage::ZonePin,
    }
}
