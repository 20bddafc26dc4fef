"""The command line: `wippy-native list | check | inspect | hash | call | exec | doctor`.

Data goes to stdout, everything else to stderr. Exit codes: 0 fine, 1 error, 2 usage; `exec` passes its guest's code on.
Errors are short and without a traceback. Commands import what they need when they run, so that `hash` and `list` start
without the compiled core.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

PROGRAM = "wippy-native"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. `arguments` are those of the process by default."""
    from .app import app

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
        from ..errors import WippyError

        if not isinstance(error, (WippyError, OSError)):
            raise
        return _fail(str(error), 1)
    return 0


def _fail(message: str, code: int) -> int:
    print(f"error: {message.rstrip('.')}", file=sys.stderr)  # noqa: T201
    return code


def _code(code: object) -> int:
    if code is None:
        return 0
    return code if isinstance(code, int) else _fail(str(code), 1)
