"""Lua functions: called by guests beside Python ones, by Python beside lupa, in batches, asleep, and calling others.

    python -m benches.lua [--rounds N] [--seconds S]

Every round measures every contender once; ratios are taken within a round. Prints tables in Markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from lupa import lua54  # noqa: E402 - the path first

import wippy_native as wippy  # noqa: E402
from benches.contenders import GUESTS, cache_directory  # noqa: E402
from benches.timing import consume, resident, timed  # noqa: E402

CALLS = 1000
TEXT = "sixteen letters!"
FIELDS = {f"field{number}": number for number in range(10)}
LOOP = 1000
ITEMS = 100_000
SLEEPERS = 10_000
SLEEP_MS = 100
DOCUMENT = json.dumps(
    [
        {"id": number, "name": f"user {number}", "tags": ["a", "b", "c"], "score": number * 1.5, "active": True}
        for number in range(125)
    ]
)
"""10 KB."""
TURNS = ("first", "second", "third")
"""While states are made, some calls end and leave theirs to others: the second time makes the rest."""
TIMES = 100
"""A document is decoded or encoded so many times in one call."""

WORK = {
    "echo": "return function(text) return text end",
    "capitals": "return function(text) return '> ' .. text:upper() end",
    "arithmetic": "return function(a, b) return a * b + a - b end",
    "10 fields in and out": "return function(t) t.field0 = t.field0 + 1 return t end",
    "a loop of 1,000": "return function(n) local sum = 0 for i = 1, n do sum = sum + i * i % 7 end return sum end",
    "add one": "return function(x) return x + 1 end",
    "add": "return function(a, b) return a + b end",
}
SLEEP = """
local time = require("time")
return function(ms) time.sleep(ms * time.MILLISECOND) return ms end
"""
REPEAT = """
local funcs = require("funcs")
return function(target, times, a, b)
  local value, err
  for _ = 1, times do
    value, err = funcs.call(target, a, b)
    if err then return nil, err end
  end
  return value
end
"""
DECODE = """
local json = require("json")
return function(text, times)
  local value
  for _ = 1, times do value = json.decode(text) end
  return #value
end
"""
ENCODE = """
local json = require("json")
return function(text, times)
  local value, encoded = json.decode(text)
  for _ = 1, times do encoded = json.encode(value) end
  return #encoded
