"""The committed guests are the ones that were recorded, built from the sources beside them."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

GUESTS = Path(__file__).parent / "guests"

spec = importlib.util.spec_from_file_location("guests_build", GUESTS / "build.py")
build = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = build
spec.loader.exec_module(build)


@pytest.mark.parametrize("name", build.GUESTS)
def test_guest_is_the_recorded_build_of_its_sources(name):
    assert list(build.problems([name])) == []


def test_every_built_file_has_a_recipe():
    assert {path.stem for path in build.BUILT.glob("*.wasm")} == set(build.GUESTS)
    assert set(json.loads(build.HASHES.read_text())) == set(build.GUESTS)


def test_text_guests_begin_with_their_signatures():
    for path in (GUESTS / "wat").glob("*.wat"):
        assert path.read_text().startswith(";; "), path.name
