//! The compile cache: machine code on disk, so that an 18 MB component loads in milliseconds the second time.
//!
//! A file's name says all it depends on: the module's SHA-256 and wasmtime's hash of engine settings, version and
//! processor features. It is machine code that will run in this process, so files are believed only in a directory that
//! belongs to this user and that nobody else can write (0700, owner checked at every open). Files are written under
//! another name and renamed: a reader sees a whole file or none. Nothing is ever deleted here; a cache that cannot be
//! used is an empty one, never an error.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read as _, Write as _};
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

    /// Whether a file is there, and as it was written: damaged code would not fail, it would run.
    pub fn is_intact(&self, path: &Path) -> bool {
        fs::File::open(path).and_then(verify).unwrap_or(false)
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
            .and_then(|mut file| {
                file.write_all(code)?;
                file.write_all(&checksum(code))?;
                file.sync_all()
            })
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

/// Behind the code, where ELF readers do not look.
const TRAILER: usize = 4;

/// Reads a file in pieces: it is mapped afterwards, and two copies of it in memory would be one too many.
fn verify(mut file: fs::File) -> io::Result<bool> {
    let Some(mut left) = file.metadata()?.len().checked_sub(TRAILER as u64) else { return Ok(false) };
    let mut hasher = crc32fast::Hasher::new();
    let mut piece = vec![0; 256 << 10];
    while left > 0 {
        let size = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        file.read_exact(&mut piece[..size])?;
        hasher.update(&piece[..size]);
        left -= size as u64;
    }
    let mut trailer = [0; TRAILER];
    file.read_exact(&mut trailer)?;
    Ok(trailer == hasher.finalize().to_le_bytes())
}

/// Finds damage, not malice: who can write the directory can run code anyway.
fn checksum(code: &[u8]) -> [u8; TRAILER] {
    crc32fast::hash(code).to_le_bytes()
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

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::module::{Code, Module};

    const WAT: &str = r#"(module (func (export "f") (result i32) i32.const 7))"#;

    /// A directory of its own below the system's temporary one, removed at the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("wippy-cache-{}-{name}", std::process::id()));
            Scratch(path)
        }

        fn files(&self) -> Vec<PathBuf> {
            fs::read_dir(&self.0)
                .map_or(Vec::new(), |entries| entries.flatten().map(|entry| entry.path()).collect())
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn load(cache: &Cache, digest: &str) -> Module {
        Module::load(WAT.as_bytes(), digest, true, Some(cache)).unwrap()
    }

    #[test]
    fn the_second_load_finds_what_the_first_left() {
        let scratch = Scratch::new("second");
        let cache = Cache::new(&scratch.0);
        load(&cache, "aa");
        assert_eq!(scratch.files().len(), 1);
        assert_eq!(cache.usage().0, 1);
        assert!(matches!(load(&cache, "aa").code, Code::Core(_)));
        assert_eq!(scratch.files().len(), 1);
    }

    #[test]
    fn a_damaged_file_is_compiled_anew() {
        let scratch = Scratch::new("damaged");
        let cache = Cache::new(&scratch.0);
        load(&cache, "bb");
        let file = scratch.files().pop().unwrap();
        let whole = fs::read(&file).unwrap();
        let mut zeroed = whole.clone();
        let middle = zeroed.len() / 2;
        zeroed[middle..middle + 64].fill(0);
        for broken in [&b""[..], b"not code", &whole[..whole.len() / 2], &zeroed] {
            fs::write(&file, broken).unwrap();
            load(&cache, "bb");
            assert!(cache.is_intact(&file));
        }
    }

    #[test]
    fn a_directory_others_can_reach_is_not_used() {
        let scratch = Scratch::new("open");
        let cache = Cache::new(&scratch.0);
        fs::create_dir(&scratch.0).unwrap();
        fs::set_permissions(&scratch.0, fs::Permissions::from_mode(0o755)).unwrap();
        load(&cache, "cc");
        assert!(scratch.files().is_empty());
    }

    #[test]
    fn a_link_to_a_directory_is_not_used() {
        let (scratch, link) = (Scratch::new("target"), Scratch::new("link"));
        fs::create_dir(&scratch.0).unwrap();
        fs::set_permissions(&scratch.0, fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::symlink(&scratch.0, &link.0).unwrap();
        load(&Cache::new(&link.0), "dd");
        assert!(scratch.files().is_empty());
        fs::remove_file(&link.0).unwrap();
    }
}
