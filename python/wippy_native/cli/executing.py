"""`exec`: run a command module without a registry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from .._border import Engine, Module, run_command
from ..hashing import digest
from ..limits import Limits
from ..prepare import is_wat

Mount = tuple[str, str, bool]


def run_file(
    file: Path, arguments: Sequence[str], env: Sequence[str], dirs: Sequence[str], stdin: str, timeout: float | None
) -> int:
    """Run the module on our own stdio and return its exit code.

    The guest gets the file's name as its first argument, as programs expect. Raises `typer.BadParameter` for an option
    of another form, `WippyError` and `OSError`.
    """
    variables, mounts = [_variable(text) for text in env], [_mount(text) for text in dirs]
    content = file.read_bytes()
    engine = Engine()
    return run_command(
        engine,
        Module(engine, content, digest=digest(content), text=is_wat(content)),
        args=[file.name, *arguments],
        env=variables,
        mounts=mounts,
        stdin=None if stdin == "-" else Path(stdin).read_bytes(),
        max_execution_ms=max(1, round(timeout * 1000)) if timeout else 0,
        max_memory_bytes=Limits().max_memory_bytes,
    )


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise typer.BadParameter(f"--env {text}: expected NAME=VALUE")
    return name, value


def _mount(text: str) -> Mount:
    host, *rest = text.split("::")
    if not host or len(rest) not in (1, 2) or rest[1:] not in ([], ["ro"]) or not rest[0].startswith("/"):
        raise typer.BadParameter(f"--dir {text}: expected HOST::GUEST or HOST::GUEST::ro, GUEST with a leading slash")
    if not Path(host).is_dir():
        raise typer.BadParameter(f"--dir {text}: no such directory: {host}")
    return str(Path(host).absolute()), rest[0], len(rest) == 1
