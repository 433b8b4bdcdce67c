//! A stream of bytes under a passphrase: scrypt (RFC 7914) for the key, then STREAM (Hoang,
//! Reyhanitabar, Rogaway, Vizár 2015) over AES-256-GCM-SIV in chunks of 64 KiB.
//!
//! Each chunk is authenticated with its number and with the header, and the last one says that it
//! is: a chunk changed, moved, doubled or left out does not open, nor does a file cut short.
//!
//! | header | bytes | |
//! | --- | --- | --- |
//! | 0 | 8 | `TAMGABAK` |
//! | 8 | 2 | version, 1 |
//! | 10 | 3 | scrypt's log2 N, r, p |
//! | 13 | 16 | salt |
//! | 29 | 16 | the second half of what scrypt gives, cut: tells a wrong passphrase from damage |
//! | 45 | 7 | the nonce's constant part |

use aead_stream::{DecryptorBE32, EncryptorBE32};
use aes_gcm_siv::aead::Payload;
use aes_gcm_siv::{Aes256GcmSiv, KeyInit};
use std::io::{self, Read, Write};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"TAMGABAK";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 52;
const CHUNK: usize = 64 << 10;
const TAG: usize = 16;
/// 128 MiB and about half a second.
const LOG_N: u8 = 17;
const R: u8 = 8;
const P: u8 = 1;
/// What a file may ask of this machine: 1 GiB.
const LOG_N_MAX: u8 = 20;

type Header = [u8; HEADER_BYTES];

/// Encrypts what is written. [`Sealing::finish`] must be called, or the file is cut short.
pub(super) struct Sealing<W: Write> {
    out: W,
    header: Header,
    encryptor: EncryptorBE32<Aes256GcmSiv>,
    chunk: Zeroizing<Vec<u8>>,
}

impl<W: Write> Sealing<W> {
    pub(super) fn new(mut out: W, passphrase: &str) -> io::Result<Self> {
        let mut random = [0; 16 + 7];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let (salt, nonce) = random.split_at(16);
        let derived = derive(passphrase, salt, (LOG_N, R, P))?;
        let (key, check) = derived.split_at(32);
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&VERSION.to_le_bytes());
        header.extend_from_slice(&[LOG_N, R, P]);
        header.extend_from_slice(salt);
        header.extend(check.iter().take(16));
        header.extend_from_slice(nonce);
        let header: Header = header.try_into().map_err(|_| io::Error::other("header"))?;
        out.write_all(&header)?;
        let cipher = Aes256GcmSiv::new_from_slice(key).map_err(io::Error::other)?;
        let nonce: [u8; 7] = nonce.try_into().map_err(io::Error::other)?;
        let encryptor = EncryptorBE32::from_aead(cipher, &nonce.into());
        Ok(Self { out, header, encryptor, chunk: Zeroizing::new(Vec::with_capacity(CHUNK)) })
    }

    /// Writes the last chunk, and gives back what it wrote to.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let payload = Payload { msg: &self.chunk, aad: &self.header };
        let sealed = self.encryptor.encrypt_last(payload);
        self.out.write_all(&sealed.map_err(|_| io::Error::other("encryption failed"))?)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.len() == CHUNK {
            let payload = Payload { msg: &self.chunk, aad: &self.header };
            let sealed = self.encryptor.encrypt_next(payload);
            self.out.write_all(&sealed.map_err(|_| io::Error::other("backup too large"))?)?;
            self.chunk.clear();
        }
        let taken = bytes.len().min(CHUNK.saturating_sub(self.chunk.len()));
        self.chunk.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Decrypts what is read. An error is of the kind `InvalidData`, and its text says what is wrong.
pub(super) struct Opening<R: Read> {
    source: R,
    header: Header,
    decryptor: Option<DecryptorBE32<Aes256GcmSiv>>,
    /// The sealed chunk that comes next; whether it is the last shows when the one behind it is
    /// read.
    next: Vec<u8>,
    chunk: Zeroizing<Vec<u8>>,
    used: usize,
    /// Bytes of the file that have been opened.
    pub(super) opened: u64,
}

impl<R: Read> Opening<R> {
    pub(super) fn new(mut source: R, passphrase: &str) -> io::Result<Self> {
        let mut header: Header = [0; HEADER_BYTES];
        source
            .read_exact(&mut header)
            .map_err(|_| bad("is no backup of tamga: it is too short"))?;
        let fields = Fields::of(&header).ok_or_else(|| bad("is no backup of tamga"))?;
        if fields.version != VERSION {
            return Err(bad("was made by a newer version of tamga"));
        }
        let (log_n, ..) = fields.cost;
        if log_n > LOG_N_MAX {
            return Err(bad("is damaged: its header asks for too much memory"));
        }
        let derived = derive(passphrase, fields.salt, fields.cost)?;
        let (key, check) = derived.split_at(32);
        if !bool::from(check.get(..16).unwrap_or_default().ct_eq(fields.check)) {
            return Err(bad("does not open: the passphrase is another one"));
        }
        let cipher = Aes256GcmSiv::new_from_slice(key).map_err(io::Error::other)?;
        let decryptor = DecryptorBE32::from_aead(cipher, &fields.nonce.into());
        let next = read_chunk(&mut source)?;
        Ok(Self {
            source,
            header,
            decryptor: Some(decryptor),
            next,
            chunk: Zeroizing::new(Vec::new()),
            used: 0,
            opened: 0,
        })
    }

