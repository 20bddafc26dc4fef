"""Import groups: what an item of `imports` may be, and which group it enables.

A group name, or any interface of the group with or without version, enables the whole group. The table below is the
one place that knows which interfaces belong together; `wasi:io` holds `poll` as the platform's guide has it.
"""

from __future__ import annotations

from ..registry.references import EntryId
from ..suggest import did_you_mean
from .fields import Fields, dotted

INTERFACES: dict[str, tuple[str, ...]] = {
    "funcs": ("wippy:runtime/funcs",),
    "wasi:cli": (
        "environment", "exit", "stdin", "stdout", "stderr",
        "terminal-input", "terminal-output", "terminal-stdin", "terminal-stdout", "terminal-stderr",
    ),
    "wasi:io": ("error", "streams", "poll"),
    "wasi:poll": ("poll",),
    "wasi:clocks": ("wall-clock", "monotonic-clock"),
    "wasi:filesystem": ("types", "preopens"),
    "wasi:random": ("random", "insecure", "insecure-seed"),
    "wasi:sockets": (
        "network", "instance-network", "ip-name-lookup", "tcp", "tcp-create-socket", "udp", "udp-create-socket",
    ),
    "wasi:http": ("types", "outgoing-handler"),
    "wasi1": ("wasi-preview1", "preview1", "wasi_snapshot_preview1"),
}  # fmt: skip
COMPONENT_ONLY = ("funcs", "wasi:http", "wasi:sockets")


def _table() -> dict[str, str]:
    table = {group: group for group in INTERFACES}
    for group, names in INTERFACES.items():
        for name in names:
            table[f"{group}/{name}" if group.startswith("wasi:") else name] = group
    return table


_GROUPS = _table()


def decode_imports(fields: Fields) -> tuple[str, ...]:
    """The items of `imports` as text: trimmed, lower case, cut at `@`. Raises `ConfigError`. Rules: F-3, H-2, R-4."""
    return tuple(_item(fields, index, value) for index, value in fields.items("imports"))


def _item(fields: Fields, index: int, value: object) -> str:
    identity = fields.id_of(value, ("imports", index))
    text = str(identity) if identity.namespace else identity.name
    return text.lower().partition("@")[0].strip()


def validate_imports(items: tuple[str, ...], fields: Fields) -> None:
    """Raises `ConfigError` for an item without a name. Rules: F-1."""
    for index, item in enumerate(items):
        if not item or item.endswith(":"):
            path = ("imports", index)
            at = Fields(fields.entry, fields.values, path[:1])
            raise at.invalid(index, "import :name cannot be empty", f"remove {dotted(path)}, or name a group")


def canonical_groups(items: tuple[str, ...], fields: Fields) -> tuple[str, ...]:
    """The groups the items enable, sorted, each once. Raises `ConfigError` for an unknown one. Rules: H-2 to H-6."""
    groups = set()
    for index, item in enumerate(items):
        group = _GROUPS.get(item)
        if group is None:
            at = Fields(fields.entry, fields.values, ("imports",))
            raise at.invalid(index, f"unsupported wasm host import: {_shown(item)}", _unknown_hint(item))
        groups.add(group)
    return tuple(sorted(groups))


def component_only(groups: tuple[str, ...], fields: Fields) -> None:
    """Raises `ConfigError` for a group that core modules cannot have. Rules: H-5."""
    for group in groups:
        if group in COMPONENT_ONLY:
            text = f"wasm host import requires component module: {_shown(group)}"
            raise fields.invalid("imports", text, "build the guest as a component, or remove the import")


def _shown(item: str) -> str:
    """An item as an id: without a namespace it is printed with its colon. Rules: H-3."""
    return item if ":" in item else str(EntryId("", item))


def _unknown_hint(item: str) -> str:
    return did_you_mean(item, _GROUPS) or f"the groups are {', '.join(INTERFACES)}"
