"""Where a guest's stdout and stderr go, when a call says so.

A call takes "inherit", "discard", a file object or a callable; the core takes words or a callable that gets bytes. A
text file gets text: a character may be split between two writes of the guest, so the decoder keeps the rest.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from ._border import OutputSink

Output = Literal["inherit", "discard", "log"] | IO[str] | IO[bytes] | Callable[[bytes], object]
_WORDS = ("inherit", "discard", "log")


def sink(name: str, output: Output) -> OutputSink:
    """What the core takes for the option `name`. Raises `TypeError` or `ValueError`. Rules: H-35."""
    if isinstance(output, str):
        if output not in _WORDS:
            raise ValueError(f'{name}={output!r}: use "inherit", "discard", "log", a file object or a callable')
        return cast("OutputSink", output)
    write = getattr(output, "write", None)
    if write is not None:
        return _text_writer(write) if _is_text(output) else cast("OutputSink", write)
    if callable(output):
        return output
    raise TypeError(
        f'{name}: expected "inherit", "discard", "log", a file object or a callable, got {type(output).__name__}'
    )


def _is_text(file: Any) -> bool:
    return isinstance(file, io.TextIOBase) or hasattr(file, "encoding")


def _text_writer(write: Callable[[str], object]) -> Callable[[bytes], object]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    return lambda data: write(decoder.decode(data))
