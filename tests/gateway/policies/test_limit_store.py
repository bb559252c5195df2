from seatrial.gateway.policies import limit_store
from seatrial.gateway.policies.gcra import Limits, Rate
from seatrial.gateway.policies.limit_store import LocalLimits


async def test_keys_that_are_idle_are_forgotten_and_busy_ones_are_not(monkeypatch):
    monkeypatch.setattr(limit_store, "_PRUNE_AT", 10)
    store, limits = LocalLimits(), Limits(requests=Rate(per_minute=1))
    for number in range(10):
        await store.take(f"idle {number}", limits, 0, 1000.0)
    await store.take("busy", limits, 0, 1070.0)
    assert len(store._buckets) == 1
    assert await store.take("busy", limits, 0, 1070.0) is not None
