"""The environment one function's guests see, resolved at each call.

Most functions have none, or only values that cannot change; those become a constant, so that a call need not come back
to Python for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..config.wasi import EnvMapping
from ..errors import WippyError
from .registry import Environment

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class GuestEnv:
    """Resolves the `wasi.env` block of `entry`; calling it gives the pairs, sorted by name. Rules: H-30, H-40."""

    entry: str
    environment: Environment
    mappings: Sequence[EnvMapping]
    refusal: WippyError | None = None
    """Why the call cannot start at all, reported after the environment (F-42): a mount that does not resolve."""

    def __call__(self) -> Pairs:
        """Raises `WippyError` with the texts of H-41 and H-43, and what `refusal` holds."""
        found = ((mapping.name, self._value(mapping)) for mapping in self.mappings)
        pairs = tuple(sorted((name, value) for name, value in found if value is not None))
        if self.refusal is not None:
            raise self.refusal
        return pairs

    def _value(self, mapping: EnvMapping) -> str | None:
        identity = str(mapping.id)
        try:
            value = self.environment.value(identity)
        except (WippyError, OSError) as error:
            message = f"failed to resolve wasi env mapping: {identity}: {error}"
            raise WippyError(message, kind="Internal", entry=self.entry) from error
        if value is None and mapping.required:
            message = f"required wasi env variable not found: {identity}"
            raise WippyError(message, kind="NotFound", entry=self.entry, details={"variable": identity})
        return value

    @property
    def constant(self) -> bool:
        """Whether every call gets the same."""
        ids = [str(mapping.id) for mapping in self.mappings]
        return self.refusal is None and all(self.environment.is_constant(identity) for identity in ids)


def guest_env(resolver: GuestEnv) -> Pairs | Callable[[], Pairs]:
    """The pairs themselves where they cannot change, else the resolver. Rules: H-40."""
    try:
        return resolver() if resolver.constant else resolver
    except WippyError:
        return resolver
