"""What calls under way hold outside of their script counts for its memory: F-52."""

from __future__ import annotations

import pytest
from support.processes import run

CALLS = {
    "arguments": """
        local s = ("x"):rep(4 * 1024 * 1024)
        for i = 1, 100 do funcs.async("app:given", s) end
    """,
    "contexts": """
        local calls = funcs.new():with_context{a = ("x"):rep(4 * 1024 * 1024)}
        for i = 1, 100 do calls:async("app:given", "x") end
    """,
}


@pytest.mark.parametrize("what", CALLS)
def test_calls_at_once_count_for_the_memory_limit(what: str) -> None:
    """F-52, L-37: what a script hands to calls that have not begun."""
    source = f"local funcs = require('funcs') return function() {CALLS[what]} end"
    program = f"""
    import resource
    rt = wippy.Runtime()
    rt.register("app:given")(len)
    source = {source!r}
    f = rt.add_lua("app:f", source, modules=["funcs"], limits={{"max_memory_bytes": 16 << 20}})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        f()
    except wippy.WippyError:
        pass
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 128 * 1024, f"{{grown // 1024}} MiB for a script with 16"
    """
    run(program).check()