end
"""

Times = dict[tuple[str, str], float]
"""Seconds a call, by case and contender; figures under the contender "figure"."""
Measured = Iterator[tuple[tuple[str, str], float]]
Target = tuple[str, str, float, str, Callable[[Times], float]]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure Lua functions.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="for each contender of a case")
    options = parser.parse_args()
    bench = Bench(options.seconds)
    rounds: list[Times] = []
    for number in range(options.rounds):
        sys.stderr.write(f"round {number + 1}\n")
        rounds.append(dict(bench.round()))
    sys.stdout.write(_tables(rounds))


class Bench:
    """The contenders and their functions, made once."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        runtime = self.runtime = wippy.Runtime(cache_dir=cache_directory())
        self.lua = {name: runtime.add_lua(f"lua:f{at}", source) for at, (name, source) in enumerate(WORK.items())}
        state = self.state = lua54.LuaRuntime(unpack_returned_tuples=True)
        self.lupa = {name: state.execute(source) for name, source in WORK.items()}
        runtime.register("python:echo")(_echo)
        runtime.register("python:capitals")(_capitals)
        runtime.register("python:async")(_echo_async)
        runtime.register("python:add")(_add)
        wat = GUESTS / "wat"
        self.wasm_echo = runtime.add_wasm("wasm:echo", wat / "echo.wat", "echo")
        self.wasm_add = runtime.add_wasm("wasm:add", wat / "add.wat", "add")
        self.forward = runtime.add_wasm("wasm:forward", wat / "forward.wat", "forward", imports=["funcs"])
        self.repeat = runtime.add_wasm("wasm:repeat", wat / "forward.wat", "repeat", imports=["funcs"])
        self.caller = runtime.add_lua("lua:repeat", REPEAT, modules=["funcs"])
        self.decode = runtime.add_lua("lua:decode", DECODE, modules=["json"])
        self.encode = runtime.add_lua("lua:encode", ENCODE, modules=["json"])
        self.check()

    def check(self) -> None:
        """That all give the same."""
        capitals = f"> {TEXT.upper()}"
        assert self.lua["capitals"](TEXT) == self.lupa["capitals"](TEXT) == capitals  # noqa: S101 - of the contenders
        assert self.lua["10 fields in and out"](FIELDS) == self.fields()  # noqa: S101
        assert self.repeat(self.lua["capitals"].id, TEXT, CALLS) == CALLS  # noqa: S101
        assert self.forward("python:capitals", TEXT) == capitals  # noqa: S101
        assert self.caller("wasm:add", CALLS, 2, 3) == self.caller("python:add", CALLS, 2, 3) == 5  # noqa: S101

    def round(self) -> Measured:
        yield from self._from_guests()
        yield from asyncio.run(self._from_guests_of_a_loop())
        yield from self._from_python()
        yield from self._batches()
        yield from self._from_lua()
        yield from self._documents()
        yield from _apart(_sleepers)

    def _each(self, work: Callable[[], object], calls: int = 1) -> float:
        """Seconds one of the calls takes that `work` makes."""
        work()
        many = _enough(work)
        begun, samples = time.perf_counter(), []
        while time.perf_counter() - begun < self.seconds:
            start = time.perf_counter()
            for _ in range(many):
                work()
            samples.append((time.perf_counter() - start) / many)
        return median(samples) / calls

    def _callees(self) -> Iterator[tuple[str, str, str]]:
        """What they do, who they are, their ids."""
        for work in ("echo", "capitals"):
            yield work, "Lua", self.lua[work].id
            yield work, "Python", f"python:{work}"
        yield "echo", "Python, async", "python:async"
        yield "echo", "WebAssembly", self.wasm_echo.id
        yield "echo", "nobody: an unknown id", "no:body"

    def _from_guests(self) -> Measured:
        for work, who, target in self._callees():
            many = self._each(lambda target=target: self.repeat(target, TEXT, CALLS), CALLS)
            yield (f"a guest calls {CALLS:,} times: {work}", who), many
            if who != "nobody: an unknown id":
                once = self._each(lambda target=target: self.forward(target, TEXT))
                yield (f"a guest calls once: {work}", who), once

    async def _from_guests_of_a_loop(self) -> list[tuple[tuple[str, str], float]]:
        """The same from an event loop, where the guest runs on another thread than Python does."""
        found = []
        for work, who, target in self._callees():
            for together in (1, 16):
                begun, samples = time.perf_counter(), []
                while time.perf_counter() - begun < self.seconds:
                    start = time.perf_counter()
                    calls = (self.repeat.call_async(target, TEXT, CALLS) for _ in range(together))
                    await asyncio.gather(*calls)
                    samples.append((time.perf_counter() - start) / (together * CALLS))
                guests = "a guest" if together == 1 else f"{together} guests at once"
                found.append(((f"{guests} of an event loop: {work}", who), median(samples)))
        return found

    def fields(self) -> dict[str, int]:
        """A dict into lupa's Lua and one out of it, both copied as ours are."""
        table = self.lupa["10 fields in and out"](self.state.table_from(FIELDS))
        return dict(table.items())

    def _from_python(self) -> Measured:
        arguments: dict[str, tuple[Any, ...]] = {
            "echo": (TEXT,),
            "arithmetic": (3, 4),
            "a loop of 1,000": (LOOP,),
        }
        for name, values in arguments.items():
            ours, theirs = self.lua[name], self.lupa[name]
            yield (f"Python calls: {name}", "ours"), self._each(lambda f=ours, v=values: f(*v))
            yield (f"Python calls: {name}", "lupa"), self._each(lambda f=theirs, v=values: f(*v))
        name = "10 fields in and out"
        yield (f"Python calls: {name}", "ours"), self._each(lambda: self.lua[name](FIELDS))
        yield (f"Python calls: {name}", "lupa"), self._each(self.fields)

    def _batches(self) -> Measured:
        """Seconds an item."""
        numbers, pairs = range(ITEMS), [(number, 1) for number in range(ITEMS)]
        function, peer = self.lua["add one"], self.lupa["add one"]
        for workers, named in ((None, "workers by themselves"), (1, "1 worker"), (2, "2 workers")):
            case = f"map over {ITEMS:,} items, {named}"
            yield (case, "ours"), timed(lambda n=workers: consume(function.map(numbers, workers=n)), ITEMS)
            wasm = timed(lambda n=workers: consume(self.wasm_add.starmap(pairs, workers=n)), ITEMS)
            yield (case, "WebAssembly"), wasm
            yield (case, "lupa in a loop"), timed(lambda: [peer(number) for number in numbers], ITEMS)

    def _from_lua(self) -> Measured:
        for who, target in (("WebAssembly", "wasm:add"), ("Lua", self.lua["add"].id), ("Python", "python:add")):
            each = self._each(lambda target=target: self.caller(target, CALLS, 2, 3), CALLS)
            yield (f"Lua calls {CALLS:,} times: add", who), each

    def _documents(self) -> Measured:
        value = json.loads(DOCUMENT)
        yield ("json of 10 KB: decode", "ours"), self._each(lambda: self.decode(DOCUMENT, TIMES), TIMES)
        yield ("json of 10 KB: decode", "Python's json"), self._each(lambda: json.loads(DOCUMENT))
        # A hundredth of it is one more decoding.
        yield ("json of 10 KB: encode", "ours"), self._each(lambda: self.encode(DOCUMENT, TIMES), TIMES)
        yield ("json of 10 KB: encode", "Python's json"), self._each(lambda: json.dumps(value, separators=(",", ":")))


def _echo(text: str) -> str:
    return text


async def _echo_async(text: str) -> str:
    return text


def _capitals(text: str) -> str:
    return "> " + text.upper()


def _add(a: int, b: int) -> int:
    return a + b


