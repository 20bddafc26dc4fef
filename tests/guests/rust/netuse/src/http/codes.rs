//! The error codes of `wasi:http` as text.

use crate::wasi::http::types::{ErrorCode, FieldSizePayload, HeaderError};

/// The name of the code, and what it carries in parentheses as far as it is there.
pub fn text(code: ErrorCode) -> String {
    let name = name(&code);
    let carried: Vec<String> = carried(code).into_iter().flatten().collect();
    if carried.is_empty() { name.into() } else { format!("{name}({})", carried.join(", ")) }
}

pub fn header_error(error: HeaderError) -> String {
    match error {
        HeaderError::InvalidSyntax => "invalid-syntax",
        HeaderError::Forbidden => "forbidden",
        HeaderError::Immutable => "immutable",
    }
    .into()
}

fn carried(code: ErrorCode) -> [Option<String>; 2] {
    match code {
        ErrorCode::DnsError(e) => [e.rcode, shown(e.info_code)],
        ErrorCode::TlsAlertReceived(e) => [shown(e.alert_id), e.alert_message],
        ErrorCode::HttpRequestBodySize(size) | ErrorCode::HttpResponseBodySize(size) => [shown(size), None],
        ErrorCode::HttpRequestHeaderSectionSize(size)
        | ErrorCode::HttpRequestTrailerSectionSize(size)
        | ErrorCode::HttpResponseHeaderSectionSize(size)
        | ErrorCode::HttpResponseTrailerSectionSize(size) => [shown(size), None],
        ErrorCode::HttpRequestHeaderSize(field) => field.map_or([None, None], field_size),
        ErrorCode::HttpRequestTrailerSize(field)
        | ErrorCode::HttpResponseHeaderSize(field)
        | ErrorCode::HttpResponseTrailerSize(field) => field_size(field),
        ErrorCode::HttpResponseTransferCoding(text)
        | ErrorCode::HttpResponseContentCoding(text)
        | ErrorCode::InternalError(text) => [text, None],
        _ => [None, None],
    }
}

fn field_size(field: FieldSizePayload) -> [Option<String>; 2] {
    [field.field_name, shown(field.field_size)]
}

fn shown(value: Option<impl ToString>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn name(code: &ErrorCode) -> &'static str {
    match code {
        ErrorCode::DnsTimeout => "DNS-timeout",
        ErrorCode::DnsError(_) => "DNS-error",
        ErrorCode::DestinationNotFound => "destination-not-found",
        ErrorCode::DestinationUnavailable => "destination-unavailable",
        ErrorCode::DestinationIpProhibited => "destination-IP-prohibited",
        ErrorCode::DestinationIpUnroutable => "destination-IP-unroutable",
        ErrorCode::ConnectionRefused => "connection-refused",
        ErrorCode::ConnectionTerminated => "connection-terminated",
        ErrorCode::ConnectionTimeout => "connection-timeout",
        ErrorCode::ConnectionReadTimeout => "connection-read-timeout",
        ErrorCode::ConnectionWriteTimeout => "connection-write-timeout",
        ErrorCode::ConnectionLimitReached => "connection-limit-reached",
        ErrorCode::TlsProtocolError => "TLS-protocol-error",
        ErrorCode::TlsCertificateError => "TLS-certificate-error",
        ErrorCode::TlsAlertReceived(_) => "TLS-alert-received",
        ErrorCode::HttpRequestDenied => "HTTP-request-denied",
        ErrorCode::HttpRequestLengthRequired => "HTTP-request-length-required",
        ErrorCode::HttpRequestBodySize(_) => "HTTP-request-body-size",
        ErrorCode::HttpRequestMethodInvalid => "HTTP-request-method-invalid",
        ErrorCode::HttpRequestUriInvalid => "HTTP-request-URI-invalid",
        ErrorCode::HttpRequestUriTooLong => "HTTP-request-URI-too-long",
        ErrorCode::HttpRequestHeaderSectionSize(_) => "HTTP-request-header-section-size",
        ErrorCode::HttpRequestHeaderSize(_) => "HTTP-request-header-size",
        ErrorCode::HttpRequestTrailerSectionSize(_) => "HTTP-request-trailer-section-size",
        ErrorCode::HttpRequestTrailerSize(_) => "HTTP-request-trailer-size",
        ErrorCode::HttpResponseIncomplete => "HTTP-response-incomplete",
        ErrorCode::HttpResponseHeaderSectionSize(_) => "HTTP-response-header-section-size",
        ErrorCode::HttpResponseHeaderSize(_) => "HTTP-response-header-size",
        ErrorCode::HttpResponseBodySize(_) => "HTTP-response-body-size",
        ErrorCode::HttpResponseTrailerSectionSize(_) => "HTTP-response-trailer-section-size",
        ErrorCode::HttpResponseTrailerSize(_) => "HTTP-response-trailer-size",
        ErrorCode::HttpResponseTransferCoding(_) => "HTTP-response-transfer-coding",
        ErrorCode::HttpResponseContentCoding(_) => "HTTP-response-content-coding",
        ErrorCode::HttpResponseTimeout => "HTTP-response-timeout",
        ErrorCode::HttpUpgradeFailed => "HTTP-upgrade-failed",
        ErrorCode::HttpProtocolError => "HTTP-protocol-error",
        ErrorCode::LoopDetected => "loop-detected",
        ErrorCode::ConfigurationError => "configuration-error",
        ErrorCode::InternalError(_) => "internal-error",
    }
}
