//! TLS: whom a call trusts.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::support::{
    Authority, Names, Server, failed, failure, in_child, local, ping, server_config, text,
};
use crate::ports::buyer_wire::WireFailure;
use crate::wire::{BuyerClient, WireSettings, WireSetupError};
use rustls::ServerConfig;

const NAME: &str = "bids.acme.example";

fn params(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).expect("name")
}

async fn serving(tls: Arc<ServerConfig>) -> Server {
    Server::start_tls(tls, |mut peer| async move {
        while peer.request().await.is_some() {
            peer.reply("secured").await;
        }
    })
    .await
}

fn client(settings: &WireSettings) -> BuyerClient {
    let names = Names::lead(NAME, &[&["127.0.0.1"]]);
    BuyerClient::with_lookup(settings, names).expect("client")
}

#[tokio::test]
async fn a_certificate_of_an_added_authority_is_trusted() {
    let authority = Authority::new();
    let server = serving(authority.server(&params(NAME), &[])).await;
    let client = client(&authority.trusted());
    for _ in 0..2 {
        let outcome = text(&client, ping(&server.named("https", NAME))).await;
        assert_eq!(outcome, Ok("secured".to_owned()));
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_is_refused_before_any_request() {
    let authority = Authority::new();
    let mut expired = params(NAME);
    expired.not_before = date_time_ymd(2020, 1, 1);
    expired.not_after = date_time_ymd(2021, 1, 1);
    let mut early = params(NAME);
    early.not_before = date_time_ymd(2999, 1, 1);
    early.not_after = date_time_ymd(2999, 12, 31);
    let key = KeyPair::generate().expect("key");
    let self_signed = params(NAME).self_signed(&key).expect("certificate");
    for (fault, tls) in [
        ("wrong name", authority.server(&params("other.example"), &[])),
        ("expired", authority.server(&expired, &[])),
        ("not yet valid", authority.server(&early, &[])),
        ("self-signed", server_config(self_signed.der().clone(), &key, &[])),
        ("unknown authority", Authority::new().server(&params(NAME), &[])),
    ] {
        let server = serving(tls).await;
        let client = client(&authority.trusted());
        let outcome = failure(&client, ping(&server.named("https", NAME))).await;
        assert_eq!(outcome, Some(failed(WireFailure::Tls, false, None)), "{fault}");
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_refused() {
    let server = Server::start(|mut peer| async move {
        peer.bytes(1).await;
        peer.write("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    let outcome = failure(&client(&local()), ping(&server.named("https", NAME))).await;
    assert_eq!(outcome, Some(failed(WireFailure::Tls, false, None)));
}

#[tokio::test]
async fn a_secured_connection_closed_while_idle_costs_no_ping() {
    let authority = Authority::new();
    let server = Server::start_tls(authority.server(&params(NAME), &[]), |mut peer| async move {
        peer.request().await;
        peer.reply("secured").await;
    })
    .await;
    let client = client(&authority.trusted());
    for connections in 1..=20 {
        let outcome = text(&client, ping(&server.named("https", NAME))).await;
        assert_eq!(outcome, Ok("secured".to_owned()));
        assert_eq!(server.accepted(), connections);
    }
}

#[test]
fn a_file_of_authorities_must_hold_some() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("ca.pem");
    let made = || {
        let settings = WireSettings { extra_ca_file: Some(path.clone()), ..local() };
        BuyerClient::new(&settings).err().map(|error| error.to_string())
    };
    let missing = made().expect("no file");
    assert!(missing.starts_with("wire.extra_ca_file") && missing.contains("cannot be read"));

    std::fs::write(&path, "no certificate here\n").expect("write");
    let empty = WireSetupError::ExtraCaEmpty { path: path.clone() };
    assert_eq!(made(), Some(empty.to_string()));

    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(&path, garbage).expect("write");
    assert!(made().expect("garbage").contains("cannot be used"));
}

#[tokio::test]
async fn a_machine_without_authorities_starts_and_trusts_nobody() {
    let environment = [("SSL_CERT_FILE", "/dev/null"), ("SSL_CERT_DIR", "/nonexistent")];
    let name = "wire::tests::secure::a_machine_without_authorities_starts_and_trusts_nobody";
    if in_child(name, &environment) {
        let authority = Authority::new();
        let server = serving(authority.server(&params(NAME), &[])).await;
        let outcome = failure(&client(&local()), ping(&server.named("https", NAME))).await;
        assert_eq!(outcome, Some(failed(WireFailure::Tls, false, None)));
        let outcome = text(&client(&authority.trusted()), ping(&server.named("https", NAME))).await;
        assert_eq!(outcome, Ok("secured".to_owned()));
    }
}
