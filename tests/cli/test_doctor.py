"""`wippy-native doctor`: what it says of the compile cache and of the room for instances."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import processes

from wippy_native.cli import main


def line_of(name: str, report: str) -> str:
    (line,) = [line for line in report.splitlines() if line.startswith(name)]
    return line.removeprefix(name).strip()


def cache_line(capfd: pytest.CaptureFixture[str]) -> str:
    assert main(["doctor"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    return line_of("compile cache", out)


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


LIMITED = """
import resource, sys
from wippy_native.cli import main
size = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (size, size))
main(["doctor", *sys.argv[2:]])
"""


def doctor_within(address_space: int, *options: str) -> str:
    """The report of a process whose address space is limited to so many bytes."""
    pytest.importorskip("resource")
    return processes.run(LIMITED, str(address_space), *options, prelude=False).check().out


def test_room_that_the_address_space_limits() -> None:
    room = line_of("max instances", doctor_within(1 << 40))
    assert room.startswith("100 (a larger pool could not be made: ")
    assert room.endswith("the address space is limited to 1048576 MiB (ulimit -v))")


def test_no_pool_in_a_small_address_space() -> None:
    report = json.loads(doctor_within(8 << 30, "--json"))
    assert (report["allocator"], report["max_instances"]) == ("on-demand", 100)
    assert report["keep_resident_bound_bytes"] == 0
    assert "ulimit -v" in report["max_instances_reason"]


def test_what_the_pool_keeps_resident_is_bounded(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    least = report["max_instances"] * report["keep_resident_bytes"]
    assert least <= report["keep_resident_bound_bytes"] <= 4 * least + (1 << 30)
