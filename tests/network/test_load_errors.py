"""The `network` block of an entry that is wrong or has no effect: N-1, N-5, F-2, F-3, R-21."""

from __future__ import annotations

from pathlib import Path

import pytest

from wippy_native import ConfigError, Runtime
from wippy_native.catalog import Catalog
from wippy_native.check import check_project
from wippy_native.problems import Problem
from wippy_native.registry import read_registry

HEAD = """\
namespace: app
entries:
  - {name: assets, kind: fs.directory, directory: .}
  - name: f
    kind: function.wasm
    fs: app:assets
    path: /f.wasm
    hash: 'sha256:00'
    method: run
    imports: [wasi:http]
"""
INVALID = "operation failed for entry app:f: failed to unpack function.wasm config: invalid configuration: {text}"
WRONG_TYPE = (
    "operation failed for entry app:f: failed to unpack function.wasm config: failed to unpack wasm config: {text}"
)


def problem(tmp_path: Path, block: str) -> Problem:
    """The one problem of an entry with this block, checked to point at the marker `^` before the culprit."""
    text = HEAD + block
    line, column = text[: text.index("^")].count("\n") + 1, len(text[: text.index("^")].rpartition("\n")[2]) + 1
    file = tmp_path / "_index.yaml"
    file.write_text(text.replace("^", ""), encoding="utf-8")
    registry = read_registry(tmp_path)
    assert registry.problems == []
    (failure,) = Catalog(tmp_path).load(registry.entries.values())
    assert isinstance(failure, ConfigError)
    (found,) = failure.errors
    assert (found.entry, found.severity, found.file) == ("app:f", "error", str(file))
    assert (found.line, found.column) == (line, column)
    return found


@pytest.mark.parametrize(
    ("block", "text", "hint"),
    [
        (
            "    network: {allow: ['https://a.com', ^'ftp://x']}\n",
            'network.allow[1] "ftp://x": unknown scheme "ftp"',
            "use http, https, tcp, udp or listen: https://x",
        ),
        (
            "    network:\n      allow:\n        - https://a.com\n        - all\n        - ^10.0.0.1/8\n",
            'network.allow[2] "10.0.0.1/8": 10.0.0.1/8 has bits set behind its prefix',
            "write 10.0.0.0/8 or 10.0.0.1",
        ),
        (
            '    network:\n      allow: [all]\n      deny:\n        - ^"a*b.com"\n',
            'network.deny[0] "a*b.com": "a*b.com" has a * where none can be',
            "a * stands for a whole host, or for what is below a name: *.example.com",
        ),
        (
            "    network: {deny: [^'x in nowhere'], allow: [all]}\n",
            'network.deny[0] "x in nowhere": "nowhere" behind `in` is no set of addresses',
            "write public, private, loopback, metadata, all, or a block such as 10.0.0.0/8",
        ),
        (
            "    network: {allow: [all, ^'']}\n",
            'network.allow[1] "": the pattern is empty',
            (
                "write scheme://host[:port] (https://api.example.com), *.example.com, a block (10.0.0.0/8), or one of "
                "public, private, loopback, metadata, all"
            ),
        ),
        (
            "    network: {allow: [^host:99999]}\n",
            'network.allow[0] "host:99999": "99999" is no port',
            "ports are 1 to 65535, a range of them (8000-8100), or * for all",
        ),
        (
            "    network: {allow: [é.com, ^https://é.com:9-1]}\n",
            'network.allow[1] "https://é.com:9-1": the ports 9-1 are none',
            "write 1-9",
        ),
        (
            "    network: {deny: [^'[::1']}\n",
            'network.deny[0] "[::1": "[::1" has no ]',
            "write [2001:db8::1]:443",
        ),
    ],
)
def test_wrong_pattern(tmp_path: Path, block: str, text: str, hint: str) -> None:
    """N-5, F-2: with file, line and column of the very item."""
    found = problem(tmp_path, block)
    assert found.message == INVALID.format(text=text)
    assert found.hint == hint


@pytest.mark.parametrize(
    ("block", "text", "hint"),
    [
        (
            "    network: ^foo\n",
            "network: expected map, got string 'foo'",
            'write it as network: {allow: ["https://api.example.com"]}',
        ),
        (
            "    ^network: [x]\n",
            "network: expected map, got list",
            'write it as network: {allow: ["https://api.example.com"]}',
        ),
        (
            "    network: ^true\n",
            "network: expected map, got bool",
            'write it as network: {allow: ["https://api.example.com"]}',
        ),
        (
            "    network: {allow: ^x}\n",
            "network.allow: expected list, got string 'x'",
            'write it as allow: ["https://api.example.com"]',
        ),
        (
            "    network: {^allow: {x: y}}\n",
            "network.allow: expected list, got map",
            'write it as allow: ["https://api.example.com"]',
        ),
        (
            "    network: {deny: ^5}\n",
            "network.deny: expected list, got integer 5",
            'write it as deny: ["*.example.com"]',
        ),
        ("    network: {allow: [all, ^5]}\n", "network.allow[1]: expected string, got integer 5", "put it in quotes"),
        ("    network: {allow: [^127.1]}\n", "network.allow[0]: expected string, got float 127.1", "put it in quotes"),
        ("    network: {allow: [^null]}\n", "network.allow[0]: expected string, got null", "put it in quotes"),
    ],
)
def test_wrong_type(tmp_path: Path, block: str, text: str, hint: str) -> None:
    """F-3."""
    found = problem(tmp_path, block)
    assert found.message == WRONG_TYPE.format(text=text)
    assert found.hint == hint


