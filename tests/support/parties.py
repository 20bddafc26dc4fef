"""An entry and an operator with network policies, and what they are told of refusals: N-4, N-16."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from wippy_native import Err, Function, NetworkPolicy, Ok, Runtime

from .guests import built

GROUPS = ("wasi:io", "wasi:clocks", "wasi:http", "wasi:sockets")
LOGGER = "wippy_native.network"
EVERYTHING = ("all", "listen://all:*")


def add_user(
    rt: Runtime, method: str, allow: Sequence[str] = (), deny: Sequence[str] = (), id: str = "app:f"
) -> Function:
    """Add an export of `netuse` that returns its error."""
    network = {"allow": list(allow), "deny": list(deny)}
    return rt.add_wasm(id, built("netuse"), method, imports=GROUPS, network=network).with_options(raise_err=False)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The texts about refusals so far."""
    records = [record for record in caplog.records if record.name == LOGGER]
    assert all(record.levelno == logging.WARNING for record in records)
    return [record.getMessage() for record in records]


@dataclass
class Parties:
    """They do what the log tells them until a call works. No operator's list: no policy of the operator."""

    method: str
    arguments: tuple[Any, ...]
    entry: tuple[str, ...] = ()
    operator: tuple[str, ...] | None = None
    nameservers: tuple[str, ...] = ()

    def call(self) -> Ok[Any] | Err[Any]:
        policy = None
        if self.operator is not None or self.nameservers:
            policy = NetworkPolicy(allow=self.operator or (), nameservers=self.nameservers)
        with Runtime(network=policy) as rt:
            answer = add_user(rt, self.method, self.entry)(*self.arguments)
        assert isinstance(answer, (Ok, Err))
        return answer

    def obey(self, line: str) -> None:
        """Add what a line of the log says is to be added."""
        _, _, advice = line.partition("; to allow it, add ")
        assert advice, f"no advice in {line!r}"
        if advice.startswith("to the entry: "):
            added = yaml.safe_load(advice.removeprefix("to the entry: "))["network"]["allow"]
            self.entry = (*self.entry, *added)
        else:
            found = re.fullmatch(r'((?:"[^"]+" and )?"[^"]+") to NetworkPolicy\(allow=\[\.\.\.\]\)', advice)
            assert found, f"no advice in {line!r}"
            self.operator = (*(self.operator or ()), *re.findall(r'"([^"]+)"', found[1]))

    def call_until_it_works(self, caplog: pytest.LogCaptureFixture, at_most: int = 3) -> int:
        """How often the log had to be obeyed."""
        for obeyed in range(at_most + 1):
            caplog.clear()
            answer = self.call()
            if isinstance(answer, Ok):
                assert told(caplog) == []
                return obeyed
            (line,) = told(caplog)
            self.obey(line)
        pytest.fail(f"still refused: {line}")
