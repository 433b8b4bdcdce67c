//! The security module that `[security]` names, opened for a data directory.
//!
//! Whatever it is, the directory's keys file is there: digests of card numbers and data at rest are
//! made with it.

use crate::config::{PayshieldConfig, SecurityConfig};
use crate::telemetry::HsmTelemetry;
use security::payshield::{PayshieldModule, Settings, SetupError, TlsSettings};
use security::{OpenError, SecurityModule, SoftwareModule};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// Why a module could not be opened.
#[derive(Debug, Error)]
pub enum ModuleError {
    /// The directory's keys file.
    #[error(transparent)]
    Keys(#[from] OpenError),
    /// The client of an HSM.
    #[error("[security]: {0}")]
    Hsm(#[from] SetupError),
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
