//! Operations on paths of a volume. All of them block.
//!
//! Only regular files are opened: to open a FIFO would wait for its other end, to open a device may do anything. What a path
//! names is looked at first, and what was opened again, since others may change it in between.

use std::fs::File;
use std::io::{self, Read, Write};
use std::time::UNIX_EPOCH;

use cap_primitives::fs::{
    DirOptions, FollowSymlinks, Metadata, OpenOptions, canonicalize, create_dir, read_dir, remove_dir,
    remove_file, stat as look,
};

use super::file::Mode;
use super::path::Target;
use crate::error::ErrorValue;
use crate::modules::args::{Result, invalid};
use crate::value::Value;

/// Entries of a directory that are listed.
const MOST_ENTRIES: usize = 100_000;

/// Opens a regular file, within what the volume allows.
pub fn open(target: &Target, mode: Mode) -> Result<File> {
    if mode.reads {
        target.allow(target.directory.readable, "read")?;
    }
    if mode.writes {
        target.allow(target.directory.writable, "written")?;
    }
    let root = target.root()?;
    match look(&root, &target.path, FollowSymlinks::Yes) {
        // It must not be there: to open it will say so.
        Ok(_) if mode.new => (),
        Ok(found) => regular(target, found.is_file(), found.is_dir())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound && mode.creates => (),
        Err(error) => return Err(target.failed(&error)),
    }
    let file = cap_primitives::fs::open(&root, &target.path, &options(mode))
        .map_err(|error| target.failed(&error))?;
    let found = file.metadata().map_err(|error| target.failed(&error))?;
    regular(target, found.is_file(), found.is_dir())?;
    Ok(file)
}

fn regular(target: &Target, is_file: bool, is_dir: bool) -> Result<()> {
    match (is_file, is_dir) {
        (true, _) => Ok(()),
        (_, true) => Err(invalid(format!("{}: is a directory", target.given))),
        _ => Err(invalid(format!("{}: not a regular file", target.given))),
    }
}

fn options(mode: Mode) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(mode.reads).write(mode.writes).append(mode.appends);
    options.truncate(mode.truncates).create(mode.creates).create_new(mode.new);
    #[cfg(unix)]
    {
        use cap_primitives::fs::OpenOptionsExt;
        // Nothing to a regular file; and what has become something else meanwhile is not waited for.
        options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    }
    options
}

/// The whole of a file, unless it has more than `limit` bytes.
pub fn read(target: &Target, limit: usize) -> Result<Value> {
    let file = open(target, Mode::READ)?;
    let too_large = || invalid(format!("{}: file is larger than {limit} bytes", target.given));
    let length = file.metadata().map_err(|error| target.failed(&error))?.len();
    if length > limit as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(length as usize);
    // It may grow meanwhile, and some that have no end say their length is 0.
    let read = (&file).take(limit as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| target.failed(&error))?;
    if bytes.len() > limit { Err(too_large()) } else { Ok(Value::Str(bytes)) }
}

pub fn write(target: &Target, mode: Mode, data: &[u8]) -> Result<Value> {
    let file = open(target, mode)?;
    (&file).write_all(data).map_err(|error| target.failed(&error))?;
    Ok(Value::Bool(true))
}

fn find(target: &Target) -> Result<io::Result<Metadata>> {
    Ok(look(&target.root_to_read()?, &target.path, FollowSymlinks::Yes))
}

/// The same, where it is no error that there is none.
fn find_any(target: &Target) -> Result<Option<Metadata>> {
    use io::ErrorKind::{NotADirectory, NotFound};
    match find(target)? {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(None),
        Err(error) => Err(target.failed(&error)),
    }
}

pub fn exists(target: &Target) -> Result<Value> {
    Ok(Value::Bool(find_any(target)?.is_some()))
}

pub fn is_dir(target: &Target) -> Result<Value> {
    Ok(Value::Bool(find_any(target)?.is_some_and(|found| found.is_dir())))
}

