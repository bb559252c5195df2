"""What slices must do: the suite for `kernel.store.Slices`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from seatrial.kernel.errors import Invalid
from seatrial.kernel.store import ANSWERS, DATA, Slice, Slices
from seatrial.testing.concurrency import at_once, follow

_START = datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


def a_slice(
    summary: bytes = b"one",
    *,
    endpoint: str = "churn",
    at: datetime = _START,
    kind: str = ANSWERS,
) -> Slice:
    """A slice that differs in what is given."""
    return Slice(
        endpoint=endpoint,
        version=2,
        revision=7,
        worker="worker/1",
        start=at,
        width_s=0.5,
        summary=summary,
        kind=kind,
    )


class SlicesSuite:
    """Subclass it as ``Test...`` with a fixture ``store`` that yields an empty one."""

    def test_slices_come_back_as_they_were(self, store: Slices) -> None:
        """Every field, bytes of any value, times to the microsecond."""
        odd = a_slice(bytes(range(256)), endpoint="模型 '%?")
        store.add_slices([odd])
        ((_, read),) = store.read_slices(odd.endpoint)
        assert read == odd
        assert read.start.utcoffset() == timedelta(0)

    def test_slices_of_one_span_add_up(self, store: Slices) -> None:
        """Nothing is merged or replaced: each append stays."""
        store.add_slices([a_slice(b"1"), a_slice(b"2")])
        store.add_slices([a_slice(b"1")])
        assert [s.summary for _, s in store.read_slices("churn")] == [b"1", b"2", b"1"]

    def test_kinds_are_read_apart(self, store: Slices) -> None:
        """Who reads latencies never meets what features looked like."""
        store.add_slices([a_slice(b"1"), a_slice(b"2", kind=DATA), a_slice(b"3")])
        assert [s.summary for _, s in store.read_slices("churn")] == [b"1", b"3"]
        ((_, data),) = store.read_slices("churn", kind=DATA)
        assert data == a_slice(b"2", kind=DATA)

    def test_adding_none_is_allowed(self, store: Slices) -> None:
        """A worker with nothing to say says nothing."""
        store.add_slices([])
        assert store.read_slices("churn") == []

    def test_endpoints_are_read_apart_and_in_pages(self, store: Slices) -> None:
        """Positions order the slices; reading on from the last one misses nothing."""
        store.add_slices([a_slice(b"%d" % i, endpoint="ab"[i % 2]) for i in range(9)])
        pages: list[tuple[int, Slice]] = []
        for _ in range(3):
            page = store.read_slices("a", after=pages[-1][0] if pages else 0, limit=2)
            assert len(page) <= 2
            pages += page
        assert [s.summary for _, s in pages] == [b"0", b"2", b"4", b"6", b"8"]
        assert [p for p, _ in pages] == sorted({p for p, _ in pages})
        assert pages[0][0] >= 1

    @pytest.mark.parametrize("limit", [0, -1])
    def test_a_page_of_slices_has_at_least_one(self, store: Slices, limit: int) -> None:
        """A limit below one is a mistake, not "everything"."""
        with pytest.raises(Invalid):
            store.read_slices("churn", limit=limit)

    def test_pruning_drops_what_started_before(self, store: Slices) -> None:
        """Of all endpoints, to the microsecond, in any time zone."""
        earlier = _START - timedelta(microseconds=1)
        store.add_slices(
            [a_slice(b"old", at=earlier), a_slice(b"kept"), a_slice(b"x", endpoint="b")]
        )
        before = _START.astimezone(timezone(timedelta(hours=8)))
        assert store.prune_slices(before=before) == 1
        assert [s.summary for _, s in store.read_slices("churn")] == [b"kept"]
        assert len(store.read_slices("b")) == 1
        assert store.prune_slices(before=before) == 0

    def test_pruning_can_be_of_one_kind(self, store: Slices) -> None:
        """Counts of rows go long before latencies do."""
        store.add_slices([a_slice(b"1"), a_slice(b"2", kind=DATA)])
        after = _START + timedelta(seconds=1)
        assert store.prune_slices(before=after, kind=DATA) == 1
        assert [s.summary for _, s in store.read_slices("churn")] == [b"1"]
        assert store.read_slices("churn", kind=DATA) == []

    def test_positions_are_not_used_again_after_pruning(self, store: Slices) -> None:
        """A reader that remembers its position sees what is added after everything was dropped."""
        store.add_slices([a_slice(b"1"), a_slice(b"2")])
        last = store.read_slices("churn")[-1][0]
        store.prune_slices(before=_START + timedelta(days=1))
        store.add_slices([a_slice(b"3")])
        assert [s.summary for _, s in store.read_slices("churn", after=last)] == [b"3"]

    def test_pruning_needs_an_aware_time(self, store: Slices) -> None:
        """A time without a zone says nothing about when."""
        with pytest.raises(Invalid):
            store.prune_slices(before=datetime(2030, 1, 1))  # noqa: DTZ001

    def test_a_reader_of_slices_misses_nothing(self, store: Slices) -> None:
        """While four threads add, reading on from the last position sees every slice."""
        n_writers, n_each = 4, 15

        def work(me: int) -> list[tuple[int, Slice]]:
            if me == n_writers:
                return follow(
                    lambda seen: store.read_slices(
                        "churn", after=seen[-1][0] if seen else 0, limit=7
                    ),
                    n_writers * n_each,
                )
            for i in range(n_each):
                store.add_slices([a_slice(b"%d %d" % (me, i))])
            return []

        seen = at_once(work, n_writers + 1)[-1]
        assert seen == store.read_slices("churn")
        assert len({s.summary for _, s in seen}) == n_writers * n_each
