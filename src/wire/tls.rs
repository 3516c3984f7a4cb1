//! TLS towards buyers: 1.2 and 1.3, the machine's certificate authorities and, where the operator
//! says so, a few more.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::wire::settings::WireSetupError;

/// Asked for in this order; a server that knows neither gets HTTP/1.1.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The TLS configuration, with the authorities of `extra_ca_file` beside the machine's own.
pub(super) fn client_config(
    extra_ca_file: Option<&Path>,
) -> Result<Arc<ClientConfig>, WireSetupError> {
    let extra = extra_ca_file.map(authorities).transpose()?.unwrap_or_default();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(WireSetupError::Tls)?;
    let mut config = match Verifier::new_with_extra_roots(extra, provider) {
        Ok(verifier) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth(),
        // The authorities in the file were checked, so it is the machine that has none.
        Err(reason) => {
            tracing::warn!(
                %reason,
                "no certificate authorities on this machine (package ca-certificates): \
                 every https call will fail"
            );
            builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
    };
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(Arc::new(config))
}

/// The certificates in a PEM file, each fit to be an authority.
fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, WireSetupError> {
    let unreadable = |reason| WireSetupError::ExtraCaUnreadable { path: path.to_owned(), reason };
    let found: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(unreadable)?;
    if found.is_empty() {
        return Err(WireSetupError::ExtraCaEmpty { path: path.to_owned() });
    }
    let mut trial = RootCertStore::empty();
    for certificate in &found {
        trial
            .add(certificate.clone())
            .map_err(|reason| WireSetupError::ExtraCaUnusable { path: path.to_owned(), reason })?;
    }
    Ok(found)
}
