"""Programs in processes of their own, for what would end or hang the process of the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import wippy_native

from .guests import GUESTS

TIMEOUT = 120.0
"""A process that takes longer hangs. Starting Python and compiling small guests on a loaded machine takes seconds."""

_PACKAGE = Path(wippy_native.__file__).resolve().parents[1]
_PRELUDE = """\
import wippy_native as wippy
from support.guests import *
"""


@dataclass(frozen=True)
class Outcome:
    """How a process ended."""

    code: int
    out: str
    err: str

    def check(self) -> Self:
        """Itself, if the process ended well."""
        assert self.code == 0, f"exit code {self.code}\n{self.out}\n{self.err}"
        return self


def run(program: str, *arguments: str, prelude: bool = True, timeout: float = TIMEOUT, **env: str) -> Outcome:
    """Run a Python program; it is killed, and the test fails, if it does not end."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        _command(program, arguments, prelude), env=_environment(env), capture_output=True, text=True,
        timeout=timeout, check=False,
    )  # fmt: skip
    return Outcome(done.returncode, done.stdout, done.stderr)


class Running:
    """A program that runs while the test talks to it; killed at the end of the block."""

    def __init__(self, program: str, *arguments: str, prelude: bool = True, **env: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter
            _command(program, arguments, prelude), env=_environment(env), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._ended = False
        self._errors = ""
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read_lines, self._read_errors)]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.finish()

    def wait_for_line(self, line: str) -> None:
        """Wait until the program has printed a line."""
        with self._news:
            assert self._news.wait_for(lambda: line in self._lines or self._ended, TIMEOUT), f"no {line!r} so far"
        assert line in self._lines, f"the program ended without printing {line!r}: {self.finish()}"

    def interrupt(self) -> None:
        """What Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)

    def finish(self, timeout: float = TIMEOUT) -> Outcome:
        """Wait for the end."""
        code = self.process.wait(timeout)
        for reader in self._readers:
            reader.join(timeout)
        return Outcome(code, "\n".join(self._lines), self._errors)

    def _read_lines(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            for line in stdout:
                with self._news:
                    self._lines.append(line.rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stderr:
            self._errors = stderr.read()


def _command(program: str, arguments: tuple[str, ...], prelude: bool) -> list[str]:
    text = (_PRELUDE if prelude else "") + textwrap.dedent(program)
    return [sys.executable, "-c", text, *arguments]


def _environment(changes: dict[str, str]) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    # pytest may run with faulthandler or warnings set up by the environment; the program decides these itself.
    for name in ("PYTHONFAULTHANDLER", "PYTHONDEVMODE", "PYTHONWARNINGS"):
        environment.pop(name, None)
    path = [str(_PACKAGE), str(GUESTS.parent), environment.get("PYTHONPATH", "")]
    return environment | {"PYTHONPATH": os.pathsep.join(filter(None, path))} | changes
