"""Rebuild the guests under `built/` and record what they were built from.

    python tests/guests/build.py [NAME...] [--work DIR]    rebuild all, or the named ones
    python tests/guests/build.py --check [NAME...]         compare files and recipes with HASHES.json

Rebuilding needs the toolchain of the guest's language (README.md lists them); `--check` needs nothing.
Each guest is built in a copy of its sources, beside a `wit/` folder put together from our own WIT and, where it is
needed, the WASI 0.2 WIT that the locked crates of wasmtime ship. So no WASI WIT is kept in this repository.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILT = HERE / "built"
HASHES = HERE / "HASHES.json"

RUSTC = os.environ.get("GUEST_RUSTC", "/usr/bin/rustc")
CARGO = os.environ.get("GUEST_CARGO", "/usr/bin/cargo")
WASM_LD = os.environ.get("GUEST_WASM_LD", "wasm-ld-22")
# A Python that has ziglang and componentize-py installed.
PYTHON = os.environ.get("GUEST_PYTHON", sys.executable)

# The crates that ship WASI's WIT, with its folder in each. The second one has `wasi:http` as well.
WASI = "wasmtime-wasi"
WASI_HTTP = "wasmtime-wasi-http"
WASI_WIT = {WASI: "src/p2/wit/deps", WASI_HTTP: "wit/deps"}


@dataclass(frozen=True)
class Guest:
    """What one built file is made of.

    `sources` and `wit` are folders or files below this one, `wasi` the crate whose WIT is put beside them.
    """

    build: Callable[[str, Path, Path], dict[str, str]]
    sources: tuple[str, ...]
    wit: tuple[str, ...]
    wasi: str | None = None


def run(*command: str | Path, cwd: Path | None = None, **env: str) -> str:
    """Run a command with extra environment variables; its stdout."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **env},
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    )
    return done.stdout


# Recipes: (guest name, stage folder, output file) -> versions of the tools that were used.


def build_rust(name: str, stage: Path, out: Path) -> dict[str, str]:
    flags = [f"--remap-path-prefix={old}={new}" for old, new in path_names(stage).items()]
    run(
        CARGO, "build", "--release", "--locked", "--target", "wasm32-unknown-unknown",
        "-Zbuild-std=std,panic_abort", "-p", f"guest-{name}",
        cwd=stage / "rust",
        RUSTC=RUSTC,
        RUSTC_BOOTSTRAP="1",
        CARGO_TARGET_DIR=str(stage.parent / "target-rust"),
        CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=WASM_LD,
        CARGO_ENCODED_RUSTFLAGS="\x1f".join(flags),
    )  # fmt: skip
    module = stage.parent / "target-rust/wasm32-unknown-unknown/release" / f"{name}.wasm"
    guest_tool(stage, "component", module, out)
    return {"rustc": run(RUSTC, "--version").strip(), "wit-bindgen": locked(HERE / "rust/Cargo.lock", "wit-bindgen")}


def path_names(stage: Path) -> dict[str, str]:
    """What stands in a guest for the folders of this machine, in the messages of panics; the last match counts."""
    rust = Path(run(RUSTC, "--print", "sysroot").strip(), "lib/rustlib/src/rust")
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    crates = sorted((home / "registry/src").glob("*"))
    return {str(rust): "rust", str(rust.resolve()): "rust", str(stage): "guest"} | {str(c): "crates" for c in crates}


def build_c(name: str, stage: Path, out: Path) -> dict[str, str]:
    folder = stage / "c" / name
    guest_tool(stage, "c-bindings", folder / "wit", name, folder)
    run(
        PYTHON, "-m", "ziglang", "cc", "-target", "wasm32-wasi", "-Os", "-g0", "-mexec-model=reactor", "-Wl,--strip-debug",
        "-o", f"{name}.core.wasm", f"{name}_guest.c", f"{name}.c", f"{name}_component_type.o",
        cwd=folder,
    )  # fmt: skip
    guest_tool(stage, "component", folder / f"{name}.core.wasm", out, "reactor")
    tool_lock = HERE / "tools/guest-tool/Cargo.lock"
    return {
        "zig": run(PYTHON, "-m", "ziglang", "version").strip(),
        "wit-bindgen-c": locked(tool_lock, "wit-bindgen-c"),
        "preview 1 adapter": locked(tool_lock, "wasi-preview1-component-adapter-provider"),
    }


def build_python(name: str, stage: Path, out: Path) -> dict[str, str]:
    folder = stage / "python" / name
    run(
        PYTHON, "-c", "import sys; from componentize_py import script; sys.exit(script())",
        "-d", "wit", "-w", name, "componentize", "app", "-o", out,
        cwd=folder,
    )  # fmt: skip
    version = "from importlib.metadata import version; print(version('componentize-py'))"
    return {"componentize-py": run(PYTHON, "-c", version).strip()}


def build_js(name: str, stage: Path, out: Path) -> dict[str, str]:
    folder = stage / "js" / name
    # No lock file: npm writes one of 250 packages that `npm ci` then refuses, for its optional platform packages.
    run("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", cwd=folder)
    run("node", "componentize.mjs", out, cwd=folder)
    versions = {
        package: json.loads((folder / "node_modules/@bytecodealliance" / package / "package.json").read_text())["version"]
        for package in ("componentize-js", "jco")
    }
    return {"node": run("node", "--version").strip(), **versions}


