"""What bounds a tree of calls: its depth, its number of calls, and who may call whom (H-25, H-26)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import MakeRuntime
from support.guests import add_hostuse, add_wat
from support.relay import add_relay

from wippy_native import Err, GuestError, Limits, Ok, Runtime


def test_endless_recursion_of_one_guest(rt: Runtime) -> None:
    """H-26: an err, never an abort."""
    with pytest.raises(GuestError, match="call depth limit exceeded: app:a"):
        add_relay(rt, "app:a", "app:a")("x")


def test_endless_mutual_recursion(rt: Runtime) -> None:
    """H-26."""
    for id, target in (("app:a", "app:b"), ("app:b", "app:c"), ("app:c", "app:a")):
        add_relay(rt, id, target)
    for _ in range(3):
        with pytest.raises(GuestError, match="call depth limit exceeded"):
            rt.call("app:a", "x")


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_the_depth_limit_is_exact(make_runtime: MakeRuntime, depth: int) -> None:
    """H-26: so many calls deep, and no more."""
    rt = make_runtime(limits=Limits(max_call_depth=depth))
    rt.register("app:f0")(lambda _: "end")
    for level in range(1, depth + 1):
        add_relay(rt, f"app:f{level}", f"app:f{level - 1}")
    assert rt.call(f"app:f{depth - 1}", "x") == "end"
    with pytest.raises(GuestError, match=f"would be call {depth + 1} deep"):
        rt.call(f"app:f{depth}", "x")


def test_the_number_of_calls_of_one_tree(make_runtime: MakeRuntime) -> None:
    """H-26: counted over the whole tree, anew for each call from outside."""
    rt = make_runtime(limits=Limits(max_calls=100))
    rt.register("app:py")(lambda text: text)
    repeat = add_wat(rt, "forward", "repeat", id="app:f", imports=["funcs"])
    assert [repeat("app:py", "x", 250) for _ in range(2)] == [100, 100]
    add_relay(rt, "app:inner", "app:py")
    assert repeat("app:inner", "x", 250) == 50


def test_a_tree_that_grows_wide_and_deep_ends(make_runtime: MakeRuntime) -> None:
    """H-26: each call makes two more; only the number of calls bounds it."""
    rt = make_runtime(limits=Limits(max_calls=2000, max_call_depth=40))
    rt.register("app:fork")(lambda text: [rt.call("app:f", text), rt.call("app:f", text)] and text)
    relay = add_relay(rt, "app:f", "app:fork").with_options(timeout=60, raise_err=False)
    assert isinstance(relay("x"), Err)


# Authorization


class Hook:
    def __init__(self, answer: Callable[[str, str], Any]) -> None:
        self.asked: list[tuple[str, str]] = []
        self.answer = answer

    def __call__(self, caller: str, target: str) -> Any:
        self.asked.append((caller, target))
        return self.answer(caller, target)


@pytest.mark.parametrize("kind", ["guest", "python"])
def test_the_hook_decides(make_runtime: MakeRuntime, kind: str) -> None:
    """H-25: asked with caller and target before anything of the target runs."""
    hook = Hook(lambda _, target: target != "app:secret")
    rt = make_runtime(authorize=hook)
    ran: list[str] = []
    for id in ("app:open", "app:secret"):
        if kind == "python":
            rt.register(id)(lambda text, id=id: ran.append(id) or text)
        else:
            add_wat(rt, "echo", "echo", id=id)
    call = add_hostuse(rt, "call-string", imports=("funcs",)).with_options(raise_err=False)
    assert call("app:open", "x") == Ok("x")
    assert call("app:secret", "x") == Err("not allowed: app:secret")
    assert hook.asked == [("app:f", "app:open"), ("app:f", "app:secret")]
    assert "app:secret" not in ran


def test_the_hook_is_asked_at_every_level(make_runtime: MakeRuntime) -> None:
    """H-25: with the immediate caller; calls from Python are not asked about."""
    hook = Hook(lambda *_: True)
    rt = make_runtime(authorize=hook)
    rt.register("app:py")(lambda text: rt.call("app:last", text))
    add_wat(rt, "echo", "echo", id="app:last")
    add_relay(rt, "app:b", "app:py")
    assert add_relay(rt, "app:a", "app:b")("x") == "x"
    assert hook.asked == [("app:a", "app:b"), ("app:b", "app:py")]


def test_unknown_targets_tell_nothing_to_who_may_not_ask(make_runtime: MakeRuntime) -> None:
    """H-25: what is there and what is not look alike."""
    rt = make_runtime(authorize=lambda *_: False)
    rt.register("app:there")(str)
    call = add_hostuse(rt, "call-string", imports=("funcs",)).with_options(raise_err=False)
    assert call("app:there", "x") == Err("not allowed: app:there")
    assert call("app:none", "x") == Err("not allowed: app:none")


@pytest.mark.parametrize("answer", [None, 0, "", []])
def test_only_true_allows(make_runtime: MakeRuntime, answer: object) -> None:
    """H-25."""
    rt = make_runtime(authorize=lambda *_: answer)
    rt.register("app:py")(str)
    with pytest.raises(GuestError, match="not allowed: app:py"):
        add_relay(rt, "app:f", "app:py")("x")


class PolicyDown(Exception):
    pass


@pytest.mark.parametrize("error", [PolicyDown, KeyboardInterrupt])
def test_a_hook_that_raises_ends_the_call(make_runtime: MakeRuntime, error: type[BaseException]) -> None:
    """H-25: never taken for a yes; the exception comes out."""
    ran: list[str] = []

    def fail(*_: str) -> bool:
        raise error("no policy")

    rt = make_runtime(authorize=fail)
    rt.register("app:py")(ran.append)
    with pytest.raises(error, match="no policy"):
        add_relay(rt, "app:f", "app:py")("x")
    assert ran == []
