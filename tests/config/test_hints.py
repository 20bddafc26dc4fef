"""What is wrong with a field is said by the rules' own texts; hints show the form it should have: F-3, R-36."""

from __future__ import annotations

from pathlib import Path

import pytest

from wippy_native.check import check_project
from wippy_native.cli import _fail

FUNCTION = "name: f, kind: function.wat, source: (module), method: run"
CASES = [
    (f"{FUNCTION}, pool: lazy", "write it as pool: {type: lazy}"),
    (f"{FUNCTION}, limits: 64MB", "write it as limits: {max_memory_bytes: 67108864}"),
    (f"{FUNCTION}, limits: {{max_memory_bytes: 64MB}}", "write the number of bytes: 67108864"),
    (f"{FUNCTION}, limits: {{max_execution_ms: 5s}}", "write the number of milliseconds: 5000"),
    (f"{FUNCTION}, wasi: {{env: {{A: b}}}}", "env: [{id: namespace:name, name: NAME}]; values are those of env.var"),
    (f"{FUNCTION}, wasi: {{env: [A=b]}}", "write it as {id: namespace:name, name: NAME}"),
    (f"{FUNCTION}, wasi: {{mounts: {{a: /b}}}}", "write it as mounts: [{fs: namespace:name, guest: /data}]"),
    (f"{FUNCTION}, imports: 'wasi:cli'", "write it as a list: [wasi:cli]"),
    ("name: f, kind: fs.directory, directory: ., mode: 0999", 'mode is "0999"; use octal digits, 0 to 7'),
    ("name: f, kind: fs.directory, directory: ~/data", "~ and $NAME are not replaced here"),
    ("name: f, kind: fs.directory, directory: $HOME/data", "~ and $NAME are not replaced here"),
    ("name: f, kind: env.variable, storage: e", 'storage is "e"; write the whole id: "app:e"'),
    ("name: f, kind: env.storage.static, values: A=b", "write it as values: {NAME: value}"),
]


@pytest.mark.parametrize(("entry", "hint"), CASES)
def test_hint(tmp_path: Path, entry: str, hint: str) -> None:
    (tmp_path / "a.yaml").write_text(f"namespace: app\nentries:\n  - {{{entry}}}\n")
    (problem,) = check_project(tmp_path)
    assert (problem.severity, problem.entry) == ("error", "app:f")
    assert hint in problem.hint


@pytest.mark.parametrize("text", ["  - name: f\n\tkind: x\n", "\t- name: f\n", "  - name: f\n  \tkind: x\n"])
def test_tabs_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(f"namespace: app\nentries:\n{text}")
    (problem,) = check_project(tmp_path)
    assert problem.hint == "this line is indented with tabs; YAML allows spaces only"


def test_what_was_cut_keeps_its_dots(capsys: pytest.CaptureFixture[str]) -> None:
    """C-17: an error ends without a full stop, unless the dots say that there is more."""
    assert (_fail("the exports are a, b, ...", 1), _fail("no such file.", 1)) == (1, 1)
    assert capsys.readouterr().err == "error: the exports are a, b, ...\nerror: no such file\n"
