"""Run everything, alternating bare Rust with the Python benches, and judge the figures by the targets.

    python benches/run.py            about six minutes
    python benches/run.py --quick    about one

Prints tables in Markdown and writes the raw figures as JSON. A machine that others use slows all contenders at once,
so ratios are taken within one round and the rounds are alternated; a table shows the median round, and the spread.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benches import process, report  # noqa: E402 - the path comes first
from benches.report import Round  # noqa: E402

# Small calls first, as on the Rust side: a slot of the pool keeps the pages that a large call wrote, and resets them in
# every later call.
FILES = ("small_calls", "callbacks", "threads", "lists", "records", "large_guest")


def main() -> None:
    options = _options()
    options.cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    options.out.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"WIPPY_BENCH_CACHE": str(options.cache)}
    rust = None if options.no_rust else build_rust()
    rounds: list[Round] = []
    for number in range(1 if options.quick else options.rounds):
        _say(f"round {number + 1}")
        seconds = 0.1 if options.quick else 0.4
        bare = _rust(rust, options.cache, seconds) if rust else []
        rounds.append(Round.of(bare + _python(environment, seconds, options.select)))
    _say("processes")
    figures = [] if options.select else list(process.figures(repeat=1 if options.quick else 5))
    raw = {"machine": report.machine(), "rounds": [one.samples for one in rounds], "figures": figures}
    path = options.out / f"{time.strftime('%Y%m%dT%H%M%S')}.json"
    path.write_text(json.dumps(raw, indent=1), encoding="utf-8")
    sys.stdout.write(report.render(rounds, figures))
    _say(f"raw figures: {path}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the benches and judge them by the targets.")
    results = ROOT / "target"
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--select", metavar="EXPRESSION", help="only these Python benches, as pytest's -k takes them")
    parser.add_argument("--no-rust", action="store_true", help="leave bare Rust out")
    parser.add_argument("--cache", type=Path, default=results / "bench-cache", help="compiled guests")
    parser.add_argument("--out", type=Path, default=results / "bench-results", help="raw figures")
    options = parser.parse_args()
    options.cache = options.cache.resolve()
    return options


def build_rust() -> Path:
    """Build the workspace: building this member alone would compile wasmtime with other features."""
    command = ["cargo", "build", "--release", "--workspace", "--message-format=json-render-diagnostics"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)  # noqa: S603 - a fixed command
    for line in done.stdout.splitlines():
        executable = json.loads(line).get("executable")
        if executable and Path(executable).stem == "wippy-benches":
            return Path(executable)
    raise SystemExit("cargo did not say where wippy-benches is")


def _rust(program: Path, cache: Path, seconds: float) -> list[dict[str, Any]]:
    command = [str(program), "cases", str(ROOT), str(cache), str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603 - just built
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [{"case": line["case"], "who": line["who"], "seconds": median(line["samples"])} for line in lines]


def _python(environment: dict[str, str], seconds: float, select: str | None) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as directory:
        result = Path(directory, "benchmark.json")
        files = [f"benches/test_{name}.py" for name in FILES]
        command = [
            sys.executable,
            "-m",
            "pytest",
            *files,
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:faulthandler",
            "--no-header",
        ]
        command += [f"--benchmark-max-time={seconds}", "--benchmark-min-rounds=5", "--benchmark-disable-gc"]
        # A round is many calls, so that reading the clock costs nothing: the Rust side does the same.
        command += ["--benchmark-min-time=0.002", f"--benchmark-json={result}"]
        command += ["-k", select] if select else []
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=False)  # noqa: S603
        if done.returncode:
            sys.stderr.write(done.stdout.decode())
            raise SystemExit(done.returncode)
        benchmarks = json.loads(result.read_bytes())["benchmarks"]
    return [{**one["extra_info"], "seconds": one["stats"]["median"]} for one in benchmarks]


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
