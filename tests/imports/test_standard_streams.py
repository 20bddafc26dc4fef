"""Standard input, output and error of a guest: H-34 to H-37, H-35's decision."""

from __future__ import annotations

import io
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.guests import add_hostuse, add_wat, built
from support.processes import run
from support.threads import PATIENCE, in_thread

from wippy_native import Function, GuestExit, GuestTrap, LimitExceeded, Runtime

CLI = ("wasi:cli",)


@pytest.fixture
def say(rt: Runtime) -> Function:
    return add_hostuse(rt, "write-stdout", imports=CLI)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[], list[tuple[str, int, str]]]:
    """What guests logged since the last time: logger, level, text."""
    caplog.set_level(logging.INFO, "wippy_native.guest")

    def records() -> list[tuple[str, int, str]]:
        found = [(r.name, r.levelno, r.getMessage()) for r in caplog.records if r.name.startswith("wippy_native.guest")]
        caplog.clear()
        return found

    return records


Log = Callable[[], list[tuple[str, int, str]]]


def test_lines_go_to_the_log_of_their_entry(rt: Runtime, say: Function, log: Log) -> None:
    """H-35: stdout at info, stderr at warning, line by line, a last line without its end too."""
    say("one\ntwo\nthree")
    error = add_hostuse(rt, "write-stderr", id="app.sub:err", imports=CLI)
    error("oops\n")
    assert log() == [
        ("wippy_native.guest.app:f", logging.INFO, "one"),
        ("wippy_native.guest.app:f", logging.INFO, "two"),
        ("wippy_native.guest.app:f", logging.INFO, "three"),
        ("wippy_native.guest.app.sub:err", logging.WARNING, "oops"),
    ]


def test_what_a_guest_logs_cannot_pose_as_something_else(say: Function, log: Log) -> None:
    """H-35: format characters, bytes that are no text and empty lines stay what they are."""
    say("100 %s %d {x}\n\n  indented")
    assert [text for _, _, text in log()] == ["100 %s %d {x}", "", "  indented"]


def test_nothing_appears_on_the_terminal(say: Function, capfd: pytest.CaptureFixture[str]) -> None:
    """H-35."""
    say("hidden\n")
    assert capfd.readouterr() == ("", "")


def test_the_log_is_capped_per_call_and_says_so(rt: Runtime, log: Log) -> None:
    """H-35: a chatty guest fills no memory, and is not stopped."""
    flood = add_hostuse(rt, "flood-stdout", limits={"max_output_bytes": 1000})
    for _ in range(2):
        assert flood(600, 50) == 30_000
        texts = [text for _, _, text in log()]
        kept = sum(len(text) for text in texts if "dropped" not in text)
        assert kept <= 1000
        assert any("29000 more bytes" in text and "max_output_bytes" in text for text in texts)


def test_a_broken_log_handler_fails_no_call(say: Function, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """H-35: it is reported as Python reports what nobody can catch."""

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("disk full")

    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: reported.append(unraisable.exc_value))
    logger, handler = logging.getLogger("wippy_native.guest.app:f"), Broken()
    logger.addHandler(handler)
    try:
        assert say("x") is None
    finally:
        logger.removeHandler(handler)
    assert [str(error) for error in reported] == ["disk full"]


def test_inherit_writes_to_the_process_own_streams(rt: Runtime, capfd: pytest.CaptureFixture[str]) -> None:
    """H-35."""
    add_hostuse(rt, "write-stdout", imports=CLI).with_options(stdout="inherit")("to stdout\n")
    add_hostuse(rt, "write-stderr", imports=CLI).with_options(stderr="inherit")("to stderr\n")
    assert capfd.readouterr() == ("to stdout\n", "to stderr\n")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of Unix")
def test_a_full_pipe_of_many_writers_holds_no_call_past_its_deadline() -> None:
    """H-35: calls and other code write to the one pipe; whoever gets the room, nobody's call waits in the system."""
    program = """
    import os, sys, threading
    rt = wippy.Runtime()
    flood = add_hostuse(rt, "flood-stdout", imports=("wasi:cli",)).with_options(stdout="inherit", timeout=0.02)
    reader, writer = os.pipe()
    os.dup2(writer, 1)
    ended = []

    def call():
        try:
            flood(4096, 2**31)
        except wippy.LimitExceeded as error:
            ended.append(error.limit)

    def print_too():  # waits for room, as any print does
        while True:
            os.write(1, b"p" * 4096)

    threading.Thread(target=print_too, daemon=True).start()
    for _ in range(100):
        calls = [threading.Thread(target=call) for _ in range(4)]
        for thread in calls:
            thread.start()
        # All of them race for this much room; then there is none.
        os.read(reader, 65536)
        for thread in calls:
            thread.join()
    assert os.get_blocking(1)
    print(*ended, file=sys.stderr, flush=True)
    os._exit(0)  # one thread still prints
    """
    outcome = run(program).check()
    assert outcome.err.split() == ["timeout"] * 400


