"""`doctor`: what this installation is, for a bug report."""

from __future__ import annotations

import platform
from typing import Any

from .._border import BUILD, Engine, core_version
from .printing import data, data_json


def print_report(*, as_json: bool) -> None:
    """Print versions, pool limits and the state of the compile cache."""
    report = _report()
    if as_json:
        data_json(report)
        return
    width = max(map(len, report))
    for name, value in report.items():
        data(f"{name:{width}}  {value}")


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
