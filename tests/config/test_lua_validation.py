"""Every validation text of 04 §1, with the place it is reported at, and their order: F-2, F-3, R-21."""

from __future__ import annotations

from pathlib import Path

import pytest
from config.test_validation_texts import F2, F3, only_problem, problems
from conftest import WriteProject

from wippy_native.catalog import Catalog
from wippy_native.config.kinds import parse_entry, unknown_fields
from wippy_native.config.lua import LuaFunctionConfig, LuaLibraryConfig
from wippy_native.errors import ConfigError
from wippy_native.registry import entry_from_mapping, read_registry

LUA = "name: f, kind: function.lua, source: return 1, method: run"
LIBRARY = "name: f, kind: library.lua, source: return 1"

INVALID = [
    ("name: f, kind: function.lua", "", "source is required"),
    ("name: f, kind: function.lua, source: ' ', method: run", "' '", "source is required"),
    ("name: f, kind: function.lua, source: return 1", "", "method is required"),
    ("name: f, kind: function.lua, source: return 1, method: ''", "''", "method is required"),
    ("name: f, kind: library.lua", "", "source is required"),
    (f"{LUA}, modules: [json, '']", "'']", "module cannot be empty"),
    (f"{LUA}, modules: [json, null]", "null", "module cannot be empty"),
    (f"{LIBRARY}, modules: ['']", "'']", "module cannot be empty"),
    (f"{LUA}, modules: ['app:lib']", "'app:lib'", "module cannot have a namespace"),
    (f"{LIBRARY}, modules: [{{ns: app, name: lib}}]", "{ns", "module cannot have a namespace"),
    (f"{LUA}, imports: {{'': 'app:lib'}}", "'app:lib'", "import alias cannot be empty"),
    (f"{LUA}, imports: {{' ': 'app:lib'}}", "'app:lib'", "import alias cannot be empty"),
    (f"{LIBRARY}, imports: {{lib: ''}}", "''}", "import :name cannot be empty"),
    (f"{LUA}, imports: {{lib: 'app:'}}", "'app:'", "import :name cannot be empty"),
    (f"{LUA}, imports: {{lib: null}}", "null", "import :name cannot be empty"),
    (f"{LUA}, pool: {{size: -1}}", "-1", "pool values cannot be negative"),
    (f"{LUA}, pool: {{workers: 2}}", "2}", "pool.size must be greater than 0 for non-flex pools"),
    (f"{LUA}, limits: {{max_execution_ms: -1}}", "-1", "limits.max_execution_ms cannot be negative"),
    # source, method, pool, imports, modules, then limits
    ("name: f, kind: function.lua, pool: {size: -1}", "", "source is required"),
    ("name: f, kind: function.lua, source: return 1, pool: {size: -1}", "", "method is required"),
    (f"{LUA}, modules: [''], imports: {{a: ''}}, pool: {{size: -1}}", "-1", "pool values cannot be negative"),
    (f"{LUA}, modules: [''], imports: {{a: ''}}", "''}", "import :name cannot be empty"),
    (f"{LUA}, limits: {{max_memory_bytes: -1}}, modules: ['']", "'']", "module cannot be empty"),
]
WRONG_TYPES = [
    ("name: f, kind: function.lua, source: 5, method: run", "5", "source: expected string, got integer 5"),
    (f"{LUA}, modules: json", "json", "modules: expected list, got string 'json'"),
    (f"{LUA}, modules: [5]", "5]", "modules[0]: expected id (string or map), got integer"),
    (f"{LUA}, imports: ['app:lib']", "imports", "imports: expected map, got list"),
    (f"{LIBRARY}, imports: {{lib: 5}}", "5}", "imports.lib: expected id (string or map), got integer"),
    (f"{LUA}, pool: {{size: many}}", "many", "pool.size: expected integer, got string 'many'"),
]


@pytest.mark.parametrize(("entry", "marker", "text"), INVALID)
def test_invalid(tmp_path: Path, entry: str, marker: str, text: str) -> None:
    kind = "library.lua" if "library.lua" in entry else "function.lua"
    assert only_problem(tmp_path, entry, marker).message == F2.format(kind=kind, text=text)


@pytest.mark.parametrize(("entry", "marker", "text"), WRONG_TYPES)
def test_wrong_type(tmp_path: Path, entry: str, marker: str, text: str) -> None:
    kind = "library.lua" if "library.lua" in entry else "function.lua"
    inner = "failed to unpack lua config: "
    assert only_problem(tmp_path, entry, marker).message == F3.format(kind=kind, inner=inner, text=text)


@pytest.mark.parametrize(
    "entry",
    [
        LUA,
        f"{LUA}, modules: [json, json, process, sql, unheard_of]",
        f"{LUA}, pool: {{type: unheard_of}}",
        f"{LUA}, anything: else",
        LIBRARY,
        f"{LIBRARY}, method: 5, pool: 5, modules: null, imports: null",
    ],
)
def test_valid(tmp_path: Path, entry: str) -> None:
    assert problems(tmp_path, entry) == []


