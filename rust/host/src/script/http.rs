//! Requests of `http_client`: through the same policy, the same sender and the same connections as those of `wasi:http`
//! (L-36, H-81). Unlike there, redirects are followed (H-84), each judged as a request of its own.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use url::Url;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};
use wippy_lua::error::{ErrorValue, Kind};
use wippy_lua::host::{Outcome, Request, Response};

use super::host::ScriptHost;
use crate::net::http::send_request;

/// Redirects that are followed in a row.
const REDIRECTS: usize = 10;
/// Where the program does not say how long to wait.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn send(host: &ScriptHost, request: Request) -> Outcome<Response> {
    let limit = request.timeout.unwrap_or(PATIENCE);
    let answered = match tokio::time::timeout(limit, exchange(host, request)).await {
        Ok(answered) => answered,
        Err(_) => {
            Err(ErrorValue::new(Kind::Timeout, format!("no response within {} s", limit.as_secs_f64())))
        }
    };
    Ok(answered)
}

async fn exchange(host: &ScriptHost, request: Request) -> Result<Response, ErrorValue> {
    let mut step = Step::first(request)?;
    for _ in 0..=REDIRECTS {
        let response = step.send(host).await?;
        match step.next(&response)? {
            Some(next) => step = next,
            None => return Ok(response),
        }
    }
    Err(ErrorValue::new(Kind::Unavailable, format!("more than {REDIRECTS} redirects: {}", step.url)))
}

/// One request of a row of redirects.
struct Step {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl Step {
    fn first(request: Request) -> Result<Step, ErrorValue> {
        let Request { method, url, headers, body, .. } = request;
        let parsed = Url::parse(&url).map_err(|error| invalid(format!("url {url:?}: {error}")))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(invalid(format!("url {url:?}: expected http:// or https://")));
        }
        let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes())
            .map_err(|_| invalid(format!("method {method:?}: no HTTP method")))?;
        let mut fields = HeaderMap::new();
        for (name, value) in headers {
            let parsed = HeaderName::from_bytes(name.as_bytes());
            let parsed = parsed.map_err(|_| invalid(format!("header {name:?}: no field name")))?;
            let value = HeaderValue::from_bytes(&value);
            let value = value.map_err(|_| invalid(format!("header {name:?}: no field value")))?;
            // Who is asked, and how long the body is, follows from the request.
            if parsed != HOST && parsed != CONTENT_LENGTH {
                fields.append(parsed, value);
            }
        }
        fields.entry(USER_AGENT).or_insert(HeaderValue::from_static("wippy-native"));
        Ok(Step { method, url: parsed, headers: fields, body: body.into() })
    }

    async fn send(&self, host: &ScriptHost) -> Result<Response, ErrorValue> {
        let network = host
            .network()
            .ok_or_else(|| ErrorValue::new(Kind::PermissionDenied, format!("not allowed: {}", self.url)))?;
        let mut request = http::Request::builder().method(self.method.clone()).uri(self.url.as_str());
        if let Some(fields) = request.headers_mut() {
            fields.clone_from(&self.headers);
        }
        let body: WasiBody = Full::new(self.body.clone()).map_err(|never| match never {}).boxed_unsync();
        let request = request.body(body).map_err(|error| invalid(error.to_string()))?;
        let sent = send_request(network, request, RequestOptions::default()).await;
        let (parts, body) = sent.map_err(|error| self.failed(&error))?.into_parts();
        // The program gets it as a string, beside what else it has.
        let half = usize::try_from(host.function.spec.limits.memory_bytes / 2).unwrap_or(usize::MAX);
        let most = host.function.spec.max_result_bytes.min(half);
        let body = match Limited::new(body, most).collect().await {
            Ok(body) => body.to_bytes().to_vec(),
            Err(error) => {
                let text =
                    error.downcast::<Error>().map_or_else(|other| other.to_string(), |own| own.to_string());
                return Err(ErrorValue::new(Kind::Unavailable, format!("{}: {text}", self.url)));
            }
        };
        let headers = parts.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
        Ok(Response {
            status: parts.status.as_u16(),
            headers: headers.collect(),
            body,
            url: self.url.to_string(),
        })
    }

    /// The request that a redirect asks for.
    fn next(&self, response: &Response) -> Result<Option<Step>, ErrorValue> {
        let Ok(status) = StatusCode::from_u16(response.status) else { return Ok(None) };
        let keeps_method = matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        let rewrites =
            matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER);
        let location = response.headers.iter().find(|(name, _)| name == LOCATION.as_str());
        let Some((_, location)) = location.filter(|_| keeps_method || rewrites) else { return Ok(None) };
        let location = String::from_utf8_lossy(location);
        let url = self.url.join(&location);
        let url = url.map_err(|error| invalid(format!("redirect to {location:?}: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid(format!("redirect to {location:?}: expected http:// or https://")));
        }
        let mut headers = self.headers.clone();
        // What was meant for one server is not told to another.
        if url.origin() != self.url.origin() {
            headers.remove(AUTHORIZATION);
            headers.remove(COOKIE);
        }
        let (mut method, mut body) = (self.method.clone(), self.body.clone());
        if rewrites && method != Method::GET && method != Method::HEAD {
            (method, body) = (Method::GET, Bytes::new());
            headers.remove(CONTENT_TYPE);
        }
        Ok(Some(Step { method, url, headers, body }))
    }

    fn failed(&self, error: &Error) -> ErrorValue {
        let (kind, text) = match error {
            Error::HttpRequestDenied => (Kind::PermissionDenied, format!("not allowed: {}", self.url)),
            Error::ConnectionTimeout | Error::ConnectionReadTimeout | Error::HttpResponseTimeout => {
                (Kind::Timeout, format!("{}: {error}", self.url))
            }
            other => (Kind::Unavailable, format!("{}: {other}", self.url)),
        };
        ErrorValue { retryable: Some(kind != Kind::PermissionDenied), ..ErrorValue::new(kind, text) }
    }
}

fn invalid(text: String) -> ErrorValue {
    ErrorValue { retryable: Some(false), ..ErrorValue::new(Kind::Invalid, text) }
}
