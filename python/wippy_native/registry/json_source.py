"""JSON text to a `Node`.

YAML is nearly a superset of JSON, but surrogate pairs, long keys and tabs fall in the gap, and `json` gives no
positions. This reader is a small token loop that feeds the builder of the YAML side, so that all limits hold here too.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed does not know it

from .tree import Mark, Node, SourceError, SourceLimits, TreeBuilder

_BLANK = re.compile(r"[ \t\r\n]*")
_LITERAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null")
_MAX_NUMBER_LENGTH = 64


def parse_json(text: str, limits: SourceLimits) -> Node | None:
    """The value `text` holds, None when it is blank. Raises `SourceError`."""
    return _Reader(text, limits).read()


class _Reader:
    """One pass over the text; `_closers` is the stack of what is open."""

    def __init__(self, text: str, limits: SourceLimits) -> None:
        self._text = text
        self._at = 0
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self._builder = TreeBuilder(limits, merge_keys=False)
        self._closers: list[str] = []

    def read(self) -> Node | None:
        if not self._peek():
            return None
        self._value()
        while self._closers:
            self._next_item()
        if self._peek():
            raise self._error("unexpected text after the value")
        return self._builder.root

    def _next_item(self) -> None:
        """After a value inside something open: a comma and the next item, or the end."""
        if not self._closed():
            self._expect(",")
            self._item()

    def _item(self) -> None:
        if self._closers[-1] == "}":
            self._string("a quoted key")
            self._expect(":")
        self._value()

    def _value(self) -> None:
        opener = self._peek()
        if opener in ("{", "["):
            self._open(opener)
        elif opener == '"':
            self._string("a value")
        else:
            self._literal()

    def _open(self, opener: str) -> None:
        start = self._builder.start_map if opener == "{" else self._builder.start_list
        start(self._mark())
        self._at += 1
        self._closers.append("}" if opener == "{" else "]")
        if not self._closed():
            self._item()

    def _closed(self) -> bool:
        """Take the closing bracket of what is innermost, if it comes next."""
        if self._peek() != self._closers[-1]:
            return False
        self._at += 1
        self._closers.pop()
        self._builder.end()
        return True

    def _string(self, wanted: str) -> None:
        if self._peek() != '"':
            raise self._error(f"expected {wanted}")
        mark = self._mark()
        try:
            value, self._at = scanstring(self._text, self._at + 1, True)
        except json.JSONDecodeError as error:
            self._at = error.pos
            raise self._error(error.msg) from None
        self._builder.scalar(value, value, mark, plain=False)

    def _literal(self) -> None:
        found = _LITERAL.match(self._text, self._at)
        if found is None:
            raise self._error("expected a value")
        if len(found[0]) > _MAX_NUMBER_LENGTH:
            raise self._error(f"a number of {len(found[0])} characters")
        mark = self._mark()
        self._at = found.end()
        self._builder.scalar(json.loads(found[0]), found[0], mark, plain=False)

    def _peek(self) -> str:
        """The next character that is not blank, "" at the end."""
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._text[self._at : self._at + 1]

    def _expect(self, character: str) -> None:
        if self._peek() != character:
            raise self._error(f"expected {character!r}")
        self._at += 1

    def _mark(self) -> Mark:
        line = bisect_right(self._starts, self._at)
        return Mark(line, self._at - self._starts[line - 1] + 1)

    def _error(self, text: str) -> SourceError:
        return SourceError(f"not JSON: {text}", self._mark(), "check commas, quotes and brackets here and before")