GUESTS = {
    "types": Guest(build_rust, ("rust/Cargo.toml", "rust/Cargo.lock", "rust/types"), ("types",)),
    "hostuse": Guest(
        build_rust, ("rust/Cargo.toml", "rust/Cargo.lock", "rust/hostuse"), ("hostuse", "runtime"), wasi=WASI
    ),
    "netuse": Guest(build_rust, ("rust/Cargo.toml", "rust/Cargo.lock", "rust/netuse"), ("netuse",), wasi=WASI_HTTP),
    "command": Guest(build_rust, ("rust/Cargo.toml", "rust/Cargo.lock", "rust/command"), ("command",), wasi=WASI),
    "textstat": Guest(build_c, ("c/textstat",), ("textstat",)),
    "pyguest": Guest(build_python, ("python/pyguest",), ("pyguest", "runtime")),
    "jsguest": Guest(build_js, ("js/jsguest",), ("jsguest",)),
    "jsfetch": Guest(build_js, ("js/jsfetch",), ("jsfetch",)),
}


# Staging.


def prepare(name: str, guest: Guest, work: Path) -> Path:
    """Copy the guest's sources to a stage folder and put its WIT beside them."""
    stage = work / "stage"
    language = guest.sources[0].split("/")[0]
    shutil.rmtree(stage, ignore_errors=True)
    shutil.copytree(HERE / language, stage / language, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    # Cargo loads every member of the workspace, so each needs no more than to be there; only this one needs WIT.
    wit = stage / language / name / "wit"
    shutil.copytree(HERE / "wit" / guest.wit[0], wit)
    for package in guest.wit[1:]:
        shutil.copytree(HERE / "wit" / package, wit / "deps" / package)
    if guest.wasi:
        shutil.copytree(wasi_wit(guest.wasi), wit / "deps", dirs_exist_ok=True)
    return stage


def wasi_wit(crate: str) -> Path:
    metadata = json.loads(run("cargo", "metadata", "--format-version", "1", "--locked", cwd=HERE.parents[1]))
    (manifest,) = (p["manifest_path"] for p in metadata["packages"] if p["name"] == crate)
    return Path(manifest).parent / WASI_WIT[crate]


def guest_tool(stage: Path, *args: str | Path) -> None:
    manifest = HERE / "tools/guest-tool/Cargo.toml"
    target = str(stage.parent / "target-tool")
    run(
        "cargo", "run", "--release", "--locked", "--quiet", "--manifest-path", manifest, "--", *args,
        CARGO_TARGET_DIR=target,
    )  # fmt: skip


def locked(lock: Path, package: str) -> str:
    """The version of a package in a Cargo.lock."""
    lines = iter(lock.read_text().splitlines())
    for line in lines:
        if line == f'name = "{package}"':
            return next(lines).split('"')[1]
    raise LookupError(f"{package} is not in {lock}")


# Hashes.


def input_files(guest: Guest) -> Iterator[Path]:
    for entry in (*guest.sources, *(f"wit/{package}" for package in guest.wit)):
        path = HERE / entry
        if path.is_file():
            yield path
        else:
            yield from (p for p in path.rglob("*") if p.is_file() and not {"node_modules", "__pycache__"} & {*p.parts})


def inputs_hash(guest: Guest) -> str:
    """One hash over the names and contents of everything of ours that goes into a guest."""
    whole = hashlib.sha256()
    for path in sorted(input_files(guest)):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{path.relative_to(HERE).as_posix()} {content}\n".encode())
    return whole.hexdigest()


def file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def problems(names: list[str]) -> Iterator[str]:
    """What does not fit HASHES.json, one line each."""
    recorded = json.loads(HASHES.read_text())
    for name in names:
        path = BUILT / f"{name}.wasm"
        if name not in recorded:
            yield f"{name}: not in {HASHES.name}"
        elif not path.is_file():
            yield f"{name}: {path.name} is missing"
        elif file_hash(path) != recorded[name]["sha256"]:
            yield f"{name}: {path.name} is not the file that was recorded"
        elif inputs_hash(GUESTS[name]) != recorded[name]["inputs"]:
            yield f"{name}: its sources changed since it was built"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(GUESTS))
    parser.add_argument("--check", action="store_true", help="compare, build nothing")
    parser.add_argument("--work", type=Path, default=HERE / ".work", help="folder for stages and build caches")
    args = parser.parse_args()
    if unknown := set(args.names) - set(GUESTS):
        parser.error(f"no guest named {', '.join(sorted(unknown))}")
    names = args.names or list(GUESTS)

    if args.check:
        found = list(problems(names))
        print(*found, sep="\n", end="\n" if found else "")
        return 1 if found else 0

    recorded = json.loads(HASHES.read_text()) if HASHES.exists() else {}
    BUILT.mkdir(exist_ok=True)
    for name in names:
        guest = GUESTS[name]
        out = BUILT / f"{name}.wasm"
        tools = guest.build(name, prepare(name, guest, args.work.resolve()), out)
        recorded[name] = {
            "sha256": file_hash(out),
            "inputs": inputs_hash(guest),
            "size": out.stat().st_size,
            "tools": tools,
        }
        HASHES.write_text(json.dumps(dict(sorted(recorded.items())), indent=2) + "\n")
        print(f"{out.name}: {out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
