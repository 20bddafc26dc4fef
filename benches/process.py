"""Figures of whole processes: import, loading, memory. Each is taken in a process of its own.

`python -m benches.process` prints one JSON object a figure; with the name of a scene it plays that scene here.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GUESTS = ROOT / "tests" / "guests"
PYGUEST = GUESTS / "built" / "pyguest.wasm"
ENTRIES = 100
MB = 1e6

Figure = tuple[str, float, str]


def resident() -> float:
    """Megabytes of this process in memory, shared libraries included."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / MB


def large_project(directory: Path) -> None:
    """A project with the componentize-py guest, hash and all."""
    content = PYGUEST.read_bytes()
    (directory / "guest.wasm").write_bytes(content)
    (directory / "_index.yaml").write_text(
        "namespace: bench\nentries:\n"
        "  - {name: version, kind: function.wasm, fs: bench:here, path: /guest.wasm, method: version,\n"
        f"     hash: 'sha256:{hashlib.sha256(content).hexdigest()}', imports: [wasi:cli]}}\n"
        "  - {name: here, kind: fs.directory, directory: .}\n",
        encoding="utf-8",
    )


def small_project(directory: Path) -> None:
    """A project with 100 functions, each with a module of its own."""
    text = (GUESTS / "wat" / "echo.wat").read_text(encoding="utf-8")
    entries = ["namespace: bench\nentries:\n"]
    for number in range(ENTRIES):
        (directory / f"echo{number}.wat").write_text(f";; {number}\n{text}", encoding="utf-8")
        entries.append(
            f"  - {{name: echo{number}, kind: function.wat, source: 'file://echo{number}.wat', method: echo}}\n"
        )
    (directory / "_index.yaml").write_text("".join(entries), encoding="utf-8")


# Scenes: each runs in a new process and prints its figures.


def scene_import(_project: Path, _cache: Path) -> Iterator[Figure]:
    start = time.perf_counter()
    import wippy_native

    yield "import wippy_native", (time.perf_counter() - start) * 1e3, "ms"
    getattr(wippy_native, "Runtime")  # noqa: B009 - public names are loaded when they are first used
    yield "import wippy_native and use Runtime", (time.perf_counter() - start) * 1e3, "ms"
    yield "resident: the package imported, nothing loaded", resident(), "MB"


def scene_first_load(project: Path, cache: Path) -> Iterator[Figure]:
    yield "first load: it is compiled", _load(project, cache), "ms"


def scene_second_load(project: Path, cache: Path) -> Iterator[Figure]:
    yield "second load of an 18 MB component, registry and all", _load(project, cache), "ms"
    yield "the same, loaded again in the same process", _load(project, cache), "ms"
    content = PYGUEST.read_bytes()
    start = time.perf_counter()
    hashlib.sha256(content).digest()
    yield "hashing its bytes", (time.perf_counter() - start) * 1e3, "ms"


def scene_compiled_memory(project: Path, cache: Path) -> Iterator[Figure]:
    import wippy_native

    with wippy_native.Runtime.load(project, cache_dir=cache):
        yield "resident: 100 small entries, just compiled, idle", resident(), "MB"


def scene_cached_memory(project: Path, cache: Path) -> Iterator[Figure]:
    import wippy_native

    with wippy_native.Runtime.load(project, cache_dir=cache) as runtime:
        yield "resident: 100 small entries, loaded from the cache, idle", resident(), "MB"
        for number in range(ENTRIES):
            runtime.call(f"bench:echo{number}", "text")
        yield "resident: each of the 100 called once", resident(), "MB"


def _load(project: Path, cache: Path) -> float:
    """Milliseconds until a project's functions can be called; the import is not counted."""
    from wippy_native import Runtime

    start = time.perf_counter()
    runtime = Runtime.load(project, cache_dir=cache)
    took = time.perf_counter() - start
    runtime.close()
    return took * 1e3


SCENES = {
    "import": scene_import,
    "first-load": scene_first_load,
    "second-load": scene_second_load,
    "compiled-memory": scene_compiled_memory,
    "cached-memory": scene_cached_memory,
}


def figures(repeat: int) -> Iterator[dict[str, object]]:
    """Every figure, each `repeat` times in new processes but for the compilations."""
    with tempfile.TemporaryDirectory() as name:
        large, small = Path(name, "large"), Path(name, "small")
        caches = {path: Path(name, f"{path.name}-cache") for path in (large, small)}
        for path in (large, small, *caches.values()):
            path.mkdir(mode=0o700)
        large_project(large)
        small_project(small)
        plan = [("import", small, repeat), ("first-load", large, 1), ("second-load", large, repeat)]
        plan += [("compiled-memory", small, 1), ("cached-memory", small, repeat)]
        for scene, project, times in plan:
            for _ in range(times):
                yield from _play(scene, project, caches[project])


def _play(scene: str, project: Path, cache: Path) -> list[dict[str, object]]:
    command = [sys.executable, "-m", "benches.process", scene, str(project), str(cache)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, check=False)  # noqa: S603 - ourselves
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    return [json.loads(line) for line in done.stdout.splitlines()]


def main(words: list[str]) -> None:
    if words:
        scene, project, cache = words
        found: Iterator[dict[str, object]] = (
            {"figure": figure, "value": value, "unit": unit}
            for figure, value, unit in SCENES[scene](Path(project), Path(cache))
        )
    else:
        found = figures(repeat=3)
    for line in found:
        sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
