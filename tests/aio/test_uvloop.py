"""uvloop, where it is installed: a loop with its own way of watching sockets (H-20, H-27)."""

from __future__ import annotations

import asyncio

import pytest
from support.engine import free_instances
from support.guests import add_hostuse, add_wat

from wippy_native import Runtime

uvloop = pytest.importorskip("uvloop", reason="not for every platform", exc_type=ImportError)


def test_calls_batches_callees_and_cancellation(rt: Runtime) -> None:
    add = add_wat(rt, "add", "add", id="app:add")
    spin = add_wat(rt, "traps", "spin", id="app:spin")
    call = add_hostuse(rt, "call-string", id="app:call", imports=("funcs",))

    @rt.register("app:py")
    async def callee(text: str) -> str:
        await asyncio.sleep(0)
        return f"{text} on {type(asyncio.get_running_loop()).__module__}"

    async def main() -> None:
        assert sum(await asyncio.gather(*(add.call_async(number, 1) for number in range(2000)))) == 2_001_000
        assert await call.call_async("app:py", "ran") == "ran on uvloop"
        echo = add_wat(rt, "echo", "echo", id="app:echo")
        assert [text async for text in echo.map_async("abc" * 100)] == list("abc" * 100)
        free = free_instances()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(spin.call_async(), 0.05)
        assert free_instances() == free

    for _ in range(3):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
