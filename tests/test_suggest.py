"""Did-you-mean suggestions: near misses, and no far-fetched ones."""

from __future__ import annotations

import time

import pytest

from wippy_native.suggest import did_you_mean

IDS = ["app:add", "app:res", "app:resize", "other:summarize"]


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("app:ad", IDS, "app:add"),
        ("app:resise", IDS, "app:resize"),
        ("app:reszie", IDS, "app:resize"),
        ("APP:Add", IDS, "app:add"),
        ("aap:add", IDS, "app:add"),
        ("summarize", IDS, "other:summarize"),
        ("pol", ["pool", "path"], "pool"),
        ("typ", ["type", "size"], "type"),
        ("max_execution", ["max_execution_ms", "max_memory_bytes"], "max_execution_ms"),
        ("wasi:filesytem", ["wasi:filesystem", "wasi:io"], "wasi:filesystem"),
        ("count_words", ["count-words"], "count-words"),
    ],
)
def test_what_is_close(name: str, known: list[str], meant: str) -> None:
    assert did_you_mean(name, known) == f'did you mean "{meant}"?'


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("app:nope", IDS),
        ("app:sub", IDS),
        ("app:add", IDS),
        ("run", ["add"]),
        ("app:f", ["app:g", "app:fs"]),
        ("memory", ["method"]),
        ("", ["a"]),
        ("x" * 101, ["x" * 100]),
    ],
)
def test_what_is_not(name: str, known: list[str]) -> None:
    """Neither other names, nor the very one that was given."""
    assert did_you_mean(name, known) == ""


def test_many_long_names_take_no_time() -> None:
    known = ["ab" * 45 + str(number) for number in range(5000)]
    started = time.monotonic()
    did_you_mean("ba" * 45, known)
    assert time.monotonic() - started < 5
