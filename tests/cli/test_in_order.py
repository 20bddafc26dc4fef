"""The order of a batch: bad lines between good ones, errors of calls, and how it ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from random import Random
from typing import Any

import pytest

from wippy_native import ArgumentError, WippyError
from wippy_native.cli.in_order import MOST_BAD, Outcome, Starmap, in_order

Line = tuple[int, Any]


def double(value: int) -> int:
    if value < 0:
        raise WippyError(f"{value} is negative")
    return 2 * value


class Calls:
    """A batch that runs `window` calls ahead on threads, as a function's own does."""

    def __init__(self, window: int = 4) -> None:
        self.window = window
        self.taken: list[int] = []
        self.opened = self.closed = 0

    @contextmanager
    def __call__(self, items: Iterable[tuple[Any, ...]]) -> Iterator[Iterator[Any]]:
        self.opened += 1
        try:
            with ThreadPoolExecutor(2) as pool, closing(self._results(pool, iter(items))) as results:
                yield results
        finally:
            self.closed += 1

    def _results(self, pool: ThreadPoolExecutor, items: Iterator[tuple[int]]) -> Generator[Any, None, None]:
        flying: deque[Future[int]] = deque()
        while True:
            while len(flying) < self.window and (item := next(items, None)) is not None:
                self.taken.append(item[0])
                flying.append(pool.submit(double, *item))
            if not flying:
                return
            first = flying.popleft()
            yield first.exception() or first.result()


def bad(number: int) -> Line:
    return number, ArgumentError(f"bad {number}")


def shown(outcomes: Iterable[Outcome]) -> list[tuple[int, Any]]:
    return [
        (outcome.number, str(outcome.value) if isinstance(outcome.value, Exception) else outcome.value)
        for outcome in outcomes
    ]


def one_by_one(items: Iterable[tuple[Any, ...]]) -> AbstractContextManager[Iterator[Any]]:
    return closing(double(*item) for item in items)


@pytest.mark.parametrize("make", [lambda: one_by_one, Calls, lambda: Calls(1), lambda: Calls(1000)])
@pytest.mark.parametrize("most_bad", [1, 2, 7, MOST_BAD])
@pytest.mark.parametrize("seed", range(5))
def test_every_line_in_its_place(make: Callable[[], Starmap], most_bad: int, seed: int) -> None:
    random = Random(seed)  # noqa: S311
    lines = [bad(number) if random.random() < 0.4 else (number, (number,)) for number in range(1, 300)]
    expected = [(number, f"bad {number}" if isinstance(item, Exception) else 2 * number) for number, item in lines]
    assert shown(in_order(iter(lines), make(), most_bad=most_bad)) == expected


@pytest.mark.parametrize("lines", [[], [bad(1)], [bad(1), bad(2)], [(1, (5,))], [(1, (5,)), bad(2)]])
def test_short_inputs(lines: list[Line]) -> None:
    assert [number for number, _ in shown(in_order(iter(lines), Calls()))] == [number for number, _ in lines]


def test_calls_that_fail_keep_their_place() -> None:
    lines = [(1, (1,)), (2, (-1,)), bad(3), (4, (4,))]
    assert shown(in_order(iter(lines), Calls())) == [(1, 2), (2, "-1 is negative"), (3, "bad 3"), (4, 8)]


def test_bad_lines_behind_a_slow_call_are_bounded() -> None:
    """Reading stops at the bound, for the one call that all of them wait for."""
    read: list[int] = []

    def lines() -> Iterator[Line]:
        yield 1, (1,)
        for number in range(2, 100):
            read.append(number)
            yield bad(number)

    outcomes = in_order(lines(), Calls(), most_bad=10)
    assert next(outcomes) == Outcome(1, 2)
    assert read == list(range(2, 12))
    assert [outcome.number for outcome in outcomes] == list(range(2, 100))


def test_nothing_behind_a_bad_line_is_called() -> None:
    """With a bound of one, until the bad line's turn has come: it may end the batch."""
    calls = Calls()
    with closing(in_order(iter([(1, (1,)), bad(2), (3, (3,))]), calls, most_bad=1)) as outcomes:
        assert shown([next(outcomes), next(outcomes)]) == [(1, 2), (2, "bad 2")]
    assert calls.taken == [1]
    assert (calls.opened, calls.closed) == (1, 1)


def test_closing_closes_the_calls() -> None:
    calls = Calls()
    with closing(in_order(((number, (number,)) for number in range(1, 1000)), calls)) as outcomes:
        next(outcomes)
        assert calls.closed == 0
    assert calls.closed == 1
    assert len(calls.taken) < 20


def test_lines_that_cannot_be_read() -> None:
    """What was read before is done first."""

    def lines() -> Iterator[Line]:
        yield 1, (1,)
        yield bad(2)
        yield 3, (3,)
        raise OSError(5, "Input/output error")

    done: list[Outcome] = []
    with pytest.raises(OSError, match="Input/output"):
        done.extend(in_order(lines(), Calls()))
    outcomes = in_order(lines(), Calls())
    assert shown([next(outcomes) for _ in range(3)]) == [(1, 2), (2, "bad 2"), (3, 6)]
    with pytest.raises(OSError, match="Input/output"):
        next(outcomes)
