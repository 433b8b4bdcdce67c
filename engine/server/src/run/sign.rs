//! `tamga sign` and `tamga user key`: a personal key in a file (SIG-2), for those who do not sign in
//! the browser. The engine never sees its secret half.

use super::keys::secret;
use super::print;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tamga::access::{keyfile, personal_key};
use tamga::failure::Failure;
use zeroize::Zeroizing;

const PASSPHRASE_LEAST: usize = 12;

#[derive(Debug, Args)]
#[command(after_help = "\
The signature goes with the key into the request that signs: {\"statement_confirmed\": true, \"key\":
..., \"signature\": ...}. What is signed is the digest that the order shows.

Example:
  tamga sign --key aida.key 4f0c...e1")]
pub(crate) struct Sign {
    /// The file that `tamga user key new` made
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// A file whose first line is the passphrase; without it, it is asked for
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The order's digest, 64 hex digits
    #[arg(value_name = "DIGEST")]
    digest: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyAction {
    /// Make a key in a file, encrypted by a passphrase, and print what brings it to the engine
    New(NewArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The user whose key it is
    #[arg(long, value_name = "NAME")]
    user: String,
    /// A file whose first line is the passphrase, 12 characters or more; without it, it is asked for
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The file to make; it must not be there
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(crate) fn sign(args: &Sign) -> Result<(), Failure> {
    let digest: Option<[u8; 32]> =
        hex::decode(&args.digest).ok().and_then(|bytes| bytes.try_into().ok());
    let digest = digest.ok_or_else(|| Failure::usage("a digest is 64 hex digits"))?;
    let text = read(&args.key)?;
    let passphrase = secret(args.passphrase_file.as_deref(), "Passphrase: ")?;
    let opened = keyfile::open(&text, &passphrase).map_err(|e| Failure::found(e.to_string()))?;
    let signature = personal_key::sign(&opened, &digest);
    let key = hex::encode(personal_key::public_of(&opened));
    let shown = json!({ "key": key, "signature": STANDARD.encode(signature) });
    print(&shown.to_string())
}

pub(crate) fn key(action: KeyAction) -> Result<(), Failure> {
    let KeyAction::New(args) = action;
    let passphrase = secret(args.passphrase_file.as_deref(), "Passphrase: ")?;
    if passphrase.chars().count() < PASSPHRASE_LEAST {
        return Err(Failure::usage("a passphrase has 12 characters or more"));
    }
    let made = keyfile::generate(&passphrase).map_err(|e| Failure::found(e.to_string()))?;
    let (text, public) = made;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&args.file)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::file(&args.file, "made", &error))?;
    let opened = keyfile::open(&text, &passphrase).map_err(|e| Failure::found(e.to_string()))?;
    let proof = personal_key::possession_text(&args.user, &public);
    let proof = STANDARD.encode(personal_key::sign(&opened, &proof));
    eprintln!("{} made. The user brings the key to the engine with", args.file.display());
    eprintln!("POST /api/v1/session/keys, and another person approves it:");
    print(&json!({ "key": hex::encode(public), "proof": proof }).to_string())
}

fn read(path: &Path) -> Result<Zeroizing<String>, Failure> {
    fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| Failure::file(path, "read", &error))
}
