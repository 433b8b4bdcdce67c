//! Keys of products, cards and devices, as the core keeps them: what each is for, and bytes that
//! the security module sealed and only it understands.

use crate::{Done, Refusal, ScriptsBeforeFinal, State, Terminal};
use compact_str::CompactString;
use payment_types::{Moment, TerminalId, Timestamp};
use serde::{Deserialize, Serialize};

macro_rules! roles {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// What a key of a product, a card or a device is for.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum KeyRole {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl KeyRole {
            /// Every role.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in a portfolio.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

roles! {
    /// Visa PVV.
    Pvk = "pvk";
    /// IBM 3624 natural PIN and offset.
    IbmPvk = "ibm_pvk";
    /// CVV, iCVV, CVV2.
    Cvk = "cvk";
    /// CAVV of 3-D Secure.
    Cavk = "cavk";
    /// AAV of 3-D Secure (SPA1).
    Aav = "aav";
    /// dCVV and CVC3: the issuer's master key for values that a chip makes anew.
    Cvc3 = "cvc3";
    /// The issuer's master key for cryptograms.
    ImkAc = "imk_ac";
    /// The issuer's master key for the MAC of scripts.
    ImkSmi = "imk_smi";
    /// The issuer's master key for what scripts keep secret.
    ImkSmc = "imk_smc";
    /// A device's master key.
    Tmk = "tmk";
    /// A device's PIN key.
    Tpk = "tpk";
    /// A device's MAC key.
    Tak = "tak";
    /// The base derivation key of a DUKPT device.
    Bdk = "bdk";
    /// The PIN key of another institution or a network.
    Zpk = "zpk";
}

impl KeyRole {
    /// The roles of a product's and a card's keys.
    pub const OF_CARDS: [Self; 9] = [
        Self::Pvk,
        Self::IbmPvk,
        Self::Cvk,
        Self::Cavk,
        Self::Aav,
        Self::Cvc3,
        Self::ImkAc,
        Self::ImkSmi,
        Self::ImkSmc,
    ];

    /// The roles of a device's keys.
    pub const OF_DEVICES: [Self; 5] = [Self::Tmk, Self::Tpk, Self::Tak, Self::Bdk, Self::Zpk];
}

/// Sealed keys by their role.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SealedKeys(Vec<(KeyRole, Vec<u8>)>);

impl SealedKeys {
    /// One key.
    #[must_use]
    pub fn of(role: KeyRole, sealed: &[u8]) -> Self {
        Self(vec![(role, sealed.to_vec())])
    }

    /// The sealed bytes of a key, if there is one.
    #[must_use]
    pub fn get(&self, role: KeyRole) -> Option<&[u8]> {
        self.0.iter().find(|row| row.0 == role).map(|row| row.1.as_slice())
    }

    /// With a key, in place of one of this role; gives back the one before.
    pub fn set(&mut self, role: KeyRole, sealed: Vec<u8>) -> Option<Vec<u8>> {
        match self.0.binary_search_by_key(&role, |row| row.0) {
            Ok(at) => self.0.get_mut(at).map(|row| std::mem::replace(&mut row.1, sealed)),
            Err(at) => {
                self.0.insert(at, (role, sealed));
                None
            }
        }
    }

    /// The keys in the order of their roles.
    pub fn iter(&self) -> impl Iterator<Item = (KeyRole, &[u8])> {
        self.0.iter().map(|(role, sealed)| (*role, sealed.as_slice()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for SealedKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|row| row.0)).finish()
    }
}

/// How long a key is still taken once the device has used a later one: messages may be under way.
pub const KEY_OVERLAP_MINUTES: i64 = 10;

/// How many keys of a role that were replaced are still taken: the last one that the device is known
/// to have used, and those of exchanges since, whose answers may have got lost.
pub const FORMER_KEYS_MOST: usize = 4;

/// A device's key that was replaced.
///
/// Anybody can ask for a key in a device's name where its messages have no authentication code, so
/// that a new one says nothing yet about what the device has: the last key that it is known to have
/// used stays, and counts no time, until a later one was used.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerKey {
    /// What it is for.
    pub role: KeyRole,
    /// Its sealed bytes.
    pub sealed: Vec<u8>,
    /// Until when it is taken, once the device has used a later one.
    pub until: Timestamp,
    /// The last one that the device is known to have used.
    pub proven: bool,
}

