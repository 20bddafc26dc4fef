"""The environment registry of one runtime: its storages and variables, by entry id and by public name."""

from __future__ import annotations

from pathlib import Path

from ..config.environment import StorageConfig, VariableConfig
from ..errors import WippyError
from ..registry.references import parse_id
from ..suggest import did_you_mean
from .storages import Storage, make_storage


class Environment:
    """Reads and writes the environment variables a registry declares.

    `Runtime.env` is one. Values of `env.storage.memory` variables are set here; the process's own environment is only
    seen through variables of an `env.storage.os`.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._storages: dict[str, Storage] = {}
        self._variables: dict[str, VariableConfig] = {}
        self.version = 0
        """Grows with every change of what is declared, for those who keep constant values."""

    def get(self, name: str) -> str:
        """The value of a variable, by public name or entry id: the stored one, else its default.

        Raises `WippyError` (kind NotFound) when it is unknown or has no value. Rules: K-15 to K-17.
        """
        variable = self._named(name)
        value = self.value(variable.entry.id) if variable else None
        if value is None:
            raise self._not_found(name)
        return value

    def set(self, name: str, value: str) -> None:
        """Store a value of a variable, by public name or entry id.

        Raises `WippyError`: unknown variable (NotFound), read-only variable or storage (PermissionDenied), `OSError`
        when a file cannot be written. Rules: K-11, K-15, K-18.
        """
        variable = self._named(name)
        if variable is None:
            raise self._not_found(name)
        if variable.readonly:
            entry = variable.entry.id
            raise WippyError(f"environment variable is read-only: {name}", kind="PermissionDenied", entry=entry)
        self._storage(str(variable.storage)).set(variable.key, value)

    def value(self, identity: str) -> str | None:
        """The value of the variable with this id; None when it is unknown or has none. Rules: K-16, K-17, H-42."""
        variable = self._variables.get(identity)
        if variable is None:
            return None
        return self._storage(str(variable.storage)).get(variable.key) or variable.default or None

    def find(self, name: str, namespace: str) -> str | None:
        """The id of a variable by public name or id; a bare id is one of `namespace`. Rules: K-15."""
        if not name:
            return None
        found = self.name_owner(name) or str(parse_id(name).within(namespace))
        return found if found in self._variables else None

    def names(self) -> dict[str, str]:
        """The ids of all variables by public name, or by id for those without one."""
        return {variable.variable or identity: identity for identity, variable in list(self._variables.items())}

    def is_constant(self, identity: str) -> bool:
        """Whether `value` will always answer the same."""
        variable = self._variables.get(identity)
        return variable is not None and self._storage(str(variable.storage)).constant

    def __contains__(self, identity: object) -> bool:
        return identity in self._variables

    def add_storage(self, config: StorageConfig) -> None:
        """Add or replace a storage. Raises `OSError` when a file to create cannot be."""
        storage = make_storage(config, self._root, self._storage)
        self._variables.pop(config.entry.id, None)
        self._storages[config.entry.id] = storage
        self.version += 1

    def add_variable(self, config: VariableConfig) -> None:
        """Add or replace a variable."""
        self._storages.pop(config.entry.id, None)
        self._variables[config.entry.id] = config
        self.version += 1

    def discard(self, identity: str) -> None:
        """Forget the storage or variable with this id."""
        self._storages.pop(identity, None)
        self._variables.pop(identity, None)
        self.version += 1

    def has_storage(self, identity: str) -> bool:
        return identity in self._storages

    def name_owner(self, public: str) -> str | None:
        """The id of the variable with this public name. Rules: K-14."""
        for variable in list(self._variables.values()):
            if variable.variable == public:
                return variable.entry.id
        return None

    def _named(self, name: str) -> VariableConfig | None:
        owner = self.name_owner(name) if name else None
        return self._variables.get(owner or str(parse_id(name)))

    def _storage(self, identity: str) -> Storage:
        storage = self._storages.get(identity)
        if storage is None:
            raise WippyError(f"referenced storage not found: {identity}", kind="NotFound")
        return storage

    def _not_found(self, name: str) -> WippyError:
        public = [variable.variable for variable in self._variables.values() if variable.variable]
        hint = did_you_mean(name, [*self._variables, *public])
        return WippyError(
            f"environment variable not found: {name}" + (f"; {hint}" if hint else ""), kind="NotFound", entry=None
        )
