//! `_core.Engine`: where compiled code is cached, and what the process's engine is like.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use wippy_host::cache::Cache;
use wippy_host::engine::Shared;

use crate::errors::raise;
use crate::hooks::{notice_faulthandler, notice_main_thread};

#[pyclass(frozen, module = "wippy_native._core")]
pub struct Engine {
    pub cache: Option<Cache>,
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (*, cache_dir=None))]
    fn new(py: Python<'_>, cache_dir: Option<PathBuf>) -> PyResult<Self> {
        py.detach(Shared::get).map_err(|failure| raise(py, failure, None))?;
        notice_faulthandler(py)?;
        notice_main_thread(py)?;
        Ok(Engine { cache: cache_dir.or_else(default_cache).map(Cache::new) })
    }

    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let shared = py.detach(Shared::get).map_err(|failure| raise(py, failure, None))?;
        let info = PyDict::new(py);
        info.set_item("allocator", shared.allocation.strategy)?;
        info.set_item("max_instances", shared.allocation.instances)?;
        info.set_item("free_instances", shared.permits.free())?;
        info.set_item("max_instances_reason", shared.allocation.reason.as_deref())?;
        info.set_item("io_threads", shared.tokio.metrics().num_workers())?;
        info.set_item("pagemap_scan", shared.allocation.pagemap_scan)?;
        info.set_item("keep_resident_bytes", shared.allocation.keep_resident)?;
        info.set_item("table_keep_resident_bytes", shared.allocation.table_keep_resident)?;
        info.set_item("keep_resident_bound_bytes", shared.allocation.keep_resident_bound)?;
        if let Some(cache) = &self.cache {
            let (files, bytes) = cache.usage();
            info.set_item("cache_dir", cache.directory())?;
            info.set_item("cache_private", cache.is_private())?;
            info.set_item("cache_files", files)?;
            info.set_item("cache_bytes", bytes)?;
        }
        Ok(info)
    }
}

/// The user's cache directory, by the platform's custom; none where it cannot be told.
fn default_cache() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else if cfg!(target_vendor = "apple") {
        variable("HOME").map(|home| home.join("Library/Caches"))
    } else {
        variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")))
    };
    base.filter(|base| base.is_absolute()).map(|base| base.join("wippy_native").join("modules"))
}
