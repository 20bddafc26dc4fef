"""Objects that run code, lie or change while they are read: an exception, never a crash. Rules: V-7 to V-10."""

from __future__ import annotations

import array
import gc
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from support.wit import BY_NAME, Wit, component, list_of, record_of, tuple_of

import wippy_native as wippy

Echo = Callable[[Wit, Any], Any]

Refuse = Callable[[Wit, Any], wippy.ArgumentError]

U8, U32, STRING = (BY_NAME[name] for name in ("u8", "u32", "string"))
POINT = record_of("point", {"x": U32, "y": U32})


class Effect:
    """A number that does something when it is read."""

    def __init__(self, effect: Callable[[], object]) -> None:
        self.effect = effect

    def __index__(self) -> int:
        self.effect()
        return 1


def test_list_that_shrinks(refuse: Refuse) -> None:
    items: list[Any] = []
    items += [Effect(items.clear), 2, 3]
    assert "changed size while it was read" in str(refuse(list_of(U32), items))


def test_list_that_grows(refuse: Refuse) -> None:
    items: list[Any] = []
    items += [Effect(lambda: items.append(0)), 2]
    assert "changed size while it was read" in str(refuse(list_of(U32), items))


def test_list_whose_items_are_replaced(echo: Echo) -> None:
    items: list[Any] = []

    def replace() -> None:
        items[:] = [object(), Effect(gc.collect), 5]

    items += [Effect(replace), object(), object()]
    assert echo(list_of(U32), items) == [1, 1, 5]


def test_dict_that_is_emptied(refuse: Refuse) -> None:
    point: dict[str, Any] = {}
    point |= {"x": Effect(point.clear), "y": 2}
    assert 'required field "y" not found' in str(refuse(POINT, point))


