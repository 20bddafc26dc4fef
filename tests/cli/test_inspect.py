"""`wippy-native inspect`: what start code needs, the entry to paste, and targets that are not there; H-14, F-14."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import WriteProject
from guest_files import wat

from wippy_native.cli import main

STARTS = """\
(component
  (import "wasi:random/random@0.2.0" (instance $random (export "get-random-u64" (func (result u64)))))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock (export "now" (func (result u64)))))
  (import "wasi:cli/exit@0.2.0" (instance (export "exit" (func (param "status" (result))))))
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
UNKNOWN = """\
(component
  (import "other:host/api@1.0.0" (instance $api (export "go" (func))))
  (core func $go (canon lower (func $api "go")))
  (core module $m (import "api" "go" (func $go)) (func $start (call $go)) (start $start) (func (export "f")))
  (core instance $i (instantiate $m (with "api" (instance (export "go" (func $go))))))
  (func (export "f") (canon lift (core func $i "f"))))
"""


def inspect(capfd: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main([*map(str, arguments[:-1]), "inspect", "--json", str(arguments[-1])]) == 0
    found: dict[str, Any] = json.loads(capfd.readouterr().out)
    return found


def failure(capfd: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([*map(str, arguments)]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    return err


def test_all_that_start_code_needs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Not only the first import it stops at."""
    file = tmp_path / "starts.wat"
    file.write_text(STARTS)
    found = inspect(capfd, file)
    assert found["start_calls"] == [
        "wasi:random/random@0.2.0#get-random-u64", "wasi:clocks/monotonic-clock@0.2.0#now",
    ]  # fmt: skip
    assert found["start_groups"] == ["wasi:random", "wasi:clocks"]
    assert found["start_failure"] is None
    (entry,) = yaml.safe_load(found["entry"])
    assert sorted(entry["imports"]) == ["wasi:cli", "wasi:clocks", "wasi:random"]
    assert "    - wasi:clocks  # its start code needs it\n" in found["entry"]
    assert "    - wasi:cli\n" in found["entry"]


def test_start_code_that_nothing_helps(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "unknown.wat"
    file.write_text(UNKNOWN)
    found = inspect(capfd, file)
    assert (found["start_calls"], found["start_groups"]) == (["other:host/api@1.0.0#go"], [])
    assert found["start_failure"] == "it calls other:host/api@1.0.0#go, which nothing provides"


def test_a_module_that_cannot_be_called_can_be_looked_at(capfd: pytest.CaptureFixture[str]) -> None:
    """V-19: a resource."""
    found = inspect(capfd, Path(__file__).parents[1] / "guests" / "wat" / "resource.wat")
    assert found["exports"]
    assert found["start_failure"] is None


def test_the_entry_of_an_entry(project: WriteProject, capfd: pytest.CaptureFixture[str]) -> None:
    """F-14: its own method and WIT text, which the module cannot tell."""
    root = project(
        "  - name: wide\n    kind: function.wat\n    source: file://core.wat\n    method: sub-wide\n"
        "    wit: |\n      sub-wide: func(a: s64, b: s64) -> s64;\n      is-even: func(n: u32) -> bool;\n"
    )
    (root / "core.wat").write_bytes(wat("core_add"))
    (entry,) = yaml.safe_load(inspect(capfd, "-C", root, "app:wide")["entry"])
    assert entry == {
        "name": "wide",
        "kind": "function.wat",
        "source": "file://core.wat",
        "method": "sub-wide",
        "wit": "sub-wide: func(a: s64, b: s64) -> s64;\nis-even: func(n: u32) -> bool;",
    }


def test_the_entry_of_a_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "core.wat"
    file.write_bytes(wat("core_add"))
    (entry,) = yaml.safe_load(inspect(capfd, file)["entry"])
    assert (entry["method"], entry["wit"]) == ("add", "add: func(p0: s32, p1: s32) -> s32;")


@pytest.mark.parametrize("target", ["nope.wasm", "nope", "nope/app.wat"])
def test_a_file_that_is_not_there(capfd: pytest.CaptureFixture[str], target: str) -> None:
    assert failure(capfd, "inspect", target) == f"error: {target}: No such file or directory\n"


@pytest.mark.parametrize("command", ["hash", "exec"])
def test_other_commands_of_a_file_that_is_not_there(capfd: pytest.CaptureFixture[str], command: str) -> None:
    assert failure(capfd, command, "nope.wasm") == "error: nope.wasm: No such file or directory\n"