impl std::fmt::Debug for FormerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FormerKey")
            .field("role", &self.role)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// Where a device's PIN and MAC keys come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyScheme {
    /// Working keys under its master key.
    #[default]
    Session,
    /// A key of its own for each transaction, TDES.
    DukptTdes,
    /// The same with AES.
    DukptAes,
}

/// How a device's messages are authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MacScheme {
    /// ISO 9797-1 algorithm 1.
    Iso9797Alg1,
    /// ISO 9797-1 algorithm 3.
    #[default]
    Iso9797Alg3,
    /// CMAC.
    Cmac,
}

/// What a wrong authentication code gets (SEC-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MacWrong {
    /// DE 39 = 63.
    #[default]
    Answer,
    /// Nothing.
    Drop,
}

/// How a working key is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyForm {
    /// A TR-31 key block.
    #[default]
    Tr31,
    /// The key alone, encrypted block by block.
    Ecb,
}

/// A device's security profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TerminalSecurity {
    /// Whether it reads chips (SEC-3).
    pub reads_chip: bool,
    /// The format of its PIN blocks: 0, 1, 3 or 4.
    pub pin_format: u8,
    /// Where its keys come from.
    pub keys: KeyScheme,
    /// Whether its messages must have an authentication code, and the answers get one.
    pub mac_required: bool,
    /// How it is made.
    pub mac_algorithm: MacScheme,
    /// What a wrong one gets.
    pub mac_wrong: MacWrong,
    /// How it is given working keys.
    pub key_form: KeyForm,
    /// Whether it may ask for working keys without an authentication code, having lost its own.
    pub key_request_open: bool,
}

impl Default for TerminalSecurity {
    fn default() -> Self {
        Self {
            reads_chip: true,
            pin_format: 0,
            keys: KeyScheme::default(),
            mac_required: false,
            mac_algorithm: MacScheme::default(),
            mac_wrong: MacWrong::default(),
            key_form: KeyForm::default(),
            key_request_open: false,
        }
    }
}

/// How a chip's own key is made from the issuer's (EMV Book 2, annex A1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Derivation {
    /// Option A: numbers of up to 16 digits.
    #[default]
    A,
    /// Option B: longer ones too, by a hash.
    B,
}

/// What a product says about the security of its cards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductSecurity {
    /// The keys of its cards.
    pub keys: SealedKeys,
    /// How its chips' keys are made.
    pub derivation: Derivation,
    /// The cryptogram version, where the chip does not tell it in 9F10.
    pub cryptogram_version: Option<u8>,
    /// SEC-2: whether a chip that is read must show a cryptogram, where there is a key to check it.
    pub cryptogram_required: bool,
    /// SEC-2: the scripts its chips are told before their final cryptogram (71); all others after
    /// it (72).
    pub scripts_before_final: ScriptsBeforeFinal,
    /// SEC-3: whether the stripe is taken where a chip would not work.
    pub fallback: bool,
    /// SEC-4: above this amount of KGS, minor units, a payment over the net needs 3-D Secure; never
    /// where there is none.
    pub three_d_secure_above: Option<u64>,
    /// PIN-3: whether `pin_tries` ends by itself at the start of the next day.
    pub pin_tries_reset_daily: bool,
    /// The decimalization table of IBM 3624; 0123456789012345 where there is none.
    pub decimalization_table: Option<[u8; 16]>,
}

impl Default for ProductSecurity {
    fn default() -> Self {
        Self {
            keys: SealedKeys::default(),
            derivation: Derivation::default(),
            cryptogram_version: None,
            cryptogram_required: true,
            scripts_before_final: ScriptsBeforeFinal::default(),
            fallback: false,
            three_d_secure_above: None,
            pin_tries_reset_daily: false,
            decimalization_table: None,
        }
    }
}

/// What a card of a portfolio says about its security.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardSecurity {
    /// Keys of its own, which go before its product's.
    pub keys: SealedKeys,
    /// SEC-4: whether it pays over the net.
    pub ecommerce: bool,
    /// SEC-4: whether it pays by mail and telephone orders.
    pub moto: bool,
}

