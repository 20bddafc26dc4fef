"""Guests call guests: targets, signatures, results and errors (H-21 to H-24, H-29)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from conftest import MakeRuntime
from support.guests import add_hostuse, add_wat, built
from support.relay import add_relay
from support.threads import PATIENCE, in_thread

from wippy_native import Err, GuestError, Ok, Runtime

Call = Callable[..., Any]


@pytest.fixture
def call_string(rt: Runtime) -> Call:
    return add_hostuse(rt, "call-string", id="test:string", imports=("funcs",)).with_options(raise_err=False)


@pytest.fixture
def call_bytes(rt: Runtime) -> Call:
    return add_hostuse(rt, "call-bytes", id="test:bytes", imports=("funcs",)).with_options(raise_err=False)


def types(rt: Runtime, method: str, id: str = "app:callee", **fields: Any) -> None:
    rt.add_wasm(id, built("types"), method, **fields)


@pytest.mark.parametrize("target", ["", ":", "app", "app:", ":f", "x" * 5000])
def test_targets_need_both_parts(call_string: Call, call_bytes: Call, target: str) -> None:
    """H-21."""
    assert call_string(target, "x") == Err(f"invalid function target: {target}")
    assert call_bytes(target, b"x") == Err(f"invalid function target: {target}")


@pytest.mark.parametrize("target", ["app:none", "app:f:g", "APP:CALLEE", "app:callee ", "é:ü", "test:strin"])
def test_unknown_targets(rt: Runtime, call_string: Call, target: str) -> None:
    """H-21, F-48."""
    types(rt, "greet")
    assert call_string(target, "x") == Err("no handler registered for target")


def test_entries_that_are_no_functions_are_unknown_targets(rt: Runtime, call_string: Call) -> None:
    """H-21."""
    rt.add_entry({"id": "app:data", "kind": "registry.entry"})
    assert call_string("app:data", "x") == Err("no handler registered for target")


def test_text_to_text(rt: Runtime, call_string: Call) -> None:
    """H-29."""
    types(rt, "greet")
    assert call_string("app:callee", "Wörld") == Ok("Hello, Wörld!")


def test_bytes_to_bytes(rt: Runtime, call_bytes: Call) -> None:
    """H-29."""
    add_wat(rt, "echo", "echo-bytes", id="app:callee")
    data = bytes(range(256)) * 5000
    assert call_bytes("app:callee", data) == Ok(data)
    add_wat(rt, "echo", "len-bytes", id="app:len")
    assert call_bytes("app:len", data) == Ok(str(len(data)).encode())


def test_core_modules_are_targets_too(rt: Runtime, call_string: Call) -> None:
    """H-29, F-14."""
    wit = "greet: func(name: string) -> string; length: func(s: string) -> u32;"
    add_wat(rt, "core_strings", "greet", id="app:greet", wit=wit)
    add_wat(rt, "core_strings", "length", id="app:length", wit=wit)
    assert call_string("app:greet", "you") == Ok("Hello, you!")
    assert call_string("app:length", "héllo") == Ok("6")


def test_a_result_of_text_is_unwrapped(rt: Runtime) -> None:
    """H-29: ok and err pass through any number of guests."""
    rt.register("app:ok")(lambda text: f"<{text}>")
    for end, expected in (("app:ok", Ok("<x>")), ("app:none", Err("no handler registered for target"))):
        add_relay(rt, "app:c", end)
        add_relay(rt, "app:b", "app:c")
        assert add_relay(rt, "app:a", "app:b").with_options(raise_err=False)("x") == expected


def test_no_result_is_empty(rt: Runtime, call_string: Call, call_bytes: Call) -> None:
    """H-23."""
    add_hostuse(rt, "write-stdout", id="app:callee", imports=("wasi:cli",))
    assert call_string("app:callee", "x") == Ok("")


LISTS = """(component
  (core module $m (memory (export "memory") 1)
    (global $h (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $h) (i32.const 7)) (i32.const -8)))
      (global.set $h (i32.add (local.get $at) (local.get 3))) (local.get $at))
    (data (i32.const 64) "\\07\\00\\00\\00\\08\\00\\00\\00\\09\\00\\00\\00")
    (data (i32.const 96) "a\\"b")
    (data (i32.const 128) "\\60\\00\\00\\00\\03\\00\\00\\00\\05\\00\\00\\00")
    (func (export "list") (param i32 i32) (result i32)
      (i32.store (i32.const 16) (i32.const 64)) (i32.store (i32.const 20) (i32.const 3)) (i32.const 16))
    (func (export "record") (param i32 i32) (result i32) (i32.const 128))
    (func (export "none") (param i32 i32) (result i32) (i32.const 256))
    (func (export "bool") (param i32 i32) (result i32) (i32.const 1))
    (func (export "float") (param i32 i32) (result f64) (f64.const 1.5))
    (func (export "big") (param i32 i32) (result i64) (i64.const -1))
    (func (export "char") (param i32 i32) (result i32) (i32.const 233)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $mem)) (alias core export $i "realloc" (core func $re))
  (type $row_shape (record (field "row-name" string) (field "n" u32)))
  (export $row "row" (type $row_shape))
  (func (export "list") (param "s" string) (result (list u32)) (canon lift (core func $i "list") OPTIONS))
  (func (export "record") (param "s" string) (result $row) (canon lift (core func $i "record") OPTIONS))
  (func (export "none") (param "s" string) (result (option string))
    (canon lift (core func $i "none") OPTIONS))
  (func (export "bool") (param "s" string) (result bool) (canon lift (core func $i "bool") OPTIONS))
  (func (export "float") (param "s" string) (result f64) (canon lift (core func $i "float") OPTIONS))
  (func (export "big") (param "s" string) (result u64) (canon lift (core func $i "big") OPTIONS))
  (func (export "char") (param "s" string) (result char) (canon lift (core func $i "char") OPTIONS)))
