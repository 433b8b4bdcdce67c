//! TLS towards the module, from PEM files. TLS 1.2 and 1.3.

use super::link::Tls;
use super::settings::TlsSettings;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;

/// Why the module's client cannot be set up.
#[derive(Debug, Error)]
pub enum SetupError {
    /// A file cannot be read or does not hold what it should.
    #[error("{path}: {why}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A setting that cannot work.
    #[error("{0}")]
    Setting(String),
}

pub(super) fn file(path: &Path, why: impl ToString) -> SetupError {
    SetupError::File { path: path.display().to_string(), why: why.to_string() }
}

pub(super) fn client(settings: &TlsSettings) -> Result<Tls, SetupError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&settings.ca)? {
        roots.add(certificate).map_err(|why| file(&settings.ca, why))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| SetupError::Setting(why.to_string()))?
        .with_root_certificates(roots);
    let config = match &settings.identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(|why| file(key, why))?;
            builder.with_client_auth_cert(chain, key).map_err(|why| file(certificate, why))?
        }
    };
    let name = settings.server_name.clone().map(ServerName::try_from).transpose();
    let name = name.map_err(|_| SetupError::Setting("the TLS server name is none".to_owned()))?;
    Ok(Tls { config: Arc::new(config), name })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|why| file(path, why))?;
    if chain.is_empty() { Err(file(path, "it holds no certificate")) } else { Ok(chain) }
}
