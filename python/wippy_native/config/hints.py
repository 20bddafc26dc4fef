"""What to write instead, for a field whose value has the wrong type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_TIMES = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000}
_MOUNT = "{fs: namespace:name, guest: /data}"
_VARIABLE = "{id: namespace:name, name: NAME}"
# How the fields look that are most often written in another form.
_FORMS = {
    "modules": "modules: [json, time]",
    "modules[]": "json",
    "pool": "pool: {type: lazy, max_size: 4}",
    "limits": "limits: {max_memory_bytes: 67108864}",
    "wasi": "wasi: {args: [--verbose]}",
    "wasi.env": f"env: [{_VARIABLE}]; values are those of env.variable entries",
    "wasi.env[]": f"{_VARIABLE}; values are those of env.variable entries",
    "wasi.mounts": f"mounts: [{_MOUNT}]",
    "wasi.mounts[]": _MOUNT,
    "network": 'network: {allow: ["https://api.example.com"]}',
    "network.allow": 'allow: ["https://api.example.com"]',
    "network.allow[]": '"https://api.example.com"',
    "network.deny[]": '"https://api.example.com"',
    "network.deny": 'deny: ["*.example.com"]',
    "values": "values: {NAME: value}",
}


def type_hint(path: str, word: str, value: Any) -> str:
    """Advice for the field at `path`, which wants a `word` ("string", "list", ...) and has `value`; "" for none."""
    match word:
        case "string" if not isinstance(value, (list, Mapping)):
            return "put it in quotes"
        case "string" if isinstance(value, Mapping) and len(value) == 1:
            ((key, held),) = value.items()
            return f'a ": " makes a map in YAML; write "{key}:{held}"'
        case "string" if form := _FORMS.get(_general(path)):
            return f"write it as a text: {form}"
        case "bool" if isinstance(value, str) and value.lower() in ("yes", "no", "on", "off", "true", "false"):
            return "write true or false, without quotes"
        case "integer" if isinstance(value, str):
            return _number_hint(path, value.strip())
        case "list" | "map":
            return _form_hint(path, word, value)
    return ""


def _form_hint(path: str, word: str, value: Any) -> str:
    form = _FORMS.get(_general(path))
    if path == "pool" and isinstance(value, str) and value.isidentifier():
        form = f"pool: {{type: {value}}}"
    if form:
        return f"write it as {form}"
    if word == "map":
        return "write one key: value a line, indented below it"
    if isinstance(value, str) and value and len(value) <= 40:
        return f"write it as a list: [{value}], or one item a line, each after a dash"
    return "write one item a line, each after a dash"


def _general(path: str) -> str:
    """The path of every item of a list."""
    return re.sub(r"\d+", "", path)


def _number_hint(path: str, text: str) -> str:
    """A number in quotes, or with a unit."""
    if text.isdecimal():
        return "remove the quotes"
    found = re.fullmatch(r"(\d{1,9})\s*([A-Za-z]*)", text)
    if found is None:
        return "write a whole number"
    number, unit = int(found[1]), found[2]
    scale = _UNITS.get(unit.upper().removesuffix("B").removesuffix("I"))
    if path.endswith("_bytes"):
        return "write the number of bytes" + (f": {number * scale}" if scale else "")
    if path.endswith("_ms"):
        return "write the number of milliseconds" + (f": {number * _TIMES[unit]}" if unit in _TIMES else "")
    return "write a whole number"
