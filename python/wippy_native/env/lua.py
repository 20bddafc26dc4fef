"""The environment as the Lua module `env` of one function sees it: all variables of the registry. Rules: L-34."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import WippyError
from .registry import Environment


@dataclass(frozen=True, slots=True)
class LuaEnv:
    """`namespace` completes bare names. What it raises may be shown to the function. Rules: K-15 to K-18."""

    environment: Environment
    namespace: str

    def id(self, name: str) -> str:
        """The id of the variable that a program calls so. Raises `WippyError`: an unknown variable (NotFound)."""
        return self._found(name)

    def get(self, name: str) -> str:
        """Raises `WippyError`: an unknown variable or one without a value (NotFound), a storage that fails."""
        value = self._value(self._found(name), name)
        if value is None:
            raise _not_found(name)
        return value

    def set(self, name: str, value: str) -> None:
        """Raises `WippyError`: unknown (NotFound), read-only (PermissionDenied), or a storage that fails."""
        identity = self._found(name)
        try:
            self.environment.set(identity, value)
        except OSError:
            raise WippyError(f"failed to write environment variable: {name}") from None

    def all(self) -> dict[str, str]:
        """The values of all variables that have one, by public name or id. Raises `WippyError`."""
        found = ((name, self._value(identity, name)) for name, identity in self.environment.names().items())
        return {name: value for name, value in found if value is not None}

    def _found(self, name: str) -> str:
        identity = self.environment.find(name, self.namespace)
        if identity is None:
            raise _not_found(name)
        return identity

    def _value(self, identity: str, name: str) -> str | None:
        try:
            return self.environment.value(identity)
        except (WippyError, OSError):  # the cause may name paths of the host
            raise WippyError(f"failed to read environment variable: {name}") from None


def _not_found(name: str) -> WippyError:
    return WippyError(f"environment variable not found: {name}", kind="NotFound")
