"""YAML text to a `Node`, through PyYAML's events.

PyYAML's own composers recurse and expand; its event stream does neither, so hostile files cost no more than their
size (which `read_definition` caps). libyaml is used where PyYAML was built with it, the slower pure parser otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import yaml

from .scalars import resolve, resolve_as
from .tree import Mark, Node, SourceError, SourceLimits, TreeBuilder

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE = "tag:yaml.org,2002:"
_SCALAR_TAGS = frozenset({"str", "int", "float", "bool", "null"})
# What YAML calls printable; anything else in a file means that it is no YAML.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FIRST_LINE = re.compile(r"(?:[ \t]*\r?\n)*( *)")


def parse_yaml(text: str, limits: SourceLimits) -> tuple[Node | None, Mark | None]:
    """The first document of `text`, and where a second one starts if there is one.

    Raises `SourceError` for anything that is not plain YAML within `limits`.
    """
    _refuse_unprintable(text)
    builder = TreeBuilder(limits)
    documents = 0
    for event in _events(text):
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents == 2:
                return builder.root, _mark(event)
        else:
            _feed(builder, event, text)
    return builder.root, None


def _events(text: str) -> Iterator[Any]:
    loader = _Loader(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text) from None
    except yaml.YAMLError as error:
        raise SourceError(f"not YAML: {error}", Mark(1, 1)) from None
    finally:
        loader.dispose()


def _feed(builder: TreeBuilder, event: Any, source: str) -> None:
    match event:
        case yaml.ScalarEvent():
            builder.scalar(
                _value(event),
                event.value,
                _mark(event),
                anchor=event.anchor,
                plain=bool(event.implicit[0]),
                start=_start_of_block(event, source) if event.style == "|" else None,
            )
        case yaml.AliasEvent():
            builder.alias(str(event.anchor), _mark(event))
        case yaml.SequenceStartEvent():
            _check_collection_tag(event, "seq")
            builder.start_list(_mark(event), event.anchor)
        case yaml.MappingStartEvent():
            _check_collection_tag(event, "map")
            builder.start_map(_mark(event), event.anchor)
        case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
            builder.end()


def _value(event: Any) -> Any:
    tag = event.tag
    try:
        if tag is None:
            return resolve(event.value) if event.implicit[0] else event.value
        if tag == "!":
            return event.value
        if tag.startswith(_CORE) and tag.removeprefix(_CORE) in _SCALAR_TAGS:
            return resolve_as(tag.removeprefix(_CORE), event.value)
    except ValueError as error:
        raise SourceError(str(error), _mark(event), "quote it if it is text") from None
    raise _tag_error(event)


def _check_collection_tag(event: Any, kind: str) -> None:
    if event.tag not in (None, "!", _CORE + kind):
        raise _tag_error(event)


def _tag_error(event: Any) -> SourceError:
    shown = event.tag.replace(_CORE, "!!")[:80]
    return SourceError(f"unknown tag {shown}", _mark(event), "remove the tag; definition files hold plain values only")


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def _start_of_block(event: Any, source: str) -> Mark:
    """Where the text of a block scalar starts: in the line after its bar, in the column that is taken for the first."""
    start = source.find("\n", event.start_mark.index) + 1
    found = _FIRST_LINE.match(source, start) if start else None
    if found is None:
        return Mark(event.start_mark.line + 2, 1)
    own = event.value.lstrip("\n")
    return Mark(event.start_mark.line + 2, 1 + len(found[1]) - (len(own) - len(own.lstrip(" "))))


def _syntax_error(error: yaml.MarkedYAMLError, source: str) -> SourceError:
    mark = error.problem_mark or error.context_mark
    where = Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)
    text = ", ".join(str(part) for part in (error.context, error.problem) if part)
    hint = "check indentation, brackets and quotes here and in the line before"
    if _indented_by_tab(source, where):
        hint = "this line is indented with tabs; YAML allows spaces only"
    elif "alias" in str(error.context):
        hint = 'a * begins an alias in YAML; put a text that starts with one in quotes: "*.example.com"'
    return SourceError(f"not YAML: {text}", where, hint)


def _indented_by_tab(source: str, where: Mark) -> bool:
    line = next(islice(source.splitlines(), where.line - 1, None), "")
    return "\t" in line[: len(line) - len(line.lstrip())]


def _refuse_unprintable(text: str) -> None:
    found = _UNPRINTABLE.search(text)
    if found is None:
        return
    line = text.count("\n", 0, found.start()) + 1
    column = found.start() - text.rfind("\n", 0, found.start())
    name = "NUL" if found[0] == "\0" else f"U+{ord(found[0]):04X}"
    raise SourceError(
        f"not YAML: unprintable character {name}",
        Mark(line, column),
        "save it as plain UTF-8 text, or move it elsewhere",
    )
