"""Every validation text of 00 and 01, with the entry, file, line and column it is reported at.

A case is an entry as it stands in a file, the expected text, and a marker: the error must point at the place of the
marker in the entry (at its first character). Without a marker it points at the entry itself.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from wippy_native.catalog import Catalog
from wippy_native.errors import ConfigError
from wippy_native.problems import Problem
from wippy_native.registry import read_registry

HEAD = "namespace: app\nentries:\n"
OTHERS = """\
  - {name: assets, kind: fs.directory, directory: .}
  - {name: os, kind: env.storage.os}
"""
WASM = "name: f, kind: function.wasm, fs: app:assets, path: /f.wasm, hash: 'sha256:00', method: run"
WAT = "name: f, kind: function.wat, source: (module), method: run"
F2 = "operation failed for entry app:f: failed to unpack {kind} config: invalid configuration: {text}"
F3 = "operation failed for entry app:f: failed to unpack {kind} config: {inner}{text}"


def problems(tmp_path: Path, entry: str) -> list[Problem]:
    """What loading one entry beside a good filesystem and storage complains about."""
    (tmp_path / "_index.yaml").write_text(f"{HEAD}{OTHERS}  - {{{entry}}}\n", encoding="utf-8")
    registry = read_registry(tmp_path)
    assert registry.problems == []
    return [problem for failure in Catalog(tmp_path).load(registry.entries.values()) for problem in failure.errors]


def only_problem(tmp_path: Path, entry: str, marker: str) -> Problem:
    """The one problem, checked to point at the marker."""
    (problem,) = problems(tmp_path, entry)
    assert problem.entry == "app:f"
    assert problem.file == str(tmp_path / "_index.yaml")
    assert problem.line == 5
    expected = 5 + 1 + entry.index(marker) if marker else 5
    assert problem.column == expected, f"points at {entry[(problem.column or 0) - 6 :]!r}"
    return problem


INVALID = [
    # 01 §1: required fields, in the order of F-1
    ("name: f, kind: function.wasm", "", "fs is required"),
    ("name: f, kind: function.wasm, fs: ''", "''", "fs is required"),
    ("name: f, kind: function.wasm, fs: 'app:'", "'app:'", "fs is required"),
    ("name: f, kind: function.wasm, fs: assets", "", "path is required"),
    ("name: f, kind: function.wasm, fs: assets, path: /f.wasm", "", "hash is required"),
    ("name: f, kind: function.wasm, fs: assets, path: /f.wasm, hash: h", "", "method is required"),
    ("name: f, kind: function.wat", "", "source is required"),
    ("name: f, kind: function.wat, method: ''", "", "source is required"),
    ("name: f, kind: function.wat, source: (module)", "", "method is required"),
    (f"{WASM}, imports: ['']", "'']", "import :name cannot be empty"),
    (f"{WASM}, imports: ['wasi:']", "'wasi:'", "import :name cannot be empty"),
    (f"{WASM}, imports: [{{ns: wasi}}]", "{ns", "import :name cannot be empty"),
    (f"{WASM}, transport: Payload", "Payload", "invalid transport type"),
    (f"{WAT}, transport: wasi_http", "wasi_http", "invalid transport type"),
    (f"{WASM}, limits: {{max_execution_ms: -1}}", "-1", "limits.max_execution_ms cannot be negative"),
    (f"{WASM}, limits: {{max_memory_bytes: -1}}", "-1", "limits.max_memory_bytes cannot be negative"),
    # 02 H-3
    (f"{WASM}, imports: [wasi:cli, foo]", "foo", "unsupported wasm host import: :foo"),
    (f"{WASM}, imports: [' WASI:Foo/bar@1.0 ']", "' WASI", "unsupported wasm host import: wasi:foo/bar"),
    # 01 §4, F-30 to F-33
    (f"{WASM}, pool: {{size: -1}}", "-1", "pool values cannot be negative"),
    (f"{WASM}, pool: {{workers: -1, type: x}}", "-1", "pool values cannot be negative"),
    (f"{WASM}, pool: {{buffer: -1}}", "-1", "pool values cannot be negative"),
    (f"{WASM}, pool: {{max_size: -1}}", "-1", "pool values cannot be negative"),
    (f"{WASM}, pool: {{type: Lazy, workers: 1}}", "Lazy", "invalid pool type"),
    (f"{WASM}, pool: {{workers: 2}}", "2}", "pool.size must be greater than 0 for non-flex pools"),
    (f"{WASM}, pool: {{type: lazy, workers: 2}}", "2}", "pool.size must be greater than 0 for non-flex pools"),
    # 01 §4, F-38a
    (f"{WASM}, pool: {{reuse: 0}}", "0}", "pool.reuse must be greater than 0"),
    (f"{WASM}, pool: {{reuse: -2}}", "-2}", "pool.reuse must be greater than 0"),
    # 01 §6, F-60
    (f"{WASM}, wasi: {{cwd: data}}", "data}", "wasi.cwd must be absolute"),
    (f"{WASM}, wasi: {{env: [{{name: A}}]}}", "{name: A", "wasi.env[].id is required"),
    (f"{WASM}, wasi: {{env: [{{id: 'app:', name: A}}]}}", "'app:'", "wasi.env[].id is required"),
    (f"{WASM}, wasi: {{env: [{{id: a}}]}}", "{id: a", "wasi.env[].name is required"),
    (f"{WASM}, wasi: {{env: [{{id: a, name: ' '}}]}}", "' '", "wasi.env[].name is required"),
    (
        f"{WASM}, wasi: {{env: [{{id: a, name: X}}, {{id: b, name: ' X '}}]}}",
        "' X '",
        "wasi.env[].name must be unique",
    ),
    (f"{WASM}, wasi: {{mounts: [{{guest: /a}}]}}", "{guest", "wasi.mounts[].fs is required"),
    (f"{WASM}, wasi: {{mounts: [{{fs: assets}}]}}", "{fs: assets}", "wasi.mounts[].guest is required"),
    (f"{WASM}, wasi: {{mounts: [{{fs: assets, guest: data}}]}}", "data}", "wasi.mounts[].guest must be absolute"),
    (
        f"{WASM}, wasi: {{mounts: [{{fs: a, guest: /a}}, {{fs: b, guest: /a/}}]}}",
        "/a/}",
        "wasi.mounts[].guest must be unique",
    ),
    # 00 §4.1
    ("name: f, kind: fs.directory", "", "directory path is required"),
    ("name: f, kind: fs.directory, directory: ' '", "' '", "directory path is required"),
    ("name: f, kind: fs.directory, directory: ., mode: '0799'", "'0799'", "invalid file mode format"),
    ("name: f, kind: fs.directory, directory: ., mode: rwx", "rwx", "invalid file mode format"),
    ("name: f, kind: fs.directory, directory: ., base: home", "home", "invalid directory base"),
    # 00 §4.2
    ("name: f, kind: env.storage.file", "", "file path must not be empty"),
    ("name: f, kind: env.storage.router", "", "router storage must have at least one storage"),
    ("name: f, kind: env.storage.router, storages: []", "storages: [", "router storage must have at least one storage"),
    (
        "name: f, kind: env.variable, storage: app:os, variable: A-B",
        "A-B",
        "invalid environment variable name: must only contain alphanumeric characters (a-z, A-Z, 0-9) and underscores",
    ),
    ("name: f, kind: env.variable", "", "invalid storage ID format, must have both namespace and name"),
    ("name: f, kind: env.variable, storage: os", "os", "invalid storage ID format, must have both namespace and name"),
    (
        "name: f, kind: env.variable, storage: 'app:'",
        "'app:'",
        "invalid storage ID format, must have both namespace and name",
    ),
]


@pytest.mark.parametrize(
    ("entry", "marker", "text"), INVALID, ids=[f"{text}-{i}" for i, (_, _, text) in enumerate(INVALID)]
)
def test_invalid_configuration(tmp_path: Path, entry: str, marker: str, text: str) -> None:
    """F-1, F-2, F-30 to F-33, F-60, H-3, K-12, K-13, R-36."""
    problem = only_problem(tmp_path, entry, marker)
    kind = entry.split("kind: ")[1].split(",")[0]
    assert problem.message == F2.format(kind=kind, text=text)
    assert problem.hint, "an error says what to do"


WRONG_TYPES = [
    ("fs: 5", "5", "fs: expected id (string or map), got integer"),
    ("path: [a]", "path: [a]", "path: expected string, got list"),
    ("hash: 12", "12", "hash: expected string, got integer 12"),
    ("method: {a: 1}", "method: {a", "method: expected string, got map"),
    ("imports: wasi:cli", "wasi:cli", "imports: expected list, got string 'wasi:cli'"),
    ("imports: [5]", "5]", "imports[0]: expected id (string or map), got integer"),
    ("transport: true", "true", "transport: expected string, got bool"),
    ("pool: lazy", "lazy", "pool: expected map, got string 'lazy'"),
    ("pool: {size: '4'}", "'4'", "pool.size: expected integer, got string '4'"),
    ("pool: {size: 1.5}", "1.5", "pool.size: expected integer, got float 1.5"),
    ("pool: {size: true}", "true", "pool.size: expected integer, got bool"),
    ("pool: {size: 99999999999999999999}", "9999", "pool.size: expected a 64-bit integer, got a longer one"),
    ("pool: {warm_start: yes}", "yes", "pool.warm_start: expected bool, got string 'yes'"),
    ("limits: {max_execution_ms: 1s}", "1s", "limits.max_execution_ms: expected integer, got string '1s'"),
    ("wasi: []", "wasi", "wasi: expected map, got list"),
    ("wasi: {args: [a, 1]}", "1]", "wasi.args[1]: expected string, got integer 1"),
    ("wasi: {env: [x]}", "x]", "wasi.env[0]: expected map, got string"),
    ("wasi: {env: [{id: a, name: A, required: 'no'}]}", "'no'", "wasi.env[0].required: expected bool, got string 'no'"),
    ("wasi: {mounts: [{fs: a, guest: 1}]}", "1}", "wasi.mounts[0].guest: expected string, got integer 1"),
]


@pytest.mark.parametrize(("field", "marker", "text"), WRONG_TYPES, ids=[text for _, _, text in WRONG_TYPES])
def test_wrong_type(tmp_path: Path, field: str, marker: str, text: str) -> None:
    """F-3: a wrong YAML type is reported before any other validation."""
    entry = f"name: f, kind: function.wasm, {field}"
    problem = only_problem(tmp_path, entry, marker)
    assert problem.message == F3.format(kind="function.wasm", inner="failed to unpack wasm config: ", text=text)


@pytest.mark.parametrize(
    ("entry", "marker", "text"),
    [
        ("name: f, kind: fs.directory, directory: 5", "5", "directory: expected string, got integer 5"),
        ("name: f, kind: env.storage.static, values: {A: 1}", "1}", "values.A: expected string, got integer 1"),
        ("name: f, kind: env.variable, storage: [a]", "storage: [", "storage: expected id (string or map), got list"),
        ("name: f, kind: fs.directory, data: text", "text", "expected map, got string"),
    ],
)
def test_wrong_type_of_other_kinds(tmp_path: Path, entry: str, marker: str, text: str) -> None:
    """F-3 for kinds that are no functions."""
    problem = only_problem(tmp_path, entry, marker)
    kind = entry.split("kind: ")[1].split(",")[0]
    assert problem.message == F3.format(kind=kind, inner="", text=text)


@pytest.mark.parametrize(
    ("entry", "marker", "text"),
    [
        (WASM.replace("app:assets", "app:asets"), "app:asets", "filesystem not found: app:asets"),
        (WASM.replace("app:assets", "app:os"), "app:os", "filesystem not found: app:os"),
        ("name: f, kind: env.variable, storage: app:no", "app:no", "referenced storage not found: app:no"),
        (
            "name: f, kind: env.storage.router, storages: [app:os, app:assets]",
            "app:assets",
            "referenced storage not found: app:assets",
        ),
    ],
)
def test_unresolved_references(tmp_path: Path, entry: str, marker: str, text: str) -> None:
    """R-35, F-5, K-13: what is referred to is not there."""
    problem = only_problem(tmp_path, entry, marker)
    assert problem.message == f"unresolved dependencies after retry: app:f: {text}"
    assert problem.hint


def test_order_of_checks(tmp_path: Path) -> None:
    """F-1, F-33, F-60: with everything wrong, each repair uncovers the next failure."""
    repairs = [
        ("fs is required", "fs: app:assets"),
        ("path is required", "path: /f"),
        ("hash is required", "hash: h"),
        ("method is required", "method: m"),
        ("import :name cannot be empty", "imports: ['foo:bar']"),
        ("invalid transport type", "transport: payload"),
        ("pool values cannot be negative", "pool: {type: bad, workers: 1}"),
        ("invalid pool type", "pool: {workers: 1}"),
        ("pool.size must be greater than 0 for non-flex pools", "pool: {}"),
        ("limits.max_execution_ms cannot be negative", "limits: {}"),
        ("wasi.cwd must be absolute", "wasi: {env: [{}], mounts: [{}]}"),
        ("wasi.env[].id is required", "wasi: {mounts: [{}]}"),
        ("wasi.mounts[].fs is required", "wasi: {}"),
        ("unsupported wasm host import: foo:bar", "imports: []"),
    ]
    fields = {
        "imports": "['']",
        "transport": "bad",
        "pool": "{size: -1, type: bad, workers: 1}",
        "limits": "{max_execution_ms: -1}",
        "wasi": "{cwd: x, env: [{}], mounts: [{}]}",
    }
    for expected, repair in repairs:
        listed = "".join(f", {name}: {value}" for name, value in fields.items())
        (problem,) = problems(tmp_path, f"name: f, kind: function.wasm{listed}")
        assert problem.message.endswith(f": {expected}")
        name, _, value = repair.partition(": ")
        fields[name] = value


def test_all_bad_entries_are_reported_in_order(tmp_path: Path) -> None:
    """F-1, R-36: one failure an entry, all entries, in file and line order."""
    (tmp_path / "b.yaml").write_text("namespace: b\nname: f\nkind: function.wasm\n")
    (tmp_path / "a.yaml").write_text(
        f"{HEAD}  - {{name: two, kind: env.storage.file}}\n  - {{name: one, kind: function.wat, method: m}}\n"
    )
    failures = Catalog(tmp_path).load(read_registry(tmp_path).entries.values())
    assert all(isinstance(failure, ConfigError) for failure in failures)
    assert [failure.errors[0].entry for failure in failures] == ["app:two", "app:one", "b:f"]


def test_entry_that_refers_to_a_bad_one_is_not_blamed(tmp_path: Path) -> None:
    """R-35: only the cause is reported."""
    (tmp_path / "a.yaml").write_text(
        f"{HEAD}  - {{name: bad, kind: fs.directory}}\n  - {{{WASM.replace('assets', 'bad')}}}\n"
    )
    failures = Catalog(tmp_path).load(read_registry(tmp_path).entries.values())
    assert [failure.entry for failure in failures] == ["app:bad"]


def test_ids_may_be_maps_and_relative(tmp_path: Path) -> None:
    """R-4, R-7."""
    assert problems(tmp_path, WASM.replace("app:assets", "{ns: app, name: assets}")) == []
    assert problems(tmp_path, WASM.replace("app:assets", "assets")) == []


def test_null_counts_as_absent(tmp_path: Path) -> None:
    assert problems(tmp_path, f"{WASM}, imports: null, pool: null, wasi: ~, limits: null") == []


def test_unused_fields_are_ignored(tmp_path: Path) -> None:
    """R-21, F-35, F-37, X-10."""
    extra = "future: [1], pool: {warm_start: true, worker_class: big, type: lazy}, source: x"
    assert problems(tmp_path, f"{WASM}, {extra}") == []
