"""The public surface: every name is there, the core is imported in one place, nothing else is public."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import wippy_native as wippy

PACKAGE = Path(wippy.__file__).parent


def test_every_public_name_is_there() -> None:
    for name in wippy.__all__:
        assert getattr(wippy, name) is not None
    assert set(wippy.__all__) <= set(dir(wippy))


def test_public_names_are_documented() -> None:
    for name in wippy.__all__:
        if name != "__version__":
            assert getattr(wippy, name).__doc__, name


def test_only_the_border_imports_the_core() -> None:
    """Elsewhere the core may be named for type checkers only."""
    for file in PACKAGE.rglob("*.py"):
        imports = re.findall(r"^(?:from|import) .*\b_core\b", file.read_text(), re.MULTILINE)
        assert not imports or file.name == "_border.py", file


def test_pure_parts_do_not_load_the_core() -> None:
    script = (
        "import sys, wippy_native; from wippy_native import Limits, RegistryError, Entry; "
        "import wippy_native.catalog, wippy_native.cli; sys.exit('wippy_native._core' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0  # noqa: S603


def test_modules_stay_small() -> None:
    """A file over 400 lines has more than one idea."""
    for file in PACKAGE.rglob("*.py"):
        assert len(file.read_text().splitlines()) < 400, file
