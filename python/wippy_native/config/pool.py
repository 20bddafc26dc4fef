"""The `pool` block: how many calls of a function run at once, and where their instances come from.

A pool is a policy: a number of calls in flight, and whether calls of the entry are serialized in their caller's flow.
Calls over the number wait. Every call gets a fresh instance whatever the pool (F-38), made ready ahead of it with
`warm_start`; only `reuse` lets an instance serve several calls.
"""

from __future__ import annotations

from dataclasses import dataclass

from .fields import Fields

KNOWN = ("type", "size", "workers", "buffer", "max_size", "warm_start", "reuse", "worker_class")
TYPES = ("inline", "lazy", "static", "adaptive")
MAX_CAPACITY = 2**31 - 1
MAX_REUSE = 2**32 - 1


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """The block as written; 0 and "" stand for absent."""

    type: str = ""
    size: int = 0
    workers: int = 0
    buffer: int = 0
    max_size: int = 0
    worker_class: str = ""
    warm_start: bool = False
    reuse: int = 1


@dataclass(frozen=True, slots=True)
class PoolPolicy:
    """What the block means: calls at once, whether they run inline, whether instances are made ready ahead of them, and
    how many of them one instance serves."""

    capacity: int
    inline: bool = False
    warm_start: bool = False
    reuse: int = 1


def decode_pool(fields: Fields) -> PoolConfig:
    """Read the block. Raises `ConfigError`. Rules: F-3, F-35, F-37, F-38a."""
    return PoolConfig(
        fields.string("type"),
        fields.integer("size"),
        fields.integer("workers"),
        fields.integer("buffer"),
        fields.integer("max_size"),
        fields.string("worker_class"),
        fields.boolean("warm_start"),
        fields.integer("reuse", 1),
    )


def validate_pool(pool: PoolConfig, fields: Fields, *, any_type: bool = False) -> None:
    """Raises `ConfigError` with the texts of F-30 to F-33, in their order, then that of F-38a.

    With `any_type` the type is left for later, as the platform does for Lua.
    """
    for name in ("size", "workers", "buffer", "max_size"):
        value = getattr(pool, name)
        if value < 0:
            raise fields.invalid(name, "pool values cannot be negative", f"pool.{name} is {value}")
    if pool.type and pool.type not in TYPES and not any_type:
        hint = f'pool.type is "{pool.type}"; use one of {", ".join(TYPES)}, in lower case'
        raise fields.invalid("type", "invalid pool type", hint)
    if pool.workers > 0 and pool.size <= 0:
        hint = f"pool.workers is {pool.workers}; set pool.size to the same number"
        raise fields.invalid("workers", "pool.size must be greater than 0 for non-flex pools", hint)
    if pool.reuse < 1:
        hint = f"pool.reuse is {pool.reuse}; write the number of calls an instance serves, 1 for a fresh one each call"
        raise fields.invalid("reuse", "pool.reuse must be greater than 0", hint)


def pool_policy(pool: PoolConfig) -> PoolPolicy:
    """The meaning of a valid block. Rules: F-20 to F-26, F-35, F-37, F-38a."""
    kind = "" if pool.worker_class else pool.type
    inline = kind == "inline" or (not kind and not pool.workers and pool.size > 0 and not pool.max_size)
    if inline:
        capacity = 1
    elif kind == "static" or (not kind and pool.workers):
        capacity = pool.workers or pool.size or 8
    else:
        capacity = pool.max_size or (16 if kind else 100)
    return PoolPolicy(min(capacity, MAX_CAPACITY), inline, pool.warm_start, min(pool.reuse, MAX_REUSE))
