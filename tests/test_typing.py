"""A user's program passes strict type checks, and editors learn the types of what they can."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import wippy_native

PROGRAM = """
import inspect
import sys

import wippy_native as wippy

with wippy.Runtime.load("app", limits=wippy.Limits(max_calls=5), strict=False, authorize=lambda a, b: True) as rt:
    @rt.register("app:lookup")
    def lookup(key: str) -> str:
        return key

    @rt.register("app:slow")
    async def slow(key: bytes) -> dict[str, int]:
        return {"n": len(key)}

    fn = rt.function("app:add")
    total: int = fn(1, b=2)
    if isinstance(fn, wippy.Function):
        quiet = fn.with_options(timeout=2.5, stdin=bytearray(), stdout=sys.stdout, stderr="discard", raise_err=False)
        match quiet(1):
            case wippy.Ok(value) | wippy.Err(value) | wippy.Some(value):
                print(value)
            case wippy.Variant(tag, payload):
                print(tag, payload)
        reveal_type(fn.signature)
        print(fn.id, fn.wit, fn.method)
    added = rt.add_wasm(
        "app:f", b"", "f", imports=["wasi:cli"], pool={"type": "lazy", "max_size": 4}, limits={"max_execution_ms": 5},
        wasi={"args": ["x"], "mounts": [{"fs": "data", "guest": "/d"}]}, strict_imports=True, meta={"a": 1},
    )
    reveal_type(added.with_options(stdout=lambda data: print(data)))
    rt.add_entry({"id": "app:x", "kind": "env.storage.memory"})
    reveal_type(rt.entries("function.wasm"))
    reveal_type(rt.check())
    reveal_type(rt.env.get("X"))
    reveal_type(rt.close(wait=1.0))
    try:
        rt.call("app:add", 1, 2)
    except wippy.ImportDenied as error:
        print(error.interface + error.function + error.group + error.trap)
    except wippy.RegistryError as error:
        reveal_type(error.errors)
    reveal_type(lookup)
    reveal_type(slow)
    reveal_type(wippy.Ok("x").value)
    reveal_type(wippy.__version__)
"""
TYPES = [
    "inspect.Signature",
    "wippy_native.function.Function",
    "list[wippy_native.registry.entries.Entry]",
    "list[wippy_native.problems.Problem]",
    "str",
    "list[str]",
    "list[wippy_native.problems.Problem]",
    "def (key: str) -> str",
    "def (key: bytes) -> typing.Coroutine[Any, Any, dict[str, int]]",
    "str",
    "str",
]


def test_a_users_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = pytest.importorskip("mypy.api")
    package = Path(wippy_native.__file__).parents[1]
    if package.name != "site-packages":  # which mypy looks into by itself
        monkeypatch.setenv("MYPYPATH", str(package))
    program, config = tmp_path / "program.py", tmp_path / "mypy.ini"
    program.write_text(PROGRAM)
    config.write_text("[mypy]\n")
    out, err, code = api.run(["--strict", f"--config-file={config}", f"--cache-dir={tmp_path}", str(program)])
    assert code == 0, out + err
    found = [text.replace("builtins.", "") for text in re.findall(r'Revealed type is "(.*)"', out)]
    assert found == TYPES
