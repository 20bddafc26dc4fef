//! Connecting to the first of several addresses that answers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How long one address has for itself before the next is tried beside it (RFC 8305).
const HEAD_START: Duration = Duration::from_millis(250);

/// Addresses of an answer that are tried at all, and at a time: an answer may hold thousands.
const MOST: usize = 8;
const TOGETHER: usize = 3;

/// A connection to one of `addresses`, which are tried in their order; the last error if none answers.
pub async fn dial(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let stream = match addresses {
        [only] => TcpStream::connect(only).await?,
        _ => race(addresses).await?,
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn race(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut left = addresses.iter().take(MOST).copied();
    let mut attempts = JoinSet::new();
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "there is no address to connect to");
    loop {
        if attempts.len() < TOGETHER
            && let Some(address) = left.next()
        {
            attempts.spawn(TcpStream::connect(address));
        }
        let more = attempts.len() < TOGETHER && left.len() > 0;
        tokio::select! {
            biased;
            Some(ended) = attempts.join_next() => match ended {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(_) => {}
            },
            () = sleep(HEAD_START), if more => {}
        }
        if attempts.is_empty() && left.len() == 0 {
            return Err(last);
        }
    }
}
