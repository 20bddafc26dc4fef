"""What the process's engine says of itself."""

from __future__ import annotations

from wippy_native._border import Engine


def free_instances() -> int:
    """Permits of the engine's pool that nobody holds."""
    return int(Engine().info()["free_instances"])
