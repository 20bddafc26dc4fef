"""Environment, arguments and working directory of a guest: H-30 to H-32, H-40 to H-44, K-10 to K-17."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from support.guests import add_hostuse, add_wat
from support.relay import add_relay

from wippy_native import Function, Runtime, WippyError


def add_storage(rt: Runtime, kind: str = "memory", id: str = "app:store", **fields: Any) -> None:
    rt.add_entry({"id": id, "kind": f"env.storage.{kind}", **fields})


def add_variable(rt: Runtime, name: str, storage: str = "app:store", **fields: Any) -> None:
    rt.add_entry({"id": f"app:{name.lower()}", "kind": "env.variable", "variable": name, "storage": storage, **fields})


def reader(rt: Runtime, *names: str, required: tuple[str, ...] = (), id: str = "app:f") -> Function:
    """A guest that reads its environment, with these variables under their own names."""
    env = [{"id": f"app:{name.lower()}", "name": name, "required": name in required} for name in names]
    return add_hostuse(rt, "get-env", id=id, imports=("wasi:cli",), wasi={"env": env})


def test_only_what_is_mapped_sorted_by_name(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """H-30: never the environment of the operating system."""
    monkeypatch.setenv("HIDDEN_FROM_GUESTS", "secret")
    add_storage(rt, "static", values={"B": "2", "A": "1", "C": "3", "NOT_MAPPED": "x"})
    for name in ("B", "A", "C", "NOT_MAPPED"):
        add_variable(rt, name)
    assert reader(rt, "C", "A", "B")() == [("A", "1"), ("B", "2"), ("C", "3")]


def test_nothing_declared_is_an_empty_environment(rt: Runtime) -> None:
    """H-30 to H-32."""
    assert add_hostuse(rt, "get-env", imports=("wasi:cli",))() == []
    assert add_hostuse(rt, "get-args", imports=("wasi:cli",))() == []
    assert add_hostuse(rt, "get-cwd", imports=("wasi:cli",))() == "/"


def test_the_guests_name_is_the_mappings(rt: Runtime) -> None:
    """H-40."""
    add_storage(rt, "static", values={"INNER": "v"})
    add_variable(rt, "INNER")
    env = [{"id": "app:inner", "name": name} for name in ("OUTER", "another name", "ümlaut")]
    function = add_hostuse(rt, "get-env", imports=("wasi:cli",), wasi={"env": env})
    assert function() == [("OUTER", "v"), ("another name", "v"), ("ümlaut", "v")]


def test_changes_between_calls_are_seen(rt: Runtime) -> None:
    """H-40: resolved at each call."""
    add_storage(rt)
    add_variable(rt, "KEY")
    read = reader(rt, "KEY")
    assert read() == []
    for value in ("one", "two", "ünï\n=x"):
        rt.env.set("KEY", value)
        assert read() == [("KEY", value)]
    rt.env.set("KEY", "")
    assert read() == []


def test_files_are_read_at_each_call(rt: Runtime, tmp_path: Path) -> None:
    """H-40, K-10."""
    file = tmp_path / "vars.env"
    add_storage(rt, "file", file_path=str(file))
    add_variable(rt, "KEY")
    read = reader(rt, "KEY")
    assert read() == []
    file.write_text("KEY = one # a comment\n")
    assert read() == [("KEY", "one")]
    file.write_text("OTHER=1\n")
    assert read() == []


def test_the_operating_system_only_where_mapped(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """H-30, K-14: a change after the load is seen."""
    add_storage(rt, "os")
    add_variable(rt, "WIPPY_TEST_MAPPED")
    read = reader(rt, "WIPPY_TEST_MAPPED")
    assert read() == []
    monkeypatch.setenv("WIPPY_TEST_MAPPED", "from outside")
    monkeypatch.setenv("WIPPY_TEST_UNMAPPED", "secret")
    assert read() == [("WIPPY_TEST_MAPPED", "from outside")]


def test_a_required_variable_without_value(rt: Runtime) -> None:
    """H-41: until it has one; others are skipped."""
    add_storage(rt)
    add_variable(rt, "NEEDED")
    add_variable(rt, "EXTRA")
    read = reader(rt, "NEEDED", "EXTRA", required=("NEEDED",))
    for _ in range(2):
        with pytest.raises(WippyError, match="required wasi env variable not found: app:needed") as caught:
            read()
        assert (caught.value.kind, caught.value.entry) == ("NotFound", "app:f")
    rt.env.set("NEEDED", "here")
    assert read() == [("NEEDED", "here")]


@pytest.mark.parametrize("required", [True, False])
def test_a_variable_nobody_declared(rt: Runtime, required: bool) -> None:
    """H-41: known only at the call, as entries may come and go."""
    read = reader(rt, "GHOST", required=("GHOST",) if required else ())
    if required:
        with pytest.raises(WippyError, match="required wasi env variable not found: app:ghost"):
            read()
    else:
        assert read() == []
    add_storage(rt, "static", values={"GHOST": "boo"})
    add_variable(rt, "GHOST")
    assert rt.call("app:f") == [("GHOST", "boo")]


@pytest.mark.parametrize("required", [True, False])
def test_defaults_apply(rt: Runtime, required: bool) -> None:
    """H-42: also where the variable is required; an empty stored value counts as none (K-16)."""
    add_storage(rt)
    add_variable(rt, "KEY", default="fallback")
    read = reader(rt, "KEY", required=("KEY",) if required else ())
    assert read() == [("KEY", "fallback")]
    rt.env.set("KEY", "set")
    assert read() == [("KEY", "set")]
    rt.env.set("KEY", "")
    assert read() == [("KEY", "fallback")]


def test_a_storage_that_fails(rt: Runtime, tmp_path: Path) -> None:
    """H-43: a clear error, also when it is not required."""
    add_storage(rt, "file", file_path=str(tmp_path))
    add_variable(rt, "KEY")
    with pytest.raises(WippyError, match="failed to resolve wasi env mapping: app:key: ") as caught:
        reader(rt, "KEY")()
    assert (caught.value.kind, caught.value.entry) == ("Internal", "app:f")


@pytest.mark.parametrize("value", ["a\0b", "\0"])
def test_a_value_that_no_environment_can_hold(rt: Runtime, value: str) -> None:
    """H-40: a component's environment is a list of strings, so NUL passes or is refused, but never cuts the value."""
    add_storage(rt)
    add_variable(rt, "KEY")
    rt.env.set("KEY", value)
    try:
        assert reader(rt, "KEY")() == [("KEY", value)]
    except WippyError as error:
        assert "KEY" in str(error).upper()  # noqa: PT017 - either is right


