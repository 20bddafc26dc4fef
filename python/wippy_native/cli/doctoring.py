"""`doctor`: what this installation is, for a bug report."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

from .._border import BUILD, Engine, core_version
from .printing import data, data_json, remark


def print_report(*, as_json: bool) -> None:
    """Print versions, pool limits and the state of the compile cache."""
    report = _report()
    _warn_about_cache(report)
    if as_json:
        data_json(report)
        return
    width = max(map(len, report))
    for name, value in report.items():
        data(f"{name:{width}}  {value}")


def _warn_about_cache(report: dict[str, Any]) -> None:
    """Compiled code is native code, so a directory others could write to is neither read nor written."""
    directory = report.get("cache dir")
    if directory is not None and Path(directory).exists() and not report.get("cache private"):
        remark(f"warning: {directory} is not private, so compiled code is not kept; give it mode 0700 and its owner")


def _report() -> dict[str, Any]:
    build = {f"core {name}" if name in ("profile", "target") else name: value for name, value in BUILD.items()}
    engine = {name.replace("_", " "): value for name, value in Engine().info().items()}
    return {
        "wippy-native": core_version,
        "python": platform.python_version(),
        "platform": platform.platform(),
        **build,
        **engine,
    }
