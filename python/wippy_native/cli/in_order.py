"""Outcomes of a batch in the order of its lines, those that never became a call included.

Good lines go through the function's batch, which gives their results in order; bad ones wait here for their turn. What
waits costs memory, and behind one slow call any number of lines may be bad. So a batch takes a bounded number of them;
then its calls are waited for, and the next batch goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from ..errors import ArgumentError
from .json_lines import Arguments

MOST_BAD = 10_000

Starmap = Callable[[Iterable[Arguments]], AbstractContextManager[Iterator[Any]]]
"""Takes arguments lazily; gives, in order, results and, in the place of those that failed, exceptions."""


class Outcome(NamedTuple):
    """What became of a line: the exception, or else what the call returned."""

    number: int
    value: Any


def in_order(
    lines: Iterator[tuple[int, Arguments | ArgumentError]], starmap: Starmap, *, most_bad: int = MOST_BAD
) -> Generator[Outcome, None, None]:
    """The outcomes of the lines; close it to cancel the calls in flight.

    lines: (line number, arguments or what is wrong with them), read as the batch asks for more.
    most_bad: bad lines read before their turn; with 1, no line after a bad one is called before the bad one's turn.

    Raises the `OSError` of reading a line when all lines before it are done, and what the batch raises.
    """
    return _InOrder(lines, starmap, most_bad).outcomes()


class _InOrder:
    def __init__(self, lines: Iterator[tuple[int, Arguments | ArgumentError]], starmap: Starmap, most_bad: int) -> None:
        self._lines = lines
        self._starmap = starmap
        self._most_bad = most_bad
        # In the order of the lines: a number alone for one that is being called.
        self._waiting: deque[int | Outcome] = deque()
        self._ended = False
        self._failure: OSError | None = None

    def outcomes(self) -> Generator[Outcome, None, None]:
        while not self._ended:
            with self._starmap(self._take_lines()) as results:
                for result in results:
                    yield from self._bad_lines()
                    number = self._waiting.popleft()
                    assert isinstance(number, int)  # noqa: S101 - bad lines are gone
                    yield Outcome(number, result)
                    yield from self._bad_lines()
            yield from self._bad_lines()
        if self._failure is not None:
            raise self._failure

    def _take_lines(self) -> Iterator[Arguments]:
        """What the batch calls. It may ask from another thread, so all that passes between is the deque."""
        bad = 0
        try:
            for number, arguments in self._lines:
                if not isinstance(arguments, ArgumentError):
                    self._waiting.append(number)
                    yield arguments
                    continue
                self._waiting.append(Outcome(number, arguments))
                bad += 1
                if bad == self._most_bad:
                    return
        except OSError as error:
            self._failure = error
        self._ended = True

    def _bad_lines(self) -> Iterator[Outcome]:
        while self._waiting:
            first = self._waiting[0]
            if not isinstance(first, Outcome):
                return
            self._waiting.popleft()
            yield first