def test_what_is_read() -> None:
    config = parse_entry(
        entry_from_mapping(
            {
                "id": "app.api:f",
                "kind": "function.lua",
                "source": "return 1",
                "method": "main",
                "modules": ["json", " time ", "json"],
                "imports": {"a": "lib", "b": "other:lib", "c": {"ns": "x", "name": "y"}},
                "pool": {"size": 2, "workers": 2},
                "limits": {"max_memory_bytes": 5},
                "network": {"allow": ["https://example.com"]},
            }
        )
    )
    assert isinstance(config, LuaFunctionConfig)
    assert config.modules == ("json", "time")
    assert config.imports == (("a", "app.api:lib"), ("b", "other:lib"), ("c", "x:y"))
    assert (config.method, config.pool.capacity, config.limits) == ("main", 2, {"max_memory_bytes": 5})
    assert config.network.allow == ("https://example.com",)


def test_aliases_are_texts() -> None:
    entry = {"id": "app:f", "kind": "library.lua", "source": "return 1", "imports": {1: "app:x"}}
    with pytest.raises(ConfigError, match="imports: expected string as alias, got integer"):
        parse_entry(entry_from_mapping(entry))


def test_unknown_fields_are_told() -> None:
    data = {"source": "return 1", "method": "m", "modles": [], "pool": {"tipe": "x"}, "limits": {"max_memory": 1}}
    function = entry_from_mapping({"id": "app:f", "kind": "function.lua", "data": data})
    library = entry_from_mapping({"id": "app:f", "kind": "library.lua", "data": {"source": "x", "method": "m"}})
    assert [path for path, _ in unknown_fields(function)] == [("modles",), ("pool", "tipe"), ("limits", "max_memory")]
    assert [path for path, _ in unknown_fields(library)] == [("method",)]


GRAPH = """\
  - {name: a, kind: library.lua, source: return 1, imports: {x: b, ok: ok}}
  - {name: b, kind: library.lua, source: return 1, imports: {y: c}}
  - {name: c, kind: library.lua, source: return 1, imports: {z: a}}
  - {name: on, kind: function.lua, source: return 1, method: m, imports: {a: a}}
  - {name: self, kind: library.lua, source: return 1, imports: {me: self}}
  - {name: ok, kind: library.lua, source: return 1}
  - {name: gone, kind: library.lua, source: return 1, imports: {n: okk}}
  - {name: wrong, kind: library.lua, source: return 1, imports: {d: dir}}
  - {name: dir, kind: fs.directory, directory: .}
  - {name: fine, kind: function.lua, source: return 1, method: m, imports: {ok: ok, other: fn}}
  - {name: fn, kind: function.lua, source: return 1, method: m}
"""


def test_references(project: WriteProject) -> None:
    """A cycle is one problem, at the import that leads into it; what only stands on one has none. L-4, R-35."""
    root = project(GRAPH)
    catalog = Catalog(root)
    failures = catalog.load(read_registry(root).entries.values())
    found = {failure.entry: failure.errors[0] for failure in failures}
    assert set(found) == {"app:a", "app:self", "app:gone", "app:wrong"}
    assert found["app:a"].message == F2.format(
        kind="library.lua", text="adding dependency would create a cycle"
    ).replace("app:f", "app:a")
    assert found["app:a"].hint == "remove one of app:a -> app:b -> app:c -> app:a"
    assert (found["app:a"].line, found["app:a"].column) == (3, 1 + GRAPH.splitlines()[0].index("b, ok"))
    assert found["app:gone"].message == "unresolved dependencies after retry: app:gone: import not found: app:okk"
    assert found["app:gone"].hint == 'did you mean "app:ok"?'
    assert (
        found["app:wrong"].hint == "app:dir is of kind fs.directory; name an entry of kind library.lua or function.lua"
    )
    assert set(catalog.configs) == {"app:ok", "app:dir", "app:fine", "app:fn"}
    assert [config.entry.id for config in catalog.lua()].index("app:fn") < 2


def test_long_chains_load_without_recursion(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    entries = [
        entry_from_mapping(
            {
                "id": f"app:l{n}",
                "kind": "library.lua",
                "source": "return 1",
                "imports": {"l": f"l{n + 1}"} if n < 3000 else {},
            }
        )
        for n in range(3001)
    ]
    (failure,) = catalog.load(entries)
    assert "imports are more than 64 entries deep" in str(failure)
    assert failure.entry == f"app:l{3000 - 64}"
    assert isinstance(catalog.configs["app:l2999"], LuaLibraryConfig)
    assert "app:l0" not in catalog.configs