def test_without_the_group_the_mapping_reaches_nobody(rt: Runtime) -> None:
    """H-12, H-30: declared values are there for a guest that may ask."""
    add_storage(rt, "static", values={"KEY": "v"})
    add_variable(rt, "KEY")
    assert add_wat(rt, "add", "add", wasi={"env": [{"id": "app:key", "name": "KEY"}], "args": ["x"]})(1, 2) == 3


@pytest.mark.parametrize("args", [[], ["one"], ["", " ", "-x", "é\n", "a" * 100_000], [str(i) for i in range(1000)]])
def test_arguments_are_the_entrys(rt: Runtime, args: list[str]) -> None:
    """H-31: no program name in front."""
    assert add_hostuse(rt, "get-args", imports=("wasi:cli",), wasi={"args": args})() == args


@pytest.mark.parametrize("cwd", ["/", "/work", "/no/such/place", "/a b/é"])
def test_the_working_directory_is_a_word_only(rt: Runtime, cwd: str) -> None:
    """H-32: it need not exist, and changes no directory of this process."""
    before = Path.cwd()
    assert add_hostuse(rt, "get-cwd", imports=("wasi:cli",), wasi={"cwd": cwd})() == cwd
    assert Path.cwd() == before


def test_a_callee_has_its_own_environment(rt: Runtime) -> None:
    """H-40: over `funcs`, what the callee's entry maps, as it is at that call."""
    add_storage(rt)
    add_variable(rt, "KEY")
    add_variable(rt, "CALLER_ONLY")
    rt.env.set("CALLER_ONLY", "secret")
    inner = reader(rt, "KEY", id="app:inner")
    rt.register("app:py")(lambda _: repr(inner()))
    env = [{"id": "app:caller_only", "name": "CALLER_ONLY"}]
    outer = add_relay(rt, "app:outer", "app:py", wasi={"env": env})
    assert outer("x") == "[]"
    rt.env.set("KEY", "now")
    assert outer("x") == "[('KEY', 'now')]"


def test_the_environment_of_this_process_is_unchanged(rt: Runtime) -> None:
    """H-30: mapping is not exporting."""
    before = dict(os.environ)
    add_storage(rt, "static", values={"KEY": "v"})
    add_variable(rt, "KEY")
    reader(rt, "KEY")()
    assert dict(os.environ) == before
