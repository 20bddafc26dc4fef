//! The compile cache: machine code on disk, so that an 18 MB component loads in milliseconds the second time.
//!
//! A file's name says all it depends on: the module's SHA-256 and wasmtime's hash of engine settings, version and
//! processor features. It is machine code that will run in this process, so files are believed only in a directory that
//! belongs to this user and that nobody else can write (0700, owner checked at every open). Files are written under
//! another name and renamed: a reader sees a whole file or none. Nothing is ever deleted here; a cache that cannot be
//! used is an empty one, never an error.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A directory of compiled modules.
#[derive(Debug, Clone)]
pub struct Cache {
    directory: PathBuf,
}

impl Cache {
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Cache { directory: directory.into() }
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where a module's code is, or will be.
    pub fn path(&self, engine: &wasmtime::Engine, digest: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        env!("CARGO_PKG_VERSION").hash(&mut hasher);
        self.directory.join(format!("{digest}-{:016x}.cwasm", hasher.finish()))
    }

    /// Whether files in the directory can be believed.
    pub fn is_private(&self) -> bool {
        fs::symlink_metadata(&self.directory).is_ok_and(|meta| meta.is_dir() && is_private(&meta))
    }

    /// Writes a module's code. Failing to is no error: the next load compiles again.
    pub fn store(&self, path: &Path, code: &[u8]) {
        let _ = self.try_store(path, code);
    }

    fn try_store(&self, path: &Path, code: &[u8]) -> io::Result<()> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        create_private(&self.directory)?;
        if !self.is_private() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let unique = format!(".{}.{}.tmp", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let temporary = self.directory.join(unique);
        let written = fs::File::create_new(&temporary)
            .and_then(|mut file| file.write_all(code))
            .and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// The number of files and their bytes.
    pub fn usage(&self) -> (u64, u64) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return (0, 0) };
        entries
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "cwasm"))
            .filter_map(|entry| entry.metadata().ok())
            .fold((0, 0), |(files, bytes), meta| (files + 1, bytes + meta.len()))
    }
}

#[cfg(unix)]
fn create_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

#[cfg(not(unix))]
fn create_private(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)
}

#[cfg(unix)]
fn is_private(meta: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    // SAFETY: asks for the user's id, cannot fail.
    meta.uid() == unsafe { libc::geteuid() } && meta.mode() & 0o077 == 0
}

/// Elsewhere the user's profile directory has an access list that keeps others out.
#[cfg(not(unix))]
fn is_private(_: &fs::Metadata) -> bool {
    true
}
