import os
import threading

import pytest

from seatrial.adapters.store.pool import Pool
from seatrial.kernel.errors import Invalid
from seatrial.kernel.store import StoreUnavailable


class Source:
    """Makes numbered connections and remembers which were closed."""

    def __init__(self) -> None:
        self.made = 0
        self.closed: list[int] = []
        self.stale: set[int] = set()

    def connect(self) -> int:
        self.made += 1
        return self.made

    def pool(self, **options) -> Pool[int]:
        return Pool(
            self.connect, self.closed.append, fresh=lambda c: c not in self.stale, **options
        )


@pytest.fixture
def source() -> Source:
    return Source()


def test_a_connection_is_used_again(source):
    pool = source.pool()
    for _ in range(3):
        with pool.lend() as connection:
            assert connection == 1
    assert source.made == 1


def test_two_borrowers_get_two_connections(source):
    pool = source.pool()
    with pool.lend() as first, pool.lend() as second:
        assert first != second


def test_no_more_than_the_bound_are_kept(source):
    pool = source.pool(n_idle=1)
    with pool.lend(), pool.lend():
        pass
    assert len(source.closed) == 1


def test_a_connection_is_dropped_after_an_error_of_the_database(source):
    pool = source.pool()
    with pytest.raises(OSError, match="gone"), pool.lend():
        raise OSError("gone")
    assert source.closed == [1]
    with pool.lend() as connection:
        assert connection == 2


def test_a_connection_is_kept_after_an_error_of_ours(source):
    pool = source.pool()
    with pytest.raises(Invalid), pool.lend():
        raise Invalid("p", remedy="r")
    with pool.lend() as connection:
        assert connection == 1


def test_an_idle_connection_that_went_stale_is_replaced(source):
    pool = source.pool()
    with pool.lend():
        pass
    source.stale.add(1)
    with pool.lend() as connection:
        assert connection == 2
    assert source.closed == [1]


def test_closing_ends_idle_connections_now_and_lent_ones_when_they_return(source):
    pool = source.pool()
    with pool.lend(), pool.lend():
        pass
    with pool.lend() as lent:
        pool.close()
        assert lent not in source.closed
    assert sorted(source.closed) == [1, 2]
    with pytest.raises(StoreUnavailable, match="closed"), pool.lend():
        pass


def test_threads_never_share_a_connection(source):
    pool, in_use, clashes = source.pool(), set(), []

    def work() -> None:
        for _ in range(200):
            with pool.lend() as connection:
                if connection in in_use:
                    clashes.append(connection)
                in_use.add(connection)
                in_use.discard(connection)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clashes == []


def test_a_child_neither_uses_nor_closes_what_the_parent_opened(source, monkeypatch):
    pool = source.pool()
    with pool.lend() as inherited:
        pass
    monkeypatch.setattr(os, "getpid", lambda: -1)  # as after a fork
    with pool.lend() as connection:
        assert connection != inherited
    pool.close()
    assert inherited not in source.closed
