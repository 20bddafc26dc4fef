//! What a host lends its guests of the network, one export each, and what a guest may do wrong with it. The calls go to
//! WASI itself, with no library between, so that a test sees what the host did.

mod http;
mod names;
mod streams;
mod tcp;
mod udp;

use wasi::sockets::network::IpAddressFamily;

wit_bindgen::generate!({ path: "wit", world: "netuse", generate_all });

struct NetUse;
export!(NetUse);

impl Guest for NetUse {
    fn fetch(r: Request) -> Result<Response, String> {
        http::fetch(&r)
    }

    fn get(url: String) -> Result<(u16, String), String> {
        http::get(&url)
    }

    fn get_length(url: String) -> Result<u64, String> {
        http::read_some(&url, u64::MAX)
    }

    fn read_some(url: String, bytes: u64) -> Result<u64, String> {
        http::read_some(&url, bytes)
    }

    fn upload(url: String, length: u64, declare: bool) -> Result<(u16, String), String> {
        http::upload(&url, length, declare)
    }

    fn upload_wrong(url: String, declared: u64, written: u64) -> Result<u16, String> {
        http::upload_wrong(&url, declared, written)
    }

    fn abandon_upload(url: String) -> Result<u16, String> {
        http::abandon_upload(&url)
    }

    fn get_many(urls: Vec<String>) -> Vec<Result<u16, String>> {
        http::many::get_many(&urls)
    }

    fn get_in_turn(url: String, times: u32) -> Result<u32, String> {
        http::get_in_turn(&url, times)
    }

    fn hoard_requests(url: String, count: u32) -> Vec<String> {
        http::many::hoard(&url, count)
    }

    fn try_header(name: String, value: Vec<u8>) -> Result<(), String> {
        http::try_header(&name, &value)
    }

    fn try_request(method: String, scheme: String, authority: String, path: String) -> Result<u16, String> {
        http::try_request(&method, &scheme, &authority, &path)
    }

    fn echo_stream(url: String, pieces: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, String> {
        http::echo_stream(&url, &pieces)
    }

    fn fetch_then_trap(url: String) {
        let _held = http::hold_response(&url);
        core::arch::wasm32::unreachable()
    }

    fn fetch_then_spin(url: String) {
        let _held = http::hold_response(&url);
        loop {
            core::hint::spin_loop();
        }
    }

    fn sleep_ms(ms: u32) {
        streams::timer(ms).block();
    }

    fn tcp_exchange(ip: String, port: u16, data: Vec<u8>) -> Result<Vec<u8>, String> {
        tcp::exchange(&ip, port, &data)
    }

    fn tcp_connect(ip: String, port: u16) -> Result<(), String> {
        tcp::Connection::open(&ip, port).map(drop)
    }

    fn tcp_connect_name(name: String, port: u16, data: Vec<u8>) -> Result<Vec<u8>, String> {
        tcp::exchange_with_name(&name, port, &data)
    }

    fn tcp_bind(ip: String, port: u16) -> Result<u16, String> {
        tcp::bind(&ip, port)
    }

    fn tcp_bind_connect(local: String, local_port: u16, ip: String, port: u16) -> Result<(), String> {
        tcp::bind_connect(&local, local_port, &ip, port)
    }

    fn tcp_serve(
        ip: String,
        port: u16,
        count: u32,
        announce_ip: String,
        announce_port: u16,
    ) -> Result<u32, String> {
        tcp::serve(&ip, port, count, &announce_ip, announce_port)
    }

    fn tcp_options(ip: String, port: u16) -> Result<Vec<(String, String)>, String> {
        tcp::options(&ip, port)
    }

    fn tcp_half_close(ip: String, port: u16) -> Result<Vec<u8>, String> {
        tcp::half_close(&ip, port)
    }

    fn hoard_sockets(kind: String, count: u32) -> Result<u32, String> {
        match kind.as_str() {
            "tcp" => streams::hoard(count, || tcp::create(IpAddressFamily::Ipv4)),
            "udp" => streams::hoard(count, || udp::create(IpAddressFamily::Ipv4)),
            _ => Err("bad-kind".into()),
        }
    }

    fn hoard_connections(ip: String, port: u16, count: u32) -> Result<u32, String> {
        streams::hoard(count, || tcp::Connection::open(&ip, port))
    }

    fn tcp_read_length(ip: String, port: u16) -> Result<u64, String> {
        tcp::read_length(&ip, port)
    }

    fn tcp_write_length(ip: String, port: u16, length: u64) -> Result<u64, String> {
        tcp::write_length(&ip, port, length)
    }

    fn tcp_connect_then_trap(ip: String, port: u16) {
        let _held = tcp::Connection::open(&ip, port).expect("a connection");
        core::arch::wasm32::unreachable()
    }

    fn udp_exchange(ip: String, port: u16, data: Vec<u8>, connected: bool) -> Result<Vec<u8>, String> {
        udp::exchange(&ip, port, data, connected)
    }

    fn udp_bind(ip: String, port: u16) -> Result<u16, String> {
        udp::bind(&ip, port)
    }

    fn udp_serve(
        ip: String,
        port: u16,
        count: u32,
        announce_ip: String,
        announce_port: u16,
    ) -> Result<u32, String> {
        udp::serve(&ip, port, count, &announce_ip, announce_port)
    }

    fn resolve(name: String) -> Result<Vec<String>, String> {
        Ok(names::resolve(&name)?.iter().map(ToString::to_string).collect())
    }
}
