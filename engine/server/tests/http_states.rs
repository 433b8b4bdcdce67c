//! The HTTP side when the engine behind it is recovering, stopped, draining, or its read model is
//! behind; and over TLS.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use history::History;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use security::{SecurityModule, SoftwareModule};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;
use support::client::{Pos, purchase};
use support::{engine, failing_after, open_with_bank, test_clock};
use tamga::config::{ApiToken, Role};
use tamga::day::DayTimes;
use tamga::http::{AccessOptions, HttpContext, Running, SigningPolicy};
use tamga::telemetry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

fn token() -> ApiToken {
    let sha256 = Sha256::digest(b"secret").into();
    ApiToken { name: "desk".into(), sha256, roles: Role::ALL.to_vec() }
}

fn keys() -> Arc<dyn SecurityModule> {
    Arc::new(SoftwareModule::ephemeral_for_tests())
}

fn context() -> HttpContext {
    HttpContext::new(vec![token()], telemetry::metrics(), AccessOptions::default())
}

/// Serves a context on a free port until the test ends.
async fn serve(context: &HttpContext, tls: Option<TlsAcceptor>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(tamga::http::serve((listener, tls, 512), context.clone(), std::future::pending()));
    address
}

/// Status, head and body of an answer.
async fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String, Value) {
    let stream = TcpStream::connect(address).await.unwrap();
    exchange(stream, method, path, body).await
}

async fn exchange<S>(mut stream: S, method: &str, path: &str, body: &str) -> (u16, String, Value)
where
    S: AsyncReadExt + AsyncWriteExt + Unpin,
{
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer secret\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // A TLS peer may leave without a goodbye once everything was said.
    let _goodbye = stream.read_to_string(&mut answer).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect(&answer);
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), serde_json::from_str(body).unwrap_or_default())
}

/// Of no customers.
fn customer_keys() -> std::sync::Arc<personal::CustomerKeys> {
    let directory = tempfile::tempdir().unwrap();
    let keys = personal::CustomerKeys::open(directory.path(), &keys(), 0).unwrap();
    std::sync::Arc::new(keys)
}

