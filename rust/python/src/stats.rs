//! The counts of calls for Python, and what the errors among them are called there.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use wippy_host::function::Function;
use wippy_host::stats::{Kind, Snapshot};

/// The exception that an error of this kind is raised as (`errors::raise`); "other" for those of Python code.
fn exception(kind: Kind) -> &'static str {
    match kind {
        Kind::Load => "RegistryError",
        Kind::Method => "FunctionNotFound",
        Kind::Trap => "GuestTrap",
        Kind::Denied => "ImportDenied",
        Kind::Exit => "GuestExit",
        Kind::Limit => "LimitExceeded",
        Kind::Closed => "PoolClosed",
        Kind::Conflict | Kind::Forked => "WippyError",
        Kind::Cancelled => "Cancelled",
        Kind::Aborted => "other",
        Kind::Internal => "InternalError",
        Kind::Argument => "ArgumentError",
        Kind::Guest => "GuestError",
        Kind::Raised => "LuaError",
    }
}

/// Counts an error that arose on this side of the border, before the call or after it.
pub fn count(py: Python<'_>, function: &Function, error: &PyErr) {
    let name = error.get_type(py).name().map(|name| name.to_string_lossy().into_owned());
    let kind = Kind::ALL.into_iter().find(|kind| name.as_ref().is_ok_and(|name| name == exception(*kind)));
    function.stats.count_error(kind.unwrap_or(Kind::Aborted));
}

/// `_core.Table.stats` describes it.
pub fn as_dict<'py>(py: Python<'py>, snapshot: &Snapshot) -> PyResult<Bound<'py, PyDict>> {
    let errors = PyDict::new(py);
    for (kind, count) in &snapshot.errors {
        let name = exception(*kind);
        let before = errors.get_item(name)?.map_or(Ok(0), |before| before.extract::<u64>())?;
        errors.set_item(name, before + count)?;
    }
    let seconds = |ticks: f64| ticks * snapshot.seconds_per_tick;
    let ended = &snapshot.ended;
    let buckets: Vec<_> = ended.buckets.iter().map(|(middle, count)| (seconds(*middle), *count)).collect();
    let all = PyDict::new(py);
    all.set_item("started", snapshot.started)?;
    all.set_item("finished", snapshot.finished)?;
    all.set_item("queued", snapshot.queued)?;
    all.set_item("instances", snapshot.instances)?;
    all.set_item("memory", snapshot.most_memory)?;
    all.set_item("errors", errors)?;
    all.set_item("slowest", seconds(ended.max as f64))?;
    all.set_item("buckets", if snapshot.is_timed { buckets } else { Vec::new() })?;
    Ok(all)
}
