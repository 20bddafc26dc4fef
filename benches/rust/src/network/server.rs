//! The server of the benches: five bytes for every request.

use std::convert::Infallible;
use std::io::Read as _;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use wasmtime::Result;

/// Prints its ports (plain, TLS with HTTP/1.1, TLS with HTTP/2) and serves until standard input ends.
pub async fn serve(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<()> {
    let plain = TcpListener::bind("127.0.0.1:0").await?;
    let ports = [
        plain.local_addr()?.port(),
        with_tls(&chain, &key, b"http/1.1").await?,
        with_tls(&chain, &key, b"h2").await?,
    ];
    tokio::spawn(async move {
        while let Ok((stream, _)) = plain.accept().await {
            drop(stream.set_nodelay(true));
            tokio::spawn(version1(stream));
        }
    });
    println!("{} {} {}", ports[0], ports[1], ports[2]);
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

async fn with_tls(
    chain: &[CertificateDer<'static>],
    key: &PrivateKeyDer<'static>,
    protocol: &[u8],
) -> Result<u16> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain.to_vec(), key.clone_key())?;
    config.alpn_protocols = vec![protocol.to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let multiplexes = protocol == b"h2";
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream.set_nodelay(true));
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                if multiplexes { version2(stream).await } else { version1(stream).await }
            });
        }
    });
    Ok(port)
}

async fn version1(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await);
}

async fn version2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let builder = http2::Builder::new(TokioExecutor::new());
    drop(builder.serve_connection(TokioIo::new(stream), service_fn(answer)).await);
}

async fn answer(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(b"hello"))))
}
