//! TCP, as client and as server.

use std::net::IpAddr;

use crate::names::{self, code};
use crate::streams::{self, Content};
use crate::wasi::io::streams::{InputStream, OutputStream};
use crate::wasi::sockets::instance_network::instance_network;
use crate::wasi::sockets::network::{ErrorCode, IpAddressFamily};
use crate::wasi::sockets::tcp::{ShutdownType, TcpSocket};
use crate::wasi::sockets::tcp_create_socket::create_tcp_socket;

// For keep-alive, in nanoseconds: values that no system has by itself.
const IDLE: u64 = 30_000_000_000;
const INTERVAL: u64 = 10_000_000_000;

/// The order of the fields is that in which WASI wants them dropped.
pub struct Connection {
    input: InputStream,
    output: OutputStream,
    socket: TcpSocket,
}

impl Connection {
    pub fn open(ip: &str, port: u16) -> Result<Self, String> {
        Self::open_to(names::parse(ip)?, port)
    }

    fn open_to(ip: IpAddr, port: u16) -> Result<Self, String> {
        Self::from_socket(create(names::family(ip))?, ip, port)
    }

    fn from_socket(socket: TcpSocket, ip: IpAddr, port: u16) -> Result<Self, String> {
        socket.start_connect(&instance_network(), names::socket_address(ip, port)).map_err(code)?;
        let (input, output) = finished(&socket, TcpSocket::finish_connect)?;
        Ok(Connection { input, output, socket })
    }

    fn write(&self, data: &[u8]) -> Result<(), String> {
        streams::write_all(&self.output, Content::Bytes(data))
    }

    fn end_sending(&self) -> Result<(), String> {
        self.socket.shutdown(ShutdownType::Send).map_err(code)
    }

    fn exchange(&self, data: &[u8]) -> Result<Vec<u8>, String> {
        self.write(data)?;
        self.end_sending()?;
        streams::read_all(&self.input)
    }
}

pub fn create(family: IpAddressFamily) -> Result<TcpSocket, String> {
    create_tcp_socket(family).map_err(code)
}

/// The outcome of a step that was started: tries to finish it, and waits while it would block.
fn finished<T>(socket: &TcpSocket, finish: impl Fn(&TcpSocket) -> Result<T, ErrorCode>) -> Result<T, String> {
    loop {
        match finish(socket) {
            Err(ErrorCode::WouldBlock) => socket.subscribe().block(),
            done => return done.map_err(code),
        }
    }
}

fn bound(ip: &str, port: u16) -> Result<TcpSocket, String> {
    let ip = names::parse(ip)?;
    let socket = create(names::family(ip))?;
    socket.start_bind(&instance_network(), names::socket_address(ip, port)).map_err(code)?;
    finished(&socket, TcpSocket::finish_bind)?;
    Ok(socket)
}

fn local_port(socket: &TcpSocket) -> Result<u16, String> {
    socket.local_address().map(names::port).map_err(code)
}

pub fn exchange(ip: &str, port: u16, data: &[u8]) -> Result<Vec<u8>, String> {
    Connection::open(ip, port)?.exchange(data)
}

pub fn exchange_with_name(name: &str, port: u16, data: &[u8]) -> Result<Vec<u8>, String> {
    let mut last = "no-address".to_string();
    for ip in names::resolve(name)? {
        match Connection::open_to(ip, port) {
            Ok(connection) => return connection.exchange(data),
            Err(error) => last = error,
        }
    }
    Err(last)
}

pub fn bind(ip: &str, port: u16) -> Result<u16, String> {
    local_port(&bound(ip, port)?)
}

pub fn bind_connect(local: &str, local_port: u16, ip: &str, port: u16) -> Result<(), String> {
    Connection::from_socket(bound(local, local_port)?, names::parse(ip)?, port).map(drop)
}

pub fn serve(ip: &str, port: u16, count: u32, announce_ip: &str, announce_port: u16) -> Result<u32, String> {
    let listener = bound(ip, port)?;
    listener.start_listen().map_err(code)?;
    finished(&listener, TcpSocket::finish_listen)?;
    announce(local_port(&listener)?, announce_ip, announce_port)?;
    for _ in 0..count {
        let (socket, input, output) = finished(&listener, TcpSocket::accept)?;
        echo(&Connection { input, output, socket })?;
    }
    Ok(count)
}

fn echo(connection: &Connection) -> Result<(), String> {
    streams::read_each(&connection.input, |bytes| connection.write(&bytes))?;
    connection.end_sending()
}

/// Tells the port to who listens at the address; port 0 is nobody.
pub fn announce(own: u16, ip: &str, port: u16) -> Result<(), String> {
    if port == 0 {
        return Ok(());
    }
    let connection = Connection::open(ip, port)?;
    connection.write(format!("{own}\n").as_bytes())?;
    connection.end_sending()
}

pub fn half_close(ip: &str, port: u16) -> Result<Vec<u8>, String> {
    let connection = Connection::open(ip, port)?;
    connection.end_sending()?;
    streams::read_all(&connection.input)
}

pub fn read_length(ip: &str, port: u16) -> Result<u64, String> {
    let connection = Connection::open(ip, port)?;
    connection.end_sending()?;
    streams::read_length(&connection.input)
}

pub fn write_length(ip: &str, port: u16, length: u64) -> Result<u64, String> {
    let connection = Connection::open(ip, port)?;
    streams::write_all(&connection.output, Content::Xs(length))?;
    connection.end_sending()?;
    Ok(length)
}

pub fn options(ip: &str, port: u16) -> Result<Vec<(String, String)>, String> {
    let connection = Connection::open(ip, port)?;
    let s = &connection.socket;
    let family = match s.address_family() {
        IpAddressFamily::Ipv4 => "ipv4",
        IpAddressFamily::Ipv6 => "ipv6",
    };
    let rows = [
        ("keep-alive-enabled", read_back(s.set_keep_alive_enabled(true), || s.keep_alive_enabled())),
        ("keep-alive-idle-time", read_back(s.set_keep_alive_idle_time(IDLE), || s.keep_alive_idle_time())),
        ("keep-alive-interval", read_back(s.set_keep_alive_interval(INTERVAL), || s.keep_alive_interval())),
        ("keep-alive-count", read_back(s.set_keep_alive_count(4), || s.keep_alive_count())),
        ("hop-limit", read_back(s.set_hop_limit(33), || s.hop_limit())),
        ("receive-buffer-size", read_back(s.set_receive_buffer_size(65_536), || s.receive_buffer_size())),
        ("send-buffer-size", read_back(s.set_send_buffer_size(65_536), || s.send_buffer_size())),
        ("address-family", family.into()),
        ("is-listening", s.is_listening().to_string()),
        ("remote-address", s.remote_address().map_or_else(code, names::text)),
        ("local-address", s.local_address().map_or_else(code, |_| "ok".into())),
    ];
    Ok(rows.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
}

fn read_back<T: ToString>(set: Result<(), ErrorCode>, get: impl FnOnce() -> Result<T, ErrorCode>) -> String {
    set.and_then(|()| get()).map_or_else(code, |value| value.to_string())
}
