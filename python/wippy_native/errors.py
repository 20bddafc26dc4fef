"""The exception tree: everything this package raises on purpose is a `WippyError`.

Each class takes a message and its attributes as keywords, so that the compiled core can raise it by name and pickle can
carry it to another process. `kind` is one of the platform's error kinds ("Invalid", "NotFound", "Timeout", ...);
`retryable` tells whether the same call may work later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from .problems import Problem, in_file_order


class WippyError(Exception):
    """Base of all errors of this package.

    Attributes: `kind` (the platform's error kind), `entry` (id of the entry at fault, or None), `retryable`,
    `details` (a dict with what a program may want to look at).
    """

    default_kind: ClassVar[str] = "Internal"
    fields: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        message: str = "",
        *,
        kind: str | None = None,
        entry: str | None = None,
        retryable: bool = False,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind or self.default_kind
        self.entry = entry
        self.retryable = retryable
        self.details = dict(details or {})

    def __reduce__(self) -> tuple[Any, ...]:
        names = ("kind", "entry", "retryable", "details", *self.fields)
        return _rebuild, (type(self), self.message, {name: getattr(self, name) for name in names})


def _rebuild(cls: type[WippyError], message: str, attributes: dict[str, Any]) -> WippyError:
    return cls(message, **attributes)


class RegistryError(WippyError):
    """A registry, or an entry added from Python, cannot be loaded.

    `errors` has one `Problem` for each bad entry or file, in file and line order, each with `.file .line .column
    .entry .message .hint`. Rules: F-1, R-36.
    """

    default_kind = "Invalid"
    fields = ("errors",)

    def __init__(self, message: str = "", *, errors: Iterable[Problem] = (), **common: Any) -> None:
        self.errors = in_file_order(errors)
        if self.errors and not common.get("entry"):
            common["entry"] = self.errors[0].entry
        super().__init__(message or "\n".join(map(str, self.errors)), **common)

    @classmethod
    def of(cls, problem: Problem, **common: Any) -> Self:
        """The error for a single problem."""
        return cls(errors=[problem], **common)


class ConfigError(RegistryError):
    """A field of an entry is missing or wrong. Rules: F-1, F-2, F-3."""


class HttpError(WippyError):
    """Raised by a `Runtime(http=...)` to have the guest's request fail.

    `code` is an error code of `wasi:http` by its name, such as "connection-refused", "DNS-error" or
    "HTTP-response-timeout"; the guest gets any other text as an "internal-error".
    """

    fields = ("code",)

    def __init__(self, message: str = "internal-error", *, code: str | None = None, **common: Any) -> None:
        self.code = code or message
        super().__init__(message, **common)


class HashMismatch(RegistryError):
    """The bytes of a module are not those its entry promises. Rules: F-7, F-8."""


class FunctionNotFound(WippyError):
    """No function has this id. Rules: F-36, F-48."""

    default_kind = "NotFound"


class ArgumentError(WippyError, TypeError):
    """An argument does not fit its parameter; `path` names the place, as in `users[3].tags`. Rules: F-43, V-28."""

    default_kind = "Invalid"
    fields = ("path",)

    def __init__(self, message: str = "", *, path: str = "", **common: Any) -> None:
        super().__init__(message, **common)
        self.path = path


class GuestError(WippyError):
    """The function returned the error side of its `result`; `value` is what it holds. Rules: V-22."""

    default_kind = "Unknown"
    fields: ClassVar[tuple[str, ...]] = ("value",)

    def __init__(self, message: str = "", *, value: Any = None, **common: Any) -> None:
        super().__init__(message, **common)
        self.value = value


class LuaError(GuestError):
    """A Lua function raised an error, or returned one as its second value.

    `kind`, `retryable` and `details` are those of an error object; `value` is the message. `traceback` holds a line a
    frame, `file` and `line` say where it was raised, as far as is known. Rules: L-12 to L-14, L-20 to L-24.
    """

    default_kind = "Internal"
    fields = ("value", "traceback", "file", "line")

    def __init__(
        self,
        message: str = "",
        *,
        value: Any = None,
        traceback: str = "",
        file: str | None = None,
        line: int | None = None,
        **common: Any,
    ) -> None:
        super().__init__(message, value=message if value is None else value, **common)
        self.traceback = traceback
        self.file = file
        self.line = line

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"    at {frame.strip()}" for frame in self.traceback.splitlines())])


class GuestTrap(WippyError):
    """The guest was stopped: it trapped, overflowed its stack or broke a rule of the sandbox.

    `trap` is a short name such as "unreachable"; `backtrace` holds the frames of the WebAssembly stack, innermost
    first, as text.
    Rules: F-45.
    """

    fields: ClassVar[tuple[str, ...]] = ("trap", "backtrace")

    def __init__(self, message: str = "", *, trap: str = "", backtrace: Iterable[str] = (), **common: Any) -> None:
        super().__init__(message, **common)
        self.trap = trap
        self.backtrace = tuple(backtrace)

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"    at {frame}" for frame in self.backtrace)])


class ImportDenied(GuestTrap):
    """The guest called an import its entry does not declare.

    `interface` and `function` name the import, `group` the item to add to `imports`. Rules: H-13.
    """

    default_kind = "PermissionDenied"
    fields = ("trap", "backtrace", "interface", "function", "group")

    def __init__(
        self, message: str = "", *, interface: str = "", function: str = "", group: str = "", **common: Any
    ) -> None:
        super().__init__(message, **common)
        self.interface = interface
        self.function = function
        self.group = group


class GuestExit(WippyError):
    """The guest ended its call through `wasi:cli/exit` with `code`. Rules: H-33."""

    fields = ("code",)

    def __init__(self, message: str = "", *, code: int = 0, **common: Any) -> None:
        super().__init__(message, **common)
        self.code = code


class LimitExceeded(WippyError):
    """A call needed more than a limit allows; `limit` is its name in `Limits`, `allowed` its value. Rules: F-51."""

    default_kind = "RateLimited"
    fields = ("limit", "allowed")

    def __init__(self, message: str = "", *, limit: str = "", allowed: int = 0, **common: Any) -> None:
        super().__init__(message, **common)
        self.limit = limit
        self.allowed = allowed


class PoolClosed(WippyError):
    """The runtime was closed. Rules: F-36."""

    default_kind = "Unavailable"


class Cancelled(WippyError):
    """The call was cancelled, by its caller or because the runtime closed. Rules: F-49."""

    default_kind = "Canceled"


class InternalError(WippyError):
    """A fault of this package, never of its user; please report it."""


def combined(failures: Iterable[RegistryError]) -> RegistryError:
    """One error holding the problems of many, of their common class if they have one. Rules: F-1, R-36."""
    failures = list(failures)
    classes = {type(failure) for failure in failures}
    cls = classes.pop() if len(classes) == 1 else RegistryError
    kinds = {failure.kind for failure in failures}
    kind = kinds.pop() if len(kinds) == 1 else None
    return cls(errors=[problem for failure in failures for problem in failure.errors], kind=kind)
