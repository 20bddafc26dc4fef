"""Runtime: loading, adding, replacing, removing, closing; R-35 to R-37, F-5 to F-10, F-36, F-40, F-48, H-5, H-20."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from guest_files import GUESTS, wat

import wippy_native as wippy
from wippy_native.hashing import hash_text

ADD = wat("add")


@pytest.fixture
def rt(tmp_path: Path) -> Iterator[wippy.Runtime]:
    with wippy.Runtime(cache_dir=tmp_path / "cache") as runtime:
        yield runtime


def write(root: Path, entries: str) -> Path:
    (root / "_index.yaml").write_text(
        f"namespace: app\nentries:\n  - {{name: assets, kind: fs.directory, directory: .}}\n{entries}"
    )
    return root


def wasm_entry(content: bytes = ADD, **changes: str) -> str:
    fields = {"fs": "assets", "path": "/f.wasm", "hash": hash_text(content), "method": "add", **changes}
    return "  - name: f\n    kind: function.wasm\n" + "".join(
        f"    {name}: {value}\n" for name, value in fields.items()
    )


def test_load_and_call(tmp_path: Path) -> None:
    (tmp_path / "f.wat").write_bytes(ADD)
    write(tmp_path, "  - {name: f, kind: function.wat, source: 'file://f.wat', method: add}\n")
    with wippy.Runtime.load(tmp_path) as rt:
        assert rt.call("app:f", 2, 3) == 5
        assert rt.call("app:f", 2, b=3) == 5
        assert rt.function("app:f")(40, 2) == 42
        assert [entry.id for entry in rt.entries()] == ["app:assets", "app:f"]
        assert [entry.id for entry in rt.entries("fs.directory")] == ["app:assets"]


def test_function_describes_itself(rt: wippy.Runtime) -> None:
    fn = rt.add_wasm("app:add", ADD, "add")
    assert fn.id == "app:add"
    assert fn.wit == "add: func(a: s32, b: s32) -> s32"
    assert str(inspect.signature(fn)) == "(a: int, b: int) -> int"
    assert repr(fn) == "<Function app:add>"


def test_hash_mismatch(tmp_path: Path) -> None:
    """F-7: with the entry and the line of its hash."""
    (tmp_path / "f.wasm").write_bytes(b"other")
    write(tmp_path, wasm_entry())
    with pytest.raises(wippy.HashMismatch) as caught:
        wippy.Runtime.load(tmp_path)
    (problem,) = caught.value.errors
    assert problem.message.startswith("operation failed for entry app:f: hash verification failed: hash mismatch: ")
    assert (problem.entry, problem.line, problem.column) == ("app:f", 8, 11)
    assert hash_text(b"other") in problem.hint


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"not wasm", "failed to load wasm module: "),
        (b"\0asm\x01\0\0\0\xff", "failed to compile wasm module: "),
        (b"\0asm\x09\0\0\0", "failed to load wasm module: "),
        (b"", "failed to load wasm module: "),
    ],
)
def test_bad_module(tmp_path: Path, content: bytes, text: str) -> None:
    """F-9, F-10."""
    (tmp_path / "f.wasm").write_bytes(content)
    write(tmp_path, wasm_entry(content))
    with pytest.raises(wippy.RegistryError) as caught:
        wippy.Runtime.load(tmp_path)
    (problem,) = caught.value.errors
    assert problem.message.startswith(f"operation failed for entry app:f: {text}")
    assert (problem.line, problem.column) == (7, 11)


def test_bad_text(tmp_path: Path) -> None:
    """F-9."""
    write(tmp_path, "  - {name: f, kind: function.wat, source: '(module (func', method: add}\n")
    with pytest.raises(wippy.RegistryError, match="failed to load wat module: "):
        wippy.Runtime.load(tmp_path)


def test_missing_file(tmp_path: Path) -> None:
    """F-6."""
    write(tmp_path, wasm_entry())
    with pytest.raises(wippy.RegistryError, match=r"failed to open file: /f.wasm: No such file"):
        wippy.Runtime.load(tmp_path)


def test_module_over_the_limit(tmp_path: Path, rt: wippy.Runtime) -> None:
    (tmp_path / "f.wasm").write_bytes(ADD)
    write(tmp_path, wasm_entry())
    with pytest.raises(wippy.RegistryError, match=f"{len(ADD)} bytes, 10 are allowed"):
        wippy.Runtime.load(tmp_path, limits=wippy.Limits(max_module_bytes=10))


def test_core_module_with_component_group(rt: wippy.Runtime) -> None:
    """H-5."""
    with pytest.raises(wippy.ConfigError, match="wasm host import requires component module: :funcs"):
        rt.add_wasm("app:f", b"(module)", "f", imports=["funcs"])
    rt.add_wasm("app:f", b"(module)", "f", imports=["wasi:cli", "wasi1"])


def test_all_problems_together(tmp_path: Path) -> None:
    """R-36: broken files, bad fields and bad modules in one error, and nothing stays."""
    (tmp_path / "z.yaml").write_text("namespace: z\n")
    write(tmp_path, wasm_entry() + "  - {name: g, kind: function.wat, method: m}\n")
    with pytest.raises(wippy.RegistryError) as caught:
        wippy.Runtime.load(tmp_path)
    assert type(caught.value) is wippy.RegistryError
    assert [problem.entry for problem in caught.value.errors] == ["app:f", "app:g", None]
    assert pickle.loads(pickle.dumps(caught.value)).errors == caught.value.errors  # noqa: S301


def test_inert_kinds(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """R-37: one warning for all of them, none for plain data."""
    write(
        tmp_path,
        "".join(
            f"  - {{name: e{n}, kind: {k}}}\n"
            for n, k in enumerate(["http.service", "x.y", "x.y", "registry.entry", "ns.z"])
        ),
    )
    with caplog.at_level(logging.WARNING), wippy.Runtime.load(tmp_path) as rt:
        assert len(rt.entries()) == 6
        with pytest.raises(wippy.FunctionNotFound, match=r"entry of kind x\.y, which cannot be called"):
            rt.call("app:e1")
    (record,) = caplog.records
    assert record.getMessage().endswith(": http.service, x.y")


def test_lenient(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """R-20."""
    write(tmp_path, "")
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(wippy.RegistryError):
        wippy.Runtime.load(tmp_path)
    with wippy.Runtime.load(tmp_path, strict=False) as rt:
        assert [entry.id for entry in rt.entries()] == ["app:assets"]
    assert "skipped: not YAML" in caplog.text


def test_unknown_function(rt: wippy.Runtime) -> None:
    """F-48."""
    rt.add_wasm("app:resize", ADD, "add")
    with pytest.raises(wippy.FunctionNotFound, match="no handler registered for target") as caught:
        rt.call("app:risize")
    assert caught.value.kind == "NotFound"
    assert caught.value.details == {"target": "app:risize"}
    assert 'did you mean "app:resize"?' in str(caught.value)


def test_remove(rt: wippy.Runtime) -> None:
    """F-36."""
    rt.add_wasm("app:f", ADD, "add")
    rt.remove("app:f")
    with pytest.raises(wippy.FunctionNotFound, match="pool not found: app:f"):
        rt.call("app:f", 1, 2)
    with pytest.raises(wippy.FunctionNotFound):
        rt.remove("app:f")
    rt.add_wasm("app:f", ADD, "add")
    assert rt.call("app:f", 1, 2) == 3


def test_replace(rt: wippy.Runtime) -> None:
    """F-40; a replacement that fails changes nothing."""
    sub = ADD.replace(b"i32.add", b"i32.sub")
    rt.add_wasm("app:f", ADD, "add")
    assert rt.call("app:f", 5, 3) == 8
    rt.add_wasm("app:f", sub, "add")
    assert rt.call("app:f", 5, 3) == 2
    for source, changes in ((b"junk", {}), (ADD, {"pool": {"type": "x"}}), (ADD, {"hash": "sha256:0"})):
        with pytest.raises(wippy.RegistryError):
            rt.add_wasm("app:f", source, "add", **changes)  # type: ignore[arg-type]
    assert rt.call("app:f", 5, 3) == 2


def test_replaced_by_another_kind(rt: wippy.Runtime) -> None:
    rt.add_wasm("app:f", ADD, "add")
    rt.add_entry({"id": "app:f", "kind": "registry.entry", "x": 1})
    with pytest.raises(wippy.FunctionNotFound, match=r"registry\.entry"):
        rt.call("app:f", 1, 2)


def test_add_entry(tmp_path: Path, rt: wippy.Runtime) -> None:
    """F-1, K-7: the same validation; relative directories are tried against the working directory."""
    (tmp_path / "f.wasm").write_bytes(ADD)
    entry = {
        "id": "app:f",
        "kind": "function.wasm",
        "fs": "files",
        "path": "f.wasm",
        "method": "add",
        "hash": hash_text(ADD),
    }
    with pytest.raises(wippy.RegistryError, match="filesystem not found: app:files") as caught:
        rt.add_entry(entry)
    assert caught.value.kind == "NotFound"
    rt.add_entry({"id": "app:files", "kind": "fs.directory", "directory": str(tmp_path)})
    with pytest.raises(wippy.RegistryError, match="failed to load wasm module"):
        rt.add_entry(entry)  # text is for function.wat


def test_add_wasm_sources(tmp_path: Path, rt: wippy.Runtime) -> None:
    file = tmp_path / "f.wat"
    file.write_bytes(ADD)
    for source in (ADD, bytearray(ADD), file, str(file)):
        assert rt.add_wasm("app:f", source, "add", hash=hash_text(ADD), meta={"m": 1})(1, 2) == 3  # type: ignore[arg-type]
    assert rt.entries()[0].meta == {"m": 1}
    with pytest.raises(TypeError, match="expected a path or bytes"):
        rt.add_wasm("app:f", 5, "add")  # type: ignore[arg-type]
    with pytest.raises(wippy.RegistryError, match="failed to open file"):
        rt.add_wasm("app:f", tmp_path / "no", "add")
    with pytest.raises(wippy.RegistryError, match="missing namespace"):
        rt.add_wasm("f", ADD, "add")
    with pytest.raises(wippy.ConfigError, match="method is required"):
        rt.add_wasm("app:f", ADD, "")


def test_register(rt: wippy.Runtime) -> None:
    """H-20, design: callable by id as well; a taken id is refused."""

    @rt.register("app:lookup")
    def lookup(key: str) -> str:
        """Look a key up."""
        return key.upper()

    assert lookup("a") == "A"
    assert rt.call("app:lookup", "a") == "A"
    fn = rt.function("app:lookup")
    assert (fn.id, str(fn.signature)) == ("app:lookup", "(key: str) -> str")
    for identity in ("app:lookup", "lookup", ":x"):
        with pytest.raises(wippy.RegistryError):
            rt.register(identity)(lookup)
    rt.remove("app:lookup")
    rt.register("app:lookup")(lookup)


def test_register_async(rt: wippy.Runtime) -> None:
    @rt.register("app:slow")
    async def slow(key: str) -> str:
        await asyncio.sleep(0)
        return key * 2

    assert rt.call("app:slow", "a") == "aa"

    async def inside() -> None:
        with pytest.raises(wippy.WippyError, match="runs an event loop"):
            rt.call("app:slow", "a")

    asyncio.run(inside())


def test_guest_calls_python(rt: wippy.Runtime) -> None:
    """H-20 to H-23."""
    rt.register("app:up")(lambda text: text.upper())
    rt.add_wasm("app:f", wat("forward"), "forward", imports=["funcs"])
    assert rt.call("app:f", "app:up", "hi") == "HI"
    with pytest.raises(wippy.GuestError) as caught:
        rt.call("app:f", "app:nope", "hi")
    assert "no handler registered for target" in caught.value.value


def test_close(tmp_path: Path) -> None:
    """F-36."""
    rt = wippy.Runtime()
    fn = rt.add_wasm("app:f", ADD, "add")
    assert rt.close() == []
    assert rt.close() == []
    for use in (lambda: rt.call("app:f", 1, 2), lambda: rt.function("app:f"), lambda: fn(1, 2)):
        with pytest.raises(wippy.PoolClosed, match="pool is closed"):
            use()
    with pytest.raises(wippy.PoolClosed):
        rt.add_wasm("app:f", ADD, "add")


def test_environment_and_replacing_it(rt: wippy.Runtime) -> None:
    """H-40: a function sees what its env entries say now, constants included."""
    rt.add_entry({"id": "app:s", "kind": "env.storage.static", "values": {"A": "1"}})
    rt.add_entry({"id": "app:v", "kind": "env.variable", "storage": "app:s", "variable": "A"})
    assert rt.env.get("A") == "1"
    wasi = {"env": [{"id": "v", "name": "X", "required": True}]}
    rt.add_wasm("app:f", ADD, "add", wasi=wasi)
    assert rt.call("app:f", 1, 2) == 3
    rt.remove("app:v")
    with pytest.raises(wippy.WippyError, match="required wasi env variable not found: app:v"):
        rt.call("app:f", "wrong", "arguments come later")


def test_missing_mount(tmp_path: Path, rt: wippy.Runtime) -> None:
    """H-51: not an error of the load but of the call, until the filesystem is there."""
    rt.add_wasm("app:f", ADD, "add", wasi={"mounts": [{"fs": "data", "guest": "/data"}]})
    with pytest.raises(wippy.WippyError, match="wasi mount filesystem not found: app:data") as caught:
        rt.call("app:f", 1, 2)
    assert caught.value.kind == "NotFound"
    rt.add_entry({"id": "app:data", "kind": "fs.directory", "directory": str(tmp_path)})
    assert rt.call("app:f", 1, 2) == 3


def test_strict_imports(rt: wippy.Runtime) -> None:
    """H-13, H-14: an undeclared import traps when called, or fails the load where asked."""
    assert rt.add_wasm("app:fine", wat("undeclared"), "fine")() == 42
    with pytest.raises(wippy.ImportDenied) as caught:
        rt.add_wasm("app:run", wat("undeclared"), "run")()
    assert (caught.value.function, caught.value.group) == ("get-arguments", "wasi:cli")
    with wippy.Runtime(strict_imports=True) as strict, pytest.raises(wippy.RegistryError):
        strict.add_wasm("app:fine", wat("undeclared"), "fine")


def test_options(rt: wippy.Runtime) -> None:
    """Wrong options are refused before the call."""
    fn = rt.add_wasm("app:f", ADD, "add")
    assert fn.with_options(timeout=5, raise_err=False, stdin=b"x", stdout="discard")(1, 2) == 3
    assert type(fn.with_options(timeout=None)) is type(fn)
    bad: list[dict[str, Any]] = [{"timeout": 0}, {"timeout": -1.0}, {"timeout": float("nan")}, {"stdout": "x"}]
    for options in bad:
        with pytest.raises(ValueError, match=r"timeout=|stdout="):
            fn.with_options(**options)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_fork(rt: wippy.Runtime) -> None:
    """The child gets a clear error, never a hang."""
    rt.add_wasm("app:f", ADD, "add")
    child = os.fork()
    if child == 0:
        try:
            rt.call("app:f", 1, 2)
        except wippy.WippyError as error:
            os._exit(7 if "fork" in str(error) else 8)
        os._exit(9)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
    assert rt.call("app:f", 1, 2) == 3


def test_what_belongs_to_one_process(rt: wippy.Runtime) -> None:
    fn = rt.add_wasm("app:f", ADD, "add")
    with pytest.raises(TypeError, match="load a Runtime in the other process"):
        pickle.dumps(fn)
    with pytest.raises(TypeError, match="a Runtime cannot be pickled"):
        pickle.dumps(rt)


def test_a_method_that_needs_a_resource(tmp_path: Path) -> None:
    """V-19: an error of the load, at the method."""
    write(tmp_path, "  - name: f\n    kind: function.wat\n    source: file://r.wat\n    method: make\n")
    (tmp_path / "r.wat").write_bytes(wat("resource"))
    with pytest.raises(wippy.RegistryError) as caught:
        wippy.Runtime.load(tmp_path)
    (problem,) = caught.value.errors
    assert "method make: result: a resource handle is not supported" in problem.message
    assert (problem.line, problem.column) == (7, 13)
    assert "name a function without them" in problem.hint


def test_wit_of_an_interface_function(rt: wippy.Runtime) -> None:
    """The function's own name, not the entry's; its interface has no place in a function's WIT."""
    fn = rt.add_wasm("app:twice", GUESTS / "built" / "types.wasm", "plain#double")
    assert fn.method == "plain#double"
    assert fn.wit == "double: func(n: u32) -> u32"


def test_public_names() -> None:
    assert dir(wippy) == sorted(wippy.__all__)
