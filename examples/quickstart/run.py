"""What is in the standard library? Every `.py` file of the running Python goes through three WebAssembly functions.

    app:chain (Rust) calls app:outline (Python in WebAssembly), then app:classify (Python, below)
    app:count (C)

`python run.py [--limit N] [DIRECTORY]` takes fewer files, or another directory.
"""

import argparse
import json
import logging
import os
import sysconfig
import time
import tokenize
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import wippy_native as wippy

COLUMNS = ("files", "lines", "words", "comment_lines")

# The guest's Python has its own opinion on old code, and writes it to stderr.
logging.getLogger("wippy_native.guest").setLevel(logging.ERROR)

rt = wippy.Runtime.load(Path(__file__).parent)


@rt.register("app:classify")
def classify(outline: str) -> str:
    """What kind of file it is, by the outline that `app:outline` made of it; guests call this through `funcs`."""
    found = json.loads(outline)
    if any(name.startswith(("unittest", "test")) for name in found["imports"]):
        return "tests"
    return "classes" if found["classes"] else "functions" if found["functions"] else "data"


def survey(path: Path) -> Counter[tuple[str, str]]:
    """The counts of one file, by kind and column."""
    try:
        with tokenize.open(path) as file:
            source = file.read()
        kind = rt.call("app:chain", ["app:outline", "app:classify"], source)
    except (SyntaxError, UnicodeDecodeError, wippy.GuestError):
        return Counter({("not parsed", "files"): 1})
    stats = rt.call("app:count", source)
    return Counter({(kind, name): stats.get(name, 1) for name in COLUMNS})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path, nargs="?", default=Path(sysconfig.get_path("stdlib")))
    parser.add_argument("--limit", type=int, metavar="N", help="take only the first N files")
    options = parser.parse_args()

    files = [path for path in options.directory.rglob("*.py") if "site-packages" not in path.parts]
    files = sorted(files)[: options.limit]
    start = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        totals = sum(threads.map(survey, files), Counter())
    seconds = time.perf_counter() - start

    print(" " * 12, *(f"{name.replace('_', ' '):>14}" for name in COLUMNS))
    for kind in sorted({kind for kind, _ in totals}, key=lambda kind: -totals[kind, "files"]):
        print(f"{kind:12}", *(f"{totals[kind, name]:14,}" for name in COLUMNS))
    print(f"\n{len(files):,} files in {seconds:.1f} s")


if __name__ == "__main__":
    main()
