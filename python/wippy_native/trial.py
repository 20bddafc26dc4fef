"""Which imports a guest's start code calls, found by starting it.

C, Python, JavaScript and Go runtimes call imports before any method runs, so an entry that lacks one of those fails at
every call. A trial grants what the previous one stopped at, until the guest starts: each stop is one import that must
be declared. A trial has the interfaces of its groups and nothing behind them: no environment, arguments, directories
or other functions, and what it prints is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ._border import FunctionSpec, Module, Table
from .config.imports import INTERFACES
from .errors import WippyError
from .function import Function
from .guest_log import log_output
from .limits import Limits

Import = tuple[str, str]


@dataclass(slots=True)
class Trial:
    """What starting a guest showed.

    `calls` are the imports (interface, function) it stopped at, `groups` those to declare so that it starts, `failure`
    why it does not start even so, "" when it does.
    """

    calls: list[Import] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    failure: str = ""


def try_start(identity: str, module: Module, granted: Iterable[str] = ()) -> Trial:
    """Start the guest with the `granted` groups, and with more until it starts or cannot be helped.

    `identity` is for messages. Rules: H-14.
    """
    trial, granted = Trial(), [group for group in granted if group in INTERFACES]
    group_of = {(interface, function): group for interface, function, group in module.imports}
    while True:
        try:
            stopped = _start(identity, module, [*granted, *trial.groups])
        except WippyError as error:
            trial.failure = error.message
            return trial
        if not stopped:
            return trial
        group = group_of.get(stopped[0], "")
        trial.calls += stopped
        if not group or group in trial.groups or group in granted:
            interface, function = stopped[0]
            trial.failure = f"it calls {interface}#{function}, which nothing provides"
            return trial
        trial.groups.append(group)


def _start(identity: str, module: Module, groups: list[str]) -> list[Import]:
    limits = Limits()
    spec = FunctionSpec(
        id=identity,
        method="(start)",
        groups=groups,
        max_memory_bytes=limits.max_memory_bytes,
        max_table_elements=limits.max_table_elements,
    )
    return Function(Table(log=log_output), module, spec).probe()
