//! What a host lends its guests, one export each. The calls go to WASI itself, with no library between, so that a
//! test sees what the host did.

mod clocks;
mod files;
mod streams;

use wasi::cli::{environment, exit, terminal_stderr, terminal_stdin, terminal_stdout};
use wasi::random::{insecure, insecure_seed, random};
use wippy::runtime::funcs;

wit_bindgen::generate!({ path: "wit", world: "hostuse", generate_all });

struct HostUse;
export!(HostUse);

impl Guest for HostUse {
    fn get_env() -> Vec<(String, String)> {
        environment::get_environment()
    }

    fn get_args() -> Vec<String> {
        environment::get_arguments()
    }

    fn get_cwd() -> Option<String> {
        environment::initial_cwd()
    }

    fn write_stdout(s: String) {
        streams::write_all(&wasi::cli::stdout::get_stdout(), s.as_bytes()).expect("stdout");
    }

    fn write_stderr(s: String) {
        streams::write_all(&wasi::cli::stderr::get_stderr(), s.as_bytes()).expect("stderr");
    }

    fn flood_stdout(size: u32, times: u32) -> Result<u64, String> {
        streams::flood(&wasi::cli::stdout::get_stdout(), size, times)
    }

    fn read_stdin() -> Vec<u8> {
        streams::read_all(&wasi::cli::stdin::get_stdin()).expect("stdin")
    }

    fn copy_stdin() -> u64 {
        streams::copy(&wasi::cli::stdin::get_stdin(), &wasi::cli::stdout::get_stdout())
    }

    fn exit(code: u32) {
        exit::exit(if code == 0 { Ok(()) } else { Err(()) });
    }

    fn exit_with_code(code: u8) {
        exit::exit_with_code(code);
    }

    fn terminals() -> Vec<String> {
        [
            (terminal_stdin::get_terminal_stdin().is_some(), "stdin"),
            (terminal_stdout::get_terminal_stdout().is_some(), "stdout"),
            (terminal_stderr::get_terminal_stderr().is_some(), "stderr"),
        ]
        .into_iter()
        .filter(|(is_terminal, _)| *is_terminal)
        .map(|(_, name)| name.to_string())
        .collect()
    }

    fn now_wall() -> (u64, u32) {
        clocks::now_wall()
    }

    fn wall_resolution() -> (u64, u32) {
        clocks::wall_resolution()
    }

    fn now_mono() -> u64 {
        wasi::clocks::monotonic_clock::now()
    }

    fn mono_resolution() -> u64 {
        wasi::clocks::monotonic_clock::resolution()
    }

    fn sleep_ms(ms: u32) -> u64 {
        clocks::sleep(ms)
    }

    fn sleep_until_ms(ms: u32) -> u64 {
        clocks::sleep_until(ms)
    }

    fn poll_two(a_ms: u32, b_ms: u32) -> Vec<u32> {
        clocks::poll(&[a_ms, b_ms])
    }

    fn poll_none() -> Vec<u32> {
        clocks::poll(&[])
    }

    fn ready_now(ms: u32) -> bool {
        clocks::ready_now(ms)
    }

    fn random_bytes(n: u32) -> Vec<u8> {
        random::get_random_bytes(n.into())
    }

    fn random_u64() -> u64 {
        random::get_random_u64()
    }

    fn insecure_bytes(n: u32) -> Vec<u8> {
        insecure::get_insecure_random_bytes(n.into())
    }

    fn insecure_u64() -> u64 {
        insecure::get_insecure_random_u64()
    }

    fn insecure_seed() -> (u64, u64) {
        insecure_seed::insecure_seed()
    }

    fn preopens() -> Vec<String> {
        files::preopens()
    }

    fn read_file(path: String) -> Result<Vec<u8>, String> {
        files::read(&path)
    }

    fn read_at(path: String, offset: u64, len: u64) -> Result<(Vec<u8>, bool), String> {
        files::read_at(&path, offset, len)
    }

    fn write_file(path: String, data: Vec<u8>) -> Result<(), String> {
        files::write(&path, &data)
    }

    fn create_new(path: String, data: Vec<u8>) -> Result<(), String> {
        files::create_new(&path, &data)
    }

    fn append_file(path: String, data: Vec<u8>) -> Result<(), String> {
        files::append(&path, &data)
    }

    fn write_at(path: String, offset: u64, data: Vec<u8>) -> Result<u64, String> {
        files::write_at(&path, offset, &data)
    }

    fn list_dir(path: String) -> Result<Vec<(String, String)>, String> {
        files::list(&path)
    }

    fn stat(path: String) -> Result<FileInfo, String> {
        files::stat(&path, true)
    }

    fn stat_link(path: String) -> Result<FileInfo, String> {
        files::stat(&path, false)
    }

    fn stat_size(path: String) -> Result<u64, String> {
        files::stat(&path, true).map(|info| info.size)
    }

    fn set_size(path: String, size: u64) -> Result<(), String> {
        files::set_size(&path, size)
    }

    fn set_modified(path: String, seconds: u64) -> Result<(), String> {
        files::set_modified(&path, seconds)
    }

    fn make_dir(path: String) -> Result<(), String> {
        files::make_dir(&path)
    }

    fn rename(old: String, new: String) -> Result<(), String> {
        files::rename(&old, &new)
    }

    fn remove_file(path: String) -> Result<(), String> {
        files::remove_file(&path)
    }

    fn remove_dir(path: String) -> Result<(), String> {
        files::remove_dir(&path)
    }

    fn symlink(target: String, path: String) -> Result<(), String> {
        files::symlink(&target, &path)
    }

    fn read_link(path: String) -> Result<String, String> {
        files::read_link(&path)
    }

    fn hard_link(old: String, new: String) -> Result<(), String> {
        files::hard_link(&old, &new)
    }

    fn open_flags(path: String, write: bool) -> Result<Vec<String>, String> {
        files::open_flags(&path, write)
    }

    fn same_object(a: String, b: String) -> Result<bool, String> {
        files::same_object(&a, &b)
    }

    fn call_string(target: String, input: String) -> Result<String, String> {
        funcs::call_string(&target, &input)
    }

    fn call_bytes(target: String, input: Vec<u8>) -> Result<Vec<u8>, String> {
        funcs::call_bytes(&target, &input)
    }

    fn chain(targets: Vec<String>, input: String) -> Result<String, String> {
        targets.iter().try_fold(input, |value, target| funcs::call_string(target, &value))
    }
}
