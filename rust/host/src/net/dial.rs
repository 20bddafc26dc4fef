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
        if attempts.is_empty() {
            return Err(last);
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
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn dialled(addresses: &[SocketAddr]) -> io::Result<SocketAddr> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async { dial(addresses).await?.peer_addr() })
    }

    /// An address nobody listens at.
    fn refusing() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("its address")
    }

    #[test]
    fn the_next_address_is_tried_where_one_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let good = listener.local_addr().expect("its address");
        assert_eq!(dialled(&[refusing(), refusing(), good]).expect("a connection"), good);
    }

    #[test]
    fn an_answer_of_many_addresses_is_not_tried_to_its_end() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let good = listener.local_addr().expect("its address");
        let mut addresses = vec![refusing(); MOST];
        addresses.push(good);
        assert_eq!(dialled(&addresses).expect_err("too many").kind(), io::ErrorKind::ConnectionRefused);
        assert!(dialled(&[]).is_err());
    }
}
