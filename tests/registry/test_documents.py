"""Definition files and their entries: R-10 to R-26."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wippy_native.errors import RegistryError
from wippy_native.registry import Entry, entry_from_mapping, read_registry


def entries(root: Path) -> dict[str, Entry]:
    registry = read_registry(root)
    assert [problem for problem in registry.problems if problem.severity == "error"] == []
    return registry.entries


def only_error(root: Path) -> tuple[str, int | None, int | None]:
    (problem,) = read_registry(root).problems
    assert problem.severity == "error"
    return problem.message, problem.line, problem.column


def test_entries_with_their_places(tmp_path: Path) -> None:
    """R-1, R-2, R-16."""
    (tmp_path / "_index.yaml").write_text(
        'version: "1.0"\nnamespace: app.api\nentries:\n  # first\n'
        "  - name: get_user.endpoint\n    kind: x.y\n    a: 1\n"
        "    meta:\n      comment: hi\n  - {name: b, kind: x.z}\n"
    )
    first, second = entries(tmp_path).values()
    assert first == Entry(
        "app.api:get_user.endpoint", "x.y", {"comment": "hi"}, {"a": 1}, str(tmp_path / "_index.yaml"), 5, 5
    )
    assert (second.line, second.column) == (10, 5)


def test_every_yaml_and_json_file_is_read_in_lexical_order(tmp_path: Path) -> None:
    """R-10, R-11."""
    for name in ("b.yml", "a/x.yaml", "c.json", ".hidden/h.yaml", "node_modules/n.yaml", ".git/g.yaml", "a.txt"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        text = {"namespace": "n", "name": Path(name).stem, "kind": "k"}
        file.write_text(json.dumps(text))
    assert list(entries(tmp_path)) == ["n:h", "n:x", "n:b", "n:c"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "a: 1\n", "namespace: ' '\nentries: 5\n", "namespace:\n", "- a\n"])
def test_files_without_namespace_are_ignored(tmp_path: Path, text: str) -> None:
    """R-12."""
    (tmp_path / "a.yaml").write_text(text)
    assert entries(tmp_path) == {}


@pytest.mark.parametrize(
    "text", ["namespace: a\n", "namespace: a\nname: x\n", "namespace: a\nkind: x\n", "namespace: a\nentries:\n"]
)
def test_neither_entries_nor_single_entry(tmp_path: Path, text: str) -> None:
    """R-13."""
    (tmp_path / "a.yaml").write_text(text)
    assert only_error(tmp_path) == ("either entries array or single entry (name/kind) must be provided", 1, 1)


def test_empty_entries(tmp_path: Path) -> None:
    """R-13: an empty list is fine, and does not hide a single entry."""
    (tmp_path / "a.yaml").write_text("namespace: a\nentries: []\n")
    assert entries(tmp_path) == {}


def test_entries_hide_a_single_entry(tmp_path: Path) -> None:
    """R-13."""
    (tmp_path / "a.yaml").write_text("namespace: a\nname: x\nkind: y\nentries: [{name: z, kind: y}]\n")
    assert list(entries(tmp_path)) == ["a:z"]


def test_meta_is_merged(tmp_path: Path) -> None:
    """R-15: entry keys win, shallowly."""
    (tmp_path / "a.yaml").write_text(
        "namespace: a\nmeta: {one: 1, deep: {x: 1}}\nentries: [{name: z, kind: y, meta: {deep: {y: 2}}}]\n"
    )
    assert entries(tmp_path)["a:z"].meta == {"one": 1, "deep": {"y": 2}}


def test_data_replaces_siblings(tmp_path: Path) -> None:
    """R-16."""
    (tmp_path / "a.yaml").write_text("namespace: a\nentries: [{name: z, kind: y, gone: 1, data: {kept: 2}}]\n")
    assert entries(tmp_path)["a:z"].data == {"kept": 2}


def test_single_entry(tmp_path: Path) -> None:
    """R-17."""
    (tmp_path / "a.yaml").write_text(
        'version: "1.0"\nnamespace: a\nname: z\nkind: y\nmeta: {m: 1}\nrequirements: [r]\nx: 1\nentries:\n'
    )
    entry = entries(tmp_path)["a:z"]
    assert (entry.data, entry.meta, entry.line) == ({"x": 1}, {"m": 1}, 1)


@pytest.mark.parametrize(
    ("items", "text", "line"),
    [
        ("  - \n", "entry[0].entry: entry cannot be nil", 3),
        ("  - text\n", "entry[0].entry: expected map, got string", 3),
        ("  - kind: x\n", "entry[0].name: name is required and must be a non-empty string", 3),
        ("  - kind: x\n    name: 5\n", "entry[0].name: name is required and must be a non-empty string", 4),
        ("  - kind: x\n    name: ' '\n", "entry[0].name: name is required and must be a non-empty string", 4),
        ("  - name: x\n", "entry[0].kind: kind is required and must be a non-empty string", 3),
        ("  - name: x\n    kind: []\n", "entry[0].kind: kind is required and must be a non-empty string", 4),
        ("  - {name: a, kind: b}\n  - name: x\n    kind: ''\n", "entry[1].kind: kind is required", 5),
        ("  - name: x\n    kind: y\n    meta: 5\n", "meta: expected map", 5),
    ],
)
def test_bad_items(tmp_path: Path, items: str, text: str, line: int) -> None:
    """R-23 to R-25."""
    (tmp_path / "a.yaml").write_text(f"namespace: a\nentries:\n{items}")
    message, found, column = only_error(tmp_path)
    assert message.startswith(text)
    assert found == line
    assert column is not None


def test_all_bad_items_of_a_file(tmp_path: Path) -> None:
    """R-20, R-36: its good ones are read, to be checked too, unless the file is to be skipped whole."""
    (tmp_path / "a.yaml").write_text("namespace: a\nentries:\n  - kind: x\n  - {name: good, kind: x}\n  - name: y\n")
    registry = read_registry(tmp_path)
    assert [problem.line for problem in registry.problems] == [3, 5]
    assert list(registry.entries) == ["a:good"]
    lenient = read_registry(tmp_path, strict=False)
    assert [(problem.severity, problem.line) for problem in lenient.problems] == [("warning", 3), ("warning", 5)]
    assert lenient.entries == {}


def test_a_wrong_header_or_a_second_document_hides_no_entries(tmp_path: Path) -> None:
    """R-20, R-36."""
    (tmp_path / "a.yaml").write_text("namespace: a\nmeta: 5\nentries:\n  - {name: x, kind: y}\n  - z\n---\nb: 1\n")
    registry = read_registry(tmp_path)
    assert sorted(problem.line or 0 for problem in registry.problems) == [2, 5, 6]
    assert list(registry.entries) == ["a:x"]


def test_entries_without_a_namespace_are_worth_a_word(tmp_path: Path) -> None:
    """R-12: it is ignored, like any file of other tools, but most likely meant to be read."""
    (tmp_path / "a.yaml").write_text("entries:\n  - {name: x, kind: y}\n")
    (tmp_path / "b.yaml").write_text("entries: [1, {name: other tool}]\n")
    registry = read_registry(tmp_path)
    assert registry.entries == {}
    (problem,) = registry.problems
    assert (problem.severity, problem.file, problem.line) == ("warning", str(tmp_path / "a.yaml"), 1)
    assert problem.message == "skipped: the file has entries but no namespace"
    assert "namespace: app" in problem.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("namespace: a\nname: ' '\nkind: x\n", "invalid entry in a.yaml: missing name"),
        ("namespace: a\nname: x\nkind: ''\n", "invalid entry in a.yaml: missing kind"),
        ("namespace: a\nname: 5\nkind: x\n", "invalid entry in a.yaml: missing name"),
        ("namespace: [a]\n", "namespace: expected string"),
        ("namespace: a\nentries: {}\n", "entries: expected list"),
    ],
)
def test_bad_single_entry(tmp_path: Path, text: str, message: str) -> None:
    """R-13, R-26."""
    (tmp_path / "a.yaml").write_text(text)
    assert only_error(tmp_path)[0] == message


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"id": "f", "kind": "x"}, "namespace"),
        ({"id": ":f", "kind": "x"}, "namespace"),
        ({"id": "app:", "kind": "x"}, "name"),
        ({"kind": "x"}, "name"),
        ({"id": 5, "kind": "x"}, "name"),
        ({"id": "app:f"}, "kind"),
        ({"id": "app:f", "kind": " "}, "kind"),
    ],
)
def test_entry_from_python_with_missing_parts(fields: dict[str, Any], missing: str) -> None:
    """R-26."""
    with pytest.raises(RegistryError, match=f"invalid entry: missing {missing}"):
        entry_from_mapping(fields)


def test_entry_from_python() -> None:
    """R-1, R-2: the id is split at the first colon."""
    entry = entry_from_mapping({"id": "app:a:b", "kind": "x", "meta": {"m": 1}, "size": 3})
    assert (entry.id, entry.namespace, entry.parsed_id.name, entry.data) == ("app:a:b", "app", "a:b", {"size": 3})
    assert (entry.file, entry.line, entry.column) == (None, None, None)


def test_duplicate_ids(tmp_path: Path) -> None:
    """R-8: a warning, the last one wins."""
    (tmp_path / "a.yaml").write_text("namespace: n\nname: x\nkind: first\n")
    (tmp_path / "b.yaml").write_text("namespace: n\nname: x\nkind: second\n")
    registry = read_registry(tmp_path)
    assert registry.entries["n:x"].kind == "second"
    (problem,) = registry.problems
    assert problem.severity == "warning"
    assert problem.message == f"duplicate id, replaces the entry at {tmp_path / 'a.yaml'}:1"


def test_aliases_and_merge_keys(tmp_path: Path) -> None:
    """Anchors share text, not objects; explicit keys win over merged ones."""
    (tmp_path / "a.yaml").write_text(
        "namespace: n\nentries:\n"
        "  - {name: a, kind: k, pool: &pool {type: lazy, max_size: 4}}\n"
        "  - {name: b, kind: k, pool: {<<: *pool, type: inline}, same: *pool}\n"
    )
    found = entries(tmp_path)
    assert found["n:b"].data == {"pool": {"type": "inline", "max_size": 4}, "same": {"type": "lazy", "max_size": 4}}
    assert found["n:b"].data["same"] is not found["n:a"].data["pool"]


def test_scalars(tmp_path: Path) -> None:
    """YAML 1.2 words, with the platform's octal numbers."""
    (tmp_path / "a.yaml").write_text(
        "namespace: n\nname: x\nkind: k\nlist: [yes, NO, on, true, null, ~, 0755, 0o17, 0x1f, 1_000, 1.5, 1e3, .inf,"
        " 2026-01-01, '5', !!str 5, !!float 1, -3, +4, 12:30, 08]\n"
    )
    assert entries(tmp_path)["n:x"].data["list"] == [
        "yes", "NO", "on", True, None, None, 493, 15, 31, 1000, 1.5, 1000.0, float("inf"),
        "2026-01-01", "5", "5", 1.0, -3, 4, "12:30", 8.0,
    ]  # fmt: skip


def test_json_file(tmp_path: Path) -> None:
    """R-10: JSON, surrogate pairs and tabs included, with places."""
    (tmp_path / "a.json").write_text(
        '{\n\t"namespace": "n",\n\t"entries": [\n\t\t{"name": "x", "kind": "k", "v": "\\ud83d\\ude00", "n": -1.5e3,'
        ' "e": [], "o": {}, "<<": null}\n\t]\n}\n'
    )
    entry = entries(tmp_path)["n:x"]
    assert entry.data == {"v": "😀", "n": -1500.0, "e": [], "o": {}, "<<": None}
    assert (entry.line, entry.column) == (4, 3)


def test_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfnamespace: n\nname: x\nkind: k\n")
    assert list(entries(tmp_path)) == ["n:x"]
