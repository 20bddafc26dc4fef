"""What all tests share: projects made of text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

WriteProject = Callable[[str], Path]


@pytest.fixture
def project(tmp_path: Path) -> WriteProject:
    """Write the given entries, as the list items of one file, and give the project's directory."""

    def write(entries: str, *, name: str = "_index.yaml") -> Path:
        (tmp_path / name).write_text(f"namespace: app\nentries:\n{entries}", encoding="utf-8")
        return tmp_path

    return write
