"""Real servers on loopback, for tests of what guests may reach: HTTP, TLS, TCP, UDP and DNS, well-behaved or not.

Each is used as `with Http1Server() as server:`, or through the fixtures of `servers.fixtures`.
"""
