"""What contexts of calls take: F-52."""

from __future__ import annotations

from support.processes import run


def test_contexts_of_calls_count_for_the_memory_limit() -> None:
    """F-52, L-37: as arguments do."""
    program = """
    import resource
    rt = wippy.Runtime()
    rt.register("app:same")(lambda value: value)
    source = '''
      local funcs = require("funcs")
      return function()
        local calls = funcs.new():with_context{a = ("x"):rep(4 * 1024 * 1024)}
        for i = 1, 100 do calls:async("app:same", i) end
      end
    '''
    f = rt.add_lua("app:f", source, modules=["funcs"], limits={"max_memory_bytes": 16 << 20})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        f()
    except wippy.WippyError:
        pass
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 128 * 1024, f"{grown // 1024} MiB for a script with 16"
    """
    run(program).check()
