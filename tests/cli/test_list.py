"""`wippy-native list` and `hash`: C-20 to C-24, and how the command line speaks."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from wippy_native.cli import main

ENTRIES = """\
namespace: app.tools
entries:
  - name: zip
    kind: function.wasm
    meta: {type: tool, title: Zip a file, tags: [a, b], on: true, command: {name: zip}}
  - name: assets
    kind: fs.directory
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(ENTRIES)
    (tmp_path / "b.yaml").write_text("namespace: other\nname: x\nkind: registry.entry\n")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_table(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """C-21."""
    expected = """\
ID                KIND
--------------------------------
app.tools:assets  fs.directory
app.tools:zip     function.wasm
other:x           registry.entry

Total: 3 entries
"""
    assert run(capsys, "-C", root, "list") == (0, expected, "")


def test_long_ids_are_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """C-21."""
    (tmp_path / "a.yaml").write_text(f"namespace: n\nname: {'x' * 60}\nkind: {'k' * 40}\n")
    row = run(capsys, "-C", tmp_path, "list")[1].splitlines()[2]
    assert row == "n:" + "x" * 45 + "...  " + "k" * 27 + "..."


def test_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "-C", tmp_path, "list") == (0, "No entries found\n", "")


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["-k", "function.*"], ["zip"]),
        (["--kind", "*"], ["assets", "zip", "x"]),
        (["-n", "app.*"], ["assets", "zip"]),
        (["--name", "?ip"], ["zip"]),
        (["--meta", "type=tool"], ["zip"]),
        (["--meta", "type=too"], []),
        (["--meta", "title~^Zip.*e$"], ["zip"]),
        (["--meta", "title*a fi"], ["zip"]),
        (["--meta", "title^Zip"], ["zip"]),
        (["--meta", "title$file"], ["zip"]),
        (["--meta", "tags=b"], ["zip"]),
        (["--meta", "on=true"], ["zip"]),
        (["--meta", "command.name=zip"], ["zip"]),
        (["--meta", "type=tool", "--meta", "title^No"], []),
        (["--meta", "missing=x"], []),
    ],
)
def test_filters(root: Path, capsys: pytest.CaptureFixture[str], options: list[str], names: list[str]) -> None:
    """C-20, C-24."""
    code, out, _ = run(capsys, "-C", root, "list", "--json", *options)
    assert code == 0
    assert [entry["id"].partition(":")[2] for entry in json.loads(out)] == names


def test_json_and_yaml(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """C-22."""
    as_json = json.loads(run(capsys, "-C", root, "list", "--json")[1])
    assert as_json == yaml.safe_load(run(capsys, "-C", root, "list", "--yaml")[1])
    assert as_json[0] == {"id": "app.tools:assets", "kind": "fs.directory", "meta": {}}


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["list", "--nope"],
        ["list", "--json", "--yaml"],
        ["list", "--meta", "x"],
        ["list", "--meta", "a~("],
        ["hash"],
    ],
)
def test_usage_errors(root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    code, out, err = run(capsys, "-C", root, *arguments)
    assert (code, out) == (2, "")
    assert err


def test_errors_are_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text("namespace: a\nx: [\n")
    code, out, err = run(capsys, "-C", tmp_path, "list")
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {tmp_path / 'a.yaml'}:3:1: not YAML: ")
    assert "Traceback" not in err


def test_missing_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "-C", tmp_path / "no", "list")
    assert code == 1
    assert err.startswith(f"error: {tmp_path / 'no'}: no such project directory")


def test_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """F-7."""
    file = tmp_path / "x"
    file.write_bytes(b"abc")
    assert run(capsys, "hash", file) == (0, f"sha256:{hashlib.sha256(b'abc').hexdigest()}\n", "")
    code, _, err = run(capsys, "hash", tmp_path / "no")
    assert code == 1
    assert "No such file" in err


def test_hash_and_list_do_not_load_the_core(root: Path) -> None:
    script = (
        "import sys; from wippy_native.cli import main; "
        f"main(['hash', {str(root / 'a.yaml')!r}]); main(['-C', {str(root)!r}, 'list']); "
        "sys.exit('wippy_native._core' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0  # noqa: S603


def test_help_fits_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for command in ("list", "check", "inspect", "hash", "call", "batch", "bench", "exec", "doctor"):
        assert f"\n  {command}" in out
