"""`wippy-native doctor`: what it says of the compile cache."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wippy_native.cli import main


def cache_line(capfd: pytest.CaptureFixture[str]) -> str:
    assert main(["doctor"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    (line,) = [line for line in out.splitlines() if line.startswith("compile cache")]
    return line.removeprefix("compile cache").strip()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "wippy_native" / "modules"


def test_a_new_cache(cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cache_line(capfd) == f"{cache}, 0 files, 0.0 MB"


def test_a_cache_that_others_can_write_to(cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cache.mkdir(parents=True)
    cache.chmod(0o755)
    assert cache_line(capfd) == f"not used, {cache} must belong to you with mode 0700"
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["cache_used"] is False


def test_no_cache(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME")
    assert cache_line(capfd).startswith("not used, this user has no cache directory")
