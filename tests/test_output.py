"""Where guest output goes: H-35."""

from __future__ import annotations

import io
import logging
from typing import Any

import pytest

from wippy_native.guest_log import log_output
from wippy_native.output import sink


@pytest.mark.parametrize("word", ["inherit", "discard", "log"])
def test_words(word: Any) -> None:
    assert sink("stdout", word) == word


def test_binary_file_and_callable() -> None:
    file, seen = io.BytesIO(), []
    for output in (file, seen.append):
        writer = sink("stdout", output)
        assert callable(writer)
        writer(b"ab")
        writer(b"\xff")
    assert file.getvalue() == b"ab\xff"
    assert seen == [b"ab", b"\xff"]


def test_text_file_gets_whole_characters() -> None:
    """A character split between two writes arrives once; bytes that are no UTF-8 are replaced."""
    file = io.StringIO()
    writer = sink("stdout", file)
    assert callable(writer)
    for part in (b"\xc3", b"\xbc", b"\xff!"):
        writer(part)
    assert file.getvalue() == "ü\ufffd!"


def test_refused() -> None:
    with pytest.raises(ValueError, match="stdout='quiet'"):
        sink("stdout", "quiet")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="stderr: expected"):
        sink("stderr", 5)  # type: ignore[arg-type]


def test_log(caplog: pytest.LogCaptureFixture) -> None:
    """stdout is info, stderr warning, one record a line."""
    caplog.set_level(logging.INFO)
    log_output("app:f", 1, b"one\ntwo\n")
    log_output("app:f", 2, b"\xff %s\n")
    assert caplog.record_tuples == [
        ("wippy_native.guest.app:f", logging.INFO, "one"),
        ("wippy_native.guest.app:f", logging.INFO, "two"),
        ("wippy_native.guest.app:f", logging.WARNING, "\ufffd %s"),
    ]
