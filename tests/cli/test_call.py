"""`call`, `exec`, `inspect` and `doctor`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from guest_files import GUESTS, wat

from wippy_native.cli import main
from wippy_native.hashing import hash_text

ENTRIES = "namespace: app\nentries:\n" + "".join(
    f"  - {{name: {name}, kind: function.wat, source: 'file://{guest}.wat', method: {method}}}\n"
    for name, guest, method in (
        ("add", "add", "add"),
        ("echo", "echo", "echo"),
        ("bytes", "echo", "echo-bytes"),
        ("sum", "echo", "sum-f64"),
        ("records", "echo", "echo-recs"),
        ("denied", "undeclared", "run"),
        ("spin", "traps", "spin"),
        ("trap", "traps", "unreachable"),
    )
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(ENTRIES)
    for name in ("add", "echo", "undeclared", "traps"):
        (tmp_path / f"{name}.wat").write_bytes(wat(name))
    return tmp_path


def run(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    out, err = capfd.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    ("arguments", "out"),
    [
        (["app:add", "2", "-5"], "-3"),
        (["app:add", "--json", "2", "3"], "5"),
        (["app:echo", "hi there"], "hi there"),
        (["app:echo", "5"], "5"),
        (["app:echo", "-x"], "-x"),
        (["app:echo", "@file"], "@file"),
        (["app:echo", "--json", "hi"], '"hi"'),
        (["app:echo", "--", "--json"], "--json"),
        (["app:bytes", "[1, 2]"], "[1, 2]"),
        (["app:sum", "[1, 2.5]"], "3.5"),
        (["app:sum", '["inf"]'], '"inf"'),
        (
            ["app:records", '[{"id": 1, "name": "a", "score": 0.5}]'],
            '[{"id": 1, "name": "a", "score": 0.5}]',
        ),
    ],
)
def test_arguments_and_results(root: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], out: str) -> None:
    """Design: words for strings, JSON for the rest; a string raw, else JSON."""
    assert run(capfd, "-C", root, "call", *arguments) == (0, out + "\n", "")


def test_bytes_of_a_file(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (root / "x").write_bytes(b"\0\xff")
    assert run(capfd, "-C", root, "call", "app:bytes", f"@{root / 'x'}")[1] == "[0, 255]\n"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["app:add", "1"], "parameter count mismatch: expected 2, got 1"),
        (["app:add", "1", "2", "3"], "parameter count mismatch: expected 2, got 3"),
        (["app:add", "1", "x"], "b: expected JSON, got 'x'"),
        (["app:add", "1", "99999999999"], "b"),
        (["app:nope"], "no handler registered for target"),
        (["app:denied"], "wasi:cli/environment"),
        (["app:bytes", "@/no/such/file"], "No such file"),
        (["--timeout", "0.1", "app:spin"], "timeout"),
    ],
)
def test_errors(root: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], text: str) -> None:
    code, out, err = run(capfd, "-C", root, "call", *arguments)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert text in err
    assert "Traceback" not in err


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "x"])
def test_a_timeout_that_cannot_be(root: Path, capfd: pytest.CaptureFixture[str], seconds: str) -> None:
    code, out, err = run(capfd, "-C", root, "call", "--timeout", seconds, "app:spin")
    assert (code, out) == (2, "")
    assert "Invalid value for '--timeout'" in err


def test_output_that_cannot_be_written(root: Path, tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "wippy_native", "-C", str(root), "call", "app:add", "1", "2"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"error: No space left on device\n")


def test_a_denied_import_needs_no_frames(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """H-13: the line that names what to add; other traps say where they were."""
    _, _, err = run(capfd, "-C", root, "call", "app:denied")
    assert err.count("\n") == 1
    assert "wasi:cli/environment@0.2.3#get-arguments" in err
    _, _, err = run(capfd, "-C", root, "call", "app:trap")
    assert "unreachable" in err
    assert "\n    at " in err


def test_inspect_entry(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capfd, "-C", root, "inspect", "app:denied")
    assert code == 0
    assert "run: func() -> u32" in out
    assert "wasi:cli  (not declared)" in out
    assert "wasi:cli/environment@0.2.3#get-arguments" in out


def test_inspect_file(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = root / "add.wat"
    found = json.loads(run(capfd, "inspect", "--json", file)[1])
    assert found["kind"] == "component"
    assert found["hash"] == hash_text(file.read_bytes())
    assert found["exports"] == [{"name": "add", "signature": "func(a: s32, b: s32) -> s32"}]
    (entry,) = yaml.safe_load(found["entry"])
    assert entry == {"name": "add", "kind": "function.wat", "source": "file://add.wat", "method": "add"}


def test_entry_to_paste_works(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """For each built guest the entry loads as it is, in a registry with such a filesystem."""
    built = sorted((GUESTS / "built").glob("*.wasm"), key=lambda path: path.stat().st_size)[:3]
    for file in built:
        entry = json.loads(run(capfd, "inspect", "--json", file)[1])["entry"]
        project = root / file.stem
        project.mkdir()
        (project / "a.yaml").write_text(
            "namespace: app\nentries:\n"
            f"- {{name: assets, kind: fs.directory, directory: {json.dumps(str(file.parent))}}}\n{entry}\n"
        )
        code, out, err = run(capfd, "-C", project, "check")
        assert code == 0, out + err


def test_inspect_unknown(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capfd, "-C", root, "inspect", "app:ad")
    assert code == 1
    assert 'did you mean "app:add"?' in err


def test_exec(tmp_path: Path) -> None:
    """The guest writes to our stdout and its exit code is ours."""
    file = tmp_path / "hello.wat"
    file.write_bytes(wat("core_command"))
    command = [
        sys.executable,
        "-m",
        "wippy_native",
        "exec",
        str(file),
        "a",
        "-b",
        "--env",
        "K=V",
        "--dir",
        f"{tmp_path}::/d::ro",
    ]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    assert (done.returncode, done.stdout, done.stderr) == (3, b"hello\n", b"")


@pytest.mark.parametrize(
    "options",
    [
        ["--env", "K"],
        ["--env", "=V"],
        ["--dir", "x"],
        ["--dir", "/::data"],
        ["--dir", "/nope::/d"],
        ["--dir", "/::/d::rw"],
        ["--timeout", "0"],
    ],
)
def test_exec_usage(tmp_path: Path, capfd: pytest.CaptureFixture[str], options: list[str]) -> None:
    (tmp_path / "f.wasm").write_bytes(b"")
    assert run(capfd, "exec", tmp_path / "f.wasm", *options)[0] == 2


def test_exec_of_no_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "f.wat").write_bytes(wat("add"))
    code, _, err = run(capfd, "exec", tmp_path / "f.wat")
    assert code == 1
    assert "not a command" in err


def test_doctor(capfd: pytest.CaptureFixture[str]) -> None:
    report = json.loads(run(capfd, "doctor", "--json")[1])
    assert {"wippy-native", "python", "wasmtime", "rustc"} <= set(report)
    assert "wasmtime" in run(capfd, "doctor")[1]