    fn advance(&mut self) -> io::Result<()> {
        let Some(mut decryptor) = self.decryptor.take() else { return Ok(()) };
        let following =
            if self.next.len() == CHUNK + TAG { read_chunk(&mut self.source)? } else { Vec::new() };
        let payload = Payload { msg: &self.next, aad: &self.header };
        let damaged = |_| {
            let place = self.opened.saturating_add(HEADER_BYTES as u64);
            bad(&format!("is damaged or cut short in the 64 KiB behind byte {place}"))
        };
        let opened = if following.is_empty() {
            decryptor.decrypt_last(payload).map_err(damaged)?
        } else {
            let opened = decryptor.decrypt_next(payload).map_err(damaged)?;
            self.decryptor = Some(decryptor);
            opened
        };
        self.opened = self.opened.saturating_add(self.next.len() as u64);
        (self.next, self.chunk, self.used) = (following, Zeroizing::new(opened), 0);
        Ok(())
    }
}

impl<R: Read> Read for Opening<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.used == self.chunk.len() {
            self.advance()?;
        }
        let left = self.chunk.get(self.used..).unwrap_or_default();
        let count = left.len().min(room.len());
        if let (Some(to), Some(from)) = (room.get_mut(..count), left.get(..count)) {
            to.copy_from_slice(from);
        }
        self.used = self.used.saturating_add(count);
        Ok(count)
    }
}

struct Fields<'h> {
    version: u16,
    cost: (u8, u8, u8),
    salt: &'h [u8],
    check: &'h [u8],
    nonce: [u8; 7],
}

impl<'h> Fields<'h> {
    fn of(header: &'h Header) -> Option<Self> {
        let (magic, rest) = header.split_first_chunk::<8>()?;
        let (version, rest) = rest.split_first_chunk::<2>()?;
        let ([log_n, r, p], rest) = rest.split_first_chunk::<3>()?;
        let (salt, rest) = rest.split_at_checked(16)?;
        let (check, rest) = rest.split_at_checked(16)?;
        let nonce = rest.try_into().ok()?;
        let version = u16::from_le_bytes(*version);
        (magic == MAGIC).then_some(Self { version, cost: (*log_n, *r, *p), salt, check, nonce })
    }
}

fn derive(
    passphrase: &str,
    salt: &[u8],
    (log_n, r, p): (u8, u8, u8),
) -> io::Result<Zeroizing<[u8; 64]>> {
    let params = scrypt::Params::new(log_n, r.into(), p.into());
    let params = params.map_err(|_| bad("is damaged: its header makes no sense"))?;
    let mut derived = Zeroizing::new([0; 64]);
    scrypt::scrypt(passphrase.as_bytes(), salt, &params, &mut *derived)
        .map_err(io::Error::other)?;
    Ok(derived)
}

/// A whole chunk, or what is left.
fn read_chunk(source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut chunk = Vec::with_capacity(CHUNK + TAG);
    source.take((CHUNK + TAG) as u64).read_to_end(&mut chunk)?;
    Ok(chunk)
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut sealing = Sealing::new(Vec::new(), "correct horse battery").unwrap();
        sealing.write_all(plain).unwrap();
        sealing.finish().unwrap()
    }

    fn opened(sealed: &[u8], passphrase: &str) -> Result<Vec<u8>, String> {
        let mut plain = Vec::new();
        Opening::new(sealed, passphrase)
            .and_then(|mut opening| opening.read_to_end(&mut plain))
            .map(|_| plain)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn comes_back_whole_and_only_with_the_passphrase() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let plain: Vec<u8> = (0..length).map(|at| at.to_le_bytes()[0]).collect();
            let sealed = sealed(&plain);
            assert_eq!(opened(&sealed, "correct horse battery").unwrap(), plain, "{length}");
        }
        let error = opened(&sealed(b"x"), "incorrect horse batt").unwrap_err();
        assert!(error.contains("passphrase is another"), "{error}");
    }

    #[test]
    fn damage_cuts_and_exchanges_are_found() {
        let plain: Vec<u8> = (0..3 * CHUNK + 5).map(|at| at.to_le_bytes()[1]).collect();
        let good = sealed(&plain);
        let refused = |bytes: &[u8]| opened(bytes, "correct horse battery").unwrap_err();
        for at in [HEADER_BYTES, HEADER_BYTES + CHUNK + TAG + 9, good.len() - 1] {
            let mut bad = good.clone();
            *bad.get_mut(at).unwrap() ^= 1;
            assert!(refused(&bad).contains("damaged or cut short"), "byte {at}");
        }
        let whole = HEADER_BYTES + CHUNK + TAG;
        for length in [good.len() - 1, whole, whole + 7, HEADER_BYTES] {
            let short = good.get(..length).unwrap();
            assert!(refused(short).contains("damaged or cut short"), "{length}");
        }
        assert!(refused(good.get(..20).unwrap()).contains("too short"));
        let mut exchanged = good.clone();
        let (first, second) = exchanged.get_mut(HEADER_BYTES..).unwrap().split_at_mut(CHUNK + TAG);
        first.swap_with_slice(second.get_mut(..CHUNK + TAG).unwrap());
        assert!(refused(&exchanged).contains("damaged"));
        assert!(refused(&[0; 100]).contains("no backup of tamga"));
    }
}
