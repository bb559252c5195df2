"""What every cache of vectors must do; see `rag.embedding.cache.VectorCache`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from seatrial.rag.embedding.cache import VectorCache


def entries(n: int, *, size: int = 16) -> dict[bytes, bytes]:
    """Vectors under keys of 32 bytes."""
    return {place.to_bytes(32): place.to_bytes(4) * (size // 4) for place in range(n)}


class VectorCacheSuite:
    """Subclass it as ``Test...`` with a fixture ``cache`` that keeps 64 kB."""

    def test_what_was_put_is_there(self, cache: VectorCache) -> None:
        """And nothing else."""
        put = entries(600)
        cache.put(put)
        assert dict(cache.get([*put, b"?" * 32])) == put

    def test_nothing_asked_is_nothing_found(self, cache: VectorCache) -> None:
        """Nor put."""
        cache.put({})
        assert dict(cache.get([])) == {}

    def test_what_is_there_stays(self, cache: VectorCache) -> None:
        """A second vector of a text is not better than the first."""
        key = b"k" * 32
        cache.put({key: b"1234"})
        cache.put({key: b"5678"})
        assert cache.get([key])[key] == b"1234"

    def test_the_oldest_go_first(self, cache: VectorCache) -> None:
        """And it stays within its bound."""
        put = entries(1500, size=100)
        for place in range(0, len(put), 100):
            cache.put(dict(list(put.items())[place : place + 100]))
        kept = cache.get(list(put))
        assert 0 < sum(map(len, kept.values())) <= 65_536
        assert list(put)[-1] in kept
        assert next(iter(put)) not in kept

    def test_threads_may_use_it_at_once(self, cache: VectorCache) -> None:
        """Each finds what it put."""
        put = entries(64)

        def use(item: tuple[bytes, bytes]) -> bool:
            cache.put(dict([item]))
            return cache.get([item[0]])[item[0]] == item[1]

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(use, put.items()))
