"""What all tests share: projects made of text, and runtimes that are closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from wippy_native import Runtime

# A busy machine is no failure of the code.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")

pytest_plugins = ["servers.fixtures"]

WriteProject = Callable[[str], Path]
MakeRuntime = Callable[..., Runtime]


@pytest.fixture
def project(tmp_path: Path) -> WriteProject:
    """Write the given entries, as the list items of one file, and give the project's directory."""

    def write(entries: str, *, name: str = "_index.yaml") -> Path:
        (tmp_path / name).write_text(f"namespace: app\nentries:\n{entries}", encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture(scope="session", autouse=True)
def _compile_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep compiled guests with the run's other files: large ones compile once, and the user's cache stays as it is."""
    base = tmp_path_factory.getbasetemp()
    # Under xdist each worker's base is a folder of the run's.
    shared = base.parent if base.name.startswith("popen-") else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(shared / "cache"))
        yield


@pytest.fixture
def make_runtime() -> Iterator[MakeRuntime]:
    """Make runtimes that are closed when the test ends; takes the options of `Runtime`."""
    made: list[Runtime] = []

    def make(**options: Any) -> Runtime:
        made.append(Runtime(**options))
        return made[-1]

    yield make
    for runtime in made:
        runtime.close(wait=0)


@pytest.fixture
def rt(make_runtime: MakeRuntime) -> Runtime:
    """An empty runtime."""
    return make_runtime()