pub fn stat(target: &Target) -> Result<Value> {
    let found = find(target)?.map_err(|error| target.failed(&error))?;
    let name = target.path.file_name().map_or(".".into(), |name| name.to_string_lossy());
    Ok(described(&name, &found))
}

/// What `stat` tells.
pub fn described(name: &str, found: &Metadata) -> Value {
    let modified = found.modified().ok().map(|time| time.into_std().duration_since(UNIX_EPOCH));
    // Before 1970 it is not told.
    let modified = modified.and_then(std::result::Result::ok).map_or(0, |since| since.as_secs());
    let entry = |key: &str, value: Value| (key.as_bytes().to_vec(), value);
    Value::Map(vec![
        entry("name", Value::text(name)),
        entry("size", Value::Int(i64::try_from(found.len()).unwrap_or(i64::MAX))),
        entry("mode", Value::Int(mode_of(found))),
        entry("modified", Value::Int(modified as i64)),
        entry("is_dir", Value::Bool(found.is_dir())),
        entry("type", Value::text(kind(found.is_dir()))),
    ])
}

fn kind(is_dir: bool) -> &'static str {
    if is_dir { "directory" } else { "file" }
}

/// The permission bits.
#[cfg(unix)]
fn mode_of(found: &Metadata) -> i64 {
    use cap_primitives::fs::MetadataExt;
    i64::from(found.mode() & 0o777)
}

#[cfg(not(unix))]
fn mode_of(found: &Metadata) -> i64 {
    if found.permissions().readonly() { 0o444 } else { 0o644 }
}

pub fn make_dir(target: &Target) -> Result<Value> {
    let root = target.root_to_write()?;
    create_dir(&root, &target.path, &DirOptions::new()).map_err(|error| target.failed(&error))?;
    Ok(Value::Bool(true))
}

/// Removes a file, a link, or an empty directory.
pub fn remove(target: &Target) -> Result<Value> {
    let root = target.root_to_write()?;
    let removed = look(&root, &target.path, FollowSymlinks::No).and_then(|found| {
        if found.is_dir() { remove_dir(&root, &target.path) } else { remove_file(&root, &target.path) }
    });
    removed.map_err(|error| target.failed(&error))?;
    Ok(Value::Bool(true))
}

/// The entries in the order of their names: each a string that begins with `d` where it is a directory, else with `f`.
pub fn list(target: &Target) -> Result<Value> {
    let root = target.root_to_read()?;
    let failed = |error: io::Error| target.failed(&error);
    let mut found = Vec::new();
    for entry in read_dir(&root, &target.path).map_err(failed)? {
        if found.len() == MOST_ENTRIES {
            return Err(too_many(target));
        }
        let entry = entry.map_err(failed)?;
        let is_dir = entry.file_type().map_err(failed)?.is_dir();
        found.push((entry.file_name(), is_dir));
    }
    found.sort_unstable();
    let text = |(name, is_dir): (std::ffi::OsString, bool)| {
        let mark: &[u8] = if is_dir { b"d" } else { b"f" };
        Value::Str([mark, name.as_encoded_bytes()].concat())
    };
    Ok(Value::List(found.into_iter().map(text).collect()))
}

fn too_many(target: &Target) -> ErrorValue {
    invalid(format!("{}: directory has more than {MOST_ENTRIES} entries", target.given))
}

/// A directory's path without links, from the root.
pub fn canonical(target: &Target) -> Result<Value> {
    if !find(target)?.map_err(|error| target.failed(&error))?.is_dir() {
        return Err(invalid(format!("{}: not a directory", target.given)));
    }
    let path = canonicalize(&target.root()?, &target.path).map_err(|error| target.failed(&error))?;
    let path = path.as_os_str().as_encoded_bytes();
    let inner: &[u8] = if path == b"." { b"" } else { path };
    Ok(Value::Str([b"/", inner].concat()))
}