#[tokio::test]
async fn while_it_recovers_only_health_answers() {
    let address = serve(&context(), None).await;
    assert_eq!(ask(address, "GET", "/health/live", "").await.0, 200);
    let (status, _, body) = ask(address, "GET", "/health/ready", "").await;
    assert_eq!((status, &body["status"]), (503, &json!("recovering")));
    assert_eq!(ask(address, "GET", "/metrics", "").await.0, 200);
    for (method, path) in [
        ("GET", "/accounts/A1"),
        ("GET", "/transactions"),
        ("GET", "/rules"),
        ("POST", "/accounts/A1/credits"),
        ("POST", "/cards/K1/blocks"),
        ("POST", "/eod"),
        ("POST", "/test-clock"),
    ] {
        let (status, head, body) = ask(address, method, &format!("/api/v1{path}"), "{}").await;
        assert_eq!(status, 503, "{path} {body}");
        assert_eq!(body["type"], "urn:tamga:problem:recovering");
        assert!(head.contains("retry-after: 1"), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_says_what_it_does_not_know_yet() {
    let directory = tempfile::tempdir().unwrap();
    let engine = engine(open_with_bank(&directory.path().join("data")), "").await;
    // A read model of the same bank that nobody brings up to date.
    let elsewhere = tempfile::tempdir().unwrap();
    let (history, mut projector) = History::open(elsewhere.path()).unwrap();
    let context = context();
    let shard = engine.shard().clone();
    context.open(Running {
        shard: shard.clone(),
        history,
        clock: test_clock(),
        days: DayTimes::default(),
        customer_keys: customer_keys(),
        data: std::path::PathBuf::new(),
        signing: SigningPolicy::default(),
        security: keys(),
    });
    let address = serve(&context, None).await;
    let (status, head, body) = ask(address, "GET", "/api/v1/transactions", "").await;
    assert_eq!((status, &body["items"]), (200, &json!([])));
    assert!(head.contains(&format!("read-model-behind: {}", shard.durable())), "{head}");
    let (status, _, body) = ask(address, "GET", "/api/v1/transactions/3", "").await;
    assert_eq!((status, &body["type"]), (503, &json!("urn:tamga:problem:read-model")));
    let (status, _, account) = ask(address, "GET", "/api/v1/accounts/A1", "").await;
    assert_eq!((status, &account["available"]), (200, &json!("25000.00")), "from the shard");
    let (status, _, ready) = ask(address, "GET", "/health/ready", "").await;
    assert_eq!((status, &ready["read_model"]["position"]), (200, &json!(0)));
    assert!(projector.catch_up(1).is_err(), "there is no journal there");
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_or_draining_engine_is_not_ready() {
    let directory = tempfile::tempdir().unwrap();
    let mut opened = open_with_bank(&directory.path().join("data"));
    let left = failing_after(&mut opened, u64::MAX);
    let engine = engine(opened, "").await;
    let context = context();
    let (history, _projector) = History::open(&directory.path().join("data")).unwrap();
    context.open(Running {
        shard: engine.shard().clone(),
        history,
        clock: test_clock(),
        days: DayTimes::default(),
        customer_keys: customer_keys(),
        data: std::path::PathBuf::new(),
        signing: SigningPolicy::default(),
        security: keys(),
    });
    let address = serve(&context, None).await;
    assert_eq!(ask(address, "GET", "/health/ready", "").await.0, 200);
    left.store(0, std::sync::atomic::Ordering::Release);
    let credit = r#"{"amount":"1.00","reference":"r","purpose":"x"}"#;
    let path = "/api/v1/accounts/A1/credits";
    let (status, head, body) = ask(address, "POST", path, credit).await;
    assert_eq!((status, &body["type"]), (503, &json!("urn:tamga:problem:stopped")));
    assert!(body["detail"].as_str().unwrap().contains("the disk is on fire"), "{body}");
    assert!(head.contains("retry-after"), "{head}");
    assert_eq!(ask(address, "GET", "/api/v1/accounts/A1", "").await.0, 503);
    let (status, _, body) = ask(address, "GET", "/health/ready", "").await;
    assert_eq!((status, &body["status"]), (503, &json!("stopped")));
    engine.abandon().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_shows_in_readiness_first() {
    let directory = tempfile::tempdir().unwrap();
    let engine = engine(open_with_bank(&directory.path().join("data")), "").await;
    let context = context();
    let elsewhere = tempfile::tempdir().unwrap();
    let (history, _projector) = History::open(elsewhere.path()).unwrap();
    context.open(Running {
        shard: engine.shard().clone(),
        history,
        clock: test_clock(),
        days: DayTimes::default(),
        customer_keys: customer_keys(),
        data: std::path::PathBuf::new(),
        signing: SigningPolicy::default(),
        security: keys(),
    });
    let address = serve(&context, None).await;
    context.drain();
    let (status, _, body) = ask(address, "GET", "/health/ready", "").await;
    assert_eq!((status, &body["status"]), (503, &json!("draining")));
    assert_eq!(
        ask(address, "GET", "/api/v1/accounts/A1", "").await.0,
        200,
        "what is open is served"
    );
    let pos = engine.address("pos").unwrap();
    let code = tokio::task::spawn_blocking(move || Pos::connect(pos).ask(&purchase(1, 100)).code);
    assert_eq!(code.await.unwrap(), "00");
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_and_a_silent_client_holds_nobody_up() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = CertificateDer::from(made.cert.der().to_vec());
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let address = serve(&context(), Some(TlsAcceptor::from(Arc::new(server)))).await;
    let _silent: Vec<TcpStream> = vec![
        TcpStream::connect(address).await.unwrap(),
        TcpStream::connect(address).await.unwrap(),
    ];
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await.unwrap();
    let (status, _, body) = exchange(stream, "GET", "/health/ready", "").await;
    assert_eq!((status, &body["status"]), (503, &json!("recovering")));
}
