"""Batches, asyncio and waiting guests, measured in turns beside bare Rust and wasmtime-py.

    python -m benches.throughput [--rounds N] [--plot FILE.svg]

Every round measures every contender once; ratios are taken within a round. Prints tables in Markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benches.contenders import GUESTS, OWN_GUESTS, Ours, WasmtimePy, cache_directory  # noqa: E402 - the path first
from benches.run import build_rust  # noqa: E402
from benches.timing import consume, resident, timed  # noqa: E402

ITEMS = 100_000
FEW = 5_000
TEXT = "sixteen letters!"
SPIN = 40_000
"""Rounds of a loop that take about 50 us here; as on the Rust side."""
SPINS = 8_000
THREADS = (1, 2)
SLEEPERS = 10_000
SLEEP_MS = 100

Times = dict[tuple[str, str], float]
Target = tuple[str, str, float, str, Callable[[Times], float]]


def main() -> None:
    options = _options()
    cache = cache_directory()
    rust = None if options.no_rust else build_rust()
    bench = Bench(Ours(cache), WasmtimePy(cache))
    rounds: list[Times] = []
    for number in range(options.rounds):
        sys.stderr.write(f"round {number + 1}\n")
        times = dict(bench.round())
        if rust is not None:
            times.update(_rust(rust, cache))
        rounds.append(times)
    sys.stdout.write(_tables(rounds))
    if options.plot:
        _plot(rounds, options.plot)


class Bench:
    """The contenders and their functions, made once."""

    def __init__(self, ours: Ours, peer: WasmtimePy) -> None:
        add, echo = GUESTS / "wat" / "add.wat", GUESTS / "wat" / "echo.wat"
        self.add, self.echo = ours.function(add, "add"), ours.function(echo, "echo")
        self.spin = ours.function(OWN_GUESTS / "spin.wat", "spin")
        self.forward = ours.function(GUESTS / "wat" / "forward.wat", "repeat", imports=["funcs"])
        self.sleep = ours.function(
            GUESTS / "wat" / "sleep.wat", "sleep", imports=["wasi:clocks", "wasi:io"], pool={"max_size": SLEEPERS}
        )
        self.peer_add = peer.fresh(add, "add")
        ours.runtime.register("bench:py")(lambda value: value)
        self._resident_each = 0.0
        self.callee = peer.warm(GUESTS / "wat" / "forward.wat", "repeat", callee=lambda _target, value: value)

    def round(self) -> Iterator[tuple[tuple[str, str], float]]:
        """Seconds a call by case and contender; figures under the contender "figure"."""
        yield from self._batches()
        yield (
            ("add, one after another", "ours"),
            timed(lambda: consume(self.add(1, 2) for _ in range(20_000)), 20_000),
        )
        yield from self._asyncio()
        yield from self._funcs()
        yield from asyncio.run(self._sleepers())
        yield ("short calls beside busy guests: p99", "figure"), self._short_beside_long()

    def _batches(self) -> Iterator[tuple[tuple[str, str], float]]:
        pairs = [(number, 1) for number in range(ITEMS)]
        texts, spins, few = [TEXT] * ITEMS, [SPIN] * SPINS, range(FEW)
        for workers in THREADS:
            on = f"on {workers} thread" + ("s" if workers > 1 else "")
            yield (f"add {on}", "ours"), timed(lambda n=workers: consume(self.add.starmap(pairs, workers=n)), ITEMS)
            yield (f"echo {on}", "ours"), timed(lambda n=workers: consume(self.echo.map(texts, workers=n)), ITEMS)
            yield (f"spin {on}", "ours"), timed(lambda n=workers: consume(self.spin.map(spins, workers=n)), SPINS)
            with ThreadPoolExecutor(workers) as pool:
                peer = timed(lambda pool=pool: consume(pool.map(lambda n: self.peer_add(n, 1), few)), FEW)
            yield (f"add {on}", "wasmtime-py fresh"), peer

    def _asyncio(self) -> Iterator[tuple[tuple[str, str], float]]:
        count = 10_000

        async def gather() -> None:
            await asyncio.gather(*(self.add.call_async(number, 1) for number in range(count)))

        async def in_executor() -> None:
            loop = asyncio.get_running_loop()
            await asyncio.gather(*(loop.run_in_executor(None, self.add, number, 1) for number in range(count)))

        yield ("gather of 10,000 adds", "ours"), min(timed(lambda: asyncio.run(gather()), count) for _ in range(3))
        yield ("gather of 10,000 adds", "run_in_executor"), timed(lambda: asyncio.run(in_executor()), count)

    def _funcs(self) -> Iterator[tuple[tuple[str, str], float]]:
        count = 5_000
        yield ("guest calls Python", "ours"), timed(lambda: self.forward("bench:py", TEXT, count), count)
        yield ("guest calls Python", "wasmtime-py warm"), timed(lambda: self.callee("x:y", TEXT, count), count)
        target = self.echo.id
        yield ("guest calls guest", "ours"), timed(lambda: self.forward(target, TEXT, count), count)

    async def _sleepers(self) -> list[tuple[tuple[str, str], float]]:
        await self.sleep.call_async(1)
        before, most, threads = resident(), 0.0, 0
        done = asyncio.Event()

        async def watch() -> None:
            nonlocal most, threads
            while not done.is_set():
                most, threads = max(most, resident()), max(threads, len(os.listdir("/proc/self/task")))  # noqa: PTH208
                await asyncio.sleep(0.02)

        watching = asyncio.create_task(watch())
        start = time.perf_counter()
        await asyncio.gather(*(self.sleep.call_async(SLEEP_MS) for _ in range(SLEEPERS)))
        took = time.perf_counter() - start
        done.set()
        await watching
        # Later rounds use the memory of the first again.
        self._resident_each = max(self._resident_each, (most - before) / SLEEPERS)
        name = f"{SLEEPERS:,} guests sleeping {SLEEP_MS} ms"
        return [
            ((f"{name}: wall", "figure"), took),
            ((f"{name}: KiB resident each", "figure"), self._resident_each),
            ((f"{name}: threads of the process", "figure"), threads),
        ]

    def _short_beside_long(self) -> float:
        """Seconds that 99 of 100 short calls stay under while guests compute on all cores, all from one loop."""

        async def measure() -> float:
            busy = [asyncio.create_task(self.spin.call_async(2**32 - 1)) for _ in range(os.cpu_count() or 1)]
            await asyncio.sleep(0.1)
            times = []
            for number in range(500):
                start = time.perf_counter()
                await self.add.call_async(number, 1)
                times.append(time.perf_counter() - start)
            for task in busy:
                task.cancel()
            await asyncio.gather(*busy, return_exceptions=True)
            return sorted(times)[len(times) * 99 // 100]

        return asyncio.run(measure())


def _targets() -> list[Target]:
    def rate(case: str, other: str) -> Callable[[Times], float]:
        return lambda times: times[case, other] / times[case, "ours"]

    def scaling(case: str, who: str, times: Times) -> float:
        return times[f"{case} on 1 thread", who] / times[f"{case} on 2 threads", who]

    def best_peer(times: Times) -> float:
        peer = min(times[f"add on {on}", "wasmtime-py fresh"] for on in ("1 thread", "2 threads"))
        return peer / times["add on 2 threads", "ours"]

    def figure(name: str) -> Callable[[Times], float]:
        return lambda times: times[name, "figure"]

    sleepers = f"{SLEEPERS:,} guests sleeping {SLEEP_MS} ms"
    at_least, at_most = "at least", "under"
    return [
        (
            "map of 100,000 adds, 1 worker: rate by bare Rust's",
            at_least,
            0.7,
            "",
            rate("add on 1 thread", "rust fresh"),
        ),
        ("the same, 2 workers", at_least, 0.7, "", rate("add on 2 threads", "rust fresh")),
        ("the same, by wasmtime-py's best", at_least, 15, "times", best_peer),
        ("16 B echo, 1 worker: rate by bare Rust's", at_least, 0.6, "", rate("echo on 1 thread", "rust fresh")),
        ("the same, 2 workers", at_least, 0.6, "", rate("echo on 2 threads", "rust fresh")),
        ("two workers by one, guests that compute 50 us", at_least, 1.7, "times", lambda t: scaling("spin", "ours", t)),
        (
            "two workers by one, add: by bare Rust's own",
            at_least,
            0.9,
            "",
            lambda t: scaling("add", "ours", t) / scaling("add", "rust fresh", t),
        ),
        (
            "gather of 10,000 adds, by run_in_executor",
            at_least,
            3,
            "times",
            rate("gather of 10,000 adds", "run_in_executor"),
        ),
        ("the same, each", at_most, 15, "us", lambda times: times["gather of 10,000 adds", "ours"] * 1e6),
        (f"{sleepers}", at_most, 1, "s", figure(f"{sleepers}: wall")),
        ("the same, resident each", at_most, 100, "KiB", figure(f"{sleepers}: KiB resident each")),
        ("the same, threads of the process", at_most, 20, "", figure(f"{sleepers}: threads of the process")),
        (
            "guest calls a Python function, by wasmtime-py",
            at_least,
            5,
            "times",
            rate("guest calls Python", "wasmtime-py warm"),
        ),
        (
            "guest calls a guest: as long as bare Rust's call",
            at_most,
            1.5,
            "times",
            lambda times: times["guest calls guest", "ours"] / times["echo on 1 thread", "rust fresh"],
        ),
        (
            "p99 of short calls beside busy guests on all cores",
            at_most,
            50,
            "ms",
            lambda t: t["short calls beside busy guests: p99", "figure"] * 1e3,
        ),
    ]


def _rust(program: Path, cache: Path) -> Times:
    command = [str(program), "threads", str(ROOT), str(cache), "0.3", "only=add,echo,spin"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603 - just built
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {(line["case"], line["who"]): median(line["samples"]) for line in lines}


def _tables(rounds: list[Times]) -> str:
    rows = ["| | target | measured | spread | |", "|---|---|---|---|---|"]
    for name, word, limit, unit, measure in _targets():
        try:
            values = sorted(measure(times) for times in rounds)
        except KeyError:
            continue
        middle = median(values)
        met = middle >= limit if word == "at least" else middle < limit
        spread = f"{values[0]:.3g} to {values[-1]:.3g}"
        rows.append(
            f"| {name} | {word} {limit:g} {unit} | {middle:.3g} {unit} | {spread} | {'met' if met else 'MISSED'} |"
        )
    rows += ["", "| case | contender | median | spread |", "|---|---|---|---|"]
    for case, who in sorted(rounds[0]):
        values = sorted(times[case, who] for times in rounds)
        if who != "figure":
            spread = f"{values[0] * 1e6:.3g} to {values[-1] * 1e6:.3g} us"
            rows.append(f"| {case} | {who} | {median(values) * 1e6:.3g} us | {spread} |")
    return "\n".join(rows) + "\n"


def _plot(rounds: list[Times], path: Path) -> None:
    """Calls a second on one and two threads, by contender."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    FigureCanvasSVG(figure)
    panels = figure.subplots(1, 3)
    for axes, case in zip(panels, ("add", "echo", "spin"), strict=True):
        for place, who in enumerate(("rust fresh", "ours", "wasmtime-py fresh")):
            keys = [(f"{case} on {on}", who) for on in ("1 thread", "2 threads")]
            if any(key not in rounds[0] for key in keys):
                continue
            rates = [1e-3 / median(times[key] for times in rounds) for key in keys]
            bars = axes.bar([x + 0.27 * place for x in range(2)], rates, 0.25, label=who)
            axes.bar_label(bars, fmt="%.0f", fontsize=7)
        axes.set_title({"add": "add", "echo": "16-byte string", "spin": "50 us of work"}[case], fontsize=10)
        axes.set_xticks([0.27, 1.27], ["1 thread", "2 threads"])
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("thousand calls a second, fresh instance each")
    panels[0].legend(fontsize=7, frameon=False)
    figure.savefig(path, metadata={"Date": None})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure batches, asyncio and waiting guests.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-rust", action="store_true", help="leave bare Rust out")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg")
    return parser.parse_args()


if __name__ == "__main__":
    main()