@pytest.mark.parametrize("block", ["[^host: 80]", "[^[x.com]]"])
def test_an_item_that_is_no_text_gets_a_hint(tmp_path: Path, block: str) -> None:
    """F-3: `host: 80` is a map of YAML, which is easily written for `host:80`."""
    assert problem(tmp_path, f"    network: {{allow: {block}}}\n").hint


@pytest.mark.parametrize(
    "block",
    [
        "    network:\n      allow:\n        - ^*.example.com\n",
        "    network: {allow: [^*.example.com]}\n",
        "    network:\n      deny:\n        - all\n        - ^*\n",
    ],
)
def test_a_star_that_is_not_quoted(tmp_path: Path, block: str) -> None:
    """N-5: it begins an alias of YAML; the user is told to quote it."""
    text = HEAD + block
    (tmp_path / "_index.yaml").write_text(text.replace("^", ""), encoding="utf-8")
    (found,) = read_registry(tmp_path).problems
    assert found.line == text[: text.index("^")].count("\n") + 1
    assert "quote" in found.hint
    assert '"*' in found.hint


def test_a_project_with_a_wrong_pattern_does_not_load(tmp_path: Path) -> None:
    """N-5: at load, not at the first request."""
    (tmp_path / "_index.yaml").write_text(f"{HEAD}    network: {{allow: ['ftp://x']}}\n")
    with pytest.raises(ConfigError, match=r'network\.allow\[0\] "ftp://x": unknown scheme "ftp"'):
        Runtime.load(tmp_path)


@pytest.mark.parametrize("pattern", ["ftp://x", "\ud800"])
def test_an_added_function_with_a_wrong_pattern(rt: Runtime, pattern: str) -> None:
    """N-5."""
    with pytest.raises(ConfigError, match=r"network\.deny\[1\]"):
        rt.add_wasm("app:f", b"\0asm", "run", imports=["wasi:http"], network={"deny": ["all", pattern]})


def warnings(tmp_path: Path, fields: str, severity: str = "warning") -> list[tuple[int | None, str, str]]:
    """Line below the entry's own, text and hint of what `check` says of a text guest with these fields."""
    entry = "namespace: app\nname: f\nkind: function.wat\nmethod: run\nwit: 'run: func();'\n"
    source = "source: '(module (func (export \"run\")))'\n"
    (tmp_path / "_index.yaml").write_text(f"{entry}{source}{fields}")
    problems = check_project(tmp_path)
    assert all((problem.entry, problem.severity) == ("app:f", severity) for problem in problems)
    return [((problem.line or 0) - 6, problem.message, problem.hint) for problem in problems]


@pytest.mark.parametrize("block", ["allow: [x.com]", "deny: [x.com]"])
@pytest.mark.parametrize("imports", ["", "imports: [wasi:io, wasi:cli]\n"])
def test_without_a_group_it_has_no_effect(tmp_path: Path, block: str, imports: str) -> None:
    """N-1."""
    ((line, text, hint),) = warnings(tmp_path, f"{imports}network: {{{block}}}\n")
    assert line == (2 if imports else 1)
    assert text == "network has no effect: the entry declares neither wasi:http nor wasi:sockets"
    assert hint == "declare one of them in imports, or remove it"


@pytest.mark.parametrize("block", ["{}", "null", "{deny: []}"])
def test_an_empty_block_is_none(tmp_path: Path, block: str) -> None:
    assert warnings(tmp_path, f"network: {block}\n") == []


@pytest.mark.parametrize("block", ["{allow: []}", "{allow: null, deny: []}"])
def test_an_empty_list_opens_what_is_public(tmp_path: Path, block: str) -> None:
    """N-2: whoever empties a list may mean the opposite."""
    (row,) = warnings(tmp_path, f"network: {block}\n")
    assert row[1:] == ("network.allow is empty, which opens public addresses", "to open nothing, write deny: [all]")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("alow", 'did you mean "allow"?'),
        ("hosts", "the fields are allow and deny"),
        ("ca", "it belongs to the operator: Runtime(network=NetworkPolicy(ca=...))"),
    ],
)
def test_a_field_nothing_reads_is_an_error(tmp_path: Path, name: str, hint: str) -> None:
    """N-1: a list that is not read opens more than one that is."""
    (row,) = warnings(tmp_path, f"network:\n  {name}: [x.com]\n", severity="error")
    assert row[0] == 2
    assert row[1].endswith(f"unknown field network.{name}")
    assert row[2] == hint


def test_unknown_field(tmp_path: Path) -> None:
    """R-21."""
    (row,) = warnings(tmp_path, "newtork: {allow: [x.com]}\n")
    assert row == (1, "unknown field newtork, nothing reads it", 'did you mean "network"?')
