//! What went wrong, as `wasi:http`'s error codes say it.

use std::error::Error as _;
use std::io;

use wasmtime_wasi_http::Error;

use crate::net::resolve::Unresolved;

pub fn of_lookup(unresolved: &Unresolved) -> Error {
    let dns = |rcode: &str| Error::DnsError { rcode: Some(rcode.to_owned()), info_code: None };
    match unresolved {
        Unresolved::NoSuchName => dns("NXDOMAIN"),
        Unresolved::Temporary => dns("SERVFAIL"),
        Unresolved::TimedOut => Error::DnsTimeout,
        Unresolved::Failed(code) => dns(code),
    }
}

pub fn of_dialling(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Error::DestinationIpUnroutable,
        io::ErrorKind::PermissionDenied => Error::DestinationIpProhibited,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Error::ConnectionTerminated,
        _ if is_out_of_descriptors(error) => Error::ConnectionLimitReached,
        _ => Error::DestinationUnavailable,
    }
}

#[cfg(unix)]
fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

#[cfg(not(unix))]
fn is_out_of_descriptors(_: &io::Error) -> bool {
    false
}

/// A handshake that failed.
pub fn of_tls(error: &io::Error) -> Error {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (tls, error.kind()) {
        (Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented), _) => {
            Error::TlsCertificateError
        }
        (Some(rustls::Error::AlertReceived(alert)), _) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: alert.as_str().map(str::to_owned),
        },
        (Some(_), _) => Error::TlsProtocolError,
        (None, io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof) => Error::ConnectionTerminated,
        // The roots could not be read, or the name is none.
        (None, io::ErrorKind::Other | io::ErrorKind::InvalidInput) => Error::ConfigurationError,
        (None, _) => Error::TlsProtocolError,
    }
}

/// No head of a response came.
pub fn of_exchange(error: &hyper::Error) -> Error {
    if error.is_parse_too_large() {
        return Error::HttpResponseHeaderSectionSize(None);
    }
    if error.is_parse() {
        return Error::HttpProtocolError;
    }
    if is_stale(error) {
        return Error::ConnectionTerminated;
    }
    Error::HttpProtocolError
}

/// Whether the connection ended, and not only the request.
pub fn is_stale(error: &hyper::Error) -> bool {
    error.is_incomplete_message() || error.is_canceled() || error.is_closed() || is_io(error)
}

/// A body broke off.
pub fn of_body(error: &hyper::Error) -> Error {
    if error.is_parse() { Error::HttpProtocolError } else { Error::HttpResponseIncomplete }
}

fn is_io(error: &hyper::Error) -> bool {
    error.source().is_some_and(|source| source.is::<io::Error>())
}
