"""The examples of the documentation are real."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import wippy_native as wippy
from wippy_native.cli import main

DOCS = Path(__file__).parent.parent / "docs"


def test_registry_example(tmp_path: Path) -> None:
    """All of it is valid; only the module it names is not there."""
    (example,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "registry.md").read_text(), re.DOTALL)
    (tmp_path / "_index.yaml").write_text(example)
    (tmp_path / "modules").mkdir()
    runtime, registry, failures = wippy.Runtime.load_with_failures(tmp_path)
    with runtime:
        assert registry.problems == []
        (failure,) = failures
        assert "failed to open file: /summarize.wasm" in str(failure)
        assert runtime.call("app:double", 21) == 42
        assert (tmp_path / "data").is_dir()
        assert runtime.check() == []


def test_every_command_is_documented(capsys: object) -> None:
    text = (DOCS / "cli.md").read_text()
    for command in ("list", "check", "inspect", "hash", "call", "batch", "bench", "exec", "doctor"):
        assert f"## `{command}`" in text
        assert main([command, "--help"]) == 0


def test_commands_print_what_is_shown() -> None:
    """Those of the blocks marked `console`, run from the root by a shell."""
    blocks = re.findall(r"^```console\n(.*?)^```", (DOCS / "cli.md").read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        for shown in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = shown.partition("\n")
            program = f"{shlex.quote(sys.executable)} -m wippy_native"
            done = subprocess.run(  # noqa: S602 - our own text
                command.replace("wippy-native", program), shell=True, cwd=DOCS.parent, check=False,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            assert done.stdout == expected, command


def test_every_field_is_documented() -> None:
    from wippy_native.config import environment, filesystem, function, limits, lua, network, pool, wasi
    from wippy_native.limits import RUNTIME_ONLY

    text = (DOCS / "registry.md").read_text()
    known = {*function.KNOWN["function.wasm"], *function.KNOWN["function.wat"], *filesystem.KNOWN}
    known |= {name for names in lua.KNOWN.values() for name in names}
    known |= {name for names in environment.KNOWN.values() for name in names}
    known |= {f"limits.{name}" for name in limits.KNOWN} | {f"pool.{name}" for name in ("type", "size", "workers")}
    known |= {f"network.{name}" for name in network.KNOWN}
    known |= {f"wasi.{name}" for name in wasi.KNOWN} | {f"wasi.env[].{name}" for name in wasi.ENV_KNOWN}
    assert pool.KNOWN
    for name in known - {"pool", "limits", "wasi", "network"} - {f"limits.{name}" for name in RUNTIME_ONLY}:
        assert f"`{name}" in text, name