class Lying:
    """A sequence with a length of its own choice."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> int:
        if index >= 3:
            raise IndexError(index)
        return index


def test_length_that_is_not_true(echo: Echo, refuse: Refuse) -> None:
    assert echo(list_of(U32), Lying(3)) == [0, 1, 2]
    assert echo(list_of(U32), Lying(2)) == [0, 1]
    with pytest.raises(IndexError):
        echo(list_of(U32), Lying(4))
    assert "more than a string or list may hold" in str(refuse(list_of(U32), Lying(2**60)))
    with pytest.raises(IndexError):
        echo(list_of(U8), Lying(4))
    assert "(2 items), got 3" in str(refuse(tuple_of([U32, U32]), Lying(3)))


class Custom(Exception):
    pass


def raising(*_: object) -> Any:
    raise Custom


@pytest.mark.parametrize("method", ["__len__", "__getitem__", "__index__", "__float__", "__getattr__"])
def test_exceptions_of_the_callers_own_objects_pass(echo: Echo, method: str) -> None:
    methods = {"__len__": lambda _: 1, "__getitem__": lambda *_: 1, method: raising}
    if method in {"__index__", "__float__", "__getattr__"}:
        methods = {method: raising}
    value = type("Unruly", (), methods)()
    kinds = {"__index__": U32, "__float__": BY_NAME["f64"], "__getattr__": POINT}
    with pytest.raises(Custom):
        echo(kinds.get(method, list_of(U32)), value)


class Partial(Mapping[str, int]):
    def __getitem__(self, key: str) -> int:
        if key == "x":
            return 1
        raise Custom(key)

    def __iter__(self) -> Iterator[str]:
        return iter("xy")

    def __len__(self) -> int:
        return 2


def test_mapping_that_raises(echo: Echo) -> None:
    with pytest.raises(Custom):
        echo(POINT, Partial())


def test_deep_objects_end_with_the_type(refuse: Refuse) -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert refuse(list_of(list_of(U32)), endless).path == "x[0][0][0]"


def test_mutable_buffers_are_copied_before_the_guest_runs(echo: Echo) -> None:
    data = bytearray(b"a" * 100_000)
    stop = threading.Event()

    def scribble() -> None:
        while not stop.is_set():
            data[:] = b"b" * len(data)
            data[:] = b"a" * len(data)

    thread = threading.Thread(target=scribble)
    thread.start()
    try:
        for _ in range(50):
            back = echo(list_of(U8), data)
            assert back in (b"a" * len(data), b"b" * len(data))
    finally:
        stop.set()
        thread.join()
    data += b"resizable again"


def test_borrowed_values_are_let_go(runtime: wippy.Runtime) -> None:
    body = '(func (export "f") (param i32 i32))'
    function = runtime.add_wasm("t:in", source=component("", [("x", "(list u8)")], None, body), method="f")
    import sys

    data = bytes(100_000)
    before = sys.getrefcount(data)
    for _ in range(10):
        function(data)
    assert sys.getrefcount(data) == before


@pytest.mark.parametrize(
    ("wit", "code"),
    [
        *[("s8", "b"), ("u8", "B"), ("s16", "h"), ("u16", "H"), ("s32", "i"), ("u32", "I")],
        *[("s64", "q"), ("u64", "Q"), ("s64", "l"), ("u64", "L"), ("f32", "f"), ("f64", "d")],
    ],
)
def test_arrays_of_the_same_format(echo: Echo, wit: str, code: str) -> None:
    numbers = array.array(code, [1, 2, 3])
    expected = bytes(numbers) if wit == "u8" else numbers.tolist()
    assert echo(list_of(BY_NAME[wit]), numbers) == expected
    view = memoryview(numbers)[::2]
    assert echo(list_of(BY_NAME[wit]), view) == (bytes(view.tolist()) if wit == "u8" else view.tolist())
    assert echo(list_of(BY_NAME[wit]), array.array(code)) in ([], b"")


def test_arrays_of_another_format(echo: Echo, refuse: Refuse) -> None:
    assert echo(list_of(U32), array.array("q", [1, 2])) == [1, 2]
    assert refuse(list_of(U32), array.array("q", [1, -1])).path == "x[0][1]"
    assert echo(list_of(BY_NAME["f32"]), array.array("d", [0.5])) == [0.5]
    assert echo(list_of(U8), array.array("b", [1, 2])) == b"\x01\x02"
    assert refuse(list_of(U8), array.array("b", [1, -2])).path == "x[0][1]"


def test_nan_in_buffers_is_canonical(runtime: wippy.Runtime) -> None:
    body = """(func (export "f") (param i32 i32) (result i32)
        (i32.store (i32.const 16) (local.get 0))
        (i32.store (i32.const 20) (i32.shl (local.get 1) (i32.const 3)))
        (i32.const 16))"""
    source = component("", [("x", "(list f64)")], "(list u8)", body)
    function = runtime.add_wasm("t:bits", source=source, method="f")
    odd = array.array("Q", [0x7FF4_0000_0000_0001, 0x3FF0_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF])
    found = array.array("Q", function(memoryview(odd).cast("B").cast("d")))
    assert found.tolist() == [0x7FF8_0000_0000_0000, 0x3FF0_0000_0000_0000, 0x7FF8_0000_0000_0000]


class TestNumpy:
    """NumPy is optional: its arrays are buffers and sequences like others."""

    def test_arrays(self, echo: Echo) -> None:
        np = pytest.importorskip("numpy")
        assert echo(list_of(BY_NAME["f64"]), np.array([1.0, 2.0])) == [1.0, 2.0]
        assert echo(list_of(BY_NAME["f64"]), np.arange(6.0)[::2]) == [0.0, 2.0, 4.0]
        assert echo(list_of(U32), np.array([1, 2])) == [1, 2]
        assert echo(list_of(U8), np.array([1, 2], dtype=np.uint8)) == b"\x01\x02"
        assert echo(list_of(BY_NAME["bool"]), np.array([True, False])) == [True, False]
        assert echo(list_of(list_of(BY_NAME["f32"])), np.ones((2, 2), dtype=np.float32)) == [[1.0, 1.0]] * 2
        assert echo(list_of(BY_NAME["f64"]), np.array([1.5], dtype=">f8")) == [1.5]

    def test_scalars(self, echo: Echo) -> None:
        np = pytest.importorskip("numpy")
        assert echo(U32, np.int64(5)) == 5
        assert echo(BY_NAME["f64"], np.float32(0.5)) == 0.5
