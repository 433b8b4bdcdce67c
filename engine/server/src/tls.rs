//! TLS of a listener, from PEM files: server certificate, and for mutual TLS the authority whose
//! clients are let in. TLS 1.2 and 1.3.

use crate::client_names::ClientNames;
use crate::config::TlsConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

/// Why a listener's TLS can't be set up.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file can't be read, or holds no certificate or key.
    #[error("{}: {why}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Certificate and key don't go together, or are of a kind that is not accepted.
    #[error("certificate {} and its key can't be used: {why}", .path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// Makes what accepts TLS connections.
///
/// # Errors
/// [`TlsError`].
pub fn acceptor(config: &TlsConfig) -> Result<TlsAcceptor, TlsError> {
    Ok(TlsAcceptor::from(Arc::new(server_config(config)?)))
}

/// As [`acceptor`], for others than listeners.
///
/// # Errors
/// [`TlsError`].
pub fn server_config(config: &TlsConfig) -> Result<ServerConfig, TlsError> {
    let unusable =
        |why: &dyn ToString| TlsError::Unusable { path: config.cert.clone(), why: why.to_string() };
    let chain = certificates(&config.cert)?;
    let key = PrivateKeyDer::from_pem_file(&config.key).map_err(|why| file(&config.key, &why))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|why| unusable(&why))?;
    let builder = match &config.client_ca {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(authority)? {
                roots.add(certificate).map_err(|why| file(authority, &why))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|why| file(authority, &why))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    builder.with_single_cert(chain, key).map_err(|why| unusable(&why))
}

/// The names in the certificate that the client of a connection has shown.
pub(crate) fn client_names(connection: &ServerConnection) -> ClientNames {
    let certificates = connection.peer_certificates().unwrap_or_default();
    certificates.first().map(|shown| ClientNames::read(shown)).unwrap_or_default()
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|why| file(path, &why))?;
    if chain.is_empty() {
        return Err(file(path, &"it holds no certificate"));
    }
    Ok(chain)
}

fn file(path: &Path, why: &dyn ToString) -> TlsError {
    TlsError::File { path: path.to_path_buf(), why: why.to_string() }
}