def _apart(measure: Callable[[], list[tuple[tuple[str, str], float]]]) -> list[tuple[tuple[str, str], float]]:
    """What it gives in a process of its own, whose memory nothing else has used."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(measure)


def _sleepers() -> list[tuple[tuple[str, str], float]]:
    """Many calls that wait at once: the first time, when states are made for them, and again."""
    runtime = wippy.Runtime()
    case = f"{SLEEPERS:,} that sleep {SLEEP_MS} ms"
    found = []
    for way, wave in (("gather", _gather), ("map", _map)):
        sleep = runtime.add_lua(f"lua:{way}", SLEEP, modules=["time"], pool={"max_size": SLEEPERS})
        sleep(1)
        before, most = resident(), 0.0
        for turn in TURNS:
            took, cpu, seen = asyncio.run(_watched(wave, sleep))
            most = max(most, seen)
            found.append(((f"{case}, {way}, {turn} time", "figure"), took))
            found.append(((f"{case}, {way}, {turn} time, processor", "figure"), cpu))
        # What the calls of `gather` have left is used again by those of `map`.
        if way == "gather":
            found.append(((f"{case}: KiB resident each", "figure"), (most - before) / SLEEPERS))
        runtime.remove(sleep.id)
    found.append(((f"{case}: threads of the process", "figure"), len(os.listdir("/proc/self/task"))))  # noqa: PTH208
    runtime.close()
    return found


async def _watched(wave: Callable[[wippy.Function], Any], sleep: wippy.Function) -> tuple[float, float, float]:
    """Seconds, seconds of processor, and the most KiB resident."""
    most, done = 0.0, asyncio.Event()

    async def watch() -> None:
        nonlocal most
        while not done.is_set():
            most = max(most, resident())
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    start, cpu = time.perf_counter(), time.process_time()
    await wave(sleep)
    took, cpu = time.perf_counter() - start, time.process_time() - cpu
    done.set()
    await watching
    return took, cpu, max(most, resident())


async def _gather(sleep: wippy.Function) -> None:
    await asyncio.gather(*(sleep.call_async(SLEEP_MS) for _ in range(SLEEPERS)))


async def _map(sleep: wippy.Function) -> None:
    async for _ in sleep.map_async([SLEEP_MS] * SLEEPERS, workers=SLEEPERS):
        pass


def _targets() -> list[Target]:
    def faster(case: str) -> Callable[[Times], float]:
        return lambda times: times[case, "Python"] / times[case, "Lua"]

    def figure(name: str) -> Callable[[Times], float]:
        return lambda times: times[name, "figure"]

    works = ("echo", "capitals")
    places = (f"a guest calls {CALLS:,} times", "a guest of an event loop", "16 guests at once of an event loop")
    calls: list[Target] = [
        (f"{place}: {work}: Lua's by Python's", "at least", 3, "times", faster(f"{place}: {work}"))
        for place in places
        for work in works
    ]
    ways = [f"{SLEEPERS:,} that sleep {SLEEP_MS} ms, {way}" for way in ("gather", "map")]
    return calls + [
        (f"{way}, {turn} time", "under", 1, "s", figure(f"{way}, {turn} time")) for way in ways for turn in TURNS
    ]


def _tables(rounds: list[Times]) -> str:
    rows = ["| | target | measured | spread | |", "|---|---|---|---|---|"]
    for name, word, limit, unit, measure in _targets():
        values = sorted(measure(times) for times in rounds)
        middle = median(values)
        met = middle >= limit if word == "at least" else middle < limit
        spread = f"{values[0]:.3g} to {values[-1]:.3g}"
        verdict = "met" if met else "MISSED"
        rows.append(f"| {name} | {word} {limit:g} {unit} | {middle:.3g} {unit} | {spread} | {verdict} |")
    rows += ["", "| case | contender | a call | spread | by ours | spread |", "|---|---|---|---|---|---|"]
    for case, who in rounds[0]:
        if who != "figure":
            values = sorted(times[case, who] * 1e6 for times in rounds)
            spread = f"{values[0]:.3g} to {values[-1]:.3g} us"
            rows.append(f"| {case} | {who} | {median(values):.3g} us | {spread} | {_by_ours(rounds, case, who)} |")
    rows += ["", "| figure | median | spread |", "|---|---|---|"]
    for case, who in rounds[0]:
        if who == "figure":
            values = sorted(times[case, who] for times in rounds)
            rows.append(f"| {case} | {median(values):.3g} | {values[0]:.3g} to {values[-1]:.3g} |")
    return "\n".join(rows) + "\n"


def _by_ours(rounds: list[Times], case: str, who: str) -> str:
    """How often Lua's call of the library fits in the contender's, and the spread."""
    own = next((own for own in ("ours", "Lua") if (case, own) in rounds[0]), who)
    if own == who:
        return " | "
    ratios = sorted(times[case, who] / times[case, own] for times in rounds)
    return f"{median(ratios):.2f} | {ratios[0]:.2f} to {ratios[-1]:.2f}"


def _enough(work: Callable[[], object]) -> int:
    """How many of it take a millisecond."""
    start = time.perf_counter()
    work()
    return max(1, int(1e-3 / max(time.perf_counter() - start, 1e-7)))


if __name__ == "__main__":
    main()