def test_discard(say: Function, capfd: pytest.CaptureFixture[str], log: Log) -> None:
    """H-35."""
    say.with_options(stdout="discard")("gone\n")
    assert capfd.readouterr() == ("", "")
    assert log() == []


def test_one_stream_captured_leaves_the_other_alone(rt: Runtime, say: Function, log: Log) -> None:
    """H-35."""
    heard: list[bytes] = []
    say.with_options(stderr=heard.append)("out\n")
    assert heard == []
    assert [text for _, _, text in log()] == ["out"]


def test_a_callable_gets_bytes(say: Function) -> None:
    """H-35."""
    heard: list[bytes] = []
    say.with_options(stdout=heard.append)("é\nwithout end")
    assert b"".join(heard) == "é\nwithout end".encode()
    assert all(type(chunk) is bytes for chunk in heard)


def test_file_objects_binary_and_text(say: Function, tmp_path: Path) -> None:
    """H-35."""
    binary, text = io.BytesIO(), io.StringIO()
    say.with_options(stdout=binary)("é\n")
    say.with_options(stdout=text)("é\n")
    assert (binary.getvalue(), text.getvalue()) == ("é\n".encode(), "é\n")
    with (tmp_path / "out.txt").open("w", encoding="utf-8", newline="") as file:
        say.with_options(stdout=file)("é\n")
    with (tmp_path / "out.bin").open("wb") as raw:
        say.with_options(stdout=raw)("é\n")
    assert (tmp_path / "out.txt").read_bytes() == (tmp_path / "out.bin").read_bytes() == "é\n".encode()


def test_the_options_stand_for_every_call(say: Function) -> None:
    """H-35: each call writes anew; a character cut off in one call does not spill into the next."""
    text = io.StringIO()
    loud = say.with_options(stdout=text)
    for _ in range(3):
        loud("é")
    assert text.getvalue() == "ééé"


def test_a_text_file_gets_whole_characters(rt: Runtime) -> None:
    """H-35: split between two writes of the guest."""
    text = io.StringIO()
    flood = add_hostuse(rt, "copy-stdin", imports=CLI)
    data = "é€😀" * 50_000
    assert flood.with_options(stdin=data.encode(), stdout=text)() == len(data.encode())
    assert text.getvalue() == data


@pytest.mark.parametrize("tail", [b"\xc3", b"\xe2\x82", b"\xff"])
def test_a_character_that_never_ends(rt: Runtime, tail: bytes) -> None:
    """H-35: nothing is lost in silence, and nothing is added to the next call."""
    text = io.StringIO()
    copy = add_hostuse(rt, "copy-stdin", imports=CLI).with_options(stdout=text)
    copy.with_options(stdin=b"x" + tail)()
    copy.with_options(stdin=b"y")()
    assert text.getvalue() == "x\N{REPLACEMENT CHARACTER}y"


class Refused(Exception):
    pass


@pytest.mark.parametrize("error", [Refused, KeyboardInterrupt, SystemExit])
def test_a_callable_that_raises_ends_the_call_with_its_exception(rt: Runtime, error: type[BaseException]) -> None:
    """H-35: the caller's own exception comes back as it was, and the guest stops."""
    calls: list[int] = []

    def refuse(data: bytes) -> None:
        calls.append(len(data))
        raise error("no more")

    flood = add_hostuse(rt, "flood-stdout", imports=CLI)
    with pytest.raises(error, match="no more"):
        flood.with_options(stdout=refuse)(1000, 2**31)
    assert len(calls) == 1
    assert flood(10, 1) == 10


def test_a_closed_file(say: Function) -> None:
    """H-35."""
    file = io.BytesIO()
    file.close()
    with pytest.raises(ValueError, match="closed"):
        say.with_options(stdout=file)("x")


def test_a_flood_waits_for_a_slow_reader(rt: Runtime) -> None:
    """H-35: back-pressure; never more in memory than a chunk or two, and not a byte lost."""
    sizes: list[int] = []

    def slow(data: bytes) -> None:
        sizes.append(len(data))
        time.sleep(0.002)

    flood = add_hostuse(rt, "flood-stdout", imports=CLI).with_options(stdout=slow)
    assert flood(64 * 1024, 64) == 4 << 20
    assert sum(sizes) == 4 << 20
    assert max(sizes) <= 256 * 1024


def test_output_arrives_while_the_guest_runs(rt: Runtime) -> None:
    """H-35: not only at its end."""
    heard: list[float] = []
    flood = add_hostuse(rt, "flood-stdout", imports=CLI)
    flood.with_options(stdout=lambda _: heard.append(time.monotonic()))(64 * 1024, 200)
    assert len(heard) > 10


