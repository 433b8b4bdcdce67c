//! TLS of a listener: with the right certificates it serves, without it closes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use support::{client, engine, open_with_bank};
use tamga::engine::Engine;

/// An authority, and files for the listener.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    fn issue(&self, name: &str) -> (CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.der().clone(), key)
    }

    fn write(&self, folder: &Path) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
        std::fs::write(folder.join("clients.pem"), self.issuer.pem()).unwrap();
    }

    fn client(&self, own: Option<(CertificateDer<'static>, KeyPair)>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        match own {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        }
    }
}

async fn serving(folder: &Path, tls: &str) -> (Engine, SocketAddr) {
    let engine = engine(open_with_bank(&folder.join("data")), tls).await;
    let address = engine.address("pos").unwrap();
    (engine, address)
}

/// A purchase over TLS; the answer's first bytes, or nothing if the engine closed.
async fn ask(address: SocketAddr, config: ClientConfig) -> Option<Vec<u8>> {
    send(address, config, client::purchase(1, 100)).await
}

async fn send(address: SocketAddr, config: ClientConfig, frame: Vec<u8>) -> Option<Vec<u8>> {
    tokio::task::spawn_blocking(move || {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        stream.write_all(&frame).ok()?;
        let mut length = [0; 2];
        stream.read_exact(&mut length).ok()?;
        let mut frame = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut frame).ok()?;
        Some(frame)
    })
    .await
    .unwrap()
}

fn is_answer(frame: Option<Vec<u8>>) -> bool {
    // TPDU with the addresses swapped, then the MTI in BCD.
    frame.is_some_and(|frame| frame.starts_with(&[0x60, 0, 0, 0, 1, 0x02, 0x10]))
}

#[tokio::test(flavor = "multi_thread")]
async fn serves_over_tls_and_not_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.write(folder.path());
    let tls = "[listener.tls]\ncert = \"server.pem\"\nkey = \"server.key\"";
    let (engine, address) = serving(folder.path(), tls).await;
    assert!(is_answer(ask(address, authority.client(None)).await));
    assert_eq!(ask(address, Authority::new().client(None)).await, None, "not our authority");
    let plain = tokio::task::spawn_blocking(move || {
        let mut pos = client::Pos::connect(address);
        pos.send(&client::purchase(2, 100));
        let mut answer = Vec::new();
        // A TLS alert, or nothing.
        let _closed = pos.stream.read_to_end(&mut answer);
        answer
    });
    assert!(plain.await.unwrap().len() < 10);
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn mutual_tls_lets_in_only_whom_the_authority_knows() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.write(folder.path());
    let tls = "[listener.tls]\ncert = \"server.pem\"\nkey = \"server.key\"\n\
               client_ca = \"clients.pem\"";
    let (engine, address) = serving(folder.path(), tls).await;
    let known = authority.client(Some(authority.issue("POS00001")));
    assert!(is_answer(ask(address, known).await));
    assert_eq!(ask(address, authority.client(None)).await, None, "no certificate");
    let stranger = authority.client(Some(Authority::new().issue("POS00001")));
    assert_eq!(ask(address, stranger).await, None, "another authority's");
    engine.drain().await.unwrap();
}

/// DE 39 of a framed answer.
fn code_of(frame: Option<Vec<u8>>) -> String {
    let frame = frame.expect("an answer");
    let dialect = client::dialect();
    let message = iso8583::Message::parse(&dialect, &frame[5..]).unwrap();
    let mut room = [0; 8];
    String::from_utf8(message.text(39, &mut room).unwrap().unwrap().to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_speaks_only_for_whom_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.write(folder.path());
    let files = "[listener.tls]\ncert = \"server.pem\"\nkey = \"server.key\"\n\
                 client_ca = \"clients.pem\"\n";
    let (engine, address) = serving(folder.path(), files).await;
    let code = async |name: &str, stan: u64| {
        let own = authority.client(Some(authority.issue(name)));
        code_of(send(address, own, client::purchase(stan, 100)).await)
    };
    assert_eq!(code("POS00001", 1).await, "00", "the terminal itself");
    assert_eq!(code("417001", 2).await, "00", "the institution of DE 32");
    assert_eq!(code("BRN00001", 3).await, "58", "another terminal");
    assert_eq!(code("417002", 4).await, "58", "another institution");
    assert_eq!(code("localhost", 5).await, "58", "nobody");
    // Two approvals, and no more was decided.
    let decided = engine.shard().query(|core, _| core.transactions().len()).await.unwrap();
    assert_eq!(decided, 2);
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_bind_no_names_where_the_listener_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.write(folder.path());
    let files = "[listener.tls]\ncert = \"server.pem\"\nkey = \"server.key\"\n\
                 client_ca = \"clients.pem\"\nbind_names = false\n";
    let (engine, address) = serving(folder.path(), files).await;
    let concentrator = authority.client(Some(authority.issue("concentrator")));
    assert!(is_answer(ask(address, concentrator).await));
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_files_are_refused_with_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open_with_bank(&folder.path().join("data"));
    let tls = "[listener.tls]\ncert = \"server.pem\"\nkey = \"server.key\"";
    let config = support::config(&folder.path().join("data"), tls);
    let error = Engine::assemble(&config, opened, support::test_clock()).await.err().unwrap();
    let text = error.to_string();
    assert!(text.contains("listener pos") && text.contains("server.pem"), "{text}");
    assert!(!text.contains('\n'));
    assert_eq!(error.exit_code(), 2);
}
