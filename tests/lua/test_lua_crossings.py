"""Guests, Python and Lua call each other: values, kinds of errors, targets. L-10, L-24, L-30, H-22 to H-25, V-20."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from conftest import MakeRuntime
from support.guests import add_hostuse, add_wat
from support.relay import add_relay
from support.scripts import evaluate

from wippy_native import Err, GuestError, LuaError, Ok, Runtime, WippyError

NOT_FOUND = "errors.new{message = 'gone', kind = errors.NOT_FOUND, retryable = true, details = {a = 1}}"


def forward(rt: Runtime, id: str, target: str) -> None:
    """A script that gives what another function gives, errors included."""
    source = f"local funcs = require('funcs') return function(...) return funcs.call('{target}', ...) end"
    rt.add_lua(id, source, modules=["funcs"])


# Guests call Lua


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("", ""),
        ("nil", ""),
        ("''", ""),
        ("'ä'", "ä"),
        ("42", "42"),
        ("math.mininteger", "-9223372036854775808"),
        ("1.5", "1.5"),
        ("2^53", "9007199254740992"),
        ("1e100", "1e+100"),
        ("1/0", "+Inf"),
        ("true", "true"),
        ("false", "false"),
        ("{1, 2}", "[1,2]"),
        ("{1, nil, 3}", "[1,null,3]"),
        ("{a = {b = 'x'}}", '{"a":{"b":"x"}}'),
        ("print", ""),
    ],
)
def test_what_a_guest_gets(rt: Runtime, source: str, text: str) -> None:
    """H-22 to H-24, L-16."""
    rt.add_lua("app:lua", f"return function() return {source} end")
    for method, sent, expected in (("call-string", "x", text), ("call-bytes", b"x", text.encode())):
        call = add_hostuse(rt, method, imports=("funcs",)).with_options(raise_err=False)
        assert call("app:lua", sent) == Ok(expected)


def test_what_a_guest_sends(rt: Runtime) -> None:
    """L-10: one string each, with the raw bytes."""
    rt.add_lua("app:lua", "return function(...) local s = ... return {select('#', ...), type(s), s:byte(1, -1)} end")
    string = add_hostuse(rt, "call-string", id="app:string", imports=("funcs",))
    data = add_hostuse(rt, "call-bytes", id="app:bytes", imports=("funcs",))
    assert string("app:lua", "ä") == '[1,"string",195,164]'
    assert data("app:lua", b"\xff\x00") == b'[1,"string",255,0]'


def test_bytes_that_are_no_text(rt: Runtime) -> None:
    """H-24."""
    rt.add_lua("app:lua", "return function() return '\\xff' end")
    string = add_hostuse(rt, "call-string", id="app:s", imports=("funcs",)).with_options(raise_err=False)
    assert string("app:lua", "") == Err("result is not valid UTF-8")
    assert add_hostuse(rt, "call-bytes", id="app:b", imports=("funcs",))("app:lua", b"") == b"\xff"


# Kinds of errors on any way


class Ways:
    """Chains of functions that all end in one that fails, named by their letters: l Lua, w guest, p Python, a async."""

    def __init__(self, rt: Runtime, target: str) -> None:
        self.rt = rt
        self.target = target

    def build(self, way: str) -> str:
        target = self.target
        for index, letter in enumerate(reversed(way)):
            id = f"app:{self.target.partition(':')[2]}-{way}-{index}"
            self.add(letter, id, target)
            target = id
        return target

    def add(self, letter: str, id: str, target: str) -> None:
        if letter == "l":
            forward(self.rt, id, target)
        elif letter == "w":
            add_relay(self.rt, id, target)
        elif letter == "p":
            self.rt.register(id)(lambda text: self.rt.call(target, text))
        else:

            async def call(text: str) -> Any:
                return await self.rt.call_async(target, text)

            self.rt.register(id)(call)


WAYS = ["", "l", "w", "lw", "wl", "lp", "pl", "la", "lwl", "wlw", "lpl", "wlp", "pwl", "lwpl", "wplw", "alwl", "llll"]


def fail_in_python(_: str) -> None:
    raise WippyError("gone", kind="NotFound", retryable=True, details={"a": 1})


async def fail_in_async(_: str) -> None:
    raise WippyError("gone", kind="NotFound", retryable=True, details={"a": 1})


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("origin", ["raised", "returned", "python", "async"])
def test_an_error_keeps_its_kind(make_runtime: MakeRuntime, way: str, origin: str) -> None:
    """L-24, H-23: over guests that return the text unchanged, too."""
    rt = make_runtime(result_style="pair")
    match origin:
        case "raised":
            rt.add_lua("app:end", f"return function() error({NOT_FOUND}) end")
        case "returned":
            rt.add_lua("app:end", f"return function() return nil, {NOT_FOUND} end")
        case "python":
            rt.register("app:end")(fail_in_python)
        case "async":
            rt.register("app:end")(fail_in_async)
    first = Ways(rt, "app:end").build(way)
    if not way and origin != "raised":
        return
    if way.startswith("a"):
        with pytest.raises(WippyError) as caught:
            asyncio.run(rt.call_async(first, "x"))
    else:
        with pytest.raises(WippyError) as caught:
            rt.call(first, "x")
    error = caught.value
    assert (error.kind, error.retryable, error.details) == ("NotFound", True, {"a": 1})
    assert isinstance(error, LuaError if way.startswith("l") or not way else WippyError)
    if isinstance(error, GuestError):
        assert error.value == "gone"


def test_text_that_a_guest_changes_is_an_error_of_its_own(make_runtime: MakeRuntime) -> None:
    """L-24, V-20: kept only where the guest passes it on."""
    rt = make_runtime(result_style="pair")
    rt.add_lua("app:end", f"return function() error({NOT_FOUND}) end")
    add_relay(rt, "app:guest", "app:end")
    body = "local _, a = funcs.call('app:guest', 'x') local _, b = funcs.call('app:none') return {a:kind(), b:kind()}"
    assert evaluate(rt, body) == ["NotFound", "NotFound"]


def test_results_of_guests_in_either_style(make_runtime: MakeRuntime) -> None:
    """V-20."""
    for style, expected in (
        ("table", ['{"ok":"x"}', None, '{"err":"gone"}', None]),
        ("pair", ["x", None, None, "gone"]),
    ):
        rt = make_runtime(result_style=style)
        rt.add_lua("app:end", "return function(x) if x == 'x' then return x end error('gone', 0) end")
        add_relay(rt, "app:guest", "app:end")
        body = """
          local function text(v) if type(v) == "table" then return json.encode(v) end return v and tostring(v) end
          local a, b = funcs.call("app:guest", "x")
          local c, d = funcs.call("app:guest", "y")
          local out = {} out[1], out[2], out[3], out[4] = text(a), text(b), text(c), text(d)
          return {n = {out[1] or false, out[2] or false, out[3] or false, out[4] or false}}
        """
        assert evaluate(rt, body) == {"n": [item or False for item in expected]}


def test_other_failures_of_callees(rt: Runtime) -> None:
    """L-24: traps, limits, Python's own exceptions and arguments that do not fit, each with its kind."""

    def broken(*_: object) -> None:
        raise ValueError("bad value")

    rt.register("app:value-error")(broken)
    add_wat(rt, "traps", "unreachable", id="app:trap")
    add_wat(rt, "traps", "spin", id="app:spin", limits={"max_execution_ms": 20})
    add_wat(rt, "add", "add", id="app:add")
    rt.add_lua("app:hungry", "return ('x'):rep(1 << 26)", limits={"max_memory_bytes": 1 << 22})
    body = """
      local out = {}
      for i, target in ipairs{"app:value-error", "app:trap", "app:spin", "app:add", "app:hungry", "app:none"} do
        local v, e = funcs.call(target)
        out[i] = {v == nil, e:kind(), e:retryable() == true}
      end
      return out
    """
    kinds = [kind for (_, kind, retryable) in evaluate(rt, body) if not retryable]
    assert [*kinds[:4], kinds[5]] == ["Internal", "Internal", "Timeout", "Invalid", "NotFound"]
    assert len(kinds) == 6


