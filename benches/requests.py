"""Guests that make HTTP requests, beside bare Rust with a connection a request and beside httpx without a sandbox.

    python -m benches.requests [--rounds N] [--seconds S]

One server on loopback (benches/rust) answers all of them, with five bytes, in a process of its own. Every round
measures every contender once; ratios are taken within a round. Prints tables in Markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import httpx  # noqa: E402 - the path first
import trustme  # noqa: E402

import wippy_native as wippy  # noqa: E402
from benches.contenders import GUESTS, cache_directory  # noqa: E402
from benches.run import build_rust  # noqa: E402

IN_TURN = 200
TOGETHER = 32
"""Both as on the Rust side."""
WAITING = 1000
WAIT_MS = 300
SHAPES = ("a guest a request", "one guest in turn", f"{TOGETHER} guests at a time")

Times = dict[tuple[str, str], list[float]]
"""Seconds a request took, by case and contender."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure guests that make HTTP requests.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="for each case")
    options = parser.parse_args()
    cache, program = cache_directory(), build_rust()
    with tempfile.TemporaryDirectory() as folder, _server(program, Path(folder)) as (urls, ca):
        rounds = []
        for number in range(options.rounds):
            sys.stderr.write(f"round {number + 1}\n")
            times: Times = {}
            for name, url in urls.items():
                times.update(Ours(cache, ca).measure(name, url, options.seconds))
                times.update(_httpx(name, url, ca, options.seconds))
                if name != "HTTP/2 over TLS":
                    times.update(_rust(program, cache, name, url, ca, options.seconds))
            rounds.append(times)
    sys.stdout.write(_tables(rounds))
    sys.stdout.write(asyncio.run(_waiting()))


