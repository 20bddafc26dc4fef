"""Preview 1 core modules under the same groups: F-17, H-4, H-5 as decided."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from support.guests import add_wat

from wippy_native import Function, GuestExit, GuestTrap, ImportDenied, RegistryError, Runtime

WIT = """
args-count: func() -> s32;
arg: func(index: u32) -> string;
env-count: func() -> s32;
env: func(index: u32) -> string;
preopens: func() -> s32;
preopen-name: func(fd: u32) -> string;
print: func(s: string) -> s32;
random: func() -> u64;
wall-ns: func() -> u64;
mono-ns: func() -> u64;
exit: func(code: u32);
"""
ALL = ("wasi:cli", "wasi:filesystem", "wasi:clocks", "wasi:random")


@pytest.fixture
def configured(rt: Runtime, tmp_path: Path) -> dict[str, Any]:
    """Everything an entry can configure."""
    rt.add_entry({"id": "app:fs", "kind": "fs.directory", "directory": str(tmp_path)})
    rt.add_entry({"id": "app:store", "kind": "env.storage.static", "values": {"KEY": "value"}})
    rt.add_entry({"id": "app:key", "kind": "env.variable", "variable": "KEY", "storage": "app:store"})
    return {
        "args": ["first", "second"],
        "env": [{"id": "app:key", "name": "KEY"}],
        "mounts": [{"fs": "app:fs", "guest": "/data"}],
    }


def method(rt: Runtime, name: str, imports: tuple[str, ...], wasi: dict[str, Any]) -> Function:
    return add_wat(rt, "core_p1", name, id=f"app:{name}", wit=WIT, imports=imports, wasi=wasi)


def test_with_every_group(rt: Runtime, configured: dict[str, Any]) -> None:
    """F-17: the wasi block reaches core modules."""

    def call(name: str, *arguments: object) -> Any:
        return method(rt, name, ALL, configured)(*arguments)

    assert (call("args-count"), call("arg", 0), call("arg", 1)) == (2, "first", "second")
    assert (call("env-count"), call("env", 0)) == (1, "KEY=value")
    assert (call("preopens"), call("preopen-name", 3)) == (1, "/data")
    assert abs(call("wall-ns") / 1e9 - time.time()) < 5
    assert call("mono-ns") < call("mono-ns") or call("mono-ns") > 0
    assert len({call("random") for _ in range(5)}) == 5


def test_each_group_opens_its_own_part(rt: Runtime, configured: dict[str, Any]) -> None:
    """F-17: groups decide here as they do for components."""
    for declared in (("wasi1",), *(("wasi1", group) for group in ALL), *((group,) for group in ALL)):

        def call(name: str, *arguments: object, declared: tuple[str, ...] = declared) -> Any:
            return method(rt, name, declared, configured)(*arguments)

        cli, files = "wasi:cli" in declared, "wasi:filesystem" in declared
        assert max(call("args-count"), 0) == (2 if cli else 0), declared
        assert max(call("env-count"), 0) == (1 if cli else 0), declared
        assert max(call("preopens"), 0) == (1 if files else 0), declared


def test_clocks_and_random_are_refused_with_an_errno(rt: Runtime) -> None:
    """F-17: the guest goes on and may handle it; this one gives up."""
    for name in ("random", "wall-ns", "mono-ns"):
        with pytest.raises(GuestTrap, match="unreachable") as caught:
            method(rt, name, ("wasi1", "wasi:cli", "wasi:filesystem"), {})()
        assert not isinstance(caught.value, ImportDenied)
    assert method(rt, "wall-ns", ("wasi:clocks",), {})() > 10**18
    assert len({method(rt, "random", ("wasi:random",), {})() for _ in range(5)}) == 5


def test_output_needs_wasi_cli(rt: Runtime, capfd: pytest.CaptureFixture[str]) -> None:
    """F-17, H-35."""
    heard: list[bytes] = []
    loud = method(rt, "print", ("wasi1", "wasi:cli"), {}).with_options(stdout=heard.append)
    assert loud("hello") == 5
    assert heard == [b"hello"]
    heard.clear()
    method(rt, "print", ("wasi1",), {}).with_options(stdout=heard.append)("hello")
    method(rt, "print", ("wasi1",), {}).with_options(stdout="inherit")("hello")
    assert heard == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("imports", [("wasi1",), ("wasi:cli",)])
def test_exit(rt: Runtime, imports: tuple[str, ...]) -> None:
    """H-33."""
    with pytest.raises(GuestExit) as caught:
        method(rt, "exit", imports, {})(3)
    assert caught.value.code == 3


@pytest.mark.parametrize("name", ["args-count", "print", "random", "exit"])
def test_without_any_declaration_calls_trap(rt: Runtime, name: str) -> None:
    """H-13: with the line to add."""
    arguments = {"print": ("x",), "exit": (1,)}.get(name, ())
    with pytest.raises(ImportDenied) as caught:
        method(rt, name, (), {})(*arguments)
    assert caught.value.interface == "wasi_snapshot_preview1"
    assert caught.value.group == "wasi1"
    assert "- wasi1" in str(caught.value)


@pytest.mark.parametrize("name", ["wasi1", "wasi-preview1", "preview1", "wasi_snapshot_preview1", "WASI1", " wasi1 "])
def test_names_of_preview_1(rt: Runtime, name: str) -> None:
    """H-4."""
    assert method(rt, "args-count", (name,), {})() == 0


@pytest.mark.parametrize("group", ["funcs", "wasi:http", "wasi:sockets"])
def test_groups_that_need_a_component(rt: Runtime, group: str) -> None:
    """H-5 as decided."""
    with pytest.raises(RegistryError, match="wasm host import requires component module"):
        method(rt, "args-count", (group,), {})


def test_unknown_functions_load_and_trap(rt: Runtime) -> None:
    """H-13: of preview 1, and of modules nobody knows."""
    source = (
        b"""(module (import "env" "mystery" (func $mystery)) (func (export "f") (call $mystery)) (func (export "g")))"""
    )
    wit = "f: func(); g: func();"
    assert rt.add_wasm("app:g", source, "g", wit=wit)() is None
    with pytest.raises(ImportDenied, match="env#mystery"):
        rt.add_wasm("app:f", source, "f", wit=wit)()


@pytest.mark.parametrize("kind", ["(memory 1)", "(global i32)", "(table 1 funcref)"])
def test_imports_that_are_no_functions_fail_the_load(rt: Runtime, kind: str) -> None:
    """H-11."""
    source = f'(module (import "env" "x" {kind}) (func (export "f")))'
    with pytest.raises(RegistryError, match="failed to compile wasm module: unresolved import"):
        rt.add_wasm("app:f", source.encode(), "f", wit="f: func();")


def test_an_import_of_another_type_than_preview_1_has(rt: Runtime) -> None:
    """H-16: an error at load, never a wrong call."""
    source = b'(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i64))) (func (export "f")))'
    with pytest.raises(RegistryError, match="failed to load wasm module"):
        rt.add_wasm("app:f", source, "f", wit="f: func();", imports=["wasi1"])


def test_reactors_are_initialized(rt: Runtime) -> None:
    """F-17: `_initialize` runs once in each fresh instance."""
    source = b"""(module (global $n (mut i32) (i32.const 0))
      (func (export "_initialize") (global.set $n (i32.add (global.get $n) (i32.const 1))))
      (func (export "f") (result i32) (global.get $n)))"""
    function = rt.add_wasm("app:f", source, "f", wit="f: func() -> s32;")
    assert [function(), function()] == [1, 1]
