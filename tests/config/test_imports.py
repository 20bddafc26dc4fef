"""Import groups: H-2 to H-6, X-1 to X-4."""

from __future__ import annotations

import pytest

from wippy_native.config.fields import Fields
from wippy_native.config.imports import INTERFACES, canonical_groups, component_only, decode_imports
from wippy_native.errors import ConfigError
from wippy_native.registry import entry_from_mapping


def groups(*items: object) -> tuple[str, ...]:
    fields = Fields.of(entry_from_mapping({"id": "app:f", "kind": "function.wasm", "imports": list(items)}))
    return canonical_groups(decode_imports(fields), fields)


@pytest.mark.parametrize("group", INTERFACES)
def test_each_group_by_its_name_and_interfaces(group: str) -> None:
    """H-2."""
    assert groups(group) == (group,)
    assert groups(f"  {group.upper()}@0.2.3 ") == (group,)
    for interface in INTERFACES[group]:
        name = f"{group}/{interface}" if group.startswith("wasi:") else interface
        assert groups(name, f"{name}@0.2.9") == (group,)


@pytest.mark.parametrize("name", ["wasi1", "wasi-preview1", "preview1", "wasi_snapshot_preview1"])
def test_preview_1_names(name: str) -> None:
    """H-4."""
    assert groups(name) == ("wasi1",)


def test_union_of_the_documents() -> None:
    """X-1, X-2, X-3, X-4."""
    assert groups("wasi:io/poll") == ("wasi:io",)
    assert groups("wasi:poll") == ("wasi:poll",)
    assert groups("wippy:runtime/funcs@0.1.0") == ("funcs",)
    assert groups("wasi:cli/terminal-output") == ("wasi:cli",)
    assert groups("wasi:sockets/network", "wasi:sockets/udp-create-socket") == ("wasi:sockets",)


def test_repeated_and_in_any_order() -> None:
    """H-6."""
    assert groups("wasi:io", "funcs", "wasi:io") == groups("funcs", "wasi:io")


def test_id_as_map() -> None:
    """R-4."""
    assert groups({"ns": "wasi", "name": "cli"}, {"name": "funcs"}) == ("funcs", "wasi:cli")


@pytest.mark.parametrize("item", ["wasi:cli/nope", "wasi", "cli", "wasi:io/streams/x", "wippy:runtime", "wasi:nn"])
def test_unknown(item: str) -> None:
    """H-3."""
    with pytest.raises(ConfigError, match=r"unsupported wasm host import: "):
        groups(item)


def test_suggestion() -> None:
    with pytest.raises(ConfigError, match='did you mean "wasi:filesystem"'):
        groups("wasi:filesytem")


@pytest.mark.parametrize(
    ("group", "shown"), [("funcs", ":funcs"), ("wasi:http", "wasi:http"), ("wasi:sockets", "wasi:sockets")]
)
def test_component_only(group: str, shown: str) -> None:
    """H-5."""
    fields = Fields.of(entry_from_mapping({"id": "app:f", "kind": "function.wat", "imports": [group]}))
    with pytest.raises(ConfigError, match=f"wasm host import requires component module: {shown}"):
        component_only((group,), fields)
    component_only(("wasi:cli", "wasi:io", "wasi1"), fields)
