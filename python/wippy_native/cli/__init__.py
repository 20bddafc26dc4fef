"""The command line: `wippy-native list | check | inspect | hash | call | batch | bench | exec | doctor`.

Data goes to stdout, everything else to stderr. Exit codes: 0 fine, 1 error, 2 usage; `exec` passes its guest's code on.
Errors are short and without a traceback. Commands import what they need when they run, so that `hash` and `list` start
without the compiled core.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

PROGRAM = "wippy-native"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. `arguments` are those of the process by default."""
    from .app import app

    if logging.lastResort is not None:  # what prints warnings where nobody has set logging up
        logging.lastResort.setFormatter(logging.Formatter("warning: %(message)s"))
    try:
        app(args=None if arguments is None else list(arguments), prog_name=PROGRAM)
    except SystemExit as done:
        return _code(done.code)
    except BrokenPipeError:
        # Whoever read our output has enough; keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except Exception as error:
        text = _text(error)
        if text is None:
            raise
        return _fail(text, 1)
    return 0


def _text(error: Exception) -> str | None:
    """What to print for an error; None for a fault of our own, which deserves its traceback."""
    from ..errors import ImportDenied, WippyError

    if isinstance(error, OSError) and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, ImportDenied):
        return error.message  # it names the line to add; where the guest called it from does not matter then
    return str(error) if isinstance(error, (WippyError, OSError)) else None


def _fail(message: str, code: int) -> int:
    if not message.endswith("..."):  # that one says that something was cut
        message = message.removesuffix(".")
    print(f"error: {message}", file=sys.stderr)  # noqa: T201
    return code


def _code(code: object) -> int:
    if code is None:
        return 0
    return code if isinstance(code, int) else _fail(str(code), 1)
