"""The module `env` of scripts: L-34."""

from __future__ import annotations

import pytest
from conftest import MakeRuntime
from support.scripts import evaluate

from wippy_native import Runtime


@pytest.mark.parametrize("key", ["SECRET", "hidden", "app:hidden"])
def test_the_hook_is_asked_about_a_variable_by_one_name(make_runtime: MakeRuntime, key: str) -> None:
    """L-34: whatever name the script uses for it, who refuses it refuses it."""
    rt = make_runtime(authorize=lambda _, target: target != "env://app:hidden")
    rt.add_entry({"id": "app:store", "kind": "env.storage.static", "values": {"SECRET": "s"}})
    rt.add_entry({"id": "app:hidden", "kind": "env.variable", "variable": "SECRET", "storage": "app:store"})
    assert evaluate(rt, "local v, e = env.get(...) return {v == nil, e and e:kind()}", key) == [
        True,
        "PermissionDenied",
    ]


def test_the_hook_is_asked_about_all_variables_at_once(make_runtime: MakeRuntime) -> None:
    """L-34."""
    asked: list[str] = []

    def refuse(_: str, target: str) -> bool:
        asked.append(target)
        return False

    rt = make_runtime(authorize=refuse)
    rt.add_entry({"id": "app:store", "kind": "env.storage.static", "values": {"OPEN": "o"}})
    rt.add_entry({"id": "app:open", "kind": "env.variable", "variable": "OPEN", "storage": "app:store"})
    assert evaluate(rt, "local v, e = env.get_all() return {v == nil, e:kind()}") == [True, "PermissionDenied"]
    assert asked == ["env://*"]


def test_a_refused_variable_is_not_among_all(make_runtime: MakeRuntime) -> None:
    """L-34."""
    rt = make_runtime(authorize=lambda _, target: target != "env://app:secret")
    rt.add_entry({"id": "app:store", "kind": "env.storage.static", "values": {"OPEN": "o", "SECRET": "s"}})
    for name in ("open", "secret"):
        rt.add_entry({"id": f"app:{name}", "kind": "env.variable", "variable": name.upper(), "storage": "app:store"})
    assert evaluate(rt, "return env.get_all()") == {"OPEN": "o"}


def test_variables(rt: Runtime) -> None:
    """L-34: by public name, id or bare id; what is set is there for the next call."""
    rt.add_entry({"id": "app:store", "kind": "env.storage.static", "values": {"NAME": "value"}})
    rt.add_entry({"id": "app:memory", "kind": "env.storage.memory"})
    rt.add_entry({"id": "app:fixed", "kind": "env.variable", "variable": "NAME", "storage": "app:store"})
    rt.add_entry({"id": "app:free", "kind": "env.variable", "variable": "FREE", "storage": "app:memory"})
    for name in ("NAME", "app:fixed", "fixed"):
        assert evaluate(rt, "return env.get(...)", name) == "value"
    body = "local v, e = env.get(...) return {v == nil, e:kind(), e:message()}"
    assert evaluate(rt, body, "") == [True, "Invalid", "empty key"]
    assert evaluate(rt, body, "NONE")[:2] == [True, "NotFound"]
    assert evaluate(rt, body, 5)[:2] == [True, "Invalid"]
    assert evaluate(rt, body, "FREE")[:2] == [True, "NotFound"]
    assert evaluate(rt, "assert(env.set('FREE', 'x')) return env.get('free')") == "x"
    assert evaluate(rt, "return env.get_all()") == {"NAME": "value", "FREE": "x"}
    assert evaluate(rt, "return os.getenv == nil") is True
