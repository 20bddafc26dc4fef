"""`Variant`, `Ok`, `Err` and `Some` are plain immutable values. Rules: V-12 to V-16."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import pytest

from wippy_native import Err, Ok, Some, Variant

VALUES = [Variant("a"), Variant("a", 1), Variant("b", [1]), Ok(), Ok(1), Err(), Err("x"), Some(None), Some([1])]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_copies_are_equal(value: Any) -> None:
    for again in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):  # noqa: S301
        assert again == value
        assert type(again) is type(value)


def test_equality_and_hash() -> None:
    for left in VALUES:
        assert [right for right in VALUES if right == left] == [left]
        assert left != object()
    assert len({Ok(1), Ok(1), Err(1), Some(1), Variant("Ok", 1)}) == 4
    with pytest.raises(TypeError):
        hash(Ok([]))
    assert Ok(1).__eq__(1) is NotImplemented


def test_repr() -> None:
    assert repr(Variant("a")) == "Variant('a')"
    assert repr(Variant("a", "b")) == "Variant('a', 'b')"
    assert [repr(value) for value in (Ok(), Err(1), Some("x"))] == ["Ok(None)", "Err(1)", "Some('x')"]


def test_construction() -> None:
    assert Ok(value=1) == Ok(1)
    assert Variant(tag="a", payload=1) == Variant("a", 1)
    for wrong in (lambda: Some(), lambda: Ok(1, 2), lambda: Ok(1, value=1), lambda: Err(other=1), lambda: Variant(1)):
        with pytest.raises(TypeError):
            wrong()


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_immutable(value: Any) -> None:
    for name in (*value.__match_args__, "other"):
        with pytest.raises(AttributeError):
            setattr(value, name, 1)


def test_generic() -> None:
    assert Ok[int].__origin__ is Ok
    assert Variant[str].__args__ == (str,)


def test_cycles_are_collected() -> None:
    class Node:
        pass

    node: Any = Node()
    node.self = Some(node)
    gone = weakref.ref(node)
    del node
    gc.collect()
    assert gone() is None
