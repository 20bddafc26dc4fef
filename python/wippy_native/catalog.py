"""The entries of one runtime, their configuration, and the filesystems and environment they declare.

References are checked when everything is known, so the order of entries does not matter (R-35). An entry that refers
to a bad one is not reported itself: its own repair is not what is missing. Functions are compiled elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from .config import environment as env_config
from .config.environment import StorageConfig, VariableConfig
from .config.fields import invalid
from .config.filesystem import DirectoryConfig
from .config.function import WASM, FunctionConfig
from .config.kinds import Config, parse_entry
from .config.lua import LuaConfig, LuaFunctionConfig, LuaLibraryConfig
from .env import Environment
from .errors import RegistryError
from .filesystems import FileProblem, Filesystem, open_directory
from .lua.graph import MAX_HEIGHT, ImportGraph, Walk
from .registry.entries import Entry, Step
from .suggest import did_you_mean

_LUA = (LuaFunctionConfig, LuaLibraryConfig)
_WORDS: dict[tuple[type[Config], ...], tuple[str, str]] = {
    (DirectoryConfig,): ("filesystem not found", "fs.directory"),
    (StorageConfig,): ("referenced storage not found", "env.storage.*"),
    _LUA: ("import not found", "library.lua or function.lua"),
}
_MAX_ROUTER_HEIGHT = 16
_MOST_SUGGESTIONS = 50  # a load with more wrong references than this gets plain hints for the rest, and ends soon


class Catalog:
    """What a runtime knows, by entry id. Not locked: its runtime is."""

    def __init__(self, root: Path, unreadable: Iterable[str] = ()) -> None:
        """`unreadable` are ids whose entries exist and cannot be read."""
        self.root = root
        self.entries: dict[str, Entry] = {}
        self.configs: dict[str, Config] = {}
        self.filesystems: dict[str, Filesystem] = {}
        self.environment = Environment(root)
        self.imports = ImportGraph()
        self.left_out: set[str] = set(unreadable)
        """The ids that cannot be read or that `load` refused: what refers to one of them needs no repair of its own."""
        self._names: dict[str, str] = {}
        self._heights: dict[str, int] = {}
        self._suggestions = 0

    def functions(self) -> list[FunctionConfig]:
        """The configured WebAssembly functions, in load order."""
        return [config for config in self.configs.values() if isinstance(config, FunctionConfig)]

    def lua(self) -> list[LuaConfig]:
        """The configured Lua entries, each after those it imports."""
        return [config for one in self.imports.whole().order if isinstance(config := self.configs.get(one), _LUA)]

    def load(self, entries: Iterable[Entry]) -> list[RegistryError]:
        """Add many entries; what fails is left out and returned. Rules: R-35, R-36."""
        entries, self._suggestions = list(entries), 0
        failures: list[RegistryError] = []
        failed = self.left_out - {entry.id for entry in entries}
        for step in (self._parse, self._open_known):
            failures += _each(step, entries, failed)
        walked = self.imports.whole()
        by_id = {entry.id: entry for entry in entries}
        # Lua entries after those they import: a chain of any length is done in one look.
        entries = [by_id.pop(one) for one in walked.order if one in by_id] + list(by_id.values())
        # An entry may refer to one further down that turns out bad: look again until no more do.
        before = -1
        while before != len(failed):
            before = len(failed)
            failures += _each(lambda entry, failed: self._check_known(entry, failed, walked), entries, failed)
        for identity in failed:
            self.remove(identity)
        self.left_out |= failed
        return failures

    def check(self, entry: Entry, config: Config | None) -> None:
        """Whether everything the entry refers to is there. Raises `RegistryError`. Rules: R-35."""
        walked = Walk()
        if isinstance(config, _LUA):
            walked = self.imports.with_entry(entry.id, [identity for _, identity in config.imports])
        self._check_references(entry, config, set(), walked)

    def put(self, entry: Entry, config: Config | None) -> None:
        """Add or replace one entry that was checked. Raises `RegistryError`, changing nothing."""
        self._open(entry, config)
        before = self.configs.get(entry.id)
        if before is not None and type(before) is not type(config):
            self._close(entry.id, keep=config)
        self._put(entry, config)

    def remove(self, identity: str) -> Entry | None:
        """Forget an entry; the entry, or None when there was none."""
        self.configs.pop(identity, None)
        self.imports.discard(identity)
        self._close(identity, keep=None)
        return self.entries.pop(identity, None)

    def _put(self, entry: Entry, config: Config | None) -> None:
        self.entries[entry.id] = entry
        self.left_out.discard(entry.id)
        self.configs.pop(entry.id, None)
        self._heights.clear()
        if isinstance(config, _LUA):
            self.imports.put(entry.id, [identity for _, identity in config.imports])
        else:
            self.imports.discard(entry.id)
        if config is not None:
            self.configs[entry.id] = config

    def _close(self, identity: str, keep: Config | None) -> None:
        if not isinstance(keep, DirectoryConfig):
            self.filesystems.pop(identity, None)
        if not isinstance(keep, (StorageConfig, VariableConfig)):
            self.environment.discard(identity)

    def _parse(self, entry: Entry, failed: set[str]) -> None:
        self.entries[entry.id] = entry
        self._put(entry, parse_entry(entry))

    def _check_known(self, entry: Entry, failed: set[str], walked: Walk) -> None:
        self._check_references(entry, self.configs.get(entry.id), failed, walked)

    def _open_known(self, entry: Entry, failed: set[str]) -> None:
        self._open(entry, self.configs.get(entry.id))

    def _check_references(self, entry: Entry, config: Config | None, failed: set[str], walked: Walk) -> None:
        match config:
            case FunctionConfig(fs=fs) if entry.kind == WASM and fs.name:
                self._need(entry, str(fs), ("fs",), (DirectoryConfig,), failed)
            case VariableConfig(storage=storage):
                self._need(entry, str(storage), ("storage",), (StorageConfig,), failed)
                self._check_name(config)
            case StorageConfig(storages=storages):
                for index, storage in enumerate(storages):
                    self._need(entry, str(storage), ("storages", index), (StorageConfig,), failed)
                self._check_nesting(config)
            case LuaFunctionConfig(imports=imports) | LuaLibraryConfig(imports=imports):
                for alias, identity in imports:
                    self._need(entry, identity, ("imports", alias), _LUA, failed)
                _check_walk(config, walked)

    def _need(
        self, entry: Entry, wanted: str, path: tuple[Step, ...], classes: tuple[type[Config], ...], failed: set[str]
    ) -> None:
        if wanted in failed:
            failed.add(entry.id)
        elif not isinstance(self.configs.get(wanted), classes):
            message = f"unresolved dependencies after retry: {entry.id}: {_WORDS[classes][0]}: {wanted}"
            problem = entry.problem("error", message, path, self._missing_hint(wanted, classes))
            raise RegistryError.of(problem, kind="NotFound")

    def _missing_hint(self, wanted: str, classes: tuple[type[Config], ...]) -> str:
        other = self.entries.get(wanted)
        if other is not None:
            return f"{wanted} is of kind {other.kind}; name an entry of kind {_WORDS[classes][1]}"
        if self._suggestions >= _MOST_SUGGESTIONS:
            return "add such an entry"
        self._suggestions += 1
        known = [identity for identity, config in self.configs.items() if isinstance(config, classes)]
        return did_you_mean(wanted, known) or (f"known are {', '.join(known[:5])}" if known else "add such an entry")

    def filesystem_hint(self, wanted: str) -> str:
        """What to do about a filesystem that is not there."""
        return self._missing_hint(wanted, (DirectoryConfig,))

    def _check_name(self, config: VariableConfig) -> None:
        """Public names are unique. Rules: K-14."""
        if not config.variable:
            return
        owner = self.configs.get(self._names.setdefault(config.variable, config.entry.id))
        if not isinstance(owner, VariableConfig) or owner.variable != config.variable:
            self._names[config.variable] = config.entry.id
        elif owner.entry.id != config.entry.id:
            text = f"environment variable name is already used: {config.variable}"
            raise invalid(config.entry, ("variable",), text, f"{owner.entry.id} has it; choose another name")

    def _check_nesting(self, config: StorageConfig) -> None:
        """Routers may hold routers, but not themselves, and not so deep that a look-up could exhaust the stack."""
        if self._height(config, 0) > _MAX_ROUTER_HEIGHT:
            text = "router storages contain themselves, or each other too deep"
            raise invalid(config.entry, ("storages",), text, "list the other storages here directly")

    def _height(self, config: StorageConfig, above: int) -> int:
        height = self._heights.get(config.entry.id)
        if height is None or not above:
            parts = (self.configs.get(str(storage)) for storage in config.storages)
            routers = [part for part in parts if isinstance(part, StorageConfig) and part.storages]
            if above >= _MAX_ROUTER_HEIGHT:
                return _MAX_ROUTER_HEIGHT + 1
            height = 1
            for router in routers:
                height = max(height, 1 + self._height(router, above + 1))
                if height > _MAX_ROUTER_HEIGHT:
                    break
            self._heights[config.entry.id] = height
        return height

    def _open(self, entry: Entry, config: Config | None) -> None:
        try:
            match config:
                case DirectoryConfig():
                    self.filesystems[entry.id] = open_directory(config, self.root)
                case StorageConfig():
                    self.environment.add_storage(config)
                case VariableConfig():
                    self.environment.add_variable(config)
        except (FileProblem, OSError) as error:
            field = "file_path" if entry.kind == env_config.FILE else "directory"
            message = f"operation failed for entry {entry.id}: {error}"
            raise RegistryError.of(entry.problem("error", message, (field,), getattr(error, "hint", ""))) from None


def _check_walk(config: LuaConfig, walked: Walk) -> None:
    """Entries do not import themselves, and do not stand on each other without end. Rules: L-4."""
    entry = config.entry
    if along := walked.cycles.get(entry.id):
        following = along[1 % len(along)]
        alias = next(alias for alias, identity in config.imports if identity == following)
        shown = " -> ".join([*along[:5], *(["..."] if len(along) > 5 else []), entry.id])
        raise invalid(entry, ("imports", alias), "adding dependency would create a cycle", f"remove one of {shown}")
    if walked.heights.get(entry.id, 0) == MAX_HEIGHT + 1:
        text = f"imports are more than {MAX_HEIGHT} entries deep"
        raise invalid(entry, ("imports",), text, "import what is needed here directly")


def _each(step: Callable[[Entry, set[str]], None], entries: list[Entry], failed: set[str]) -> list[RegistryError]:
    """Do one step of loading for every entry that has not failed; the failures, their ids added to `failed`."""
    failures: list[RegistryError] = []
    for entry in entries:
        try:
            if entry.id not in failed:
                step(entry, failed)
        except RegistryError as error:
            failures.append(error)
            failed.add(entry.id)
    return failures
