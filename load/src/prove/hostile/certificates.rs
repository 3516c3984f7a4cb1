//! Certificates that are fine, and certificates that are not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::behaviour::Transport;

/// An authority the exchange trusts, and servers' sides of TLS made with it or against it.
pub struct Certificates {
    authority_file: PathBuf,
    fine: Arc<ServerConfig>,
    http2: Arc<ServerConfig>,
    expired: Arc<ServerConfig>,
    wrong_name: Arc<ServerConfig>,
    self_signed: Arc<ServerConfig>,
}

impl Certificates {
    /// Makes them all; the authority's certificate goes into `folder`.
    pub fn make(folder: &Path) -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let authority_file = folder.join("authority.pem");
        std::fs::write(&authority_file, params.self_signed(&key)?.pem())?;
        let issuer = Issuer::new(params, key);
        let signed = |params: &CertificateParams, protocols: &[&[u8]]| {
            let key = KeyPair::generate()?;
            let certificate = params.signed_by(&key, &issuer)?;
            server(certificate.der().clone(), &key, protocols)
        };
        let here = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
        let mut expired = here.clone();
        expired.not_before = date_time_ymd(2019, 1, 1);
        expired.not_after = date_time_ymd(2020, 1, 1);
        let elsewhere = CertificateParams::new(vec!["other.example".to_owned()])?;
        let own_key = KeyPair::generate()?;
        let own = here.self_signed(&own_key)?;
        Ok(Self {
            authority_file,
            fine: signed(&here, &[b"http/1.1"])?,
            http2: signed(&here, &[b"h2"])?,
            expired: signed(&expired, &[b"http/1.1"])?,
            wrong_name: signed(&elsewhere, &[b"http/1.1"])?,
            self_signed: server(own.der().clone(), &own_key, &[b"http/1.1"])?,
        })
    }

    /// The file that makes the exchange trust the authority.
    pub fn authority_file(&self) -> &Path {
        &self.authority_file
    }

    /// The server's side of a transport; `None` for the bare socket.
    pub fn server(&self, transport: Transport) -> Option<Arc<ServerConfig>> {
        let config = match transport {
            Transport::Plain | Transport::BareTls => return None,
            Transport::Tls => &self.fine,
            Transport::TlsHttp2 => &self.http2,
            Transport::TlsExpired => &self.expired,
            Transport::TlsWrongName => &self.wrong_name,
            Transport::TlsSelfSigned => &self.self_signed,
        };
        Some(Arc::clone(config))
    }
}

fn server(
    certificate: CertificateDer<'static>,
    key: &KeyPair,
    protocols: &[&[u8]],
) -> anyhow::Result<Arc<ServerConfig>> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let mut config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .context("a certificate and its key")?;
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}
