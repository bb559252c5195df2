"""What a log of facts must do: the suite for `kernel.store.FactLog`."""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from seatrial.kernel.errors import Invalid
from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.plain import MAX_BYTES, MAX_NAME, RecordTooLarge
from seatrial.kernel.store import FactLog, StreamChanged
from seatrial.testing.concurrency import at_once, follow

NOT_JSON = [
    math.nan,
    -math.inf,
    b"bytes",
    datetime(2030, 1, 1, tzinfo=UTC),
    {1: "number as key"},
    {"deep": [{"set": {1}}]},
    2**64,
    "half a pair \ud800",
    {"\udfff": 1},
]

NOT_NAMES = ["", "x" * (MAX_NAME + 1), "two\nlines", "nul\0", "half\ud800"]


def drafts(n: int, kind: str = "test.happened") -> list[Draft]:
    """``n`` drafts, numbered in their data."""
    return [Draft(kind=kind, data={"i": i}) for i in range(n)]


class FactLogSuite:
    """Subclass it as ``Test...`` with a fixture ``store`` that yields an empty one."""

    def test_an_empty_log_has_no_head_no_facts_and_no_streams(self, store: FactLog) -> None:
        """Nothing is there before the first append."""
        assert (store.head(), store.read(), store.streams()) == (0, [], [])

    def test_append_returns_the_facts_as_they_are_read(self, store: FactLog) -> None:
        """What append returns equals what read returns, field by field."""
        draft = Draft(kind="release.started", data={"to": 2}, schema=3, by="ana")
        before = datetime.now(UTC) - timedelta(days=10_000)
        appended = store.append("endpoint/churn", [draft, *drafts(2)], expected=0)
        assert store.read() == appended
        first = appended[0]
        assert (first.stream, first.revision, first.kind) == ("endpoint/churn", 1, draft.kind)
        assert (first.data, first.schema, first.by) == (draft.data, 3, "ana")
        assert first.at > before
        assert first.at.utcoffset() == timedelta(0)

    def test_revisions_count_by_one_in_each_stream(self, store: FactLog) -> None:
        """Streams count apart, from 1."""
        store.append("a", drafts(2), expected=0)
        store.append("b", drafts(1), expected=0)
        store.append("a", drafts(1), expected=2)
        assert [f.revision for f in store.read(stream="a")] == [1, 2, 3]
        assert [f.revision for f in store.read(stream="b")] == [1]

    def test_positions_grow_over_all_streams(self, store: FactLog) -> None:
        """Seq is one order for the whole log, and head is its end."""
        for i, stream in enumerate("abab"):
            store.append(stream, drafts(1), expected=i // 2)
        seqs = [f.seq for f in store.read()]
        assert seqs == sorted(set(seqs))
        assert seqs[0] >= 1
        assert store.head() == seqs[-1]

    @pytest.mark.parametrize("expected", [0, 1, 3, -1])
    def test_an_append_at_another_revision_is_refused_whole(
        self, store: FactLog, expected: int
    ) -> None:
        """Compare-and-swap: nothing of a late append is kept."""
        store.append("a", drafts(2), expected=0)
        with pytest.raises(StreamChanged) as caught:
            store.append("a", drafts(3), expected=expected)
        assert caught.value.facts == {"stream": "a", "expected": expected, "found": 2}
        assert len(store.read()) == store.head() == 2

    def test_appending_nothing_is_invalid(self, store: FactLog) -> None:
        """An empty append is a mistake of the caller."""
        with pytest.raises(Invalid):
            store.append("a", [], expected=0)

    @pytest.mark.parametrize("value", NOT_JSON, ids=repr)
    def test_data_that_is_not_json_is_invalid_and_keeps_nothing(
        self, store: FactLog, value: object
    ) -> None:
        """One bad draft refuses the whole append, naming the place."""
        with pytest.raises(Invalid, match=r"data of test\.bad\.x"):
            store.append("a", [*drafts(1), Draft(kind="test.bad", data={"x": value})], expected=0)
        assert store.head() == 0

    @pytest.mark.parametrize("name", NOT_NAMES, ids=repr)
    def test_a_stream_needs_a_printable_name(self, store: FactLog, name: str) -> None:
        """Names are 1 to 200 printable characters."""
        with pytest.raises(Invalid):
            store.append(name, drafts(1), expected=0)

    def test_data_comes_back_equal(self, store: FactLog) -> None:
        """Unicode, numbers at their limits, nesting and odd keys survive."""
        data: dict[str, object] = {
            "text": "模型 🚢 \0 \" ' \\ \u2028 % ? {} \x7f",
            "numbers": [0, -1, 2**63 - 1, -(2**63) + 1, 0.1, 1e-308, 1.7976931348623157e308, -0.0],
            "none": None,
            "flags": [True, False],
            "": {"empty": {}, "list": []},
            "деревня": [[[[1]]]],
        }
        (fact,) = store.append(
            "поток/模型 '\"%?", [Draft(kind="k.é", data=data, by="李")], expected=0
        )
        assert fact.data == data
        assert store.read(stream=fact.stream) == [fact]
        assert store.streams() == [fact.stream]

    def test_kept_data_does_not_follow_later_changes(self, store: FactLog) -> None:
        """Neither the caller's mapping nor a fact read shares memory with the log."""
        data: dict[str, object] = {"list": [1]}
        (fact,) = store.append("a", [Draft(kind="test.happened", data=data)], expected=0)
        data["list"] = "changed"
        read = store.read()[0].data["list"]
        assert isinstance(read, list)
        read.append(2)
        assert store.read()[0].data == fact.data == {"list": [1]}

    def test_a_megabyte_of_data_is_kept(self, store: FactLog) -> None:
        """Reports fit into a fact."""
        data = {"report": "é" * 2**19}
        store.append("a", [Draft(kind="test.big", data=data)], expected=0)
        assert store.read()[0].data == data

    def test_data_over_the_limit_is_refused(self, store: FactLog) -> None:
        """4 MiB of JSON is the most."""
        with pytest.raises(RecordTooLarge, match="file"):
            store.append("a", [Draft(kind="k", data={"x": "x" * MAX_BYTES})], expected=0)
        assert store.head() == 0

    def test_read_pages_through_the_log(self, store: FactLog) -> None:
        """Pages by position and limit join to the whole."""
        written = store.append("a", drafts(3), expected=0) + store.append(
            "b", drafts(4), expected=0
        )
        pages: list[Fact] = []
        for _ in range(4):
            page = store.read(after=pages[-1].seq if pages else 0, limit=2)
            assert len(page) <= 2
            pages += page
        assert pages == written
        assert store.read(stream="b", after=written[3].seq, limit=2) == written[4:6]
        assert store.read(after=store.head()) == []
        assert store.read(after=2**40) == []
        assert store.read(stream="unknown") == []

    @pytest.mark.parametrize("limit", [0, -1])
    def test_a_page_of_facts_has_at_least_one(self, store: FactLog, limit: int) -> None:
        """A limit below one is a mistake, not "everything"."""
        with pytest.raises(Invalid):
            store.read(limit=limit)

    def test_streams_are_listed_by_prefix_in_order_of_code_points(self, store: FactLog) -> None:
        """The prefix is text, not a pattern."""
        names = ["a", "B", "model/é", "model/a", "model/Z", "mod_l/x", "mod%", "模"]
        for name in names:
            store.append(name, drafts(2), expected=0)
        assert store.streams() == sorted(names)
        assert store.streams("model/") == ["model/Z", "model/a", "model/é"]
        assert store.streams("mod_") == ["mod_l/x"]
        assert store.streams("mod%") == ["mod%"]
        assert store.streams("absent") == []

    def test_of_writers_at_once_exactly_one_gets_each_revision(self, store: FactLog) -> None:
        """Eight threads race for ten revisions of one stream: no gap, no double, every win real."""
        n_revisions = 10

        def race(me: int) -> list[tuple[int, int]]:
            wins = []
            for revision in range(n_revisions):
                with suppress(StreamChanged):
                    store.append("a", [Draft(kind="k", data={"by": me})], expected=revision)
                    wins.append((revision + 1, me))
            return wins

        wins = [win for of_one in at_once(race, 8) for win in of_one]
        kept = [(f.revision, f.data["by"]) for f in store.read()]
        assert [revision for revision, _ in kept] == list(range(1, n_revisions + 1))
        assert sorted(wins) == kept

    def test_a_reader_of_facts_misses_nothing(self, store: FactLog) -> None:
        """While four threads append, reading on from the last position sees every fact in order."""
        n_writers, n_each = 4, 15

        def work(me: int) -> list[Fact]:
            if me == n_writers:
                return follow(
                    lambda seen: store.read(after=seen[-1].seq if seen else 0, limit=7),
                    n_writers * n_each,
                )
            for revision in range(n_each):
                store.append(f"s{me}", [Draft(kind="k")], expected=revision)
            return []

        seen = at_once(work, n_writers + 1)[-1]
        assert seen == store.read()
        for me in range(n_writers):
            assert [f.revision for f in seen if f.stream == f"s{me}"] == list(range(1, n_each + 1))
