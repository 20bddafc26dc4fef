"""What the benches share: the contenders, and how one is timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from .contenders import Call, Extism, Ours, WasmtimePy, cache_directory

Timed = Callable[..., Any]
SLOW = 0.05


@pytest.fixture(scope="session")
def cache() -> Path:
    return cache_directory()


@pytest.fixture(scope="session")
def ours(cache: Path) -> Ours:
    return Ours(cache)


@pytest.fixture(scope="session")
def peer(cache: Path) -> WasmtimePy:
    return WasmtimePy(cache)


@pytest.fixture(scope="session")
def extism() -> Extism:
    return Extism()


@pytest.fixture
def timed(benchmark: BenchmarkFixture) -> Timed:
    """Time `call(*args)` as `who` in `case` after checking what it gives; slow calls get two rounds instead of many."""

    def run(case: str, who: str, call: Call, *args: Any, gives: Any) -> None:
        benchmark.group = case
        benchmark.extra_info.update(case=case, who=who)
        start = time.perf_counter()
        result = call(*args)
        took = time.perf_counter() - start
        if not (gives(result) if callable(gives) else result == gives):
            pytest.fail(f"{who} gives {result!r:.200}")
        if took > SLOW:
            benchmark.pedantic(call, args, rounds=2 if took > 1 else 10)
        else:
            benchmark(call, *args)

    return run
