"""An entry reaches what it declares and nothing else: H-1 to H-6, H-10 to H-16, F-17."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from conftest import MakeRuntime
from support.guests import EVERYTHING, WASI, add_hostuse, add_wat, built, wat

from wippy_native import GuestTrap, ImportDenied, RegistryError, Runtime

# What a guest that uses everything calls first in each method: the group it needs, and the import.
NEEDS: dict[str, tuple[str, str, str, tuple[Any, ...]]] = {
    "get-env": ("wasi:cli", "wasi:cli/environment@0.2.12", "get-environment", ()),
    "get-args": ("wasi:cli", "wasi:cli/environment@0.2.12", "get-arguments", ()),
    "exit": ("wasi:cli", "wasi:cli/exit@0.2.12", "exit", (0,)),
    "write-stdout": ("wasi:cli", "wasi:cli/stdout@0.2.12", "get-stdout", ("x",)),
    "write-stderr": ("wasi:cli", "wasi:cli/stderr@0.2.12", "get-stderr", ("x",)),
    "read-stdin": ("wasi:cli", "wasi:cli/stdin@0.2.12", "get-stdin", ()),
    "terminals": ("wasi:cli", "wasi:cli/terminal-stdin@0.2.12", "get-terminal-stdin", ()),
    "now-wall": ("wasi:clocks", "wasi:clocks/wall-clock@0.2.12", "now", ()),
    "now-mono": ("wasi:clocks", "wasi:clocks/monotonic-clock@0.2.12", "now", ()),
    "random-u64": ("wasi:random", "wasi:random/random@0.2.12", "get-random-u64", ()),
    "insecure-u64": ("wasi:random", "wasi:random/insecure@0.2.12", "get-insecure-random-u64", ()),
    "insecure-seed": ("wasi:random", "wasi:random/insecure-seed@0.2.12", "insecure-seed", ()),
    "preopens": ("wasi:filesystem", "wasi:filesystem/preopens@0.2.12", "get-directories", ()),
    "poll-none": ("wasi:io", "wasi:io/poll@0.2.12", "poll", ()),
    "call-string": ("funcs", "wippy:runtime/funcs@0.1.0", "call-string", ("app:x", "y")),
}


def without(group: str) -> tuple[str, ...]:
    """All groups but one, and but those that would open it by the way (H-15)."""
    return ("funcs", "wasi:random") if group == "wasi:io" else tuple(name for name in EVERYTHING if name != group)


@pytest.mark.parametrize("method", NEEDS)
@pytest.mark.parametrize("declared", ["nothing", "the others"])
def test_an_undeclared_import_traps_with_the_line_to_add(rt: Runtime, method: str, declared: str) -> None:
    """H-13: interface, function, entry, and what to write."""
    group, interface, name, arguments = NEEDS[method]
    function = add_hostuse(rt, method, imports=() if declared == "nothing" else without(group))
    with pytest.raises(ImportDenied) as caught:
        function(*arguments)
    error = caught.value
    assert (error.interface, error.function, error.group) == (interface, name, group)
    assert (error.entry, error.kind, error.retryable) == ("app:f", "PermissionDenied", False)
    text = str(error)
    assert f'failed to call wasm method: {method}: unresolved host import "{interface}#{name}"' in text
    assert text.startswith("app:f")
    assert f"- {group}" in text
    assert isinstance(error, GuestTrap)


def test_a_denied_import_says_where_it_was_called(rt: Runtime) -> None:
    """H-13, F-45: it is a trap, and has the frames of one."""
    with pytest.raises(ImportDenied) as caught:
        add_wat(rt, "undeclared", "run")()
    assert [frame.split()[0] for frame in caught.value.backtrace] == ["run"]


@pytest.mark.parametrize("method", [name for name in NEEDS if name not in ("exit", "poll-none", "call-string")])
def test_the_line_to_add_is_enough(rt: Runtime, method: str) -> None:
    """H-1: declaring the one group makes the call work."""
    group, _, _, arguments = NEEDS[method]
    add_hostuse(rt, method, imports=(group,))(*arguments)


SUBSETS = [subset for size in range(len(EVERYTHING) + 1) for subset in combinations(EVERYTHING, size)]


@pytest.mark.parametrize("guest", ["hostuse", "textstat", "command"])
def test_every_set_of_groups_loads(rt: Runtime, guest: str) -> None:
    """H-13: standard guests import more than they use; they load whatever is declared."""
    method = {"hostuse": "get-env", "textstat": "count", "command": "wasi:cli/run#run"}[guest]
    for subset in SUBSETS:
        function = rt.add_wasm("app:f", built(guest), method, imports=subset)
        if guest == "textstat":
            assert function("one two")["words"] == 2


def test_a_guest_that_does_not_touch_its_import_runs_without_it(rt: Runtime) -> None:
    """H-13."""
    assert add_wat(rt, "undeclared", "fine")() == 42
    with pytest.raises(ImportDenied, match=r"wasi:cli/environment@0\.2\.3#get-arguments"):
        add_wat(rt, "undeclared", "run")()
    assert add_wat(rt, "undeclared", "run", imports=["wasi:cli"], wasi={"args": ["a", "b"]})() == 2


@pytest.mark.parametrize("first", [True, False], ids=["declared first", "undeclared first"])
@pytest.mark.parametrize("method", ["get-env", "now-wall", "random-u64", "preopens", "call-string"])
def test_declarations_never_reach_another_entry(rt: Runtime, method: str, first: bool) -> None:
    """H-12: two entries over one module, in both load orders, called in turns."""
    group, _, _, arguments = NEEDS[method]

    def add(declares: bool) -> Callable[..., Any]:
        imports = (group,) if declares else ()
        return add_hostuse(rt, method, id=f"app:{'with' if declares else 'without'}", imports=imports)

    functions = {declares: add(declares) for declares in (first, not first)}
    functions[True] = functions[True].with_options(raise_err=False)  # type: ignore[attr-defined]
    for _ in range(3):
        functions[True](*arguments)
        with pytest.raises(ImportDenied):
            functions[False](*arguments)


def test_nor_over_funcs(rt: Runtime) -> None:
    """H-12: what a caller may do its callee may not, and the other way round."""
    rt.add_wasm("app:say", built("pyguest"), "say")
    add_hostuse(rt, "call-string", id="app:f")
    text = rt.function("app:f").with_options(raise_err=False)("app:say", "hello").value  # type: ignore[union-attr]
    assert "app:say" in text
    assert "unresolved host import" in text


def test_nor_from_a_replaced_entry(rt: Runtime) -> None:
    """H-12, F-40: the new declaration counts, also where it is less."""
    add_hostuse(rt, "now-mono", imports=("wasi:clocks",))()
    with pytest.raises(ImportDenied):
        add_hostuse(rt, "now-mono", imports=())()


@pytest.mark.parametrize(
    "item",
    [
        "wasi:clocks", "WASI:Clocks", " wasi:clocks ", "wasi:clocks@0.2.0", "wasi:clocks/wall-clock",
        "wasi:clocks/monotonic-clock@0.2.3",
    ],
)  # fmt: skip
def test_forms_of_an_item_open_the_whole_group(rt: Runtime, item: str) -> None:
    """H-2."""
    assert add_hostuse(rt, "now-mono", imports=(item,))() > 0
    assert add_hostuse(rt, "now-wall", imports=(item,))()[0] > 0


@pytest.mark.parametrize("group", ["wasi:io", "wasi:poll"])
def test_both_groups_that_poll(rt: Runtime, group: str) -> None:
    """X-1: `poll` of nothing traps as WASI says, once it may be called at all."""
    with pytest.raises(GuestTrap) as caught:
        add_hostuse(rt, "poll-none", imports=(group,))()
    assert not isinstance(caught.value, ImportDenied)


@pytest.mark.parametrize("method", ["sleep-ms", "poll-two"])
def test_clocks_bring_what_their_pollables_need(rt: Runtime, method: str) -> None:
    """H-15."""
    add_hostuse(rt, method, imports=("wasi:clocks",))(*([1] if method == "sleep-ms" else [1, 1]))


@pytest.mark.parametrize(("guest", "method"), [("textstat", "say"), ("pyguest", "say")])
def test_start_code_is_named_as_the_one_that_calls(rt: Runtime, guest: str, method: str) -> None:
    """H-13: C and Python runtimes reach for WASI before the method runs; the message says so."""
    function = rt.add_wasm("app:f", built(guest), method)
    with pytest.raises(ImportDenied) as caught:
        function("hello")
    error = caught.value
    assert error.group in WASI
    assert f"- {error.group}" in str(error)
    if "failed to instantiate" in str(error):
        assert "start code" in str(error)


def test_start_code_of_a_component(rt: Runtime) -> None:
    """H-13."""
    source = b"""(component
      (import "wasi:random/random@0.2.0" (instance $r (export "get-random-u64" (func (result u64)))))
      (core func $random (canon lower (func $r "get-random-u64")))
      (core module $m (import "r" "random" (func $random (result i64)))
        (func $start (drop (call $random))) (start $start) (func (export "f")))
      (core instance $i (instantiate $m (with "r" (instance (export "random" (func $random))))))
      (func (export "f") (canon lift (core func $i "f"))))"""
    with pytest.raises(ImportDenied) as caught:
        rt.add_wasm("app:f", source, "f")()
    for part in ("app:f", "wasi:random/random@0.2.0#get-random-u64", "- wasi:random", "start code"):
        assert part in str(caught.value)
    assert rt.add_wasm("app:f", source, "f", imports=["wasi:random"])() is None


@pytest.mark.parametrize("level", ["entry", "runtime"])
def test_strict_imports_fail_the_load(make_runtime: MakeRuntime, level: str) -> None:
    """H-13: the same words, before anything runs."""
    rt = make_runtime(strict_imports=level == "runtime")
    entry: dict[str, Any] = {
        "id": "app:f", "kind": "function.wat", "source": wat("undeclared").read_text(), "method": "fine",
        "strict_imports": level == "entry",
    }  # fmt: skip
    with pytest.raises(RegistryError) as caught:
        rt.add_entry(entry)
    for part in ("app:f", "wasi:cli/environment", "- wasi:cli", "strict_imports"):
        assert part in str(caught.value)
    rt.add_entry(entry | {"imports": ["wasi:cli"]})
    assert rt.call("app:f") == 42


def test_strict_imports_name_every_group(make_runtime: MakeRuntime) -> None:
    """H-13: one load tells all that is missing."""
    source = """(component
      (import "wasi:random/random@0.2.0" (instance (export "get-random-u64" (func (result u64)))))
      (import "wasi:clocks/monotonic-clock@0.2.0" (instance (export "now" (func (result u64)))))
      (import "wasi:cli/exit@0.2.0" (instance (export "exit" (func (param "status" (result)))))))"""
    rt = make_runtime(strict_imports=True)
    with pytest.raises(RegistryError) as caught:
        rt.add_wasm("app:f", source.encode(), "f", imports=["wasi:cli"])
    assert "add `- wasi:random` to the entry's imports to grant it; also `- wasi:clocks` (" in str(caught.value)
    assert "wasi:cli" not in str(caught.value)


def test_an_entry_is_as_strict_as_its_runtime_at_least(make_runtime: MakeRuntime) -> None:
    """H-13: an entry cannot loosen what the runtime asks."""
    rt = make_runtime(strict_imports=True)
    source = wat("undeclared").read_text()
    with pytest.raises(RegistryError):
        rt.add_entry(
            {"id": "app:f", "kind": "function.wat", "source": source, "method": "fine", "strict_imports": False}
        )


SOCKETS = """(component
  (import "wasi:sockets/network@0.2.0" (instance $network (export "network" (type (sub resource)))))
  (alias export $network "network" (type $net))
  (import "wasi:sockets/instance-network@0.2.0" (instance $n
    (export "network" (type $own (eq $net)))
    (export "instance-network" (func (result (own $own))))))
  (core func $get (canon lower (func $n "instance-network")))
  (core module $m (import "n" "get" (func $get (result i32)))
    (func (export "f") (drop (call $get))) (func (export "fine")))
  (core instance $i (instantiate $m (with "n" (instance (export "get" (func $get))))))
  (func (export "f") (canon lift (core func $i "f")))
  (func (export "fine") (canon lift (core func $i "fine"))))"""
HTTP = """(component
  (import "wasi:http/types@0.2.3" (instance $n
    (export "fields" (type $fields (sub resource)))
    (export "[constructor]fields" (func (result (own $fields))))))
  (core func $get (canon lower (func $n "[constructor]fields")))
  (core module $m (import "n" "get" (func $get (result i32)))
    (func (export "f") (drop (call $get))) (func (export "fine")))
  (core instance $i (instantiate $m (with "n" (instance (export "get" (func $get))))))
  (func (export "f") (canon lift (core func $i "f")))
  (func (export "fine") (canon lift (core func $i "fine"))))"""


@pytest.mark.parametrize(("group", "source"), [("wasi:sockets", SOCKETS), ("wasi:http", HTTP)])
def test_groups_that_reach_out(rt: Runtime, group: str, source: str) -> None:
    """H-13, H-75, H-80: declared they work, undeclared they load and say what to declare when they are called."""
    assert rt.add_wasm("app:f", source.encode(), "f", imports=[group])() is None
    assert rt.add_wasm("app:f", source.encode(), "fine")() is None
    with pytest.raises(ImportDenied, match=f"- {group}") as caught:
        rt.add_wasm("app:f", source.encode(), "f")()
    assert (caught.value.entry, caught.value.group) == ("app:f", group)


def test_an_interface_nobody_provides(rt: Runtime) -> None:
    """H-13: loads, traps with its name, and offers no line that would not help."""
    source = b"""(component
      (import "acme:kv/store@1.0.0" (instance $n (export "get" (func (result u32)))))
      (core func $get (canon lower (func $n "get")))
      (core module $m (import "n" "get" (func $get (result i32))) (func (export "f") (result i32) (call $get)))
      (core instance $i (instantiate $m (with "n" (instance (export "get" (func $get))))))
      (func (export "f") (result u32) (canon lift (core func $i "f"))))"""
    with pytest.raises(ImportDenied) as caught:
        rt.add_wasm("app:f", source, "f", imports=EVERYTHING)()
    assert "acme:kv/store@1.0.0#get" in str(caught.value)
    assert "imports" not in str(caught.value).replace("unresolved host import", "")


@pytest.mark.parametrize("version", ["0.2.0", "0.2.1", "0.2.8", "0.2.12", "0.2.99"])
def test_every_0_2_guest_is_served(rt: Runtime, version: str) -> None:
    """H-16."""
    source = f"""(component
      (import "wasi:random/random@{version}" (instance $r (export "get-random-u64" (func (result u64)))))
      (core func $random (canon lower (func $r "get-random-u64")))
      (core module $m (import "r" "random" (func $random (result i64)))
        (func (export "f") (result i64) (call $random)))
      (core instance $i (instantiate $m (with "r" (instance (export "random" (func $random))))))
      (func (export "f") (result u64) (canon lift (core func $i "f"))))"""
    assert isinstance(rt.add_wasm("app:f", source.encode(), "f", imports=["wasi:random"])(), int)


def test_a_declared_interface_of_another_major_version(rt: Runtime) -> None:
    """H-16: 0.3 is not 0.2; it loads like any other import that nobody provides."""
    source = b"""(component
      (import "wasi:random/random@0.3.0" (instance $r (export "get-random-u64" (func (result u64)))))
      (core func $random (canon lower (func $r "get-random-u64")))
      (core module $m (import "r" "random" (func $random (result i64)))
        (func (export "f") (result i64) (call $random)))
      (core instance $i (instantiate $m (with "r" (instance (export "random" (func $random))))))
      (func (export "f") (result u64) (canon lift (core func $i "f"))))"""
    with pytest.raises(ImportDenied, match=r"wasi:random/random@0\.3\.0"):
        rt.add_wasm("app:f", source, "f", imports=["wasi:random"])()
