"""README and documentation are true: examples run, commands exist, links lead somewhere, rules are written down."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
from pathlib import Path

import pytest

import wippy_native as wippy
from wippy_native.cli import main

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
DOCTESTS = [page for page in sorted(ROOT.glob("docs/*.md")) if ">>>" in page.read_text()]
RULE = r"\b([RKFVHPLWCXB])-(\d+)([a-z]?)\b"


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Examples are written for the repository's root; one compile cache serves them all."""
    monkeypatch.chdir(ROOT)
    cache = tmp_path_factory.getbasetemp() / "readme-cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in one language, "" for those that name none."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return [block for name, block in found if name == language]


def test_example_prints_what_is_shown() -> None:
    (code,) = blocks(README, "python")
    (shown,) = (block for block in blocks(README, "") if "Error" in block)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(wippy.ArgumentError) as raised:
        exec(compile(code, README.name, "exec"), {"__name__": "readme"})  # noqa: S102 - the page's own example
    error = f"{type(raised.value).__module__}.{type(raised.value).__qualname__}: {raised.value}\n"
    assert printed.getvalue() + error == shown


def test_command_prints_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = blocks(README, "console")
    command, _, expected = block.removeprefix("$ ").partition("\n")
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out == expected


def test_registry_shown_is_valid(tmp_path: Path) -> None:
    (entries,) = blocks(README, "yaml")
    (tmp_path / "_index.yaml").write_text(entries)
    (tmp_path / "modules").symlink_to(ROOT / "tests/guests/built")
    with wippy.Runtime.load(tmp_path) as runtime:
        assert runtime.call("app:count", "one two")["words"] == 2


def test_commands_of_the_readme() -> None:
    install_and_run, install_and_test = re.findall(r"^    (pip install .*)$", README.read_text(), re.MULTILINE)
    assert install_and_run == "pip install . && python examples/quickstart/run.py"
    assert install_and_test == "pip install '.[test]' && python -m pytest"
    steps = [line.removeprefix("step ") for line in (ROOT / ".ci/run").read_text().splitlines()]
    for command in install_and_test.split(" && "):
        assert command in [step.replace("--quiet ", "") for step in steps]


@pytest.mark.parametrize("page", DOCTESTS, ids=lambda page: page.name)
def test_examples_of_the_documentation(page: Path) -> None:
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks(page, "python")), {}, page.name, str(page), 0)
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(examples, out=report.write)
    assert runner.failures == 0, report.getvalue()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text()):
        linked = page.parent / target if target else page
        assert linked.exists(), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_named_exist(page: Path) -> None:
    """Paths in running text, as seen from the root, the package or a crate."""
    places = [ROOT, page.parent, ROOT / "python/wippy_native", *ROOT.glob("rust/*/src")]
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for name in re.findall(r"`([\w./-]+/?[\w-]+\.(?:py|rs|pyi|md))`", text):
        assert any((place / name).exists() for place in places), f"{page.name}: {name}"


def sources() -> list[Path]:
    kinds = ("python/**/*.py", "python/**/*.pyi", "rust/**/*.rs", "tests/**/*.py", "benches/**/*.py")
    return [path for kind in kinds for path in sorted(ROOT.glob(kind)) if "target" not in path.parts]


def rules(text: str) -> set[str]:
    """The ids in a text, ranges such as "F-20 to F-26" and "P-15, P-16" included."""
    found = {"".join((letter, "-", number, suffix)) for letter, number, suffix in re.findall(RULE, text)}
    for letter, first, last in re.findall(r"\b([RKFVHPLWCXB])-(\d+) to \1-(\d+)\b", text):
        found |= {f"{letter}-{number}" for number in range(int(first), int(last) + 1)}
    return found


def test_rules_cited_are_written_down() -> None:
    written = rules("\n".join(page.read_text() for page in ROOT.glob("docs/behaviour/*.md")))
    written |= rules((ROOT / "docs/behaviour.md").read_text())
    for source in sources():
        cited = {f"{letter}-{number}{suffix}" for letter, number, suffix in re.findall(RULE, source.read_text())}
        assert cited <= written, f"{source.relative_to(ROOT)}: {sorted(cited - written)}"


def test_sections_cited_are_written_down() -> None:
    index = (ROOT / "docs/behaviour.md").read_text()
    for source in sources():
        for section in re.findall(r"\b0\d §[\d.]*\d", source.read_text()):
            assert f"`{section}`" in index, f"{source.relative_to(ROOT)}: {section}"
