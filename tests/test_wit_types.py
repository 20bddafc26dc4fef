"""Parsing the WIT types the core prints."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wippy_native.wit_types import (
    PRIMITIVES,
    Enum,
    Flags,
    List,
    Option,
    Other,
    Primitive,
    Record,
    Result,
    Tuple,
    Variant,
    WitType,
    parse_type,
)

U32, STRING = Primitive("u32"), Primitive("string")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("u32", U32),
        ("list<u8>", List(Primitive("u8"))),
        ("list<u8, 4>", List(Primitive("u8"), 4)),
        ("option<option<string>>", Option(Option(STRING))),
        ("result", Result(None, None)),
        ("result<u32>", Result(U32, None)),
        ("result<_, string>", Result(None, STRING)),
        ("result<u32, string>", Result(U32, STRING)),
        ("tuple<u32, string>", Tuple((U32, STRING))),
        ("record { id: u32, tag-count: list<string> }", Record((("id", U32), ("tag-count", List(STRING))))),
        ("record {id:u32,}", Record((("id", U32),))),
        ("variant { none, %some(u32) }", Variant((("none", None), ("some", U32)))),
        ("enum { red, list }", Enum(("red", "list"))),
        ("flags { read, write }", Flags(("read", "write"))),
        ("borrow<thing>", Other("borrow<thing>")),
        ("stream<u8>", Other("stream<u8>")),
        ("some-name", Other("some-name")),
    ],
)
def test_types(text: str, kind: WitType) -> None:
    assert parse_type(text) == kind


@pytest.mark.parametrize(
    "text", ["", "list", "list<", "list<u8", "record { a }", "option<>", "u32 u32", "enum { 1 }", "*", "tuple<u8"]
)
def test_broken(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_type(text)


def show(kind: WitType) -> str:
    """WIT's notation, as the core prints it."""
    match kind:
        case Primitive(name) | Other(name):
            return name
        case List(element, length):
            return f"list<{show(element)}" + (f", {length}>" if length is not None else ">")
        case Option(payload):
            return f"option<{show(payload)}>"
        case Result(None, None):
            return "result"
        case Result(ok, None) if ok is not None:
            return f"result<{show(ok)}>"
        case Result(ok, err):
            return f"result<{show(ok) if ok else '_'}, {show(err) if err else '_'}>"
        case Tuple(items):
            return f"tuple<{', '.join(map(show, items))}>"
        case Record(fields):
            return "record { " + ", ".join(f"{name}: {show(field)}" for name, field in fields) + " }"
        case Variant(cases):
            return "variant { " + ", ".join(f"{n}({show(p)})" if p else n for n, p in cases) + " }"
        case Enum(names):
            return "enum { " + ", ".join(names) + " }"
        case Flags(names):
            return "flags { " + ", ".join(names) + " }"
    raise AssertionError(kind)


names = st.from_regex(r"[a-z][a-z0-9]{0,4}(-[a-z][a-z0-9]{0,3}){0,2}", fullmatch=True)
labels = st.lists(names, min_size=1, max_size=4, unique=True).map(tuple)


def extend(inner: st.SearchStrategy[WitType]) -> st.SearchStrategy[WitType]:
    def named(of: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
        return st.lists(st.tuples(names, of), min_size=1, max_size=4, unique_by=lambda pair: pair[0]).map(tuple)

    return st.one_of(
        st.builds(List, inner, st.none() | st.integers(1, 9)),
        st.builds(Option, inner),
        st.builds(Result, st.none() | inner, st.none() | inner),
        st.builds(Tuple, st.lists(inner, min_size=1, max_size=4).map(tuple)),
        st.builds(Record, named(inner)),
        st.builds(Variant, named(st.none() | inner)),
    )


leaves: st.SearchStrategy[WitType] = st.one_of(
    st.builds(Primitive, st.sampled_from(sorted(PRIMITIVES))), st.builds(Enum, labels), st.builds(Flags, labels)
)


@given(st.recursive(leaves, extend, max_leaves=12))
def test_round_trip(kind: WitType) -> None:
    assert parse_type(show(kind)) == kind


@given(st.text(max_size=30) | st.text(alphabet="<>{}(),:_ listrecordu8-", max_size=40))
def test_anything_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse_type(text)
