//! Whom TLS trusts: the platform's roots, bundled ones where it has none, and those the operator adds.

use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::target::HostName;

/// The TLS of one runtime. Made with the first connection that needs it: reading the platform's roots takes time.
pub struct Tls {
    extra: Vec<CertificateDer<'static>>,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    /// Trusts the certificates in `pem` besides the usual ones. Fails with what is wrong with the text.
    pub fn new(pem: &[u8]) -> Result<Tls, String> {
        let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let extra = parsed.map_err(|error| format!("no PEM: {error}"))?;
        if extra.is_empty() && !pem.is_empty() {
            return Err("it holds no certificate; give PEM text, -----BEGIN CERTIFICATE-----".to_owned());
        }
        let mut store = RootCertStore::empty();
        for certificate in &extra {
            store.add(certificate.clone()).map_err(|error| format!("a certificate is unusable: {error}"))?;
        }
        Ok(Tls { extra, config: OnceCell::new() })
    }

    pub async fn connect<S>(&self, host: &HostName, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match host {
            HostName::Ip(ip) => ServerName::IpAddress((*ip).into()),
            HostName::Name(name) => ServerName::try_from(name.clone())
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?,
        };
        TlsConnector::from(self.config().await?).connect(name, stream).await
    }

    async fn config(&self) -> io::Result<Arc<ClientConfig>> {
        let make = || async {
            let extra = self.extra.clone();
            let made = tokio::task::spawn_blocking(move || build(extra)).await;
            made.map_err(io::Error::other)?.map(Arc::new).map_err(io::Error::other)
        };
        self.config.get_or_try_init(make).await.cloned()
    }
}

fn build(extra: Vec<CertificateDer<'static>>) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    // Single unreadable ones are left out, as other programs do.
    let (usable, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if usable == 0 {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots.add_parsable_certificates(extra);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
