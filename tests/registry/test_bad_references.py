"""Entries that refer to bad ones: one problem, at the entry that needs repair; R-35, R-36, K-2."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import WriteProject
from guest_files import wat

from wippy_native import RegistryError, Runtime
from wippy_native.check import check_project
from wippy_native.cli import main

MISSING = """\
  - {name: f, kind: function.wasm, fs: guests, path: a.wasm, hash: "sha256:00", method: m}
  - {name: guests, kind: fs.directory, directory: missing}
"""
# Each refers to the one below it; the last cannot be made.
CHAIN = """\
  - {name: v, kind: env.variable, storage: "app:outer"}
  - {name: outer, kind: env.storage.router, storages: ["app:inner"]}
  - {name: inner, kind: env.storage.router, storages: ["app:file"]}
  - {name: file, kind: env.storage.file, file_path: missing/deep/x.env, auto_create: true, file_mode: "9"}
"""


@pytest.mark.parametrize("entries", [MISSING, "".join(reversed(MISSING.splitlines(keepends=True)))])
def test_a_directory_that_is_missing(project: WriteProject, entries: str) -> None:
    """Whichever of the two comes first, only the directory is at fault."""
    root = project(entries)
    with pytest.raises(RegistryError) as caught:
        Runtime.load(root)
    (problem,) = caught.value.errors
    assert problem.entry == "app:guests"
    assert problem.message.endswith("missing: no such directory")
    assert [problem.entry for problem in check_project(root)] == ["app:guests"]


@pytest.mark.parametrize("command", [["check"], ["call", "app:f"], ["inspect", "app:f"]])
def test_commands_say_so_too(project: WriteProject, capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    assert main(["-C", str(project(MISSING)), *command]) == 1
    out, err = capsys.readouterr()
    assert "app:guests: failed to open directory: " in out + err
    assert "Traceback" not in err
    assert "filesystem not found" not in out + err


def test_a_chain(project: WriteProject) -> None:
    assert [problem.entry for problem in check_project(project(CHAIN))] == ["app:file"]


def test_what_only_calls_need_is_not_reported_either(project: WriteProject, tmp_path: Path) -> None:
    """A mount and a variable whose entries are bad are not missing as well."""
    (tmp_path / "add.wat").write_bytes(wat("add"))
    function = """\
  - name: f
    kind: function.wat
    source: file://add.wat
    method: add
    wasi:
      env: [{id: v, name: V, required: true}]
      mounts: [{fs: guests, guest: /g}]
"""
    found = check_project(project(MISSING.splitlines(keepends=True)[1] + CHAIN + function))
    assert [problem.entry for problem in found] == ["app:guests", "app:file"]


def test_an_entry_that_was_left_out_can_be_added(project: WriteProject, tmp_path: Path) -> None:
    runtime, _, failures = Runtime.load_with_failures(project(MISSING))
    (tmp_path / "add.wat").write_bytes(wat("add"))
    with runtime:
        assert len(failures) == 1
        entry = {"id": "app:f", "kind": "function.wasm", "fs": "guests", "path": "a", "hash": "x:y", "method": "m"}
        with pytest.raises(RegistryError, match="filesystem not found: app:guests"):
            runtime.add_entry(entry)
        runtime.add_entry({"id": "app:guests", "kind": "fs.directory", "directory": "."})
        with pytest.raises(RegistryError, match="failed to open file: a"):
            runtime.add_entry(entry)
