"""The entry `inspect` offers to paste into a definition file."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from ..config.imports import NOT_YET

# Exports that serve the canonical ABI or start the module, never a method.
_PLUMBING = ("cabi_", "_initialize", "__")
_PLAIN = re.compile(r"[A-Za-z/][\w./@-]*(:[\w./@-]+)*(#[\w-]+)?")
_CORE_TYPES = {"i32": "s32", "i64": "s64"}


def entry_text(
    path: Path,
    content_hash: str,
    exports: Sequence[tuple[str, str]],
    groups: Sequence[str],
    *,
    is_core: bool,
    is_text: bool,
) -> str:
    """An entry for the first export, as YAML; the reader chooses `fs` and trims `imports`.

    A module in text form becomes a `function.wat`, which needs no hash, anything else a `function.wasm`.
    """
    exports = [export for export in exports if not export[0].startswith(_PLUMBING)]
    exports.sort(key=lambda export: "#" in export[0])  # functions of the world itself first
    method, signature = exports[0] if exports else ("run", "")
    lines = [
        f"- name: {_name(path.stem)}",
        *(_text_source(path) if is_text else _binary_source(path, content_hash)),
        f"  method: {_quoted(method)}",
    ]
    others = [name for name, _ in exports[1:]]
    if others:
        lines[-1] += f"  # or {', '.join(others[:5])}"
    if is_core and exports:
        lines.append(f"  wit: {json.dumps(f'{method}: {_as_wit(signature)};')}  # a core module does not say its types")
    return "\n".join([*lines, *_imports([group for group in groups if group])])


def _as_wit(signature: str) -> str:
    """`func(i32, i32) -> i32` with names for its parameters, and integers as signed ones."""
    parameters, _, result = signature.removeprefix("func(").partition(")")
    kinds = [kind.strip() for kind in parameters.split(",") if kind.strip()]
    listed = ", ".join(f"p{index}: {_CORE_TYPES.get(kind, kind)}" for index, kind in enumerate(kinds))
    found = result.removeprefix(" -> ")
    return f"func({listed})" + (f" -> {_CORE_TYPES.get(found, found)}" if found else "")


def _text_source(path: Path) -> list[str]:
    return ["  kind: function.wat", f"  source: {_quoted(f'file://{path.name}')}"]


def _binary_source(path: Path, content_hash: str) -> list[str]:
    return [
        "  kind: function.wasm",
        "  fs: app:assets",
        f"  path: {_quoted(f'/{path.name}')}",
        f"  hash: {content_hash}",
    ]


def _imports(groups: Sequence[str]) -> list[str]:
    if not groups:
        return []
    usable = [f"    - {group}" for group in groups if group not in NOT_YET]
    later = [f"    # - {group}  (not supported yet)" for group in groups if group in NOT_YET]
    return ["  imports:" if usable else "  imports: []", *usable, *later]


def _name(stem: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_.]+", "_", stem).strip("_")
    return name or "function"


def _quoted(text: str) -> str:
    """As a plain YAML scalar where that is safe, else in quotes."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
