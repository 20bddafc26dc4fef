"""Large and wrong registries end soon: no step may look at all entries for each entry."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from wippy_native.catalog import Catalog
from wippy_native.registry import read_registry

COUNT = 5000
SHAPES = {
    "variables of one storage": "- {{name: v{i}, kind: env.variable, variable: V{i}, storage: n:s}}\n",
    "routers in a chain": "- {{name: v{i}, kind: env.storage.router, storages: [n:v{j}]}}\n",
    "missing filesystems": "- {{name: v{i}, kind: function.wasm, fs: n:gone{i}, path: p, hash: h, method: m}}\n",
    "functions": "- {{name: v{i}, kind: function.wasm, fs: n:d, path: p, hash: h, method: m}}\n",
    "unknown imports": "- {{name: v{i}, kind: function.wat, source: s, method: m, imports: [wasi:xy{i}]}}\n",
    "directories": "- {{name: v{i}, kind: fs.directory, directory: .}}\n",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_time_grows_with_the_number_of_entries(tmp_path: Path, shape: str) -> None:
    lines = "".join(SHAPES[shape].format(i=i, j=i + 1) for i in range(COUNT))
    fixed = "- {name: s, kind: env.storage.os}\n- {name: d, kind: fs.directory, directory: .}\n"
    (tmp_path / "a.yaml").write_text(f"namespace: n\nentries:\n{fixed}{lines}")
    start = time.process_time()
    registry = read_registry(tmp_path)
    Catalog(tmp_path).load(registry.entries.values())
    assert len(registry.entries) == COUNT + 2
    assert time.process_time() - start < 8