impl Default for CardSecurity {
    fn default() -> Self {
        Self { keys: SealedKeys::default(), ecommerce: true, moto: true }
    }
}

impl Terminal {
    /// The keys of a role that were replaced and may still be taken, oldest first, with the moment
    /// until which; without one, until the device uses a later one.
    pub fn former_of(&self, role: KeyRole) -> impl Iterator<Item = (&[u8], Option<Timestamp>)> {
        let of_role = move |former: &&FormerKey| former.role == role;
        let mut later = false;
        self.former_keys.iter().filter(of_role).map(move |former| {
            later = later || former.proven;
            (former.sealed.as_slice(), (!later).then_some(former.until))
        })
    }

    /// A new key in place of the one in use, which is kept. `in_use` is the key that the device used
    /// last, if that is known.
    fn replace_key(&mut self, at: Timestamp, role: KeyRole, sealed: &[u8], in_use: Option<&[u8]>) {
        let before = self.keys.get(role).filter(|before| *before != sealed).map(<[u8]>::to_vec);
        self.keys.set(role, sealed.to_vec());
        let (mut kept, mut of_role): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.former_keys).into_iter().partition(|key| key.role != role);
        let until = at.plus_ms(KEY_OVERLAP_MINUTES * 60_000);
        if let Some(sealed) = before {
            // With none marked it was the last one that the device used, or its first.
            let proven = !of_role.iter().any(|former| former.proven);
            of_role.push(FormerKey { role, sealed, until, proven });
        }
        if let Some(used) =
            in_use.and_then(|used| of_role.iter().position(|key| key.sealed == used))
        {
            // Older ones are over, but for messages under way under the one used before.
            let mut place = 0usize..;
            of_role.retain(|former| place.next() >= Some(used) || former.proven);
            for former in &mut of_role {
                let was_proven =
                    std::mem::replace(&mut former.proven, Some(&*former.sealed) == in_use);
                if was_proven && !former.proven {
                    former.until = until;
                }
            }
        }
        let proven = of_role.iter().position(|former| former.proven).unwrap_or(0);
        let mut place = 0usize..;
        of_role.retain(|former| place.next() >= Some(proven) || former.until > at);
        while of_role.len() > FORMER_KEYS_MOST {
            // Unproven ones replace unproven ones only.
            let oldest = of_role.iter().position(|former| !former.proven).unwrap_or(0);
            of_role.remove(oldest);
        }
        kept.append(&mut of_role);
        self.former_keys = kept;
    }
}

impl State {
    /// The keys of a card's own, which go before its product's.
    #[must_use]
    pub fn card_keys(&self, slot: u32) -> Option<&SealedKeys> {
        self.card_keys.get(&slot)
    }

    /// The sealed bytes of a card's key: its own, or its product's.
    #[must_use]
    pub fn card_key(&self, slot: u32, role: KeyRole) -> Option<&[u8]> {
        self.card_keys(slot).and_then(|keys| keys.get(role)).or_else(|| {
            let account = self.ledger.account(self.card(slot)?.account)?;
            self.directory.product(account.product)?.security.keys.get(role)
        })
    }

    /// A new working key of a device; the one before is taken for a while longer.
    pub(crate) fn set_terminal_key(
        &mut self,
        now: Moment,
        id: &TerminalId,
        role: KeyRole,
        sealed: &[u8],
        in_use: Option<&[u8]>,
    ) -> Result<Done, Refusal> {
        let terminal = self.directory.terminals.ids.find(id.as_str());
        let terminal = terminal.and_then(|position| self.directory.terminals.get_mut(position));
        let terminal = terminal.ok_or(Refusal::UnknownTerminal)?;
        if !KeyRole::OF_DEVICES.contains(&role) {
            let detail = CompactString::const_new("is no key of a device");
            return Err(Refusal::Setting {
                rule: crate::RuleId::Pin1,
                field: "role".into(),
                detail,
            });
        }
        terminal.replace_key(now.at, role, sealed, in_use);
        Ok(Done::TerminalKeySet)
    }
}
