"""The entry `inspect` offers to paste into a definition file."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config.function import WAT, FunctionConfig

# Exports that serve the canonical ABI or start the module, never a method.
_PLUMBING = ("cabi_", "_initialize", "__")
_PLAIN = re.compile(r"[A-Za-z/][\w./@-]*(:[\w./@-]+)*(#[\w-]+)?")
_CORE_TYPES = {"i32": "s32", "i64": "s64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an entry says. A `method` or `wit` of "" is taken from the exports; a text module needs `source` alone."""

    name: str
    hash: str
    fs: str = "app:assets"
    path: str = ""
    source: str = ""
    method: str = ""
    wit: str = ""
    is_core: bool = False

    @classmethod
    def of_file(cls, path: Path, content_hash: str, *, is_core: bool, is_text: bool) -> Draft:
        """The entry for a file; the reader chooses `fs`."""
        if is_text:
            return cls(name=_name(path.stem), hash=content_hash, source=f"file://{path.name}", is_core=is_core)
        return cls(name=_name(path.stem), hash=content_hash, path=f"/{path.name}", is_core=is_core)

    @classmethod
    def of_entry(cls, config: FunctionConfig, content_hash: str, *, is_core: bool) -> Draft:
        """The entry as it is, with the hash its file has now."""
        entry, source = config.entry, ""
        if entry.kind == WAT:
            written = entry.text_at(("source",)) or ""
            source = written if written.startswith("file://") else f"file://{entry.parsed_id.name}.wat"
        return cls(
            name=entry.parsed_id.name,
            hash=content_hash,
            fs=str(config.fs),
            path=config.path,
            source=source,
            method=config.method,
            wit=config.wit,
            is_core=is_core,
        )


def entry_text(
    draft: Draft, exports: Sequence[tuple[str, str]], groups: Sequence[str], start_groups: Collection[str]
) -> str:
    """An entry for the draft's method, or for the first export, as YAML; the reader trims `imports`.

    A module in text form becomes a `function.wat`, which needs no hash, anything else a `function.wasm`. Imports its
    start code needs are marked: no call works without them.
    """
    exports = [export for export in exports if not export[0].startswith(_PLUMBING)]
    exports.sort(key=lambda export: (export[0] != draft.method, "#" in export[0]))  # then functions of the world itself
    first, signature = exports[0] if exports else ("run", "")
    method = draft.method or first
    lines = [
        f"- name: {_quoted(draft.name)}",
        *(_text_source(draft) if draft.source else _binary_source(draft)),
        f"  method: {_quoted(method)}",
    ]
    others = [name for name, _ in exports if name != method]
    if others and not draft.method:
        lines[-1] += f"  # or {', '.join(others[:5])}"
    if draft.wit:
        lines.append(f"  wit: {json.dumps(draft.wit.strip(), ensure_ascii=False)}")
    elif draft.is_core and exports:
        lines.append(f"  wit: {json.dumps(f'{method}: {_as_wit(signature)};')}  # a core module does not say its types")
    return "\n".join([*lines, *_imports([group for group in groups if group], start_groups)])


def _as_wit(signature: str) -> str:
    """`func(i32, i32) -> i32` with names for its parameters, and integers as signed ones."""
    parameters, _, result = signature.removeprefix("func(").partition(")")
    kinds = [kind.strip() for kind in parameters.split(",") if kind.strip()]
    listed = ", ".join(f"p{index}: {_CORE_TYPES.get(kind, kind)}" for index, kind in enumerate(kinds))
    found = result.removeprefix(" -> ")
    return f"func({listed})" + (f" -> {_CORE_TYPES.get(found, found)}" if found else "")


def _text_source(draft: Draft) -> list[str]:
    return ["  kind: function.wat", f"  source: {_quoted(draft.source)}"]


def _binary_source(draft: Draft) -> list[str]:
    return [
        "  kind: function.wasm",
        f"  fs: {_quoted(draft.fs)}",
        f"  path: {_quoted(draft.path)}",
        f"  hash: {draft.hash}",
    ]


def _imports(groups: Sequence[str], start_groups: Collection[str]) -> list[str]:
    if not groups:
        return []
    usable = [f"    - {group}" + ("  # its start code needs it" if group in start_groups else "") for group in groups]
    return ["  imports:", *usable]


def _name(stem: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_.]+", "_", stem).strip("_")
    return name or "function"


def _quoted(text: str) -> str:
    """As a plain YAML scalar where that is safe, else in quotes."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