"""


@pytest.mark.parametrize(
    ("method", "text"),
    [
        ("list", "[7,8,9]"), ("record", '{"row-name":"a\\"b","n":5}'), ("none", ""), ("bool", "true"), ("float", "1.5"),
        ("big", "18446744073709551615"), ("char", "é"),
    ],
)  # fmt: skip
def test_other_results_as_text(rt: Runtime, call_string: Call, method: str, text: str) -> None:
    """H-24: JSON for lists and records, with the WIT names; nothing for none."""
    rt.add_wasm("app:callee", LISTS.replace("OPTIONS", "(memory $mem) (realloc $re)").encode(), method)
    assert call_string("app:callee", "x") == Ok(text)


@pytest.mark.parametrize(("method", "count"), [("nothing", 0), ("sum-twenty", 20), ("swap", 1), ("echo-u32", 1)])
def test_callees_of_another_signature(rt: Runtime, call_string: Call, method: str, count: int) -> None:
    """H-22, F-43: an err that says what the callee wants."""
    types(rt, f"echo#{method}")
    answer = call_string("app:callee", "x")
    assert isinstance(answer, Err)
    assert f"failed to call wasm method: echo#{method}: encode params: " in answer.value
    if count != 1:
        assert f"parameter count mismatch: expected {count}, got 1" in answer.value


def test_text_for_bytes_and_bytes_for_text(rt: Runtime, call_string: Call, call_bytes: Call) -> None:
    """H-29: a mismatch, or the conversion that loses nothing; never something else."""
    add_wat(rt, "echo", "echo-bytes", id="app:bytes")
    types(rt, "greet")
    text, data = call_string("app:bytes", "é"), call_bytes("app:callee", b"\xff")
    assert isinstance(text, Err) or text == Ok("é")
    assert isinstance(data, Err)


def test_a_method_that_does_not_resolve(rt: Runtime, call_string: Call) -> None:
    """F-13: the words of the rule."""
    types(rt, "nope")
    assert 'export "nope" not found in component' in call_string("app:callee", "x").value


def test_a_trap_of_the_callee_is_an_err_of_the_caller(rt: Runtime, call_string: Call) -> None:
    """H-23: the caller lives, and may go on."""
    types(rt, "panic")
    answer = call_string("app:callee", "on purpose")
    assert "failed to call wasm method: panic: " in answer.value
    types(rt, "greet", id="app:greet")
    chain = add_hostuse(rt, "chain", imports=("funcs",)).with_options(raise_err=False)
    assert chain(["app:greet", "app:greet"], "x") == Ok("Hello, Hello, x!!")
    assert isinstance(chain(["app:greet", "app:callee", "app:greet"], "x"), Err)


def test_an_exit_of_the_callee_is_an_err_of_the_caller(rt: Runtime, call_string: Call) -> None:
    """H-23, H-33."""
    source = b"""(component
      (import "wasi:cli/exit@0.2.0" (instance $e (export "exit" (func (param "status" (result))))))
      (core func $exit (canon lower (func $e "exit")))
      (core module $m (import "e" "exit" (func $exit (param i32))) (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
        (func (export "f") (param i32 i32) (call $exit (i32.const 1))))
      (core instance $i (instantiate $m (with "e" (instance (export "exit" (func $exit))))))
      (alias core export $i "memory" (core memory $mem)) (alias core export $i "realloc" (core func $re))
      (func (export "f") (param "s" string) (canon lift (core func $i "f") (memory $mem) (realloc $re))))"""
    rt.add_wasm("app:callee", source, "f", imports=["wasi:cli"])
    assert "wasi exit requested: status 1" in call_string("app:callee", "x").value


def test_an_undeclared_import_of_the_callee(rt: Runtime, call_string: Call) -> None:
    """H-12, H-13: the caller's declarations do not help; the text names the callee."""
    add_relay(rt, "app:callee", "app:none")
    source_with_nothing = add_hostuse(rt, "write-stdout", id="app:mute", imports=())
    answer = call_string("app:mute", "x")
    assert source_with_nothing.id in answer.value
    assert "- wasi:cli" in answer.value


def test_a_callees_output_has_its_own_log(rt: Runtime, call_string: Call, caplog: pytest.LogCaptureFixture) -> None:
    """H-35."""
    caplog.set_level(logging.INFO, "wippy_native.guest")
    add_hostuse(rt, "write-stdout", id="app:callee", imports=("wasi:cli",))
    heard: list[bytes] = []
    assert call_string.with_options(stdout=heard.append)("app:callee", "hi\n") == Ok("")  # type: ignore[attr-defined]
    assert heard == []
    assert [(r.name, r.getMessage()) for r in caplog.records] == [("wippy_native.guest.app:callee", "hi")]


READ_ENV = b"""(component
  (import "wasi:cli/environment@0.2.0" (instance $e
    (export "get-environment" (func (result (list (tuple string string)))))))
  (core module $libc (memory (export "memory") 2) (global $h (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $h) (i32.const 7)) (i32.const -8)))
      (global.set $h (i32.add (local.get $at) (local.get 3))) (local.get $at)))
  (core instance $l (instantiate $libc))
  (alias core export $l "memory" (core memory $mem)) (alias core export $l "realloc" (core func $re))
  (core func $get (canon lower (func $e "get-environment") (memory $mem) (realloc $re)))
  (core module $m (import "e" "get" (func $get (param i32)))
    (func (export "f") (param i32 i32) (result i32) (call $get (i32.const 16)) (i32.const 16)))
  (core instance $i (instantiate $m (with "e" (instance (export "get" (func $get))))))
  (func (export "f") (param "s" string) (result (list (tuple string string)))
    (canon lift (core func $i "f") (memory $mem) (realloc $re))))"""


def test_a_callee_has_its_own_environment(rt: Runtime, call_string: Call) -> None:
    """H-40: resolved at that call; missing, it is the callee's error."""
    rt.add_entry({"id": "app:store", "kind": "env.storage.memory"})
    rt.add_entry({"id": "app:key", "kind": "env.variable", "variable": "KEY", "storage": "app:store"})
    wasi = {"env": [{"id": "app:key", "name": "KEY", "required": True}]}
    rt.add_wasm("app:callee", READ_ENV, "f", imports=["wasi:cli"], wasi=wasi)
    assert "required wasi env variable not found: app:key" in call_string("app:callee", "x").value
    rt.env.set("KEY", "value")
    assert call_string("app:callee", "x") == Ok('[["KEY","value"]]')
    rt.env.set("KEY", "other")
    assert call_string("app:callee", "x") == Ok('[["KEY","other"]]')


def test_the_target_is_looked_up_at_each_call(rt: Runtime) -> None:
    """F-40, F-36."""
    relay = add_relay(rt, "app:f", "app:t").with_options(raise_err=False)
    assert relay("x") == Err("no handler registered for target")
    rt.register("app:t")(lambda _: "python")
    assert relay("x") == Ok("python")
    rt.remove("app:t")
    assert relay("x") == Err("no handler registered for target")
    types(rt, "greet", id="app:t")
    assert relay("x") == Ok("Hello, x!")
    add_wat(rt, "echo", "echo", id="app:t")
    assert relay("x") == Ok("x")
    rt.remove("app:t")
    assert relay("x") == Err("no handler registered for target")


def test_replacing_targets_while_guests_call_them(rt: Runtime) -> None:
    """F-40: never an error in between."""
    types(rt, "greet", id="app:t")
    repeat = add_wat(rt, "forward", "repeat", id="app:f", imports=["funcs"])
    calls = [in_thread(lambda: [repeat("app:t", "x", 500) for _ in range(6)]) for _ in range(2)]
    for index in range(100):
        if index % 2:
            types(rt, "greet", id="app:t")
        else:
            add_wat(rt, "echo", "echo", id="app:t")
    for call in calls:
        assert call.result(PATIENCE) == [500] * 6


def test_guests_of_another_runtime_are_no_targets(make_runtime: MakeRuntime) -> None:
    """H-12: tables are not shared."""
    one, other = make_runtime(), make_runtime()
    types(other, "greet", id="app:t")
    with pytest.raises(GuestError, match="no handler registered for target"):
        add_relay(one, "app:f", "app:t")("x")
