"""A forked child has none of the threads that would run a call: batches and calls from loops say so at once."""

from __future__ import annotations

import sys

import pytest
from support.processes import run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no fork")

WORK = {
    "call_async": "asyncio.run(add.call_async(1, 2))",
    "map": "list(add.starmap([(1, 2)]))",
    "open batch": "list(results)",
    "map_async": "asyncio.run(take())",
    "executor": "pool.submit(add, 1, 2).result(5)",
}


@pytest.mark.parametrize("how", WORK)
def test_in_the_child(how: str) -> None:
    source = f"""
        import asyncio, os, signal
        from wippy_native import Runtime, WippyError

        rt = Runtime()
        add = add_wat(rt, "add", "add", id="app:add")
        pool = rt.executor()

        async def take():
            return [one async for one in add.map_async([1])]

        add(1, 2), list(add.starmap([(1, 2)])), asyncio.run(add.call_async(1, 2)), pool.submit(add, 1, 2).result()
        results = add.starmap(iter([(1, 2)] * 100000))
        next(results)
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            try:
                {WORK[how]}
            except WippyError as error:
                os._exit(0 if "fork" in str(error) else 2)
            os._exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        results.close()
        pool.shutdown()
        print("fine")
    """
    assert run(source).check().out.strip() == "fine"
