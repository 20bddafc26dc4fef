"""The environment one function's guests see, resolved at each call.

Values that cannot change (those of static storages) are resolved once and kept until an entry of the environment
changes, so that most calls only compare a number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy

from ..config.wasi import EnvMapping
from ..errors import WippyError
from .registry import Environment

Pairs = tuple[tuple[str, str], ...]


class GuestEnv:
    """Resolves the `wasi.env` block of `entry`; calling it gives the pairs, sorted by name. Rules: H-30, H-40.

    `refusal` is why the call cannot start at all, reported after the environment (F-42): a mount that does not resolve.
    """

    def __init__(
        self,
        entry: str,
        environment: Environment,
        mappings: Sequence[EnvMapping],
        refusal: WippyError | None = None,
    ) -> None:
        self._entry = entry
        self._environment = environment
        self._mappings = mappings
        self._refusal = refusal
        self._kept: tuple[int, Pairs] | None = None

    def __call__(self) -> Pairs:
        """Raises `WippyError` with the texts of H-41 and H-43, and the refusal."""
        kept, version = self._kept, self._environment.version
        if kept is not None and kept[0] == version:
            return kept[1]
        pairs = self._resolve()
        if self._refusal is not None:
            raise copy(self._refusal)  # a fresh one: a raised exception keeps its frames
        if all(self._environment.is_constant(str(mapping.id)) for mapping in self._mappings):
            self._kept = version, pairs
        return pairs

    def _resolve(self) -> Pairs:
        found = ((mapping.name, self._value(mapping)) for mapping in self._mappings)
        return tuple(sorted((name, value) for name, value in found if value is not None))

    def _value(self, mapping: EnvMapping) -> str | None:
        identity = str(mapping.id)
        try:
            value = self._environment.value(identity)
        except (WippyError, OSError) as error:
            known = f"failed to resolve wasi env mapping: {identity}"
            # A guest that called this function gets no more than that: the cause may name paths of the host.
            details = {"variable": identity, "for_guests": known}
            raise WippyError(f"{known}: {error}", kind="Internal", entry=self._entry, details=details) from error
        if value is None and mapping.required:
            message = f"required wasi env variable not found: {identity}"
            raise WippyError(message, kind="NotFound", entry=self._entry, details={"variable": identity})
        return value


def guest_env(
    entry: str, environment: Environment, mappings: Sequence[EnvMapping], refusal: WippyError | None = None
) -> Pairs | Callable[[], Pairs]:
    """What the core asks at each call: nothing where there is nothing to resolve. Rules: H-40."""
    return GuestEnv(entry, environment, mappings, refusal) if mappings or refusal else ()
