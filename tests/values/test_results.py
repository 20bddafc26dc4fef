"""What comes back: results, nothing at all, and guests that break the rules. Rules: F-44, V-15, V-19, V-22."""

from __future__ import annotations

from typing import Any

import pytest
from support.wit import component

import wippy_native as wippy
from wippy_native import Err, Ok


def returning(kind: str, *words: int, types: str = "", address: int = 16) -> bytes:
    """A component whose `f` gives the words at 16 as a value of type `kind`."""
    stores = " ".join(
        f"(i32.store (i32.const {16 + 4 * place}) (i32.const {word}))" for place, word in enumerate(words)
    )
    return component(types, [], kind, f'(func (export "f") (result i32) {stores} (i32.const {address}))')


def call(runtime: wippy.Runtime, source: bytes, **options: Any) -> Any:
    function = runtime.add_wasm("t:result", source=source, method="f")
    return function.with_options(**options)() if options else function()


def test_no_result(runtime: wippy.Runtime) -> None:
    assert call(runtime, component("", [], None, '(func (export "f"))')) is None


@pytest.mark.parametrize(
    ("kind", "words", "ok", "err"),
    [
        ("(result string (error u32))", (0, 0, 0), "", None),
        ("(result string (error u32))", (1, 7, 0), None, 7),
        ("(result u32)", (0, 5), 5, None),
        ("(result u32)", (1, 5), None, None),
        ("(result (error string))", (0, 0, 0), None, None),
        ("(result (result u32 (error u32)) (error u32))", (0, 1, 9), Err(9), None),
    ],
)
def test_top_level_result(runtime: wippy.Runtime, kind: str, words: tuple[int, ...], ok: Any, err: Any) -> None:
    source = returning(kind, *words)
    if words[0] == 0:
        assert call(runtime, source) == ok
        assert call(runtime, source, raise_err=False) == Ok(ok)
        return
    with pytest.raises(wippy.GuestError) as caught:
        call(runtime, source)
    assert caught.value.value == err
    assert call(runtime, source, raise_err=False) == Err(err)


def test_flat_top_level_result(runtime: wippy.Runtime) -> None:
    source = component("", [], "(result)", '(func (export "f") (result i32) (i32.const 1))')
    with pytest.raises(wippy.GuestError):
        call(runtime, source)
    assert call(runtime, source, raise_err=False) == Err()


def test_fixed_length_lists(runtime: wippy.Runtime) -> None:
    body = """(func (export "f") (param i32 i32 i32 i32 i32) (result i32)
        (i32.store8 (i32.const 16) (local.get 0))
        (i32.store8 (i32.const 17) (local.get 1))
        (i32.store8 (i32.const 18) (local.get 2))
        (i32.store (i32.const 20) (local.get 3))
        (i32.store (i32.const 24) (local.get 4))
        (i32.const 16))"""
    kind = "(tuple (list u8 3) (list u32 2))"
    source = component("", [("a", "(list u8 3)"), ("b", "(list u32 2)")], kind, body)
    function = runtime.add_wasm("t:fixed", source=source, method="f")
    assert function(b"abc", [1, 2]) == (b"abc", [1, 2])
    assert function([1, 2, 3], (1, 2)) == (b"\x01\x02\x03", [1, 2])
    for args, text in [
        ((b"ab", [1, 2]), "a: expected list<u8, 3>, got 2 items"),
        ((b"abc", b"ab"), "b: expected list<u32, 2>, got bytes"),
        ((b"abc", [1, -1]), "b[1]: expected u32, got int (-1)"),
    ]:
        with pytest.raises(wippy.ArgumentError) as caught:
            function(*args)
        assert str(caught.value).endswith(text)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (returning("string", address=17), "not aligned"),
        (returning("string", 65535, 2), "out of bounds"),
        (returning("(list u64)", 8, -1), "out of bounds"),
        (returning("string", 24, 2, 0xFFFF), "not valid UTF-8"),
        (returning("(tuple char u32)", 0xD800, 0), "not a character"),
        (returning("(option u32)", 2, 0), "discriminant 2 of 2 cases"),
        (returning("(option string)", 2, 0), "discriminant 2 of 2 cases"),
        (returning("(list (result u8))", 24, 1, 0xFF), "discriminant 255 of 2 cases"),
    ],
)
def test_guests_that_break_the_rules(runtime: wippy.Runtime, source: bytes, text: str) -> None:
    with pytest.raises(wippy.GuestTrap, match=text) as caught:
        call(runtime, source)
    assert caught.value.entry == "t:result"


def test_result_larger_than_allowed() -> None:
    pairs = [word for _ in range(64) for word in (0, 65536)]
    source = returning("(list string)", 24, 64, *pairs)
    with wippy.Runtime(limits=wippy.Limits(max_result_bytes=1 << 20)) as runtime:
        with pytest.raises(wippy.LimitExceeded) as caught:
            call(runtime, source)
        assert caught.value.limit == "max_result_bytes"
        assert caught.value.allowed == 1 << 20


@pytest.mark.parametrize(
    ("kind", "what"), [("(own $thing)", "resource handle"), ("(list (borrow $thing))", "resource handle")]
)
def test_handles_are_refused(runtime: wippy.Runtime, kind: str, what: str) -> None:
    types = '(type $raw (resource (rep i32))) (export $thing "thing" (type $raw))'
    params = "(param i32)" if kind.startswith("(own") else "(param i32 i32)"
    source = component(types, [("it", kind)], None, f'(func (export "f") {params})')
    with pytest.raises(wippy.WippyError, match=f'parameter "it": a {what} is not supported'):
        runtime.add_wasm("t:handle", source=source, method="f")(1)
