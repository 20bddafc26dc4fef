"""What a guest does wrong is one typed error with a readable backtrace: F-45, H-33; only its own call is harmed."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.guests import MACHINE_TRAPS, add_hostuse, add_wat, built

from wippy_native import GuestExit, GuestTrap, ImportDenied, LimitExceeded, Runtime, WippyError


@pytest.mark.parametrize(("method", "word"), MACHINE_TRAPS.items())
def test_machine_traps(rt: Runtime, method: str, word: str) -> None:
    """F-45."""
    function = add_wat(rt, "traps", method)
    with pytest.raises(GuestTrap) as caught:
        function()
    error = caught.value
    assert word in error.trap
    assert f"app:f: failed to call wasm method: {method}: " in str(error)
    assert (error.kind, error.entry, error.retryable) == ("Internal", "app:f", False)
    assert error.backtrace
    assert not isinstance(error, (ImportDenied, LimitExceeded))
    with pytest.raises(GuestTrap):
        function()


def test_backtraces_name_the_functions_innermost_first(rt: Runtime) -> None:
    """F-45."""
    with pytest.raises(GuestTrap) as caught:
        add_wat(rt, "traps", "deep-trap")()
    names = [frame.split()[0] for frame in caught.value.backtrace]
    assert names == ["deep_c", "deep_b", "deep_a"]
    text = str(caught.value)
    assert text.index("deep_c") < text.index("deep_b") < text.index("deep_a")


def test_backtraces_of_an_endless_recursion_are_bounded(rt: Runtime) -> None:
    """F-45: a stack overflow is a trap like others, its trace of a length that can be read."""
    with pytest.raises(GuestTrap) as caught:
        add_wat(rt, "traps", "stack-overflow")()
    assert 0 < len(caught.value.backtrace) <= 100
    assert "recurse" in str(caught.value)


def test_functions_without_names_are_numbered(rt: Runtime) -> None:
    """F-45."""
    source = b'(module (func (export "f") (call 1)) (func unreachable))'
    with pytest.raises(GuestTrap) as caught:
        rt.add_wasm("app:f", source, "f", wit="f: func();")()
    assert [frame.split()[0] for frame in caught.value.backtrace] == ["func[1]", "func[0]"]


def test_rust_names_are_readable(rt: Runtime) -> None:
    """F-45: demangled, without the hash."""
    with pytest.raises(GuestTrap) as caught:
        rt.add_wasm("app:f", built("types"), "panic")("oh no")
    assert caught.value.backtrace
    assert not any(frame.startswith(("_ZN", "_R")) for frame in caught.value.backtrace)


BROKEN_RESULTS = [
    "bad-string", "bad-utf8", "bad-return-area", "bad-list", "bad-length", "bad-char", "bad-enum", "bad-option"
]  # fmt: skip


@pytest.mark.parametrize("method", BROKEN_RESULTS)
def test_results_that_break_the_canonical_abi(rt: Runtime, method: str) -> None:
    """F-45, F-52: the guest's fault, like a trap, and never a huge allocation."""
    function = add_wat(rt, "traps", method)
    for _ in range(2):
        with pytest.raises((GuestTrap, LimitExceeded)) as caught:
            function()
        assert f"failed to call wasm method: {method}: " in str(caught.value)


def test_a_strange_bool_is_true(rt: Runtime) -> None:
    """V-1: the canonical ABI takes any non-zero word."""
    assert add_wat(rt, "traps", "odd-bool")() is True


@pytest.mark.parametrize(
    ("method", "argument"), [("realloc-oob", "x"), ("realloc-misaligned", [1]), ("realloc-trap", "x")]
)
def test_parameters_the_guest_has_no_room_for(rt: Runtime, method: str, argument: object) -> None:
    """F-45: what the guest's allocator answers is checked."""
    function = add_wat(rt, "traps", method)
    for _ in range(2):
        with pytest.raises(GuestTrap):
            function(argument)


def test_a_trap_in_start_code_names_the_phase(rt: Runtime) -> None:
    """F-45."""
    source = b'(component (core module $m (func $s unreachable) (func (export "f")) (start $s)) '
    source += b'(core instance $i (instantiate $m)) (func (export "f") (canon lift (core func $i "f"))))'
    with pytest.raises(GuestTrap, match=r"app:f: failed to instantiate wasm module: ") as caught:
        rt.add_wasm("app:f", source, "f")()
    assert [frame.split()[0] for frame in caught.value.backtrace] == ["s"]


def test_traps_of_many_threads_harm_nobody(rt: Runtime) -> None:
    """F-45: a mix of trapping, overflowing and good calls on eight threads."""
    functions = {method: add_wat(rt, "traps", method, id=f"app:{method}") for method in MACHINE_TRAPS}
    add = add_wat(rt, "add", "add", id="app:add")
    names = list(functions)

    def work(index: int) -> bool:
        if index % 2:
            return bool(add(index, 1) == index + 1)
        name = names[index // 2 % len(names)]
        try:
            functions[name]()
        except GuestTrap as error:
            return MACHINE_TRAPS[name] in error.trap
        return False

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(1400)))


def test_errors_survive_pickling(rt: Runtime) -> None:
    """`multiprocessing` and `concurrent.futures` carry errors by pickle."""
    with pytest.raises(GuestTrap) as caught:
        add_wat(rt, "traps", "deep-trap")()
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert type(copy) is GuestTrap
    assert (str(copy), copy.trap, copy.backtrace) == (str(caught.value), caught.value.trap, caught.value.backtrace)


@pytest.mark.parametrize(("method", "code", "status"), [("exit", 0, 0), ("exit", 9, 1), ("exit-with-code", 7, 7)])
def test_exit_ends_the_call_only(rt: Runtime, method: str, code: int, status: int) -> None:
    """H-33: an error for both ok and err, with the code; the next call works."""
    function = add_hostuse(rt, method)
    for _ in range(2):
        with pytest.raises(GuestExit, match=f"wasi exit requested: status {status}") as caught:
            function(code)
        assert caught.value.code == status
        assert (caught.value.kind, caught.value.entry) == ("Internal", "app:f")
        assert not isinstance(caught.value, SystemExit)


def test_exit_of_a_core_module(rt: Runtime) -> None:
    """H-33, F-17."""
    exit_ = add_wat(rt, "core_p1", "exit", wit="exit: func(code: u32);", imports=["wasi1", "wasi:cli"])
    for code in (0, 3, 125):
        with pytest.raises(GuestExit) as caught:
            exit_(code)
        assert caught.value.code == code


def test_output_written_before_a_trap_or_an_exit_arrives(rt: Runtime) -> None:
    """H-35: what a dying guest says is what its owner needs."""
    heard = bytearray()
    crash = rt.add_wasm(
        "app:f", built("command"), "wasi:cli/run#run", imports=["wasi:cli"], wasi={"args": ["--code-7"]}
    )
    with pytest.raises(GuestExit):
        crash.with_options(stdout=heard.extend)()
    assert b"--code-7" in heard


def test_every_error_is_one_family(rt: Runtime) -> None:
    for method, arguments in (("unreachable", ()), ("grow", ("x",)), ("nope", ())):
        with pytest.raises(WippyError):
            add_wat(rt, "traps", method)(*arguments)
