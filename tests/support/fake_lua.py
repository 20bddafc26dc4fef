"""Stands in for what the core does for Lua, where a test is about what Python does around it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from wippy_native.errors import RegistryError

_REQUIRE = re.compile(r'require\("([^"]*)"\)')


class FakeModule:
    """A source with `!!` in it has a syntax error there."""

    def __init__(
        self, *, entry: str, file: str, line: int, source: str, modules: list[str], imports: dict[str, FakeModule]
    ) -> None:
        for at, text in enumerate(source.split("\n")):
            if "!!" in text:
                place = {"line": line + at, "column": text.index("!!") + 1}
                raise RegistryError("unexpected symbol near '!'", details=place)
        self.entry, self.file, self.line, self.source = entry, file, line, source
        self.modules, self.imports = modules, imports

    @property
    def requires(self) -> list[tuple[str, int, int]]:
        return list(self._requires())

    def _requires(self) -> Iterator[tuple[str, int, int]]:
        for at, text in enumerate(self.source.split("\n")):
            for found in _REQUIRE.finditer(text):
                yield found[1], self.line + at, found.start() + 1


@dataclass
class FakeFunction:
    """Holds what a function would be made of."""

    table: Any
    module: FakeModule
    spec: dict[str, Any]


@dataclass
class FakeTable:
    """What calls through `funcs` would find."""

    added: dict[str, FakeFunction] = field(default_factory=dict)

    def add(self, function: FakeFunction) -> None:
        self.added[function.spec["id"]] = function

    def remove(self, identity: str) -> bool:
        return self.added.pop(identity, None) is not None


def use_fakes(patch: pytest.MonkeyPatch) -> None:
    """Have Lua entries made of fakes."""
    patch.setattr("wippy_native.lua.units.LuaModule", FakeModule)
    patch.setattr("wippy_native.lua.prepare.LuaFunction", FakeFunction)
    patch.setattr("wippy_native.lua.prepare.FunctionSpec", lambda **fields: fields)