def test_what_is_raised_on_purpose_ends_everything(rt: Runtime) -> None:
    """F-49: scripts cannot catch it."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    rt.register("app:stop")(stop)
    with pytest.raises(KeyboardInterrupt):
        evaluate(rt, "pcall(funcs.call, 'app:stop') return 'caught'")
    assert evaluate(rt, "return 1") == 1


# Lua calls Python


def test_values_to_and_from_python(rt: Runtime) -> None:
    """L-11, L-15: as a call from Python."""
    seen: list[Any] = []

    @rt.register("app:py")
    def answer(*args: Any) -> list[Any]:
        seen.append(args)
        return [*args, b"\xff", {"k": (1, None)}]

    body = "local r = funcs.call('app:py', 1, 1.5, 'x', '\\xff', {1, 2}, {a = 1}, nil, true, print) return r"
    assert evaluate(rt, body) == [1, 1.5, "x", b"\xff", [1, 2], {"a": 1}, None, True, None, b"\xff", {"k": [1]}]
    assert seen == [(1, 1.5, "x", b"\xff", [1, 2], {"a": 1}, None, True, None)]


def test_a_result_of_python_that_lua_cannot_hold(rt: Runtime) -> None:
    """L-15, V-25: an error of the call, not of the runtime."""
    rt.register("app:py")(lambda: {1, 2})
    kind, message = evaluate(rt, "local _, e = funcs.call('app:py') return {e:kind(), e:message()}")
    assert kind in ("Invalid", "Internal")
    assert "set" in message


def test_async_callees_with_a_loop_and_without(rt: Runtime) -> None:
    """H-20: beside each other where the script asks for many."""

    @rt.register("app:slow")
    async def slow(text: str) -> str:
        await asyncio.sleep(0.05)
        return text

    body = """
      local f = {}
      for i = 1, 20 do f[i] = funcs.async("app:slow", "x") end
      local n = 0
      for i = 1, 20 do n = n + #f[i]:response():receive():data() end
      return n
    """
    assert evaluate(rt, body, timeout=0.9) == 20

    async def main() -> Any:
        return await rt.call_async("app:evaluated")

    assert asyncio.run(main()) == 20


def test_a_call_that_would_wait_for_its_own_loop(rt: Runtime) -> None:
    """An error instead of waiting for ever."""

    @rt.register("app:slow")
    async def slow() -> None:
        await asyncio.sleep(0)

    forward(rt, "app:f", "app:slow")

    async def main() -> Any:
        return rt.call("app:f")

    with pytest.raises(LuaError, match="running event loop") as caught:
        asyncio.run(main())
    assert caught.value.kind == "Conflict"


# Targets


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("''", "function ID required"),
        ("nil", "function ID required"),
        ("5", "function ID required"),
        ("{}", "function ID required"),
        ("'x'", "namespace required in function ID"),
        ("':x'", "namespace required in function ID"),
        ("'x:'", "name required in function ID"),
    ],
)
@pytest.mark.parametrize("how", ["call", "async", "new():call"])
def test_targets_that_are_none(rt: Runtime, target: str, text: str, how: str) -> None:
    """L-30."""
    body = f"local _, e = funcs.{how}({target}) return {{e:kind(), e:message()}}"
    assert evaluate(rt, body) == ["Invalid", text]


def test_the_hook_is_asked(make_runtime: MakeRuntime) -> None:
    """H-25, L-30: with the script as caller, before anything of the target runs; also for what is not there."""
    asked: list[tuple[str, str]] = []

    def authorize(caller: str, target: str) -> bool:
        asked.append((caller, target))
        return "secret" not in target

    rt = make_runtime(authorize=authorize)
    ran: list[str] = []
    rt.register("app:secret")(ran.append)
    rt.register("app:open")(lambda text: text)
    body = """
      local out = {}
      for i, target in ipairs{"app:open", "app:secret", "app:secret-none", "app:none"} do
        local v, e = funcs.call(target, "x")
        out[i] = v or e:kind() .. " " .. e:message()
      end
      return out
    """
    assert evaluate(rt, body) == [
        "x",
        "PermissionDenied not allowed: app:secret",
        "PermissionDenied not allowed: app:secret-none",
        "NotFound no handler registered for target",
    ]
    assert asked[:3] == [("app:evaluated", f"app:{name}") for name in ("open", "secret", "secret-none")]
    assert ran == []
    future = "local f = funcs.async('app:secret') f:response():receive() return f:error():kind()"
    assert evaluate(rt, future) == "PermissionDenied"


def test_actors_are_not_there(rt: Runtime) -> None:
    """L-31."""
    for method in ("with_actor", "with_scope"):
        body = f"local v, e = funcs.new():{method}({{}}) return {{v == nil, e:kind()}}"
        assert evaluate(rt, body) == [True, "PermissionDenied"]
