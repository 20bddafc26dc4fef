"""The arithmetic of `bench`, by a clock that the tests move."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wippy_native.cli.measuring import Row, count_results, percentile, time_calls


class Clock:
    """Stands still but for what the work of a test takes."""

    def __init__(self) -> None:
        self.now = 100.0
        self.calls: list[tuple[object, ...]] = []

    def __call__(self) -> float:
        return self.now

    def work(self, *arguments: object) -> None:
        """Every tenth call takes 1 s, the others a quarter."""
        self.calls.append(arguments)
        self.now += 1.0 if len(self.calls) % 10 == 0 else 0.25

    def results(self) -> Iterator[None]:
        while True:
            self.work()
            yield


def test_calls_one_after_the_other() -> None:
    clock = Clock()
    row = time_calls("fresh", clock.work, (1, "x"), 31.5, clock)
    assert set(clock.calls) == {(1, "x")}
    # Ten calls take 3.25 s. The first ten warm up; of the measured time whole calls are counted.
    assert (row.calls, row.seconds) == (99, 31.5)
    assert (row.p50, row.p99) == (0.25, 1.0)
    assert row.per_second == pytest.approx(99 / 31.5)


def test_a_call_longer_than_the_time() -> None:
    clock = Clock()
    row = time_calls("fresh", clock.work, (), 0.01, clock)
    assert (row.calls, row.p50, row.p99) == (1, 0.25, 0.25)


def test_what_a_call_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        time_calls("fresh", lambda: 1 // 0, (), 1.0)


def test_results_of_a_batch() -> None:
    clock = Clock()
    row = count_results("batch, 2 workers", 2, clock.results(), 32.5, clock)
    assert (row.workers, row.p50, row.p99) == (2, None, None)
    assert row.calls / row.seconds == pytest.approx(10 / 3.25, rel=0.05)
    assert row.seconds >= 32.5


@pytest.mark.parametrize(
    ("percent", "values", "value"),
    [(50, [1.0], 1.0), (99, [1.0], 1.0), (50, [1.0, 2.0], 1.0), (99, [1.0, 2.0], 2.0), (50, [1.0, 2.0, 9.0], 2.0)],
)
def test_percentiles(percent: int, values: list[float], value: float) -> None:
    assert percentile(values, percent) == value


def test_percentiles_of_many() -> None:
    values = [float(number) for number in range(1, 1001)]
    assert (percentile(values, 50), percentile(values, 99)) == (500.0, 990.0)


def test_calls_per_second() -> None:
    assert Row(name="x", calls=10, seconds=4.0).per_second == 2.5
