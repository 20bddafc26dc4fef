"""Lua functions from a project and from Python: loading, imports, replacing, errors; L-1 to L-4, L-12 to L-14, F-40."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from pathlib import Path

import pytest
from conftest import MakeRuntime, WriteProject

import wippy_native as wippy
from wippy_native.cli import main

ENTRIES = """\
  - name: words
    kind: library.lua
    source: |
      return { hello = "Hello, " }
  - name: greet
    kind: function.lua
    method: main
    source: file://greet.lua
    imports: {words: words}
  - name: fails
    kind: function.lua
    method: main
    source: |
      local function main(text)
        error(text)
      end
      return { main = main }
  - name: env
    kind: function.lua
    method: main
    source: |
      local env = require("env")
      return function(name) return env.get(name) end
    modules: [env]
  - {name: store, kind: env.storage.static, values: {NAME: value}}
  - {name: name, kind: env.variable, variable: NAME, storage: "app:store"}
  - name: fs
    kind: function.lua
    method: main
    source: |
      local fs = require("fs")
      return function(id, path) return fs.get(id):readfile(path) end
    modules: [fs]
  - {name: dir, kind: fs.directory, directory: .}
"""
GREET = """\
local words = require("words")
local function main(name)
  return words.hello .. name
end
return { main = main }
"""
BROKEN = """\
  - {name: f, kind: function.lua, method: m, source: "return +"}
  - name: g
    kind: library.lua
    source: |
      local x = 1
      local = 2
"""


@pytest.fixture
def root(project: WriteProject, tmp_path: Path) -> Path:
    (tmp_path / "greet.lua").write_text(GREET)
    return project(ENTRIES)


def test_calls(root: Path) -> None:
    with wippy.Runtime.load(root) as rt:
        greet = rt.function("app:greet")
        assert isinstance(greet, wippy.LuaFunction)
        assert greet("Ada") == rt.call("app:greet", "Ada") == "Hello, Ada"
        assert greet.with_options(timeout=5)("Ada") == "Hello, Ada"
        assert list(greet.map(["a", "b"])) == ["Hello, a", "Hello, b"]
        assert asyncio.run(rt.call_async("app:greet", "Ada")) == "Hello, Ada"
        assert rt.stats()["app:greet"].finished == 6
        assert rt.check() == []


def test_what_a_function_says_of_itself(root: Path) -> None:
    with wippy.Runtime.load(root) as rt:
        greet = rt.function("app:greet")
        assert isinstance(greet, wippy.LuaFunction)
        assert str(inspect.signature(greet)) == "(*args: Any)"
        assert (greet.wit, greet.parameters, greet.id, greet.method) == ("", None, "app:greet", "main")
        assert repr(greet) == "<LuaFunction app:greet>"
        with pytest.raises(wippy.WippyError, match="keeps no instances"):
            greet.instance()
        with pytest.raises(wippy.ArgumentError):
            greet(name="Ada")
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(greet)


def test_errors_name_the_line(root: Path) -> None:
    with wippy.Runtime.load(root) as rt, pytest.raises(wippy.LuaError) as caught:
        rt.call("app:fails", "no")
    error = caught.value
    assert "no" in error.message
    assert (error.kind, error.entry, f"app:fails: {error.value}") == ("Internal", "app:fails", error.message)
    assert (error.file, error.line) == ("_index.yaml", 17)
    assert "_index.yaml:17" in str(error)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (str(again), again.line) == (str(error), error.line)


def test_environment_and_directories(root: Path) -> None:
    with wippy.Runtime.load(root) as rt:
        assert rt.call("app:env", "NAME") == rt.call("app:env", "name") == "value"
        with pytest.raises(wippy.LuaError) as caught:
            rt.call("app:env", "nope")
        assert caught.value.kind == "NotFound"
        assert rt.call("app:fs", "app:dir", "greet.lua") == GREET


def test_a_library_may_be_replaced(root: Path) -> None:
    with wippy.Runtime.load(root) as rt:
        rt.add_entry({"id": "app:words", "kind": "library.lua", "source": "return { hello = 'Ciao ' }"})
        assert rt.call("app:greet", "Ada") == "Ciao Ada"
        rt.remove("app:words")
        assert rt.call("app:greet", "Ada") == "Ciao Ada"


def test_adding_from_python(make_runtime: MakeRuntime, tmp_path: Path) -> None:
    rt = make_runtime(result_style="pair")
    twice = rt.add_lua("app:twice", "return function(x) return 2 * x end")
    assert twice(21) == 42
    (tmp_path / "f.lua").write_text("return { go = function() return require('json').encode({1}) end }")
    go = rt.add_lua("app:go", tmp_path / "f.lua", "go", modules=["json"], pool={"size": 1})
    assert go() == "[1]"
    with pytest.raises(TypeError, match="for the file write Path"):
        rt.add_lua("app:x", "f.lua")
    with pytest.raises(TypeError, match="modules: expected a list of names"):
        rt.add_lua("app:x", "return 1", modules="json")
    with pytest.raises(wippy.ConfigError, match=r"unknown field pool\.sise"):
        rt.add_lua("app:x", "return 1", pool={"sise": 1})
    with pytest.raises(wippy.RegistryError, match="failed to open file"):
        rt.add_lua("app:x", tmp_path / "none.lua")
    with pytest.raises(wippy.ConfigError, match="P0001"):
        rt.add_lua("app:x", "return +")


def test_a_method_that_is_not_there(make_runtime: MakeRuntime) -> None:
    rt = make_runtime()
    rt.add_lua("app:f", "return { main = function() end }", "mian")
    with pytest.raises(wippy.WippyError, match='method "mian" not found in module') as caught:
        rt.call("app:f")
    assert caught.value.kind == "NotFound"


def test_syntax_errors_of_a_load(project: WriteProject) -> None:
    root = project(BROKEN)
    with pytest.raises(wippy.ConfigError) as caught:
        wippy.Runtime.load(root)
    assert [(problem.entry, problem.line) for problem in caught.value.errors] == [("app:f", 3), ("app:g", 8)]
    assert all("P0001" in problem.message for problem in caught.value.errors)


def test_call_from_the_command_line(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["-C", str(root), "call", "app:greet", "Ada"]) == 0
    assert capfd.readouterr().out == "Hello, Ada\n"
    assert main(["-C", str(root), "call", "app:fails", "no"]) == 1
    assert "no" in capfd.readouterr().err


def test_result_style_is_checked() -> None:
    with pytest.raises(ValueError, match="result_style='pairs': expected"):
        wippy.Runtime(result_style="pairs")  # type: ignore[arg-type]