def test_a_callable_may_call_the_runtime(rt: Runtime, say: Function) -> None:
    """H-35: the reader is ordinary Python."""
    add = add_wat(rt, "add", "add", id="app:add")
    heard: list[Any] = []
    say.with_options(stdout=lambda data: heard.append((data, add(40, 2), say.with_options(stdout="discard")("y"))))("x")
    assert heard == [(b"x", 42, None)]


def test_output_before_the_end_is_delivered_whatever_the_end(rt: Runtime) -> None:
    """H-35: exit, trap, limit and a full reader."""
    heard: list[bytes] = []
    exit_ = rt.add_wasm("app:f", built("command"), "wasi:cli/run#run", imports=CLI, wasi={"args": ["--code-7", "last"]})
    with pytest.raises(GuestExit):
        exit_.with_options(stdout=heard.append)()
    assert b"arg: last" in b"".join(heard)
    heard.clear()
    flood = add_hostuse(rt, "flood-stdout", imports=CLI, limits={"max_execution_ms": 60})
    with pytest.raises(LimitExceeded):
        flood.with_options(stdout=heard.append)(1000, 2**31)
    assert b"".join(heard)


def test_a_trace_of_a_crashed_guest_is_in_the_log(rt: Runtime, log: Log) -> None:
    """H-35: what the guest's own runtime says of its end."""
    crash = rt.add_wasm(
        "app:f", built("pyguest"), "crash",
        imports=("wasi:cli", "wasi:io", "wasi:clocks", "wasi:filesystem", "wasi:random"),
    )  # fmt: skip
    with pytest.raises(GuestTrap):
        crash("on purpose")
    assert any("on purpose" in text and level == logging.WARNING for _, level, text in log())


# Standard input


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 1000, bytearray(b"mutable"), memoryview(b"view")])
def test_standard_input_is_bytes(rt: Runtime, data: bytes) -> None:
    """H-35."""
    read = add_hostuse(rt, "read-stdin", imports=CLI)
    assert read.with_options(stdin=data)() == bytes(data)


def test_standard_input_ends_at_once_by_default(rt: Runtime) -> None:
    """H-35."""
    read = add_hostuse(rt, "read-stdin", imports=CLI)
    assert read() == b""
    assert read.with_options(stdin=b"x").with_options(stdin=None)() == b""


def test_every_call_reads_from_the_beginning(rt: Runtime) -> None:
    read = add_hostuse(rt, "read-stdin", imports=CLI).with_options(stdin=b"again")
    assert [read(), read()] == [b"again", b"again"]


def test_the_bytes_are_those_of_the_option(rt: Runtime) -> None:
    """Changing the buffer afterwards changes nothing."""
    data = bytearray(b"before")
    read = add_hostuse(rt, "read-stdin", imports=CLI).with_options(stdin=data)
    data[:] = b"after!"
    assert read() == b"before"


def test_a_guest_never_reads_the_process_own_input() -> None:
    """H-35: also where it is open."""
    program = """
    import os
    r, w = os.pipe(); os.write(w, b"secret"); os.dup2(r, 0)
    rt = wippy.Runtime()
    assert add_hostuse(rt, "read-stdin", imports=("wasi:cli",))() == b""
    """
    run(program).check()


def test_terminals_are_none_without_one(rt: Runtime) -> None:
    """H-36."""
    terminals = add_hostuse(rt, "terminals", imports=CLI)
    assert terminals() == []
    assert terminals.with_options(stdin=b"x", stdout=io.BytesIO(), stderr="discard")() == []


def test_a_callees_output_goes_to_its_own_log(rt: Runtime, log: Log) -> None:
    """H-35: what the caller captures is the caller's."""
    inner = add_hostuse(rt, "write-stdout", id="app:inner", imports=CLI)
    rt.register("app:py")(lambda text: inner(text))
    add_hostuse(rt, "call-string", id="app:outer")
    heard: list[bytes] = []
    rt.function("app:outer").with_options(stdout=heard.append)("app:py", "inside\n")  # type: ignore[union-attr]
    assert heard == []
    assert [(name, text) for name, _, text in log()] == [("wippy_native.guest.app:inner", "inside")]


def test_streams_of_many_calls_at_once_do_not_mix(rt: Runtime) -> None:
    """H-35."""
    copy = add_hostuse(rt, "copy-stdin", imports=CLI)

    def work(index: int) -> bool:
        data, heard = bytes([index]) * 300_000, bytearray()
        copy.with_options(stdin=data, stdout=heard.extend)()
        return heard == data

    calls = [in_thread(lambda index=index: work(index)) for index in range(8)]
    assert all(call.result(PATIENCE) for call in calls)
