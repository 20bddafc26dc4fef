"""`add_wasm`, `add_entry` and `register`: wrong arguments, and adding from many threads; F-40, R-21."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from conftest import MakeRuntime
from guest_files import GUESTS, wat

from wippy_native import ConfigError, FunctionNotFound, Limits, PoolClosed, RegistryError, Runtime
from wippy_native import prepare as prepare_module
from wippy_native.hashing import hash_text

ADD, UNDECLARED = wat("add"), wat("undeclared")


@pytest.mark.parametrize(
    ("fields", "error", "text"),
    [
        ({"imports": "wasi:cli"}, TypeError, r"write imports=\['wasi:cli'\]"),
        ({"imports": None}, TypeError, "expected a list of groups, got NoneType"),
        ({"imports": {"wasi:cli": True}}, TypeError, "expected a list of groups, got dict"),
        ({"imports": ["wasi:cly"]}, ConfigError, 'did you mean "wasi:cli"'),
        ({"pool": {"typ": "inline"}}, ConfigError, r'unknown field pool.typ\n  hint: did you mean "type"'),
        (
            {"limits": {"max_execution": 5}},
            ConfigError,
            r'limits.max_execution\n  hint: did you mean "max_execution_ms"',
        ),
        ({"limits": {"timeout": 5}}, ConfigError, "unknown field limits.timeout$"),
        ({"wasi": {"arg": []}}, ConfigError, r'wasi.arg\n  hint: did you mean "args"'),
        (
            {"wasi": {"mounts": [{"fs": "x", "guest": "/x", "readonly": True}]}},
            ConfigError,
            r'wasi.mounts\[0\].readonly\n  hint: did you mean "read_only"',
        ),
        ({"meta": 5}, RegistryError, "meta: expected map, got integer"),
    ],
)
def test_wrong_fields(rt: Runtime, fields: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        rt.add_wasm("app:f", ADD, "add", **fields)
    with pytest.raises(FunctionNotFound):
        rt.function("app:f")


def test_groups_from_any_iterable(rt: Runtime) -> None:
    assert rt.add_wasm("app:f", UNDECLARED, "run", imports=(group for group in ["wasi:cli"]))() == 0


def test_strict_imports(rt: Runtime) -> None:
    """H-14: for one function; others stay as they are."""
    with pytest.raises(RegistryError, match=r"wasi:cli/environment@0.2.3#get-arguments"):
        rt.add_wasm("app:f", UNDECLARED, "fine", strict_imports=True)
    assert rt.add_wasm("app:f", UNDECLARED, "fine", strict_imports=True, imports=["wasi:cli"])() == 42
    assert rt.add_wasm("app:g", UNDECLARED, "fine")() == 42


def test_a_path_that_cannot_be(rt: Runtime) -> None:
    with pytest.raises(RegistryError, match=r"failed to open file: .*null byte"):
        rt.add_wasm("app:f", "a\0b", "add")


def test_what_cannot_be_registered(rt: Runtime) -> None:
    with pytest.raises(TypeError, match=r"register\('app:x'\): expected a function, got int"):
        rt.register("app:x")(5)  # type: ignore[type-var]
    with pytest.raises(TypeError, match=r'write @rt.register\("namespace:name"\)'):
        rt.register(lambda: None)  # type: ignore[arg-type]


def test_what_is_no_entry(rt: Runtime) -> None:
    with pytest.raises(TypeError, match="expected an entry as a mapping, got NoneType"):
        rt.add_entry(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["call", "function", "remove"])
def test_what_is_no_id(rt: Runtime, name: str) -> None:
    with pytest.raises(TypeError, match="expected the id of a function, got int"):
        getattr(rt, name)(5)


@pytest.mark.parametrize(
    ("options", "text"), [({"limits": {}}, r"expected Limits\(...\), got dict"), ({"authorize": 5}, "got int")]
)
def test_what_is_no_option(options: dict[str, Any], text: str) -> None:
    with pytest.raises(TypeError, match=text):
        Runtime(**options)


def test_a_wrong_time_to_wait_closes_nothing(rt: Runtime) -> None:
    rt.add_wasm("app:f", ADD, "add")
    with pytest.raises(ValueError, match="wait=-1"):
        rt.close(-1)
    assert rt.call("app:f", 1, 2) == 3


class SlowModule:
    """The core's compiler, as slow as for a large module."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.started, self.go, self.compiled = threading.Event(), threading.Event(), 0
        self._real = prepare_module.Module
        monkeypatch.setattr(prepare_module, "Module", self)

    def __call__(self, *args: Any, **options: Any) -> Any:
        self.compiled += 1
        self.started.set()
        assert self.go.wait(30)
        return self._real(*args, **options)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> SlowModule:
    return SlowModule(monkeypatch)


def test_compiling_holds_nobody_up(rt: Runtime, slow: SlowModule) -> None:
    with ThreadPoolExecutor(1) as pool:
        adding = pool.submit(rt.add_wasm, "app:f", ADD, "add")
        assert slow.started.wait(30)
        rt.register("app:g")(lambda text: text)
        rt.add_entry({"id": "app:e", "kind": "env.storage.memory"})
        rt.remove("app:g")
        assert not adding.done()
        slow.go.set()
        assert adding.result()(1, 2) == 3


def test_the_same_module_is_compiled_once(rt: Runtime, slow: SlowModule) -> None:
    with ThreadPoolExecutor(8) as pool:
        adding = [pool.submit(rt.add_wasm, f"app:f{number}", ADD, "add") for number in range(8)]
        assert slow.started.wait(30)
        time.sleep(0.05)
        slow.go.set()
        assert [function.result()(1, 2) for function in adding] == [3] * 8
    assert slow.compiled == 1
    for number in range(8):
        rt.remove(f"app:f{number}")
    rt.add_wasm("app:f", ADD, "add")
    assert slow.compiled == 2  # it went with the last function made of it


def test_what_changes_meanwhile_is_seen(rt: Runtime, slow: SlowModule) -> None:
    """The entry is checked again when its module is ready."""
    guests = GUESTS / "built"
    rt.add_entry({"id": "app:d", "kind": "fs.directory", "directory": str(guests)})
    digest = hash_text((guests / "textstat.wasm").read_bytes())
    entry = {
        "id": "app:f", "kind": "function.wasm", "fs": "app:d", "path": "textstat.wasm", "hash": digest,
        "method": "grep",
    }  # fmt: skip
    with ThreadPoolExecutor(1) as pool:
        adding = pool.submit(rt.add_entry, entry)
        assert slow.started.wait(30)
        rt.remove("app:d")
        slow.go.set()
        with pytest.raises(RegistryError, match="filesystem not found: app:d"):
            adding.result()


def test_closing_meanwhile(make_runtime: MakeRuntime, slow: SlowModule) -> None:
    rt = make_runtime(limits=Limits())
    with ThreadPoolExecutor(1) as pool:
        adding = pool.submit(rt.add_wasm, "app:f", ADD, "add")
        assert slow.started.wait(30)
        rt.close()
        slow.go.set()
        with pytest.raises(PoolClosed):
            adding.result()


def test_a_bad_module_is_reported_by_each_entry_that_has_it(rt: Runtime, slow: SlowModule) -> None:
    with ThreadPoolExecutor(2) as pool:
        adding = [pool.submit(rt.add_wasm, f"app:f{number}", b"no", "f") for number in range(2)]
        assert slow.started.wait(30)
        slow.go.set()
        assert sorted(str(function.exception()).split()[4] for function in adding) == ["app:f0:", "app:f1:"]
