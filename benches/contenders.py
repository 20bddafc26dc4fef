"""The same call as each contender makes it: ours, wasmtime-py (one instance kept, or a fresh one a call), extism.

A contender is set up once, outside the measurement, as well as its documentation allows: one engine and one compiled
component for all calls, one linker. What it does in a call is what a user would have to do in each.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import extism
import wasmtime
from extism.extism import CompiledPlugin
from wasmtime import component as components

import wippy_native as wippy

ROOT = Path(__file__).resolve().parent.parent
GUESTS = ROOT / "tests" / "guests"
OWN_GUESTS = ROOT / "benches" / "guests"

ALL_GROUPS = ("funcs", "wasi:cli", "wasi:io", "wasi:poll", "wasi:clocks", "wasi:filesystem", "wasi:random")
FUNCS = "wippy:runtime/funcs@0.1.0"
ENV = {"GUEST_MODE": "bench"}
ARGS = ("one", "two")

Call = Callable[..., Any]


class Ours:
    """A runtime whose entries are added as a test needs them."""

    def __init__(self, cache: Path) -> None:
        self.runtime = wippy.Runtime(cache_dir=cache)
        self._names = 0

    def function(self, guest: Path, method: str, **options: Any) -> Call:
        self._names += 1
        return self.runtime.add_wasm(f"bench:f{self._names}", guest, method, **options)

    def with_all_groups(self, guest: Path, method: str, mount: Path) -> Call:
        """The function with every group declared, and env, args and one mount configured."""
        for name, value in ENV.items():
            self.runtime.add_entry({"id": "bench:env", "kind": "env.storage.memory"})
            self.runtime.add_entry(
                {
                    "id": f"bench:{name}",
                    "kind": "env.variable",
                    "storage": "bench:env",
                    "variable": name,
                    "default": value,
                }
            )
        self.runtime.add_entry({"id": "bench:data", "kind": "fs.directory", "directory": str(mount)})
        wasi = {
            "args": list(ARGS),
            "env": [{"id": f"bench:{name}", "name": name} for name in ENV],
            "mounts": [{"fs": "bench:data", "guest": "/data"}],
        }
        return self.function(guest, method, imports=ALL_GROUPS, wasi=wasi)


class WasmtimePy:
    """wasmtime-py with its component API."""

    def __init__(self, cache: Path) -> None:
        self.engine = wasmtime.Engine()
        self._cache = cache

    def component(self, guest: Path) -> components.Component:
        """Compile a guest, or load what an earlier run compiled."""
        source = guest.read_bytes()
        cached = self._cache / f"wasmtime-py-{version('wasmtime')}-{hashlib.sha256(source).hexdigest()}.cwasm"
        if cached.exists():
            return components.Component.deserialize_file(self.engine, str(cached))
        component = components.Component(self.engine, source if guest.suffix == ".wasm" else source.decode())
        cached.write_bytes(component.serialize())
        return component

    def linker(self, *, wasi: bool, callee: Call | None = None) -> components.Linker:
        """A linker with nothing, or all of WASI; `callee` answers both functions of `funcs`."""
        linker = components.Linker(self.engine)
        if wasi:
            linker.add_wasip2()
        if callee is not None:
            with linker.root() as root, root.add_instance(FUNCS) as funcs:
                for name in ("call-string", "call-bytes"):
                    funcs.add_func(name, lambda _store, target, value: components.Variant("ok", callee(target, value)))
        return linker

    def store(self, *, wasi: bool, mount: Path | None = None) -> wasmtime.Store:
        store = wasmtime.Store(self.engine)
        if wasi:
            config = wasmtime.WasiConfig()
            if mount is not None:
                config.argv = list(ARGS)
                config.env = list(ENV.items())
                config.preopen_dir(str(mount), "/data")
            store.set_wasi(config)
        return store

    def fresh(
        self, guest: Path, method: str, *, wasi: bool = False, mount: Path | None = None, callee: Call | None = None
    ) -> Call:
        component, linker = self.component(guest), self.linker(wasi=wasi, callee=callee)
        index = component.get_export_index(method)
        if index is None:
            raise LookupError(f"{guest.name} has no export {method}")

        def call(*args: Any) -> Any:
            store = self.store(wasi=wasi, mount=mount)
            function = linker.instantiate(store, component).get_func(store, index)
            if function is None:
                raise LookupError(method)
            return function(store, *args)

        return call

    def warm(self, guest: Path, method: str, *, wasi: bool = False, callee: Call | None = None) -> Call:
        component, linker = self.component(guest), self.linker(wasi=wasi, callee=callee)
        store = self.store(wasi=wasi)
        function = linker.instantiate(store, component).get_func(store, method)
        if function is None:
            raise LookupError(f"{guest.name} has no export {method}")

        def call(*args: Any) -> Any:
            return function(store, *args)

        return call


class Extism:
    """extism with a plugin made by hand for its kernel."""

    def __init__(self) -> None:
        text = (OWN_GUESTS / "extism_echo.wat").read_text(encoding="utf-8")
        self._manifest = {"wasm": [{"data": bytes(wasmtime.wat2wasm(text))}]}

    def warm(self) -> Call:
        """The plugin kept: its memory is reset between calls, its instance is not."""
        plugin = extism.Plugin(self._manifest)
        return lambda value: plugin.call("echo", value)

    def fresh(self) -> Call:
        """A new instance of the plugin compiled once."""
        compiled = CompiledPlugin(self._manifest)
        return lambda value: extism.Plugin(compiled).call("echo", value)


def cache_directory() -> Path:
    """Where compiled guests are kept between runs: `WIPPY_BENCH_CACHE`, which `run.py` sets."""
    directory = Path(os.environ.get("WIPPY_BENCH_CACHE", ROOT / "target" / "bench-cache"))
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return directory