@contextmanager
def _server(program: Path, folder: Path) -> Iterator[tuple[dict[str, str], Path]]:
    """URLs by name, and the authority to trust."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    ca, chain, key = folder / "ca.pem", folder / "chain.pem", folder / "key.pem"
    authority.cert_pem.write_to_path(ca)
    certificate.cert_chain_pems[0].write_to_path(chain)
    certificate.private_key_pem.write_to_path(key)
    command = [str(program), "serve", str(chain), str(key)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
        assert server.stdout is not None  # noqa: S101 - it is a pipe
        plain, tls, h2 = server.stdout.readline().split()
        urls = {
            "HTTP": f"http://127.0.0.1:{plain}/hello",
            "HTTP over TLS": f"https://localhost:{tls}/hello",
            "HTTP/2 over TLS": f"https://localhost:{h2}/hello",
        }
        yield urls, ca


class Ours:
    """A runtime whose guests may reach loopback."""

    def __init__(self, cache: Path, ca: Path) -> None:
        policy = wippy.NetworkPolicy(allow=["loopback"], ca=ca)
        self.runtime = wippy.Runtime(cache_dir=cache, network=policy)

    def function(self, method: str, pool: int = 16) -> wippy.Function:
        return self.runtime.add_wasm(
            f"bench:{method}",
            GUESTS / "built" / "netuse.wasm",
            method,
            imports=["wasi:http", "wasi:sockets", "wasi:clocks"],
            network={"allow": ["loopback"]},
            pool={"max_size": pool},
        )

    def measure(self, name: str, url: str, seconds: float) -> Times:
        get, in_turn = self.function("get", TOGETHER), self.function("get-in-turn")
        each = _latencies(lambda: get(url), seconds)
        turns = [took / IN_TURN for took in _latencies(lambda: in_turn(url, IN_TURN), seconds)]
        together = asyncio.run(_together(lambda: get.call_async(url), seconds))
        self.runtime.close()
        return {(f"{name}: {shape}", "ours"): row for shape, row in zip(SHAPES, (each, turns, [together]), strict=True)}


def _httpx(name: str, url: str, ca: Path, seconds: float) -> Times:
    context = ssl.create_default_context(cafile=str(ca))
    h2 = name.startswith("HTTP/2")
    with httpx.Client(verify=context, http2=h2) as client:
        each = _latencies(lambda: client.get(url), seconds)

    async def together() -> float:
        async with httpx.AsyncClient(verify=context, http2=h2) as client:
            return await _together(lambda: client.get(url), seconds)

    rows = (each, each, [asyncio.run(together())])
    return {(f"{name}: {shape}", "httpx"): row for shape, row in zip(SHAPES, rows, strict=True)}


def _rust(program: Path, cache: Path, name: str, url: str, ca: Path, seconds: float) -> Times:
    command = [str(program), "requests", str(ROOT), str(cache), name, url, str(ca), str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603 - just built
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {(line["case"], "rust, a connection each"): line["samples"] for line in lines}


def _latencies(work: Callable[[], object], seconds: float) -> list[float]:
    work()
    begun, taken = time.perf_counter(), []
    while time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return taken


async def _together(work: Callable[[], object], seconds: float) -> float:
    """Seconds a request takes where many are made at a time."""
    begun, made = time.perf_counter(), 0

    async def one() -> None:
        nonlocal made
        while time.perf_counter() - begun < seconds:
            await work()  # type: ignore[misc]
            made += 1

    await asyncio.gather(*(one() for _ in range(TOGETHER)))
    return (time.perf_counter() - begun) / made


async def _waiting() -> str:
    """Many guests that wait for slow answers at once."""

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(WAIT_MS / 1000)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")
        await writer.drain()
        writer.close()

    def threads() -> int:
        return sum(1 for _ in Path("/proc/self/task").iterdir())

    async with await asyncio.start_server(slow, "127.0.0.1", 0, backlog=WAITING) as server:
        port = server.sockets[0].getsockname()[1]
        runtime = wippy.Runtime(cache_dir=cache_directory())
        get = runtime.add_wasm(
            "bench:slow",
            GUESTS / "built" / "netuse.wasm",
            "get",
            imports=["wasi:http", "wasi:sockets", "wasi:clocks"],
            network={"allow": ["loopback"]},
            pool={"max_size": WAITING},
        )
        url = f"http://127.0.0.1:{port}/"
        await get.call_async(url)
        before, start = threads(), time.perf_counter()
        calls = asyncio.gather(*(get.call_async(url) for _ in range(WAITING)))
        await asyncio.sleep(WAIT_MS / 2000)
        most = threads()
        await calls
        took = time.perf_counter() - start
        runtime.close()
    return (
        f"\n{WAITING:,} guests at once, each waiting {WAIT_MS} ms for its answer: {took:.2f} s in all, "
        f"{most - before} threads more than for one\n"
    )


def _tables(rounds: list[Times]) -> str:
    rows = ["| case | target | measured | spread | |", "|---|---|---|---|---|"]
    for case in dict.fromkeys(case for case, _ in rounds[0]):
        plain = case.startswith("HTTP:")
        for who, target in (("rust, a connection each", 1.0 if plain else 3.0), ("httpx", 1.0)):
            if (case, who) in rounds[0]:
                ratios = sorted(median(times[case, who]) / median(times[case, "ours"]) for times in rounds)
                middle = median(ratios)
                met = "met" if middle >= target else "MISSED"
                spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
                rows.append(f"| {case}, by {who} | at least {target:g} times | {middle:.2f} | {spread} | {met} |")
    rows += ["", "| case | contender | requests a second | p99 |", "|---|---|---|---|"]
    for case, who in rounds[0]:
        rate = median(1 / median(times[case, who]) for times in rounds)
        slowest = [sorted(times[case, who])[len(times[case, who]) * 99 // 100] for times in rounds]
        p99 = f"{median(slowest) * 1e6:,.0f} us" if SHAPES[0] in case else ""
        rows.append(f"| {case} | {who} | {rate:,.0f} | {p99} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()
