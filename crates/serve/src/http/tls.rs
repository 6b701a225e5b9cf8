//! TLS, and certificates of clients where a CA of theirs is given. Files that are renewed count for
//! connections that begin then.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use foresite_stage::{ErrorKind, Result, StageError};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

use super::watched::Watched;

/// Files of certificates and keys, PEM.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) client_ca: Option<PathBuf>,
}

fn wrong(path: &Path, what: impl std::fmt::Display) -> StageError {
    StageError::new(ErrorKind::Usage, format!("{}: {what}", path.display()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| wrong(path, error))?;
    let all: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| wrong(path, error))?;
    if all.is_empty() { Err(wrong(path, "no certificate in PEM")) } else { Ok(all) }
}

/// Accepts connections with what the files hold.
#[derive(Debug)]
pub(crate) struct Acceptor {
    files: Tls,
    /// ALPN names.
    protocols: Vec<Vec<u8>>,
    made: Watched<Arc<ServerConfig>>,
}

impl Acceptor {
    /// Does the handshake.
    pub(crate) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let config = self.made.get(|| self.files.config(&self.protocols));
        TlsAcceptor::from(config).accept(stream).await
    }
}

impl Tls {
    /// What accepts connections with these files, for protocols by their ALPN names.
    ///
    /// # Errors
    /// `Usage` for files that cannot be read or do not belong together.
    pub(crate) fn acceptor(&self, protocols: &[&str]) -> Result<Arc<Acceptor>> {
        let protocols: Vec<Vec<u8>> =
            protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let own = [self.certificate.as_path(), self.key.as_path()];
        let paths: Vec<&Path> = own.into_iter().chain(self.client_ca.as_deref()).collect();
        let made = Watched::new("certificates", &paths, || self.config(&protocols))?;
        Ok(Arc::new(Acceptor { files: self.clone(), protocols, made }))
    }

    fn config(&self, protocols: &[Vec<u8>]) -> Result<Arc<ServerConfig>> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let chain = certificates(&self.certificate)?;
        let key =
            PrivateKeyDer::from_pem_file(&self.key).map_err(|error| wrong(&self.key, error))?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&self.certificate, error))?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| wrong(path, error))?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .map_err(|error| wrong(path, error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| wrong(&self.certificate, error))?;
        config.alpn_protocols = protocols.to_vec();
        Ok(Arc::new(config))
    }
}
