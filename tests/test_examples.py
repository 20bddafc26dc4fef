"""The examples run, and print what their pages say."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
PAGES = sorted(EXAMPLES.glob("*/README.md"))


@pytest.fixture(scope="module", autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One compile cache for the module's processes, so that large guests compile once whatever the user's cache is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def run(*arguments: str) -> tuple[int, str]:
    """The exit code of a Python command in the examples' folder, and all that it prints."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, *arguments], cwd=EXAMPLES, capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


def console_lines(page: Path) -> list[tuple[str, str]]:
    """Each `$` command of a page, with what it prints."""
    text = "\n".join(re.findall(r"^```console\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL))
    return [
        (command, expected.strip())
        for command, _, expected in (part.partition("\n") for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:])
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_pages_show_what_commands_print(page: Path) -> None:
    lines = console_lines(page)
    assert lines
    for command, expected in lines:
        program, *arguments = shlex.split(command)
        assert program == "wippy-native"
        _, printed = run("-m", "wippy_native", *arguments)
        if expected.endswith("\n..."):
            printed = printed[: len(expected) - 3] + "..."
        assert printed.strip() == expected


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_registries_have_no_errors(page: Path) -> None:
    code, printed = run("-m", "wippy_native", "-C", page.parent.name, "check")
    assert code == 0, printed


def test_quickstart(tmp_path: Path) -> None:
    """Every kind of file it tells apart, each with figures anybody can count."""
    sources = {
        "a.py": "import unittest\n",
        "b.py": "class B:\n    # one\n    pass\n",
        "c.py": "def c(): ...\n",
        "d.py": "D = 1\n\n",
        "e.py": "def (\n",
    }
    for name, source in sources.items():
        (tmp_path / name).write_text(source)
    code, printed = run("quickstart/run.py", str(tmp_path))
    assert code == 0, printed
    rows = [line.split() for line in printed.splitlines() if line]
    assert sorted(rows[1:-1]) == [
        ["classes", "1", "3", "5", "1"],
        ["data", "1", "2", "3", "0"],
        ["functions", "1", "1", "3", "0"],
        ["not", "parsed", "1", "0", "0", "0"],
        ["tests", "1", "1", "2", "0"],
    ]
    assert rows[-1][:3] == ["5", "files", "in"]


def test_quickstart_on_the_standard_library() -> None:
    code, printed = run("quickstart/run.py", "--limit", "50")
    assert code == 0, printed
    assert re.search(r"^50 files in [\d.]+ s$", printed, re.MULTILINE), printed


def test_lua_between_guests_and_python() -> None:
    """What the script prints begins as its page shows."""
    code, printed = run("lua/run.py")
    assert code == 0, printed
    shown = (EXAMPLES / "lua/README.md").read_text().split("```\n")[-2]
    assert printed.startswith(shown), printed
    assert "{'198.51.100.23': 5, '203.0.113.77': 9, '192.0.2.64': 17}" in printed
    assert "Invalid: app:page: not a report: " in printed
