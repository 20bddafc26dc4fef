"""From an entry's `method` to an export: F-11, F-13, F-13a, F-14, F-15."""

from __future__ import annotations

from typing import Any

import pytest
from support.guests import add_wat, built, wat

from wippy_native import FunctionNotFound, Runtime, WippyError

ECHO = "wippy-test:types/echo"


def types_method(rt: Runtime, method: str, **fields: Any) -> Any:
    return rt.add_wasm("app:f", built("types"), method, **fields)


@pytest.mark.parametrize("method", ["transform-users", "transform_users"])
def test_world_level_functions_in_both_spellings(rt: Runtime, method: str) -> None:
    """F-13."""
    user = {"id": 1, "name": "ada", "tag_count": 0, "tags": ["a"]}
    assert types_method(rt, method)([user])[0]["id"] == 1


@pytest.mark.parametrize("method", ["plain#double", f"{ECHO}@0.1.0#echo-u32", f"{ECHO}#echo-u32", "echo#echo-u32"])
def test_functions_of_interfaces(rt: Runtime, method: str) -> None:
    """F-13, F-13a: with the version, without it, and by the interface's own name."""
    assert types_method(rt, method)(21) == (42 if method.startswith("plain") else 21)


@pytest.mark.parametrize("method", [f"{ECHO}@0.1.0#echo_u32", f"{ECHO}#echo_u32", "echo#echo_u32"])
def test_snake_case_behind_the_interface(rt: Runtime, method: str) -> None:
    """F-13a."""
    assert types_method(rt, method)(7) == 7


@pytest.mark.parametrize(
    "method",
    [
        "Transform-Users", "transform-users ", "double", "plain#", "#double", "plain#triple", "plane#double",
        "echo-u32", f"{ECHO}@0.2.0#echo-u32", f"{ECHO}@0.1#echo-u32", f"{ECHO}@#echo-u32", "types/echo#echo-u32",
        "plain.double", "plain/double", "plain#double#double", "cabi_realloc", "memory",
    ],
)  # fmt: skip
def test_what_is_not_found_fails_the_call_and_not_the_load(rt: Runtime, method: str) -> None:
    """F-11, F-13: the message begins as the rule says, and a person can go on from it."""
    function = types_method(rt, method)
    with pytest.raises(FunctionNotFound) as caught:
        function()
    expected = f'failed to call wasm method: {method}: export "{method}" not found in component'
    assert expected in str(caught.value)
    assert caught.value.entry == "app:f"
    assert caught.value.kind == "NotFound"
    assert caught.value.retryable is False


def test_what_is_not_found_names_what_there_is(rt: Runtime) -> None:
    """F-13."""
    with pytest.raises(FunctionNotFound, match="it exports add"):
        add_wat(rt, "add", "sub")(1, 2)


TWO_VERSIONS = """
(component
  (core module $m (func (export "one") (result i32) (i32.const 1)) (func (export "two") (result i32) (i32.const 2)))
  (core instance $i (instantiate $m))
  (func $one (result u32) (canon lift (core func $i "one")))
  (func $two (result u32) (canon lift (core func $i "two")))
  (instance $a (export "get" (func $one)))
  (instance $b (export "get" (func $two)))
  (export "acme:kv/store@1.0.0" (instance $a))
  (export "acme:kv/store@2.0.0" (instance $b))
  (export "store" (instance $b)))
"""


def test_ambiguous_names_list_the_choices(rt: Runtime) -> None:
    """F-13a."""
    function = rt.add_wasm("app:f", TWO_VERSIONS.encode(), "acme:kv/store#get")
    with pytest.raises(FunctionNotFound) as caught:
        function()
    for part in ("ambiguous", "acme:kv/store@1.0.0#get", "acme:kv/store@2.0.0#get"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("method", "answer"), [("acme:kv/store@1.0.0#get", 1), ("acme:kv/store@2.0.0#get", 2), ("store#get", 2)]
)
def test_exact_names_win_over_shortened_ones(rt: Runtime, method: str, answer: int) -> None:
    """F-13a."""
    assert rt.add_wasm("app:f", TWO_VERSIONS.encode(), method)() == answer


@pytest.mark.parametrize("wit", ["nonsense", "add: func() -> string;", ""])
def test_a_component_ignores_the_wit_field(rt: Runtime, wit: str) -> None:
    """F-15."""
    assert add_wat(rt, "add", "add", wit=wit)(2, 3) == 5


WIT = "add: func(a: s32, b: s32) -> s32;\n export sub-wide: func(a: s64, b: s64) -> s64;"


@pytest.mark.parametrize(
    ("method", "arguments", "answer"),
    [("add", (2, 40), 42), ("sub-wide", (1, 2), -1), ("sub_wide", (2**62, -1), 2**62 + 1)],
)
def test_core_methods_with_wit_text(rt: Runtime, method: str, arguments: tuple[int, ...], answer: int) -> None:
    """F-14: with and without `export` in front, in both spellings."""
    assert add_wat(rt, "core_add", method, wit=WIT)(*arguments) == answer


CORE_SNAKE = '(module (func (export "low_byte") (param i32) (result i32) (i32.and (local.get 0) (i32.const 255))))'


@pytest.mark.parametrize("method", ["low-byte", "low_byte"])
def test_core_exports_spelled_with_underscores(rt: Runtime, method: str) -> None:
    """F-14: what C and Rust compilers export is not kebab case."""
    function = rt.add_wasm("app:f", CORE_SNAKE.encode(), method, wit="low-byte: func(n: u32) -> u8;")
    assert function(0x1FF) == 0xFF


@pytest.mark.parametrize("wit", [None, "", "   \n"])
def test_core_methods_need_wit_text(rt: Runtime, wit: str | None) -> None:
    """F-14."""
    with pytest.raises(WippyError, match=r"Call\(\) requires a component or WIT definitions"):
        add_wat(rt, "core_add", "add", wit=wit)(1, 2)


@pytest.mark.parametrize(
    ("method", "wit", "text"),
    [
        ("secret", WIT, 'function "secret" not found'),
        ("add", "// nothing here\n", "no functions found in WIT text"),
        ("gone", "gone: func();", 'export "gone" not found in module'),
        ("add", "add: func(a: s32 -> s32;", "wit"),
        ("add", "add: func(a: record) -> s32;", "wit"),
        ("add", "add: func(a: s64, b: s32) -> s32;", "add"),
        ("add", "add: func(a: s32) -> s32;", "add"),
        ("add", "add: func(a: s32, b: s32);", "add"),
    ],
)
def test_wit_text_that_does_not_fit_the_module(rt: Runtime, method: str, wit: str, text: str) -> None:
    """F-14: the load succeeds, the call says what is wrong, and the module's types are checked against the text."""
    function = add_wat(rt, "core_add", method, wit=wit)
    with pytest.raises(FunctionNotFound) as caught:
        function(1, 2)
    assert text.lower() in str(caught.value).lower()


def test_an_entry_of_text_takes_core_and_component(rt: Runtime) -> None:
    """F-12."""
    for name, wit in (("add", None), ("core_add", "add: func(a: s32, b: s32) -> s32;")):
        entry = {"id": f"app:{name}", "kind": "function.wat", "source": wat(name).read_text(), "method": "add"}
        rt.add_entry(entry | ({"wit": wit} if wit else {}))
        assert rt.call(f"app:{name}", 40, 2) == 42
