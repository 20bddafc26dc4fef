"""Fixtures of the tests of HTTP; `rt` is each file's own."""

from __future__ import annotations

import pytest
from network.helpers_http import add_netuse
from servers import Authority, Http1Server, Http2Server
from servers.fixtures import Serving

from wippy_native import Function, Runtime

# More than any test sends, so that servers keep bodies whole.
CAP = 64 << 20


@pytest.fixture
def fetch(rt: Runtime) -> Function:
    return add_netuse(rt, "fetch")


@pytest.fixture(params=["http/1.1", "h2"])
def server(request: pytest.FixtureRequest, serving: Serving, authority: Authority) -> Http1Server | Http2Server:
    """Either version, the test's own."""
    if request.param == "h2":
        return serving(Http2Server(tls=authority.context(alpn=["h2"]), body_cap=CAP))
    return serving(Http1Server(body_cap=CAP))
