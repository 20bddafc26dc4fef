//! A connection for each request, and a TLS configuration for each connection, as the library's default sender has it.

use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::client::conn::http1;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

type Sending<T> = Box<dyn Future<Output = Result<T, Error>> + Send>;

#[derive(Clone)]
pub struct PerRequest(Arc<RootCertStore>);

impl PerRequest {
    pub fn new(roots: Vec<CertificateDer<'static>>) -> Self {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(roots);
        PerRequest(Arc::new(store))
    }

    fn tls(&self) -> Result<TlsConnector, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| Error::TlsProtocolError)?
            .with_root_certificates(Arc::clone(&self.0))
            .with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

impl WasiHttpHooks for PerRequest {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Sending<()>,
    ) -> Sending<(http::Response<WasiBody>, Sending<()>)> {
        let own = self.clone();
        Box::new(async move {
            let uri = request.uri().clone();
            let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?.to_owned();
            let secure = uri.scheme_str() == Some("https");
            let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
            let stream = TcpStream::connect((host.as_str(), port)).await.map_err(Error::Connect)?;
            if !secure {
                return over(stream, request).await;
            }
            let name = ServerName::try_from(host).map_err(|_| Error::HttpRequestUriInvalid)?;
            over(own.tls()?.connect(name, stream).await.map_err(Error::Tls)?, request).await
        })
    }
}

async fn over<S>(
    stream: S,
    mut request: http::Request<WasiBody>,
) -> Result<(http::Response<WasiBody>, Sending<()>), Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let path = request.uri().path_and_query().cloned().ok_or(Error::HttpRequestUriInvalid)?;
    *request.uri_mut() = path.into();
    let response = sender.send_request(request).await?;
    let io: Sending<()> =
        Box::new(async move { driver.await.map_err(|_| Error::ConnectionTerminated)?.map_err(Error::Hyper) });
    Ok((response.map(|body| body.map_err(Error::Hyper).boxed_unsync()), io))
}
