"""Which clients of a web server should a person look at?

    Python calls app:chain (Rust), which calls app:review (Lua), then app:page (Lua)
    app:review calls app:grep (C) and app:owner (Python, below)

`python run.py [FILE]` takes another log.
"""

from __future__ import annotations

import csv
import ipaddress
import logging
import sys
from pathlib import Path

import wippy_native as wippy

HERE = Path(__file__).parent

rt = wippy.Runtime.load(HERE)

with (HERE / "networks.csv").open(newline="") as file:
    NETWORKS = [(ipaddress.ip_network(row["network"]), row["owner"]) for row in csv.DictReader(file)]


@rt.register("app:owner")
def owner(address: str) -> str | None:
    """Whose network an address is in; Lua asks."""
    client = ipaddress.ip_address(address)
    return next((name for network, name in NETWORKS if client in network), None)


def main() -> None:
    """Print the page, then the same findings as Python has them, and what a mistake looks like."""
    logging.basicConfig(stream=sys.stdout, format="log: %(name)s: %(message)s")
    logging.getLogger("wippy_native.lua").setLevel(logging.DEBUG)
    log = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "access.log"
    text = log.read_text()

    print(rt.call("app:chain", ["app:review", "app:page"], text))
    print({finding["address"]: finding["line"] for finding in rt.call("app:review", text)["findings"]})
    try:
        rt.call("app:page", "no report")
    except wippy.LuaError as error:
        print(error.kind, error.message, sep=": ")


if __name__ == "__main__":
    main()
