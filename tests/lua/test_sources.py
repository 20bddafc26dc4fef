"""Where errors of Lua sources point: at the Lua file, or at the line of the definition file; C-16, C-17, L-3, R-18."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fake_lua import use_fakes

from wippy_native.check import check_project
from wippy_native.config.lua import parse_lua_library
from wippy_native.lua.source import Place, place_of
from wippy_native.problems import Problem
from wippy_native.registry import entry_from_mapping, read_registry

FILE = """\
namespace: app.é
entries:
  - name: block
    kind: library.lua
    source: |
      return 1
  - name: indented
    kind: library.lua
    source: |2

          local x = 1
      return 1
  - name: commented
    kind: library.lua
    source: |+  # the source

      return 1
  - {name: one, kind: library.lua, source: return 1}
  - {name: quoted, kind: library.lua, source: "return\\n1"}
  - name: folded
    kind: library.lua
    source: >
      return
      1
  - {name: file, kind: library.lua, source: "file://deep/x.lua"}
  - {name: root, kind: library.lua, source: "file:///y.lua"}
"""


def places(root: Path, source: Path) -> dict[str, Place]:
    source.mkdir(exist_ok=True)
    (source / "sub" / "deep").mkdir(parents=True)
    (source / "sub" / "deep" / "x.lua").write_text("return 1")
    (source / "y.lua").write_text("return 1")
    (source / "sub" / "a.yaml").write_text(FILE, encoding="utf-8")
    entries = read_registry(root).entries.values()
    return {entry.parsed_id.name: place_of(parse_lua_library(entry), root) for entry in entries}


def test_places(tmp_path: Path) -> None:
    yaml = str(tmp_path / "sub" / "a.yaml")
    assert places(tmp_path, tmp_path) == {
        "block": Place("sub/a.yaml", 6, yaml, 6),
        "indented": Place("sub/a.yaml", 10, yaml, 6),
        "commented": Place("sub/a.yaml", 16, yaml, 6),
        "one": Place("sub/a.yaml", 18, yaml, FILE.splitlines()[17].index("return")),
        "quoted": Place("app.é:quoted"),
        "folded": Place("app.é:folded"),
        "file": Place("sub/deep/x.lua", 1, str(tmp_path / "sub/deep/x.lua")),
        "root": Place("y.lua", 1, str(tmp_path / "y.lua")),
    }


def test_places_are_told_from_the_root_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "wippy.lock").write_text("directories: {src: ./src}")
    found = places(tmp_path, tmp_path / "src")
    assert found["root"] == Place("src/y.lua", 1, str(tmp_path / "src/y.lua"))
    assert found["block"].shown == "src/sub/a.yaml"


def test_json_and_python_have_no_lines(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        '{"namespace": "app", "name": "f", "kind": "library.lua", "source": "return\\n1"}', encoding="utf-8"
    )
    (entry,) = read_registry(tmp_path).entries.values()
    assert place_of(parse_lua_library(entry), tmp_path) == Place("app:f")
    entry = entry_from_mapping({"id": "app:f", "kind": "library.lua", "source": "return 1"})
    assert place_of(parse_lua_library(entry), tmp_path) == Place("app:f")


CHECKED = """\
namespace: app
entries:
  - name: broken
    kind: function.lua
    method: main
    source: |
      local x = 1
      local y = !!
  - name: in-file
    kind: library.lua
    source: file://broken.lua
  - name: quoted
    kind: library.lua
    source: "a\\n  !!"
  - name: on-broken
    kind: function.lua
    method: main
    source: return 1
    imports: {b: broken}
  - name: lib
    kind: library.lua
    source: return 1
    modules: [http_client]
  - name: f
    kind: function.lua
    method: main
    source: file://f.lua
    modules: [json, sql, jsn, process, time]
    imports: {lib: lib}
    pool: {size: 2, warm_start: true, tipe: x}
    limits: {max_memory_bytes: 99999999999}
    network: {allow: []}
  - name: g
    kind: function.lua
    method: main
    source: return 1
    network: {deny: [all]}
"""
SOURCE = """\
local json, lib, process = require("json"), require("lib"), require("process")
local a = require("base64")
  local b = require("jsonn")
local c = require("app:lib")
local d = require("nothing like it")
"""
EXPECTED = [
    ("a.yaml", 8, 17, "app:broken", "error", "P0001: unexpected symbol near '!'", ""),
    ("a.yaml", 14, 13, "app:quoted", "error", "(line 2, column 3 of the source)", ""),
    (
        "a.yaml",
        28,
        21,
        "app:f",
        "warning",
        'module "sql" is not supported here; require("sql") will fail',
        "are base64",
    ),
    ("a.yaml", 28, 26, "app:f", "warning", 'module "jsn" is not supported here', 'did you mean "json"?'),
    ("a.yaml", 30, 21, "app:f", "warning", "pool.warm_start has no effect on a Lua function", ""),
    ("a.yaml", 30, 39, "app:f", "warning", "unknown field tipe", 'did you mean "type"?'),
    ("a.yaml", 31, 32, "app:f", "warning", "is over the runtime's 1073741824, which holds", ""),
    ("a.yaml", 32, 15, "app:f", "warning", "network.allow is empty", ""),
    ("a.yaml", 37, 5, "app:g", "warning", "network has no effect: neither the entry nor what it imports", ""),
    ("broken.lua", 2, 2, "app:in-file", "error", "P0001: unexpected symbol near '!'", ""),
    (
        "f.lua",
        2,
        11,
        "app:f",
        "error",
        'require("base64") is not declared in _index.yaml imports or modules',
        "add base64",
    ),
    ("f.lua", 3, 13, "app:f", "error", 'require("jsonn") is not declared', 'did you mean "json"?'),
    ("f.lua", 4, 11, "app:f", "error", 'require("app:lib") is not declared', "add lib: app:lib to imports"),
    ("f.lua", 5, 11, "app:f", "error", 'require("nothing like it") is not declared', ""),
]


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Problem]:
    use_fakes(monkeypatch)
    monkeypatch.setattr("wippy_native.installed.Installed._publish_lua", lambda self, prepared: None)
    (tmp_path / "a.yaml").write_text(CHECKED)
    (tmp_path / "f.lua").write_text(SOURCE)
    (tmp_path / "broken.lua").write_text("local x\n !!")
    return check_project(tmp_path)


def test_check(checked: list[Problem], tmp_path: Path) -> None:
    for problem, (file, line, column, entry, severity, text, hint) in zip(checked, EXPECTED, strict=False):
        assert (Path(problem.file or "").relative_to(tmp_path).as_posix(), problem.line) == (file, line), problem
        assert problem.column == column, problem
        assert (problem.entry, problem.severity) == (entry, severity)
        assert text in problem.message
        assert hint in problem.hint
    assert len(checked) == len(EXPECTED), checked[len(EXPECTED) :]
