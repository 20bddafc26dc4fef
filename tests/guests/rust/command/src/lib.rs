//! A small program: arguments and environment to stdout, stdin copied after them.

use exports::wasi::cli::run::Guest;
use wasi::cli::{environment, exit, stderr, stdin, stdout};
use wasi::io::streams::{OutputStream, StreamError};

wit_bindgen::generate!({ path: "wit", world: "command", generate_all });

struct Command;
export!(Command);

impl Guest for Command {
    fn run() -> Result<(), ()> {
        let out = stdout::get_stdout();
        let arguments = environment::get_arguments();
        for argument in &arguments {
            print(&out, &format!("arg: {argument}\n"))?;
        }
        for (name, value) in environment::get_environment() {
            if name.starts_with("GUEST_") {
                print(&out, &format!("env: {name}={value}\n"))?;
            }
        }
        let input = stdin::get_stdin();
        loop {
            match input.blocking_read(4096) {
                Ok(bytes) => write(&out, &bytes)?,
                Err(StreamError::Closed) => break,
                Err(StreamError::LastOperationFailed(_)) => return Err(()),
            }
        }
        print(&stderr::get_stderr(), "done\n")?;
        if arguments.iter().any(|argument| argument == "--code-7") {
            exit::exit_with_code(7);
        }
        if arguments.iter().any(|argument| argument == "--fail") { Err(()) } else { Ok(()) }
    }
}

fn print(to: &OutputStream, text: &str) -> Result<(), ()> {
    write(to, text.as_bytes())
}

/// `blocking-write-and-flush` takes 4096 bytes at most.
fn write(to: &OutputStream, bytes: &[u8]) -> Result<(), ()> {
    bytes.chunks(4096).try_for_each(|chunk| to.blocking_write_and_flush(chunk)).map_err(drop)
}
