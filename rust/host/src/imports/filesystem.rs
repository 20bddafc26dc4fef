//! `wasi:filesystem`: directories of the host, mounted at paths of the guest (H-50 to H-57).
//!
//! Every path a guest names is resolved below the mount's directory handle, link by link, by the operating system
//! (`openat2` where it exists) or by cap-std's walk. `..`, absolute paths and symbolic links cannot leave it.

use std::path::PathBuf;
use std::sync::OnceLock;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, Descriptor, DescriptorFlags, DescriptorType, ErrorCode, HostDescriptor as _, OpenFlags, PathFlags,
};
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
        guard_open(linker)?;
    }
    if wanted.has("wasi:filesystem/preopens") {
        preopens::add_to_linker::<State, WasiFilesystem>(linker, State::filesystem)?;
    }
    Ok(())
}

/// Opening a named pipe waits until its other end is opened, and reading a device may wait for ever: no deadline would
/// reach a thread that does. Guests cannot make such files, but a mounted directory may hold them. So only what is a
/// file, a directory or a link is opened, which takes one more question to the system.
fn guard_open(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut instance = linker.instance(TYPES)?;
    instance.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store: StoreContextMut<'_, State>, (dir, path_flags, path, open_flags, flags): OpenAt| {
            Box::new(async move {
                let mut host = store.data_mut().filesystem();
                let stat = host.stat_at(Resource::new_borrow(dir.rep()), path_flags, path.clone()).await;
                if let Ok(stat) = stat
                    && may_wait(stat.type_)
                {
                    return Ok((Err(ErrorCode::NotPermitted),));
                }
                match host.open_at(dir, path_flags, path, open_flags, flags).await {
                    Ok(opened) => Ok((Ok(opened),)),
                    Err(error) => Ok((Err(error.downcast()?),)),
                }
            })
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The version the library's bindings are made for; the linker serves every other 0.2 from it.
const TYPES: &str = "wasi:filesystem/types@0.2.12";

type OpenAt = (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags);

fn may_wait(ty: DescriptorType) -> bool {
    !matches!(ty, DescriptorType::RegularFile | DescriptorType::Directory | DescriptorType::SymbolicLink)
}

/// Opens the mounts, which are sorted by guest path (H-50).
///
/// `on_this_thread`: file operations run where the guest runs, since a call has its thread for itself and the detour
/// over another one costs 10 us and more. It needs `guard_open`, which preview 1 does not go through.
pub fn prepare(
    builder: &mut WasiCtxBuilder,
    mounts: &[Mount],
    on_this_thread: bool,
    read_only: bool,
) -> Result<(), Failure> {
    builder.allow_blocking_current_thread(on_this_thread);
    for Mount { host, guest, writable } in mounts {
        let permissions = if *writable && !read_only { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
        builder.preopened_dir(host, guest, permissions).map_err(|error| {
            let error = error.root_cause();
            let text = format!("wasi.mounts: cannot open the directory mounted at {guest}: {error}");
            Failure::new(What::Load, text)
        })?;
    }
    Ok(())
}

/// What one instance may hold open: files, streams and pollables together. A guest that opens without end must not take
/// the file descriptors of the process.
pub fn most_handles() -> usize {
    static MOST: OnceLock<usize> = OnceLock::new();
    *MOST.get_or_init(|| (descriptors() / 4).clamp(16, 1024))
}

/// Files that the process may have open.
#[cfg(unix)]
pub fn descriptors() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: writes into `limit`.
    match unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } {
        0 => usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX),
        _ => usize::MAX,
    }
}

#[cfg(not(unix))]
pub fn descriptors() -> usize {
    usize::MAX
}
