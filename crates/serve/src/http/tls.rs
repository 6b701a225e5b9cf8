//! TLS, and certificates of clients where a CA of theirs is given. Files that are renewed count for
//! connections that begin then.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use foresite_stage::{ErrorKind, Result, StageError};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{Error as TlsError, RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;
use x509_parser::objects::oid_registry;
use x509_parser::parse_x509_certificate;

use super::watched::Watched;

/// The most characters of a subject; a longer one ends in digits of its SHA-256.
const LONGEST_SUBJECT: usize = 200;

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
    made: Watched<Arc<ServerConfig>>,
}

impl Acceptor {
    /// Does the handshake.
    pub(crate) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.made.get()).accept(stream).await
    }
}

impl Tls {
    /// What accepts connections with these files, for protocols by their ALPN names.
    ///
    /// # Errors
    /// `Usage` for files that cannot be read or do not belong together; `Transient` where storage
    /// does not answer.
    pub(crate) fn acceptor(&self, protocols: &[&str]) -> Result<Arc<Acceptor>> {
        let protocols: Vec<Vec<u8>> =
            protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let own = [self.certificate.as_path(), self.key.as_path()];
        let paths: Vec<&Path> = own.into_iter().chain(self.client_ca.as_deref()).collect();
        let files = self.clone();
        let made = Watched::new("certificates", &paths, move || files.config(&protocols))?;
        Ok(Arc::new(Acceptor { made }))
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

/// The subject of the certificate that a client has shown, and that was found good.
pub(super) fn subject(stream: &TlsStream<TcpStream>) -> Option<Arc<str>> {
    let shown = stream.get_ref().1.peer_certificates()?.first()?;
    Some(subject_of(shown).into())
}

/// A subject as one line, or the serial number of a certificate that has none: a name may stand in an
/// extension alone.
fn subject_of(certificate: &[u8]) -> String {
    let told = match parse_x509_certificate(certificate) {
        Ok((_, parsed)) => match parsed.subject().to_string_with_registry(oid_registry()) {
            Ok(empty) if empty.is_empty() => format!("serial {}", parsed.raw_serial_as_string()),
            Ok(subject) => subject,
            Err(_) => unreadable(certificate),
        },
        Err(_) => unreadable(certificate),
    };
    let one_line = told.chars().map(|c| if c.is_control() { ' ' } else { c });
    if told.chars().count() <= LONGEST_SUBJECT {
        return one_line.collect();
    }
    // Two that begin alike stay two.
    let end = format!("…, sha256 {}", first_digits(told.as_bytes()));
    let kept = LONGEST_SUBJECT - end.chars().count();
    one_line.take(kept).chain(end.chars()).collect()
}

/// Tells certificates apart whose subject is no text: `openssl x509 -fingerprint -sha256` prints
/// the digits.
fn unreadable(certificate: &[u8]) -> String {
    format!("that cannot be read, sha256 {}", first_digits(certificate))
}

/// The first 16 hexadecimal digits of a SHA-256.
fn first_digits(bytes: &[u8]) -> String {
    let sum: [u8; 32] = Sha256::digest(bytes).into();
    let first = sum.first_chunk::<8>().map_or(0, |first| u64::from_be_bytes(*first));
    format!("{first:016x}")
}

/// What is wrong with a client's certificate, where a handshake failed for that.
pub(super) fn fault_of_client(error: &std::io::Error) -> Option<&'static str> {
    match error.get_ref()?.downcast_ref::<TlsError>()? {
        TlsError::NoCertificatesPresented => Some("no client certificate is shown"),
        TlsError::InvalidCertificate(_) => Some("the client certificate does not hold"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

    fn certificate(names: &[(DnType, &str)]) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["kim.example".to_owned()]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        for (kind, name) in names {
            params.distinguished_name.push(kind.clone(), *name);
        }
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn subject(names: &[(DnType, &str)]) -> String {
        subject_of(&certificate(names))
    }

    #[test]
    fn a_subject_is_one_line() {
        let kim = [(DnType::OrganizationName, "North"), (DnType::CommonName, "Kim Brandt")];
        assert_eq!(subject(&kim), "O=North, CN=Kim Brandt");
        assert_eq!(subject(&[(DnType::CommonName, "Kim\nentry")]), "CN=Kim entry");
        assert!(subject(&[]).starts_with("serial "));
    }

    #[test]
    fn long_subjects_that_begin_alike_are_told_apart() {
        let long = |end: &str| {
            let name = format!("{}{end}", "x".repeat(300));
            subject(&[(DnType::CommonName, name.as_str())])
        };
        // { printf CN=; printf 'x%.0s' $(seq 300); printf y; } | sha256sum
        let told = long("y");
        assert!(told.ends_with("x…, sha256 6a66cd7ba49f05de"), "{told}");
        assert_eq!(told.chars().count(), LONGEST_SUBJECT);
        assert_ne!(told, long("z"));
        assert_eq!(told, long("y"), "by the subject, whatever the key and the serial number");
        let longest = "x".repeat(LONGEST_SUBJECT - "CN=".len());
        let whole = subject(&[(DnType::CommonName, longest.as_str())]);
        assert_eq!(whole, format!("CN={longest}"), "not cut");
    }

    #[test]
    fn certificates_whose_subject_cannot_be_read_are_told_apart() {
        // printf %s none | sha256sum
        assert_eq!(subject_of(b"none"), "that cannot be read, sha256 140bedbf9c3f6d56");
        let told: Vec<String> = ["Kim", "Lee"]
            .map(|name| {
                let mut der = certificate(&[(DnType::CommonName, name)]);
                let sound = der.clone();
                let places = |at: &usize| sound[*at..].starts_with(name.as_bytes());
                // Issuer and subject: bytes that are no UTF-8.
                (0..sound.len()).filter(places).for_each(|at| der[at] = 0xff);
                subject_of(&der)
            })
            .into();
        assert!(
            told.iter().all(|told| told.starts_with("that cannot be read, sha256 ")),
            "{told:?}"
        );
        assert_ne!(told[0], told[1]);
    }
}
