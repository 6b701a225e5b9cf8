//! TLS, and clients that must show a certificate.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use foresite_inference::proto::ServerLiveRequest;
use foresite_inference::proto::grpc_inference_service_client::GrpcInferenceServiceClient;
use foresite_testkit::certificates;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::KeyPair;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::client::block;
use crate::server::{Server, copy};

fn connector(folder: &Path, client: Option<&str>) -> TlsConnector {
    TlsConnector::from(Arc::new(config(folder, client)))
}

fn config(folder: &Path, client: Option<&str>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let pem = |name: &str| CertificateDer::from_pem_file(folder.join(name)).unwrap();
    roots.add(pem("ca.pem")).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    match client {
        None => config.with_no_client_auth(),
        Some(name) => {
            let key = PrivateKeyDer::from_pem_file(folder.join(format!("{name}.key"))).unwrap();
            config.with_client_auth_cert(vec![pem(&format!("{name}.pem"))], key).unwrap()
        }
    }
}

/// The first line of the answer; `None` where none comes.
fn asked(address: SocketAddr, connector: &TlsConnector) -> Option<String> {
    block(async {
        let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut stream = connector.connect(name, tcp).await.ok()?;
        let head = "GET /v2/health/live HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        answer.lines().next().map(str::to_owned)
    })
}

/// Whether the service says by gRPC that it lives; `None` where nobody answers.
fn called(address: SocketAddr, mut config: ClientConfig) -> Option<bool> {
    config.alpn_protocols = vec![b"h2".to_vec()];
    block(async {
        let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.ok()?;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let io = TokioIo::new(stream);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.ok()?;
        tokio::spawn(connection);
        let send = move |request| {
            let mut sender = sender.clone();
            async move { sender.send_request(request).await }
        };
        let origin = "https://127.0.0.1".parse().unwrap();
        let mut client = GrpcInferenceServiceClient::with_origin(tower::service_fn(send), origin);
        let live = client.server_live(ServerLiveRequest {}).await.ok()?;
        Some(live.into_inner().live)
    })
}

#[test]
fn only_clients_of_the_ca_are_let_in() {
    let root = copy();
    certificates(root.path(), "somebody");
    let file = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key, ca) = (file("server.pem"), file("server.key"), file("ca.pem"));
    let own = ["--tls-certificate", &certificate, "--tls-key", &key];
    let live = Some("HTTP/1.1 200 OK".to_owned());
    let anybody = connector(root.path(), None);
    let known = connector(root.path(), Some("client"));

    let server = Server::start(root.path().to_str().unwrap(), &json!({}), &own);
    assert_eq!(asked(server.rest(), &anybody), live);
    assert_eq!(called(server.address("grpc"), config(root.path(), None)), Some(true));
    drop(server);

    let mutual = [&own[..], &["--client-ca", &ca]].concat();
    let server = Server::start(root.path().to_str().unwrap(), &json!({}), &mutual);
    assert_eq!(asked(server.rest(), &anybody), None);
    assert_eq!(asked(server.rest(), &known), live);
    assert_eq!(called(server.address("grpc"), config(root.path(), None)), None);
    assert_eq!(called(server.address("grpc"), config(root.path(), Some("client"))), Some(true));
}

#[test]
fn renewed_files_count_for_the_next_connection() {
    let root = copy();
    certificates(root.path(), "somebody");
    let file = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key, ca) = (file("server.pem"), file("server.key"), file("ca.pem"));
    let files = ["--tls-certificate", &certificate, "--tls-key", &key, "--client-ca", &ca];
    let server = Server::start(root.path().to_str().unwrap(), &json!({}), &files);
    let live = Some("HTTP/1.1 200 OK".to_owned());
    let old = connector(root.path(), Some("client"));
    assert_eq!(asked(server.rest(), &old), live);

    // Half of a renewal: the key is there and its certificate is not.
    std::fs::write(&key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let words = "what=\"certificates\"";
    server.wait("a look", |server| {
        assert_eq!(asked(server.rest(), &old), live, "what cannot be used changes nothing");
        server.line(words).is_some()
    });
    assert!(server.line(words).unwrap().contains("the old ones stay"), "{}", server.log());

    certificates(root.path(), "somebody");
    let new = connector(root.path(), Some("client"));
    server.wait("the new certificates", |server| asked(server.rest(), &new) == live);
    assert_eq!(asked(server.rest(), &old), None, "another CA for servers and for clients");
}
