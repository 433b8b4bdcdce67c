//! The security module that `[security]` names, opened for a data directory.
//!
//! With the software module and with a payment HSM the directory's keys file is there: digests of
//! card numbers and data at rest are made with it. With a token all keys are in the token.

#[cfg(feature = "pkcs11")]
use crate::config::Pkcs11Config;
use crate::config::{PayshieldConfig, SecurityConfig};
use crate::telemetry::HsmTelemetry;
use security::payshield::{PayshieldModule, Settings, SetupError, TlsSettings};
use security::{OpenError, SecurityModule, SoftwareModule};
#[cfg(feature = "pkcs11")]
use security::{Pkcs11Module, Pkcs11Settings};
#[cfg(feature = "pkcs11")]
use std::fs::File;
use std::io;
#[cfg(feature = "pkcs11")]
use std::io::Read;
#[cfg(feature = "pkcs11")]
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
#[cfg(feature = "pkcs11")]
use zeroize::Zeroizing;

/// Why a module could not be opened.
#[derive(Debug, Error)]
pub enum ModuleError {
    /// The directory's keys file.
    #[error(transparent)]
    Keys(#[from] OpenError),
    /// The client of an HSM.
    #[error("[security]: {0}")]
    Hsm(#[from] SetupError),
    /// The file with a token's PIN.
    #[error("[security]: pin_file {}: {source}", .path.display())]
    Pin {
        /// The file.
        path: PathBuf,
        /// Why it cannot be used.
        source: io::Error,
    },
}

/// Opens it. Only a `fresh` directory may get new keys: those of one with data cannot be made
/// again. An HSM need not be reachable now.
///
/// # Errors
/// [`ModuleError`].
pub fn open(
    config: &SecurityConfig,
    data: &Path,
    fresh: bool,
) -> Result<Arc<dyn SecurityModule>, ModuleError> {
    #[cfg(feature = "pkcs11")]
    if let Some(pkcs11) = &config.pkcs11 {
        let settings = token(pkcs11, config.test_keys)?;
        return Ok(Arc::new(Pkcs11Module::open(&settings, fresh)?));
    }
    let local = if fresh {
        SoftwareModule::open_or_create(data, &config.master_key_file, config.test_keys)?
    } else {
        SoftwareModule::open(data, &config.master_key_file, config.test_keys)?
    };
    Ok(match &config.payshield {
        None => Arc::new(local),
        Some(payshield) => {
            Arc::new(PayshieldModule::start(settings(payshield), local, config.test_keys)?)
        }
    })
}

fn settings(config: &PayshieldConfig) -> Settings {
    Settings {
        tls: config.tls.as_ref().map(|tls| TlsSettings {
            ca: tls.ca.clone(),
            identity: tls.cert.clone().zip(tls.key.clone()),
            server_name: tls.server_name.clone(),
        }),
        connections: config.connections,
        waiting: config.waiting,
        timeout: Duration::from_millis(config.timeout_ms),
        header_length: config.header_length,
        key_table: config.key_table.clone(),
        observer: Some(Arc::new(HsmTelemetry)),
        ..Settings::at(config.addresses.clone())
    }
}

#[cfg(feature = "pkcs11")]
fn token(config: &Pkcs11Config, test_keys: bool) -> Result<Pkcs11Settings, ModuleError> {
    let failed = |source| ModuleError::Pin { path: config.pin_file.clone(), source };
    Ok(Pkcs11Settings {
        library: config.library.clone(),
        token_label: config.token_label.clone(),
        pin: read_pin(&config.pin_file).map_err(failed)?,
        sessions: config.sessions,
        patience: Duration::from_millis(config.patience_ms),
        test_keys,
        key_table: config.key_table.clone(),
    })
}

/// The first line of a file that only its owner may read.
#[cfg(feature = "pkcs11")]
fn read_pin(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let message = format!("open to group or others (mode {mode:04o}); run: chmod 600");
        return Err(io::Error::other(message));
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)?;
    let pin = text.lines().next().unwrap_or_default().trim();
    if pin.is_empty() { Err(io::Error::other("is empty")) } else { Ok(pin.to_owned().into()) }
}

#[cfg(all(test, feature = "pkcs11"))]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_pin_file_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        assert_eq!(read_pin(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::write(&path, "7391\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read_pin(&path).unwrap_err().to_string().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read_pin(&path).unwrap().as_str(), "7391");
        fs::write(&path, "\n").unwrap();
        assert!(read_pin(&path).unwrap_err().to_string().contains("empty"));
    }
}
