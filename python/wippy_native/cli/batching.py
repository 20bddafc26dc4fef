"""`batch`: a call for each JSON line, many at once; results as JSON lines in the same order.

Nothing is held but what is in flight: lines are read as calls need them, and each result is written when its turn
comes. So a batch of any length runs in the same memory, and one that ends early has written all that came before.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from io import UnsupportedOperation
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import WippyError
from ..function import Function
from ..runtime import Runtime
from .app import OnError
from .functions import explain, find_function, json_of, parameters_of
from .in_order import MOST_BAD, Outcome, Starmap, in_order
from .json_lines import read_arguments
from .printing import remark
from .progress import Extent, Tally, bar

INTERRUPTED = 130
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode  # `dumps` makes an encoder for each line


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The options of `batch`. `input` and `output` of None are stdin and stdout; `timeout` is seconds a call."""

    input: Path | None
    output: Path | None
    overwrite: bool
    on_error: OnError
    workers: int | None
    chunk_size: int | None
    timeout: float | None
    quiet: bool


def run_batch(directory: Path, identity: str, batch: Batch) -> int:
    """Run the batch; the exit code. Raises `WippyError` for a line that stops it, `OSError`."""
    with ExitStack() as stack:
        source = sys.stdin.buffer if batch.input is None else stack.enter_context(batch.input.open("rb"))
        _check_output(batch, source)
        runtime = stack.enter_context(Runtime.load(directory))
        stack.callback(runtime.close, 0)  # what is still running then nobody waits for
        function = find_function(runtime, identity)
        parameters = parameters_of(function)
        sink = stack.enter_context(_opened(batch))
        tally = Tally()
        with _summary(tally, quiet=batch.quiet), bar(tally, _extent(source, batch), wanted=_shows_bar(batch)) as say:
            configured = function.with_options(stdout=say, stderr=say)
            most_bad = 1 if batch.on_error is OnError.STOP else MOST_BAD
            outcomes = in_order(read_arguments(source, parameters), _starmap(configured, batch), most_bad=most_bad)
            writer = _Writer(function, sink, tally, batch.on_error)
            try:
                with closing(outcomes):
                    for outcome in outcomes:
                        writer.take(outcome)
            except KeyboardInterrupt:
                remark("error: interrupted")
                return INTERRUPTED
    return 0


def _starmap(function: Function, batch: Batch) -> Starmap:
    return lambda arguments: function.starmap(
        arguments,
        workers=batch.workers,
        chunk_size=batch.chunk_size,
        timeout=batch.timeout,
        on_error="return",
    )


class _Writer:
    """Writes outcomes as JSON lines, each at once: whoever reads them may be waiting."""

    def __init__(self, function: Function, sink: BinaryIO, tally: Tally, on_error: OnError) -> None:
        self._function = function
        self._json = json_of(function)
        self._sink = sink
        self._tally = tally
        self._on_error = on_error

    def take(self, outcome: Outcome) -> None:
        """Write an outcome. Raises `WippyError` for a failure that is to stop the batch, `OSError`."""
        failure = outcome.value if isinstance(outcome.value, Exception) else None
        if failure is None:
            self._write(self._json(outcome.value))
        elif self._on_error is OnError.REPORT:
            self._write({"error": self._report(failure, outcome.number)})
        self._tally.add(failed=failure is not None)
        if failure is not None and self._on_error is OnError.STOP:
            done = self._tally.items - 1
            lines = "1 line" if done == 1 else f"{done} lines"
            raise WippyError(f"line {outcome.number} ({lines} done): {explain(self._function, failure)}")

    def _report(self, failure: Exception, number: int) -> dict[str, Any]:
        kind = failure.kind if isinstance(failure, WippyError) else WippyError.default_kind
        return {"kind": kind, "message": explain(self._function, failure, frames=False), "line": number}

    def _write(self, value: Any) -> None:
        text = _ENCODE(value)
        # Half a surrogate pair, which only a message can quote, becomes the escape that JSON has for it.
        self._sink.write(text.encode(errors="backslashreplace") + b"\n")
        self._sink.flush()


@contextmanager
def _summary(tally: Tally, *, quiet: bool) -> Iterator[None]:
    """One line at the end, however it ends; none when nobody reads the output any more."""
    try:
        yield
    except BrokenPipeError:
        raise
    except BaseException:
        _sum_up(tally, quiet=quiet)
        raise
    _sum_up(tally, quiet=quiet)


def _sum_up(tally: Tally, *, quiet: bool) -> None:
    if not quiet:
        remark(tally.summary())


def _check_output(batch: Batch, source: BinaryIO) -> None:
    """Refuse a file that is there, before anything is loaded. Raises `WippyError`."""
    output = batch.output
    if output is None or not output.is_file():  # a device or a pipe holds nothing to lose
        return
    if not batch.overwrite:
        raise WippyError(f"{output}: the file exists; name another, or give --overwrite to replace it")
    if _is_open_as(source, output):
        raise WippyError(f"{output}: the output is the file that is read, which would be lost; name another")


def _is_open_as(source: BinaryIO, path: Path) -> bool:
    try:
        opened = os.fstat(source.fileno())
    except UnsupportedOperation:  # stdin that a program has put in place of the real one
        return False
    return os.path.samestat(opened, path.stat())


@contextmanager
def _opened(batch: Batch) -> Iterator[BinaryIO]:
    if batch.output is None:
        yield sys.stdout.buffer
        return
    may_be_there = batch.overwrite or (batch.output.exists() and not batch.output.is_file())
    with batch.output.open("wb" if may_be_there else "xb") as sink:
        yield sink


def _shows_bar(batch: Batch) -> bool:
    """On a terminal, unless the results themselves appear there."""
    return not batch.quiet and sys.stderr.isatty() and not (batch.output is None and sys.stdout.isatty())


def _extent(source: BinaryIO, batch: Batch) -> Extent:
    if batch.input is None or not batch.input.is_file():
        return Extent(None, lambda: 0)
    file = source.fileno()  # the bar asks from its own thread, which must not touch the reader
    return Extent(os.fstat(file).st_size, lambda: os.lseek(file, 0, os.SEEK_CUR))
