"""`Runtime.check` and what the command prints: C-17, F-11, H-14, R-21."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import WriteProject
from guest_files import GUESTS, wat

import wippy_native as wippy
from wippy_native.check import check_project
from wippy_native.cli import main

ENTRIES = """\
namespace: app
entries:
  - name: f
    kind: function.wat
    source: file://undeclared.wat
    method: run
    pol: {}
    pool: {tipe: lazy}
  - name: g
    kind: function.wat
    source: file://add.wat
    method: ad
    wasi:
      env:
        - {id: nope, name: A, required: true}
        - {id: unset, name: B, required: true}
      mounts:
        - {fs: missing, guest: /data}
    limits: {max_memory_bytes: 99999999999, max_calls: 5}
  - name: store
    kind: env.storage.memory
  - name: unset
    kind: env.variable
    storage: app:store
  - name: typo
    kind: function.wasn
  - name: ok
    kind: function.wat
    source: file://add.wat
    method: add
    network: {allow: [public]}
"""
EXPECTED = [
    ("app:f", "warning", 3, "imports wasi:cli undeclared; calling it traps"),
    ("app:f", "warning", 7, "unknown field pol, nothing reads it"),
    ("app:f", "warning", 8, "unknown field tipe, nothing reads it"),
    ("app:g", "error", 12, 'export "ad" not found'),
    ("app:g", "error", 15, "wasi env variable not found: app:nope"),
    ("app:g", "warning", 16, "required wasi env variable has no value here: app:unset"),
    ("app:g", "error", 18, "wasi mount filesystem not found: app:missing"),
    ("app:g", "warning", 19, "is over the runtime's 1073741824, which holds"),
    ("app:g", "warning", 19, "limits.max_calls has no effect on an entry"),
    ("app:typo", "warning", 26, "unsupported entry kind: function.wasn"),
    ("app:ok", "warning", 31, "network has no effect"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(ENTRIES)
    for name in ("add", "undeclared"):
        (tmp_path / f"{name}.wat").write_bytes(wat(name))
    return tmp_path


def test_every_kind_of_finding(root: Path) -> None:
    problems = check_project(root)
    found = [(problem.entry, problem.severity, problem.line, problem.message) for problem in problems]
    for entry, severity, line, text in EXPECTED:
        assert any(row[:3] == (entry, severity, line) and text in row[3] for row in found), (text, found)
    assert len(problems) == len(EXPECTED)


def test_runtime_check(root: Path) -> None:
    (root / "a.yaml").write_text(ENTRIES.replace("method: ad\n", "method: add\n"))
    with wippy.Runtime.load(root) as rt:
        assert {problem.entry for problem in rt.check()} == {"app:f", "app:g", "app:typo", "app:ok"}


def test_command(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """C-17: file, line, column, entry, severity, text; exit 1 on errors."""
    assert main(["-C", str(root), "check"]) == 1
    out, err = capsys.readouterr()
    assert f"{root / 'a.yaml'}:7:5: app:f: warning: unknown field pol, nothing reads it\n" in out
    assert f"{root / 'a.yaml'}:8:12: app:f: warning: unknown field tipe, nothing reads it\n" in out
    assert '  hint: did you mean "pool"?\n' in out
    assert err == "3 errors, 8 warnings\n"
    assert main(["-C", str(root), "check", "--json"]) == 1
    first = json.loads(capsys.readouterr().out)[0]
    assert set(first) == {"severity", "entry", "file", "line", "column", "message", "hint"}


def test_command_without_problems(project: WriteProject, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-C", str(project("  - {name: store, kind: env.storage.memory}\n")), "check"]) == 0
    assert capsys.readouterr() == ("", "no problems found\n")


def test_a_directory_without_entries(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Files without a namespace are ignored (R-12), but a project of nothing else is worth a word."""
    (tmp_path / "package.json").write_text('{"name": "x"}')
    assert main(["-C", str(tmp_path), "check"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{tmp_path}: warning: no entries in any file here\n  hint: a definition file ends in ")
    assert err == "0 errors, 1 warning\n"
    with wippy.Runtime.load(tmp_path):
        assert "no entries in any file here" in caplog.text


def test_a_file_is_no_project(tmp_path: Path) -> None:
    file = tmp_path / "_index.yaml"
    file.write_text("namespace: a\nentries: []\n")
    with pytest.raises(wippy.RegistryError) as caught:
        wippy.Runtime.load(file)
    assert str(caught.value) == (
        f"{file}: a project is a directory, this is a file\n  hint: give {tmp_path}, the directory that holds it"
    )


STARTS = """\
(component
  (import "wasi:random/random@0.2.0" (instance $random (export "get-random-u64" (func (result u64)))))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock (export "now" (func (result u64)))))
  (import "wasi:sockets/network@0.2.0" (instance (export "unused" (func))))
  (core func $random (canon lower (func $random "get-random-u64")))
  (core func $now (canon lower (func $clock "now")))
  (core module $m
    (import "wasi" "random" (func $random (result i64)))
    (import "wasi" "now" (func $now (result i64)))
    (func $start (drop (call $random)) (drop (call $now)))
    (start $start)
    (func (export "f")))
  (core instance $i (instantiate $m
    (with "wasi" (instance (export "random" (func $random)) (export "now" (func $now))))))
  (func (export "f") (canon lift (core func $i "f"))))
"""


def test_imports_are_one_line_for_an_entry(rt: wippy.Runtime) -> None:
    """H-13, H-14: groups in the line, lines to add in the hint."""
    rt.add_wasm("app:f", STARTS.encode(), "f")
    warning, error = rt.check()
    assert (warning.severity, error.severity) == ("warning", "error")
    assert warning.message == "imports wasi:clocks, wasi:random, wasi:sockets undeclared; calling them traps"
    assert warning.hint == 'add "- wasi:clocks", "- wasi:random", "- wasi:sockets" to imports'
    assert "start code calls wasi:random/random@0.2.0#get-random-u64, which is not declared" in error.message
    assert error.hint == 'add "- wasi:random", "- wasi:clocks" to imports'


def test_groups_that_bring_others_along(rt: wippy.Runtime) -> None:
    """H-15: whoever declares a group of the kind has `wasi:io` as well."""
    rt.add_wasm("app:f", GUESTS / "built" / "textstat.wasm", "grep")
    (warning,) = rt.check()
    assert warning.message == "imports wasi:cli, wasi:io, wasi:filesystem undeclared; calling them traps"
    assert warning.hint == 'add "- wasi:cli", "- wasi:filesystem" to imports'


def test_start_code_that_lacks_one_group(rt: wippy.Runtime) -> None:
    rt.add_wasm("app:f", STARTS.encode(), "f", imports=["wasi:random"])
    warning, error = rt.check()
    assert warning.message == "imports wasi:clocks, wasi:sockets undeclared; calling them traps"
    assert error.hint == 'add "- wasi:clocks" to imports'


def test_start_code_that_has_what_it_needs(rt: wippy.Runtime) -> None:
    rt.add_wasm("app:f", STARTS.encode(), "f", imports=["wasi:random", "wasi:clocks"])
    (warning,) = rt.check()
    assert (warning.message, warning.hint) == (
        "imports wasi:sockets undeclared; calling it traps",
        'add "- wasi:sockets" to imports',
    )


def test_a_transport_without_effect(rt: wippy.Runtime) -> None:
    entry = {"id": "app:f", "kind": "function.wat", "source": wat("add").decode(), "method": "add"}
    rt.add_entry({**entry, "transport": "payload"})
    assert rt.check() == []
    rt.add_entry({**entry, "transport": "wasi-http"})
    (warning,) = rt.check()
    assert (warning.severity, "wasi-http has no effect yet" in warning.message) == ("warning", True)


def test_a_method_is_not_proposed_in_place_of_itself(rt: wippy.Runtime) -> None:
    """It is there, but needs what cannot be called."""
    rt.add_wasm("app:f", b'(module (func (export "run")))', "run")
    (error,) = rt.check()
    assert error.severity == "error"
    assert error.hint == ""


def test_problems_of_the_load_are_included(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text("namespace: a\nname: f\nkind: function.wasm\n")
    (tmp_path / "b.yaml").write_text("x: [\n")
    assert main(["-C", str(tmp_path), "check"]) == 1
    out = capsys.readouterr().out
    assert f"{tmp_path / 'a.yaml'}:1:1: a:f: error: operation failed for entry a:f: " in out
    assert f"{tmp_path / 'b.yaml'}:2:" in out


REFUSED = """\
  - {name: data, kind: fs.directory, directory: .}
  - {name: closed, kind: fs.directory, directory: ., mode: "0100"}
  - {name: f, kind: function.wat, source: "file://starts.wat", method: f, wasi: {mounts: [{fs: dta, guest: /d}]}}
  - {name: g, kind: function.wat, source: "file://starts.wat", method: f, wasi: {mounts: [{fs: closed, guest: /d}]}}
  - {name: h, kind: function.wat, source: "file://starts.wat", method: f,
     wasi: {env: [{id: nope, name: N, required: true}]}}
"""


def test_what_keeps_a_call_from_starting_is_said_once(project: WriteProject, tmp_path: Path) -> None:
    """H-41, H-51, F-42: and the start code, which no call reaches, is not blamed for it."""
    (tmp_path / "starts.wat").write_text(STARTS)
    root = project(REFUSED)
    errors = [problem for problem in check_project(root) if problem.severity == "error"]
    assert [(problem.entry, problem.message) for problem in errors] == [
        ("app:f", "wasi mount filesystem not found: app:dta"),
        ("app:g", "not allowed to access filesystem: app:closed"),
        ("app:h", "wasi env variable not found: app:nope"),
    ]
    with wippy.Runtime.load(root) as rt, pytest.raises(wippy.WippyError) as caught:
        rt.call("app:f")
    assert str(caught.value) == 'wasi mount filesystem not found: app:dta; did you mean "app:data"?'


def test_a_bad_entry_hides_no_problems_of_its_file(project: WriteProject, tmp_path: Path) -> None:
    """R-35, R-36: nor is what refers to it blamed."""
    root = project(
        "  - {name: one, kind: function.wat}\n  - {kind: x}\n"
        "  - {name: fs, kind: fs.directory, directory: ., meta: 5}\n  - {name: two, kind: function.wat}\n"
        "  - {name: f, kind: function.wasm, fs: fs, path: a, hash: h, method: m}\n"
    )
    with pytest.raises(wippy.RegistryError) as caught:
        wippy.Runtime.load(root)
    assert [problem.line for problem in caught.value.errors] == [3, 4, 5, 6]
    assert [problem.line for problem in check_project(root)] == [3, 4, 5, 6]


def test_entries_without_a_namespace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """R-12."""
    (tmp_path / "a.yaml").write_text("entries:\n  - {name: f, kind: function.wat}\n")
    assert main(["-C", str(tmp_path), "check"]) == 0
    assert ":1:1: warning: skipped: the file has entries but no namespace\n" in capsys.readouterr().out
