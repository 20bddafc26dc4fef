"""A guest in JavaScript asks a server of this machine, and is refused what its entry does not open.

python examples/network/run.py
"""

from __future__ import annotations

import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import wippy_native as wippy


class Hello(BaseHTTPRequestHandler):
    """Answers every request with its path."""

    def do_GET(self) -> None:
        body = f"hello from {self.path}".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Nothing: only the guest's answers are of interest."""


def main() -> None:
    """Print what three requests gave."""
    logging.basicConfig(format="%(message)s")
    server = HTTPServer(("127.0.0.1", 0), Hello)
    port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with wippy.Runtime.load(Path(__file__).parent) as rt:
        fetch = rt.function("app:fetch").with_options(raise_err=False)
        print(fetch(f"http://localhost:{port}/a"))
        print(fetch(f"http://127.0.0.1:{port}/b"))
        print(fetch("http://169.254.169.254/latest/meta-data"))
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    main()
