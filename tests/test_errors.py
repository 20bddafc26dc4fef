"""The exception tree: attributes, pickling, text."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from wippy_native import errors
from wippy_native.problems import Problem

PROBLEM = Problem("error", "bad", "app:f", "a.yaml", 3, 5, "do this")
SPECIAL: dict[str, dict[str, Any]] = {
    "RegistryError": {"errors": [PROBLEM]},
    "ConfigError": {"errors": [PROBLEM]},
    "HashMismatch": {"errors": [PROBLEM]},
    "ArgumentError": {"path": "users[3].tags"},
    "GuestError": {"value": {"code": 5}},
    "GuestTrap": {"trap": "unreachable", "backtrace": ("a", "b")},
    "ImportDenied": {
        "trap": "import",
        "backtrace": (),
        "interface": "wasi:cli/exit",
        "function": "exit",
        "group": "wasi:cli",
    },
    "GuestExit": {"code": 3},
    "LimitExceeded": {"limit": "max_execution_ms", "allowed": 100},
}
CLASSES = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.WippyError)]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_attributes_survive_pickling(cls: type[errors.WippyError]) -> None:
    special = SPECIAL.get(cls.__name__, {})
    error = cls("text", kind="Timeout", entry="app:f", retryable=True, details={"a": 1}, **special)
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301
        assert type(other) is cls
        assert str(other) == str(error)
        assert (other.kind, other.entry, other.retryable, other.details) == ("Timeout", "app:f", True, {"a": 1})
        for name, value in special.items():
            assert getattr(other, name) == value


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_message_is_enough(cls: type[errors.WippyError]) -> None:
    error = cls("text")
    assert str(error) == "text"
    assert error.kind == cls.default_kind


def test_argument_error_is_a_type_error() -> None:
    assert issubclass(errors.ArgumentError, TypeError)


def test_kinds_of_registry_error() -> None:
    assert issubclass(errors.HashMismatch, errors.RegistryError)
    assert issubclass(errors.ConfigError, errors.RegistryError)
    assert issubclass(errors.ImportDenied, errors.GuestTrap)


def test_text_of_a_registry_error() -> None:
    error = errors.RegistryError.of(PROBLEM)
    assert str(error) == "a.yaml:3:5: bad\n  hint: do this"
    assert error.entry == "app:f"


def test_combined_keeps_a_common_class_and_sorts() -> None:
    later = Problem("error", "later", "app:g", "a.yaml", 9, 1)
    error = errors.combined([errors.HashMismatch.of(later), errors.HashMismatch.of(PROBLEM)])
    assert type(error) is errors.HashMismatch
    assert [problem.line for problem in error.errors] == [3, 9]
    assert (
        type(errors.combined([errors.HashMismatch.of(later), errors.ConfigError.of(PROBLEM)])) is errors.RegistryError
    )


def test_backtrace_is_shown() -> None:
    assert str(errors.GuestTrap("trapped", backtrace=["f", "g"])) == "trapped\n    at f\n    at g"
