"""A guest that works with files in mounts, one method a call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wippy_native import FunctionNotFound, Runtime

from .guests import add_hostuse

Mounted = tuple[Path, str] | tuple[Path, str, bool]
"""A host directory, where the guest sees it, and whether that is read-only."""


class FileGuest:
    """Calls methods of the guest `hostuse` that has these mounts; the results are `Ok` or `Err`."""

    def __init__(self, rt: Runtime, *mounts: Mounted, mode: str | None = None, **fields: Any) -> None:
        self.rt = rt
        self.fields = fields | {"wasi": {"mounts": [self._mount(index, mode, *m) for index, m in enumerate(mounts)]}}

    def __call__(self, method: str, *arguments: Any) -> Any:
        id = f"app:{method}"
        try:
            function = self.rt.function(id)
        except FunctionNotFound:
            function = add_hostuse(self.rt, method, id=id, **self.fields)
        return function.with_options(raise_err=False)(*arguments)  # type: ignore[union-attr]

    def _mount(self, index: int, mode: str | None, host: Path, guest: str, read_only: bool = False) -> dict[str, Any]:
        id = f"app:fs{index}"
        entry = {"id": id, "kind": "fs.directory", "directory": str(host)}
        self.rt.add_entry(entry | ({"mode": mode} if mode else {}))
        return {"fs": id, "guest": guest, "read_only": read_only}
