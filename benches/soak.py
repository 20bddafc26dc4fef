"""A million calls of each kind in one process: does memory grow?

    python -m benches.soak [--calls 1000000] [--every 100000]

Prints the resident memory and open files after each stretch of calls. A scene grows when its last figure lies more than
`ALLOWED` above that of the first tenth: allocators settle in the first stretch, a leak goes on. Exits with 1 then.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import wippy_native as wippy

from .process import GUESTS, MB, resident

ALLOWED = 2 * MB
ALL_GROUPS = ("funcs", "wasi:cli", "wasi:io", "wasi:poll", "wasi:clocks", "wasi:filesystem", "wasi:random")

Step = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description="Look for memory that grows with the number of calls.")
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--every", type=int, default=100_000)
    parser.add_argument("scenes", nargs="*", default=list(SCENES), help=f"some of: {', '.join(SCENES)}")
    options = parser.parse_args()
    grown = [name for name in options.scenes if _soak(name, options.calls, options.every)]
    if grown:
        raise SystemExit(f"memory grew: {', '.join(grown)}")


def _soak(name: str, calls: int, every: int) -> bool:
    """Run a scene; whether its memory grew after the first stretch."""
    figures: list[float] = []
    with (
        tempfile.TemporaryDirectory() as directory,
        wippy.Runtime() as runtime,
        SCENES[name](runtime, Path(directory)) as step,
    ):
        start = time.perf_counter()
        for done in range(1, calls + 1):
            step()
            if done % every == 0:
                figures.append(resident())
                each = (time.perf_counter() - start) / done * 1e6
                _say(f"{name:<10} {done:>9} calls  {figures[-1]:7.2f} MB  {_open_files()} files  {each:6.2f} us a call")
    return len(figures) > 1 and (figures[-1] - figures[0]) * MB > ALLOWED


@contextmanager
def plain(runtime: wippy.Runtime, _directory: Path) -> Iterator[Step]:
    """The synchronous path: text there and back."""
    echo = runtime.add_wasm("soak:echo", GUESTS / "wat" / "echo.wat", "echo")
    yield lambda: echo("sixteen letters!")


@contextmanager
def lists(runtime: wippy.Runtime, _directory: Path) -> Iterator[Step]:
    """Objects of many kinds: records, strings, floats."""
    echo = runtime.add_wasm("soak:records", GUESTS / "wat" / "echo.wat", "echo-recs")
    records = [{"id": number, "name": f"record {number}", "score": number / 2} for number in range(5)]
    yield lambda: echo(records)


@contextmanager
def wasi(runtime: wippy.Runtime, directory: Path) -> Iterator[Step]:
    """A WASI guest with environment and a mount that reads a file."""
    (directory / "file.txt").write_text("some text\n", encoding="utf-8")
    runtime.add_entry({"id": "soak:data", "kind": "fs.directory", "directory": str(directory)})
    mounts = {"mounts": [{"fs": "soak:data", "guest": "/data"}]}
    guest = GUESTS / "built" / "hostuse.wasm"
    read = runtime.add_wasm("soak:read", guest, "read-file", imports=ALL_GROUPS, wasi=mounts)
    yield lambda: read("/data/file.txt")


@contextmanager
def output(runtime: wippy.Runtime, _directory: Path) -> Iterator[Step]:
    """Captured output."""
    guest = GUESTS / "built" / "hostuse.wasm"
    write = runtime.add_wasm("soak:write", guest, "write-stdout", imports=ALL_GROUPS).with_options(
        stdout=lambda _: None
    )
    yield lambda: write("a line\n")


@contextmanager
def traps(runtime: wippy.Runtime, _directory: Path) -> Iterator[Step]:
    """A trap for each call, and its exception."""
    trap = runtime.add_wasm("soak:trap", GUESTS / "wat" / "traps.wat", "unreachable")

    def step() -> None:
        try:
            trap()
        except wippy.GuestTrap:
            return
        raise AssertionError("the guest did not trap")

    yield step


@contextmanager
def arguments(runtime: wippy.Runtime, _directory: Path) -> Iterator[Step]:
    """Arguments that are refused."""
    echo = runtime.add_wasm("soak:refuse", GUESTS / "wat" / "echo.wat", "echo-recs")

    def step() -> None:
        try:
            echo([{"id": 1, "name": 2, "score": 3.0}])
        except wippy.ArgumentError:
            return
        raise AssertionError("the argument was taken")

    yield step


@contextmanager
def callbacks(runtime: wippy.Runtime, _directory: Path) -> Iterator[Step]:
    """A guest that calls a Python function through `funcs`."""
    runtime.register("soak:same")(lambda value: value)
    forward = runtime.add_wasm("soak:forward", GUESTS / "wat" / "forward.wat", "forward", imports=["funcs"])
    yield lambda: forward("soak:same", "text")


SCENES = {scene.__name__: scene for scene in (plain, lists, wasi, output, traps, arguments, callbacks)}


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
