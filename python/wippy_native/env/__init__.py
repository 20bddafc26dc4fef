"""Environment variables for guests: storages that hold values, variables that name them, and what a call gets."""

from .guest import guest_env
from .registry import Environment
from .storages import Storage, make_storage

__all__ = ["Environment", "Storage", "guest_env", "make_storage"]
