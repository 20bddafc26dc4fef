"""What adding, replacing and removing Lua entries does to those that import them: L-3, L-4, L-35, F-40.

The core is a fake: this is about which functions are prepared anew, and of what.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.fake_lua import FakeFunction, FakeTable, use_fakes

from wippy_native.catalog import Catalog
from wippy_native.config.kinds import parse_entry
from wippy_native.errors import ConfigError, RegistryError, WippyError
from wippy_native.installed import Installed
from wippy_native.limits import Limits
from wippy_native.prepare import Preparer
from wippy_native.registry import entry_from_mapping


class Registry:
    """Functions of a runtime without its core."""

    def __init__(self, root: Path) -> None:
        self.table: Any = FakeTable()
        nothing: Any = None
        preparer = Preparer(nothing, self.table, Catalog(root), Limits(), strict_imports=False)
        self.installed = Installed(self.table, preparer)

    def add(self, identity: str, kind: str, **fields: Any) -> None:
        entry = entry_from_mapping({"id": identity, "kind": kind, **fields})
        self.installed.install(entry, parse_entry(entry), None)

    def library(self, name: str, source: str = "return {}", **fields: Any) -> None:
        self.add(f"app:{name}", "library.lua", source=source, **fields)

    def function(self, name: str, source: str = "return {}", **fields: Any) -> FakeFunction:
        self.add(f"app:{name}", "function.lua", source=source, method="main", **fields)
        return self[name]

    def __getitem__(self, name: str) -> FakeFunction:
        function: Any = self.installed.callables[f"app:{name}"]
        assert self.table.added[f"app:{name}"] is function
        return function  # type: ignore[no-any-return]


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    use_fakes(monkeypatch)
    return Registry(tmp_path)


def test_a_replaced_library_reaches_all_that_import_it(registry: Registry) -> None:
    registry.library("a", "return 1")
    registry.library("b", imports={"a": "app:a"})
    registry.library("c", imports={"a": "app:a", "b": "b"})
    before = registry.function("f", imports={"c": "app:c"})
    other = registry.function("g")
    registry.library("a", "return 2")
    after = registry["f"]
    assert after is not before
    assert before.module.imports["c"].imports["b"].imports["a"].source == "return 1"
    c = after.module.imports["c"]
    assert c.imports["b"].imports["a"] is c.imports["a"]
    assert c.imports["a"].source == "return 2"
    assert registry["g"] is other


def test_a_broken_replacement_changes_nothing(registry: Registry) -> None:
    registry.library("a", "return 1")
    before = registry.function("f", imports={"a": "app:a"})
    with pytest.raises(ConfigError, match="P0001"):
        registry.library("a", "return !!")
    assert registry["f"] is before
    assert registry.installed.catalog.entries["app:a"].data["source"] == "return 1"


def test_a_removed_library_leaves_functions_as_they_are(registry: Registry) -> None:
    registry.library("a", "return 1")
    registry.library("b", imports={"a": "app:a"})
    before = registry.function("f", imports={"b": "app:b"})
    registry.installed.remove("app:a")
    assert registry["f"] is before
    registry.library("b", "return {2}", imports={})
    assert registry["f"].module.imports["b"].source == "return {2}"
    assert "app:a" not in registry.installed.lua.units


def test_what_stands_on_a_removed_library_can_be_prepared_anew(registry: Registry) -> None:
    registry.library("a", "return 1")
    registry.library("b")
    registry.function("f", imports={"a": "app:a", "b": "app:b"})
    registry.installed.remove("app:a")
    registry.library("b", "return {2}")
    assert registry["f"].module.imports["a"].source == "return 1"
    registry.library("a", "return 3")
    assert registry["f"].module.imports["a"].source == "return 3"
    registry.installed.remove("app:f")
    registry.installed.remove("app:a")
    registry.installed.remove("app:b")
    assert not registry.installed.lua.units
    assert not registry.installed.lua.prepared
    assert not registry.table.added


def test_a_removed_library_is_dropped_with_its_last_importer(registry: Registry) -> None:
    registry.library("a")
    registry.function("f", imports={"a": "app:a"})
    registry.installed.remove("app:a")
    assert "app:a" in registry.installed.lua.units
    registry.function("f")
    assert "app:a" not in registry.installed.lua.units


def test_an_entry_may_change_its_kind(registry: Registry) -> None:
    registry.function("f", "return 1")
    registry.function("g", imports={"f": "f"})
    registry.library("f", "return 2")
    assert "app:f" not in registry.installed.callables
    assert "app:f" not in registry.table.added
    assert registry["g"].module.imports["f"].source == "return 2"
    registry.add("app:f", "registry.entry")
    assert registry["g"].module.imports["f"].source == "return 2"
    registry.installed.remove("app:g")
    assert not registry.installed.lua.units


def test_cycles_and_missing_imports_are_refused(registry: Registry) -> None:
    with pytest.raises(RegistryError, match="unresolved dependencies after retry: app:b: import not found: app:a"):
        registry.library("b", imports={"a": "a"})
    registry.library("a")
    registry.library("b", imports={"a": "a"})
    with pytest.raises(ConfigError, match="adding dependency would create a cycle") as caught:
        registry.library("a", imports={"b": "b"})
    assert caught.value.kind == "Invalid"
    with pytest.raises(ConfigError, match="adding dependency would create a cycle"):
        registry.library("a", imports={"self": "a"})


def test_imports_are_bounded(registry: Registry) -> None:
    registry.library("l0")
    for number in range(1, 64):
        registry.library(f"l{number}", imports={"l": f"l{number - 1}"})
    with pytest.raises(ConfigError, match="imports are more than 64 entries deep"):
        registry.library("l64", imports={"l": "l63"})


def test_modules_of_libraries_count(registry: Registry, tmp_path: Path) -> None:
    registry.add("app:dir", "fs.directory", directory=".", mode="0555")
    registry.library("a", modules=["fs", "env"])
    function = registry.function("f", imports={"a": "a"})
    assert function.spec["filesystems"] == [("app:dir", str(tmp_path), True, False)]
    assert {"getenv", "setenv", "all_env"} <= function.spec.keys()
    plain = registry.function("g")
    assert plain.spec["filesystems"] == []
    assert "getenv" not in plain.spec


def test_directories_that_change_reach_functions_that_see_them(registry: Registry, tmp_path: Path) -> None:
    function, other = registry.function("f", modules=["fs"]), registry.function("g")
    registry.add("app:dir", "fs.directory", directory=".")
    assert [found[0] for found in registry["f"].spec["filesystems"]] == ["app:dir"]
    assert registry["f"] is not function
    assert registry["g"] is other
    registry.installed.remove("app:dir")
    assert registry["f"].spec["filesystems"] == []


def test_the_environment_is_that_of_the_registry(registry: Registry) -> None:
    registry.add("app:store", "env.storage.memory")
    registry.add("app:name", "env.variable", storage="app:store", default="x")
    registry.add("app:public", "env.variable", storage="app:store", variable="PUBLIC", default="y")
    registry.add("app:fixed", "env.variable", storage="app:store", default="z", readonly=True)
    spec = registry.function("f", modules=["env"]).spec
    assert [spec["getenv"](name) for name in ("name", "app:name", "PUBLIC", "public")] == ["x", "x", "y", "y"]
    spec["setenv"]("name", "new")
    assert spec["all_env"]() == {"app:name": "new", "PUBLIC": "y", "app:fixed": "z"}
    for call, kind in (
        (lambda: spec["getenv"]("nope"), "NotFound"),
        (lambda: spec["setenv"]("nope", "v"), "NotFound"),
        (lambda: spec["getenv"](""), "NotFound"),
        (lambda: spec["setenv"]("fixed", "v"), "PermissionDenied"),
    ):
        with pytest.raises(WippyError) as caught:
            call()
        assert caught.value.kind == kind  # type: ignore[attr-defined]


def test_an_unknown_pool_is_found_when_it_is_made(registry: Registry) -> None:
    with pytest.raises(ConfigError, match="operation failed for entry app:f: unknown pool type: fast"):
        registry.function("f", pool={"type": "fast"})
    assert registry.function("f", pool={"type": "fast", "worker_class": "x"}).spec["capacity"] == 100
    spec = registry.function("f", pool={"type": "static", "size": 3}, limits={"max_memory_bytes": 5000}).spec
    assert (spec["capacity"], spec["inline"], spec["max_memory_bytes"]) == (3, False, 5000)
