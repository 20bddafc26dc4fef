"""The readers against random input: the values of the ordinary parsers, or a problem with a place; never a crash."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wippy_native.registry import read_registry
from wippy_native.registry.json_source import parse_json
from wippy_native.registry.scalars import resolve
from wippy_native.registry.tree import DEFAULT_SOURCE_LIMITS, SourceError
from wippy_native.registry.yaml_source import parse_yaml

text = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\ufffe\uffff"), max_size=20
)
scalars = st.none() | st.booleans() | st.integers(-(10**18), 10**18) | text | st.floats(allow_nan=False)
finite = scalars.filter(lambda value: value not in (math.inf, -math.inf))
FRAGMENTS = [
    *("namespace: a\n", "entries:\n", "  - name: x\n", "    kind: y\n", "---\n", "...\n", "%YAML 1.1\n", "file://"),
    *("&a ", "*a", "!!str ", "<<: ", "{", "}", "[", "]", ": ", ", ", "- ", "? ", "> \n", "| \n", "'", '"', "#"),
    *("\t", "\n", "\x00", "é", "0x"),
]


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists and maps of the leaves, in each other."""
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4), max_leaves=12
    )


def plain(node: Any) -> Any:
    return None if node is None else node.plain()


@given(nested(finite))
def test_json_values(value: Any) -> None:
    for dumped in (json.dumps(value), json.dumps(value, indent="\t", ensure_ascii=False)):
        assert plain(parse_json(dumped, DEFAULT_SOURCE_LIMITS)) == value


@given(st.dictionaries(text, nested(scalars), min_size=1, max_size=4))
def test_yaml_values(value: Any) -> None:
    """What the ordinary dumper quotes, and what it leaves plain, reads back as it was."""
    for flow in (True, False):
        dumped = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)
        try:
            node, _ = parse_yaml(dumped, DEFAULT_SOURCE_LIMITS)
        except SourceError as error:
            assert "unprintable" in error.message  # noqa: PT017 - characters the dumper leaves as they are
            return
        assert same(plain(node), value)


def same(found: Any, value: Any) -> bool:
    """Equal, but for words that YAML 1.1, which the dumper writes, does not take for numbers and 1.2 does: `0E0`."""
    if isinstance(value, str) and not isinstance(found, str):
        return bool(resolve(value) == found)
    if isinstance(value, float):
        return isinstance(found, (int, float)) and math.isclose(found, value)
    if isinstance(value, list):
        return isinstance(found, list) and len(found) == len(value) and all(map(same, found, value))
    if isinstance(value, dict):
        return found.keys() == value.keys() and all(same(found[key], value[key]) for key in value)
    return bool(found == value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join).map(str.encode) | st.binary(max_size=60))
def test_any_file_gives_entries_or_problems(tmp_path: Path, content: bytes) -> None:
    for name in ("a.yaml", "a.json"):
        file = tmp_path / name
        file.write_bytes(content)
        for problem in read_registry(tmp_path).problems:
            assert problem.file
            assert problem.line
            assert problem.column
        file.unlink()
