"""Small calls from one thread and from two at once; the figure is the time of `CALLS` calls on each thread."""

from __future__ import annotations

import threading

import pytest

from .conftest import Timed
from .contenders import GUESTS, Call, Ours, WasmtimePy

ADD = GUESTS / "wat" / "add.wat"
CALLS = 2000


def _on_threads(calls: list[Call]) -> int:
    """Run every call `CALLS` times on a thread of its own; how many calls that was."""

    def loop(call: Call) -> None:
        for _ in range(CALLS):
            call(1, 2)

    threads = [threading.Thread(target=loop, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return CALLS * len(calls)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("who", ["ours", "wasmtime-py fresh"])
def test_add(timed: Timed, ours: Ours, peer: WasmtimePy, who: str, threads: int) -> None:
    calls = [ours.function(ADD, "add") if who == "ours" else peer.fresh(ADD, "add") for _ in range(threads)]
    timed(f"{CALLS} adds on each of {threads} threads", who, _on_threads, calls, gives=CALLS * threads)
