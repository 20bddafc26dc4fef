//! HTTP requests, one after the other.

pub mod codes;
mod incoming;
pub mod many;
mod outgoing;

use crate::streams::Content;
use crate::wasi::http::types::{Fields, IncomingResponse, RequestOptions};
use crate::{Request, Response};
use incoming::Download;
use outgoing::{Headers, Sending, Target, Upload};

const MILLISECOND: u64 = 1_000_000;
/// For bodies of any length, so that a long one takes few rounds.
const LARGE_PIECE: u32 = 65_536;

pub fn fetch(r: &Request) -> Result<Response, String> {
    let request = outgoing::request(&r.method, &Target::of_url(&r.url), &r.headers)?;
    let mut sending = match &r.body {
        None => Sending::nothing(),
        Some(body) => Sending::new(Upload::open(&request)?, Content::Bytes(body))
            .in_pieces(r.piece)
            .with_trailers(&r.trailers),
    };
    let future = outgoing::start(request, options(r)?)?;
    let download = Download::open(incoming::head(&future, &mut sending)?)?;
    let (status, headers) = (download.status(), download.headers());
    let body = download.read_to_end(&mut sending)?;
    Ok(Response { status, headers, body, trailers: download.trailers()? })
}

fn options(r: &Request) -> Result<Option<RequestOptions>, String> {
    if [r.connect_timeout_ms, r.first_byte_timeout_ms, r.between_bytes_timeout_ms] == [None; 3] {
        return Ok(None);
    }
    let options = RequestOptions::new();
    let duration = |ms: Option<u64>| ms.map(|ms| ms.saturating_mul(MILLISECOND));
    options.set_connect_timeout(duration(r.connect_timeout_ms)).map_err(|()| "set-connect-timeout")?;
    options
        .set_first_byte_timeout(duration(r.first_byte_timeout_ms))
        .map_err(|()| "set-first-byte-timeout")?;
    options
        .set_between_bytes_timeout(duration(r.between_bytes_timeout_ms))
        .map_err(|()| "set-between-bytes-timeout")?;
    Ok(Some(options))
}

fn get_head(url: &str) -> Result<IncomingResponse, String> {
    incoming::head(&outgoing::start_get(url)?, &mut Sending::nothing())
}

pub fn get(url: &str) -> Result<(u16, String), String> {
    status_and_text(get_head(url)?, &mut Sending::nothing())
}

fn status_and_text(head: IncomingResponse, sending: &mut Sending) -> Result<(u16, String), String> {
    let download = Download::open(head)?;
    let body = download.read_to_end(sending)?;
    Ok((download.status(), String::from_utf8_lossy(&body).into_owned()))
}

/// Reads at least so many bytes, or all; bytes read.
pub fn read_some(url: &str, least: u64) -> Result<u64, String> {
    Download::open(get_head(url)?)?.read_length(least)
}

pub fn get_in_turn(url: &str, times: u32) -> Result<u32, String> {
    for _ in 0..times {
        read_some(url, u64::MAX)?;
    }
    Ok(times)
}

pub fn upload(url: &str, length: u64, declare: bool) -> Result<(u16, String), String> {
    let (head, mut sending) = post(url, declare.then_some(length), length);
    status_and_text(head?, &mut sending)
}

pub fn upload_wrong(url: &str, declared: u64, written: u64) -> Result<u16, String> {
    let (head, sending) = post(url, Some(declared), written);
    match sending.error {
        Some(error) => Err(error),
        None => Ok(head?.status()),
    }
}

/// POSTs so many bytes, up to the head of the response; what is left to write then.
fn post(
    url: &str,
    declared: Option<u64>,
    length: u64,
) -> (Result<IncomingResponse, String>, Sending<'static>) {
    let mut sending = Sending::nothing();
    let head = (|| {
        let declared = declared.map(|n| ("content-length".to_string(), n.to_string().into_bytes()));
        let request = outgoing::request("POST", &Target::of_url(url), declared.as_slice())?;
        sending = Sending::new(Upload::open(&request)?, Content::Xs(length)).in_pieces(LARGE_PIECE);
        let future = outgoing::start(request, None)?;
        incoming::head(&future, &mut sending)
    })();
    (head, sending)
}

pub fn abandon_upload(url: &str) -> Result<u16, String> {
    let request = outgoing::request("POST", &Target::of_url(url), &[])?;
    let upload = Upload::open(&request)?;
    let future = outgoing::start(request, None)?;
    upload.write_all(b"the first bytes of a body")?;
    drop(upload);
    Ok(incoming::head(&future, &mut Sending::nothing())?.status())
}

pub fn try_header(name: &str, value: &[u8]) -> Result<(), String> {
    let entry: &Headers = &[(name.to_string(), value.to_vec())];
    let appended = Fields::new().append(name, value).map_err(codes::header_error);
    let made = Fields::from_list(entry).map(drop).map_err(codes::header_error);
    if appended == made {
        return appended;
    }
    Err(format!("append: {appended:?}, from-list: {made:?}"))
}

pub fn try_request(method: &str, scheme: &str, authority: &str, path: &str) -> Result<u16, String> {
    let request = outgoing::request(method, &Target { scheme, authority, path }, &[])?;
    let future = outgoing::start(request, None)?;
    Ok(incoming::head(&future, &mut Sending::nothing())?.status())
}

pub fn echo_stream(url: &str, pieces: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, String> {
    let request = outgoing::request("POST", &Target::of_url(url), &[])?;
    let upload = Upload::open(&request)?;
    let future = outgoing::start(request, None)?;
    // The server may send the head only when it has something to echo.
    let mut download = None;
    let (mut written, mut read) = (0, 0);
    let mut echoes = Vec::new();
    for piece in pieces {
        upload.write_all(piece)?;
        written += piece.len();
        let download = match &mut download {
            Some(open) => open,
            none => none.insert(Download::open(incoming::head(&future, &mut Sending::nothing())?)?),
        };
        let mut echo = Vec::new();
        while read + echo.len() < written {
            echo.extend(download.next(&mut Sending::nothing())?.ok_or("closed")?);
        }
        read += echo.len();
        echoes.push(echo);
    }
    upload.finish(&[])?;
    let download = match download {
        Some(open) => open,
        None => Download::open(incoming::head(&future, &mut Sending::nothing())?)?,
    };
    let rest = download.read_to_end(&mut Sending::nothing())?;
    echoes.extend(Some(rest).filter(|rest| !rest.is_empty()));
    Ok(echoes)
}

/// A response of which only the head was read.
pub fn hold_response(url: &str) -> IncomingResponse {
    get_head(url).expect("a response")
}
