import asyncio
import multiprocessing
import time

from seatrial.adapters.llm.limits_shared import SharedLimits
from seatrial.gateway.policies.gcra import Limits, Rate

ONE = Limits(requests=Rate(per_minute=1))


async def taken(store: SharedLimits, key: str, now: float) -> bool:
    return await store.take(key, ONE, 0, now) is None


async def test_keys_whose_hashes_meet_have_slots_of_their_own(tmp_path):
    store = SharedLimits(tmp_path / "limits", n_slots=16)
    keys = [f"key {number}" for number in range(16)]
    assert [await taken(store, key, 1000.0) for key in keys] == [True] * 16
    assert [await taken(store, key, 1001.0) for key in keys] == [False] * 16
    store.close()


async def test_the_slot_of_an_idle_key_goes_to_a_new_one(tmp_path):
    store = SharedLimits(tmp_path / "limits", n_slots=2)
    assert await taken(store, "idle", 1000.0)
    assert await taken(store, "busy", 1050.0)
    assert await taken(store, "new", 1061.0)
    assert not await taken(store, "busy", 1062.0)
    assert not await taken(store, "new", 1062.0)
    store.close()


async def test_it_stays_when_it_is_opened_again(tmp_path):
    first = SharedLimits(tmp_path / "limits")
    assert await taken(first, "a", 1000.0)
    first.close()
    second = SharedLimits(tmp_path / "limits")
    assert not await taken(second, "a", 1000.0)
    second.close()


def _take_many(path, results) -> None:
    limits = Limits(requests=Rate(per_minute=0.001, burst=500))

    async def run() -> int:
        store = SharedLimits(path)
        now = time.monotonic()
        refusals = [await store.take("a", limits, 0, now) for _ in range(400)]
        store.close()
        return sum(refusal is None for refusal in refusals)

    results.put(asyncio.run(run()))


def test_processes_together_never_take_more_than_there_is(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [
        context.Process(target=_take_many, args=(tmp_path / "limits", results)) for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    counts = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert sum(counts) == 500
