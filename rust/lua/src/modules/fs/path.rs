//! Paths as programs give them, and what is said when something is wrong with one (K-3).
//!
//! `..` is not resolved here: what it means depends on the links before it, so the operating system, or what does its work,
//! resolves it and refuses to leave the directory. Messages name the path as it was given, never the host's.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use cap_primitives::ambient_authority;
use cap_primitives::fs::open_ambient_dir;

use crate::error::{ErrorValue, Kind};
use crate::host::Directory;
use crate::modules::args::{Result, invalid};

/// What Linux takes.
const LONGEST: usize = 4096;

/// A path in a volume.
pub struct Target {
    pub directory: Directory,
    /// From the directory.
    pub path: PathBuf,
    /// As the program knows it.
    pub given: String,
}

impl Target {
    /// `working` begins with a slash; a path that does too is taken from the root.
    pub fn new(directory: Directory, working: &[u8], path: &[u8]) -> Result<Self> {
        let given = String::from_utf8_lossy(path).into_owned();
        if path.is_empty() {
            return Err(invalid("empty path"));
        }
        if path.contains(&0) {
            let error = invalid("path contains a null byte");
            return Err(ErrorValue { retryable: Some(false), ..error });
        }
        let mut whole = if path.starts_with(b"/") { Vec::new() } else { [working, b"/"].concat() };
        whole.extend_from_slice(path);
        if whole.len() > LONGEST {
            return Err(invalid(format!("path is longer than {LONGEST} bytes")));
        }
        let relative = whole.iter().position(|byte| *byte != b'/').map_or(&b"."[..], |start| &whole[start..]);
        Ok(Target { directory, path: path_of(relative)?, given })
    }

    /// The volume's directory, for work that reads (K-1).
    pub fn root_to_read(&self) -> Result<File> {
        self.allow(self.directory.readable, "read")?;
        self.root()
    }

    /// The same for work that writes.
    pub fn root_to_write(&self) -> Result<File> {
        self.allow(self.directory.writable, "written")?;
        self.root()
    }

    pub fn allow(&self, allowed: bool, what: &str) -> Result<()> {
        if allowed {
            return Ok(());
        }
        Err(denied(format!("{}: permission denied: the filesystem cannot be {what}", self.given)))
    }

    pub fn root(&self) -> Result<File> {
        open_ambient_dir(&self.directory.path, ambient_authority()).map_err(|error| {
            // Not as an error of the path: it may be there.
            let text = format!("the directory of the filesystem is not available: {}", plain(&error));
            ErrorValue::new(Kind::Unavailable, text)
        })
    }

    /// An error of an operation on this path.
    pub fn failed(&self, error: &io::Error) -> ErrorValue {
        failed(&self.given, error)
    }
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> Result<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Ok(PathBuf::from(std::ffi::OsStr::from_bytes(bytes)))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Result<PathBuf> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(PathBuf::from(text)),
        Err(_) => Err(invalid("path is not UTF-8")),
    }
}

fn denied(message: String) -> ErrorValue {
    ErrorValue { retryable: Some(false), ..ErrorValue::new(Kind::PermissionDenied, message) }
}

/// An error of the operating system, about something the program knows by this name.
pub fn failed(given: &str, error: &io::Error) -> ErrorValue {
    use io::ErrorKind::*;
    let message = format!("{given}: {}", plain(error));
    match error.kind() {
        PermissionDenied | ReadOnlyFilesystem => denied(message),
        NotFound => ErrorValue::new(Kind::NotFound, message),
        AlreadyExists => ErrorValue::new(Kind::AlreadyExists, message),
        NotADirectory | IsADirectory | DirectoryNotEmpty | InvalidInput | InvalidFilename | FileTooLarge => {
            invalid(message)
        }
        _ if is_loop(error) => invalid(message),
        _ => ErrorValue::new(Kind::Internal, message),
    }
}

/// What it says, without what only the host knows.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::AlreadyExists => "already exists".to_owned(),
        // What keeps paths inside makes one of its own.
        io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => {
            "permission denied: the path leads out of the filesystem".to_owned()
        }
        _ if is_loop(error) => "too many symbolic links".to_owned(),
        kind => kind.to_string(),
    }
}

/// That kind of error has no stable name.
fn is_loop(error: &io::Error) -> bool {
    cfg!(unix) && error.raw_os_error() == Some(libc::ELOOP)
}
