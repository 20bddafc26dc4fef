//! `wasi:filesystem`: directories of the host, mounted at paths of the guest (H-50 to H-57).
//!
//! Every path a guest names is resolved below the mount's directory handle, link by link, by the operating system
//! (`openat2` where it exists) or by cap-std's walk. `..`, absolute paths and symbolic links cannot leave it.

use std::path::PathBuf;

use wasmtime::component::Linker;
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

use super::Wanted;
use crate::error::{Failure, What};
use crate::state::State;

/// One directory of the host, as a guest sees it.
#[derive(Debug, Clone)]
pub struct Mount {
    pub host: PathBuf,
    pub guest: String,
    pub writable: bool,
}

pub fn link(linker: &mut Linker<State>, wanted: &Wanted) -> wasmtime::Result<()> {
    if wanted.has("wasi:filesystem/types") {
        types::add_to_linker::<State, WasiFilesystem>(linker, State::filesystem)?;
    }
    if wanted.has("wasi:filesystem/preopens") {
        preopens::add_to_linker::<State, WasiFilesystem>(linker, State::filesystem)?;
    }
    Ok(())
}

/// Opens the mounts, which are sorted by guest path (H-50).
pub fn prepare(builder: &mut WasiCtxBuilder, mounts: &[Mount]) -> Result<(), Failure> {
    // A call has its thread for itself: a detour of every file operation over another thread costs 10 us and more.
    builder.allow_blocking_current_thread(true);
    for Mount { host, guest, writable } in mounts {
        let permissions = if *writable { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
        builder.preopened_dir(host, guest, permissions).map_err(|error| {
            let error = error.root_cause();
            let text = format!("wasi.mounts: cannot open the directory mounted at {guest}: {error}");
            Failure::new(What::Load, text)
        })?;
    }
    Ok(())
}
