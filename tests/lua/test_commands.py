"""`list` and `inspect` of Lua entries, without the core; C-17, C-20, L-36, N-20."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import WriteProject
from support.fake_lua import use_fakes

from wippy_native.cli import main
from wippy_native.cli.values import plain, read_word

ENTRIES = """\
  - {name: lib, kind: library.lua, source: return 1, modules: [http_client, json]}
  - name: f
    kind: function.lua
    method: main
    source: |
      local json = require("json")
    modules: [json, time]
    imports: {lib: lib}
    pool: {size: 2, workers: 2}
    limits: {max_memory_bytes: 1000000}
    network: {allow: ["https://example.com"]}
  - {name: bad, kind: library.lua, source: "!!"}
"""
SHOWN = """\
app:f: function.lua, 29 bytes, _index.yaml:8

method: main

modules: json, time
modules of imports: http_client

imports:
  lib: app:lib

pool: 2 at once
limits.max_memory_bytes: 1000000

may reach: http_client: https://example.com
"""


def run(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    return (code, *capfd.readouterr())


def test_list(project: WriteProject, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capfd, "-C", project(ENTRIES), "list", "-k", "*.lua")
    assert code == 0
    assert [line.split() for line in out.splitlines()[2:5]] == [
        ["app:bad", "library.lua"],
        ["app:f", "function.lua"],
        ["app:lib", "library.lua"],
    ]


def test_inspect(project: WriteProject, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    use_fakes(monkeypatch)
    root = project(ENTRIES)
    assert run(capfd, "-C", root, "inspect", "app:f") == (0, SHOWN, "")
    code, out, _ = run(capfd, "-C", root, "inspect", "--json", "app:f")
    found = json.loads(out)
    assert code == 0
    assert found["kind"] == "function.lua"
    assert found["all_modules"] == ["http_client", "json", "time"]
    assert found["requires"] == ["json"]
    assert found["pool"] == {"calls_at_once": 2, "inline": False}
    code, out, _ = run(capfd, "-C", root, "inspect", "app:lib")
    assert (code, out.splitlines()[-1]) == (0, "imports: none")
    code, _, err = run(capfd, "-C", root, "inspect", "app:bad")
    assert code == 1
    assert "P0001" in err


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("[1, 2]", [1, 2]),
        ("null", None),
        ('"5"', "5"),
        ("hi there", "hi there"),
        ("{", "{"),
        ("", ""),
    ],
)
def test_words(word: str, value: object) -> None:
    assert read_word(word) == value


def test_files(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\xff\x00")
    assert read_word(f"@{tmp_path / 'f'}") == b"\xff\x00"


def test_results_as_json() -> None:
    value = {"b": b"\x01", "f": float("nan"), "l": [1, {2: None}], "t": True}
    assert plain(value) == {"b": [1], "f": "nan", "l": [1, {"2": None}], "t": True}
