"""What a pool block means: F-20 to F-26, F-35, F-37, F-38a."""

from __future__ import annotations

import pytest

from wippy_native.config.pool import PoolConfig, PoolPolicy, pool_policy


@pytest.mark.parametrize(
    ("pool", "policy"),
    [
        (PoolConfig("inline"), PoolPolicy(1, inline=True)),
        (PoolConfig("inline", size=8), PoolPolicy(1, inline=True)),
        (PoolConfig("lazy"), PoolPolicy(16)),
        (PoolConfig("lazy", max_size=4), PoolPolicy(4)),
        (PoolConfig("static"), PoolPolicy(8)),
        (PoolConfig("static", size=3), PoolPolicy(3)),
        (PoolConfig("static", size=3, workers=2), PoolPolicy(2)),
        (PoolConfig("adaptive"), PoolPolicy(16)),
        (PoolConfig("adaptive", max_size=32), PoolPolicy(32)),
        (PoolConfig(), PoolPolicy(100)),
        (PoolConfig(max_size=5), PoolPolicy(5)),
        (PoolConfig(size=2, max_size=5), PoolPolicy(5)),
        (PoolConfig(size=4, workers=4), PoolPolicy(4)),
        (PoolConfig(size=4), PoolPolicy(1, inline=True)),
        (PoolConfig("inline", worker_class="big"), PoolPolicy(100)),
        (PoolConfig("lazy", max_size=2**62), PoolPolicy(2**31 - 1)),
        (PoolConfig("lazy", warm_start=True), PoolPolicy(16, warm_start=True)),
        (PoolConfig("inline", reuse=3), PoolPolicy(1, inline=True, reuse=3)),
        (PoolConfig("lazy", reuse=2**62), PoolPolicy(16, reuse=2**32 - 1)),
    ],
)
def test_policy(pool: PoolConfig, policy: PoolPolicy) -> None:
    assert pool_policy(pool) == policy
