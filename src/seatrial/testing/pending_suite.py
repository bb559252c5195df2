"""What every place where predictions wait must do; see `monitoring.labels.Ledger`."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.monitoring.performance.pending import Ledger
from seatrial.monitoring.performance.scored import Scored


def scored(*rows: tuple[str, int, int]) -> Scored:
    """Predictions without labels, of an id, a time and a step each."""
    n = len(rows)
    return Scored(
        ids=tuple(row[0] for row in rows),
        at_us=np.array([row[1] for row in rows], np.int64),
        step=np.array([row[2] for row in rows], np.int64),
        predicted=np.arange(n, dtype=np.float64),
        score=np.where(np.arange(n) % 3 == 2, np.nan, 0.1 + 0.7 * np.arange(n) / max(n, 1)),
        audited=np.arange(n) % 2 == 1,
        label=np.full(n, np.nan),
    )


def _by_id(rows: Scored) -> dict[str, tuple[object, ...]]:
    values = zip(
        rows.at_us.tolist(),
        rows.step.tolist(),
        rows.predicted.tolist(),
        [None if np.isnan(s) else s for s in rows.score.tolist()],
        rows.audited.tolist(),
        [None if np.isnan(v) else v for v in rows.label.tolist()],
        strict=True,
    )
    return dict(zip(rows.ids, values, strict=True))


class PendingSuite:
    """Subclass it as ``Test...`` with a fixture ``pending`` that yields an empty one."""

    def test_what_was_added_is_found_unchanged(self, pending: Ledger) -> None:
        """By id, each once, whatever the id's script, and a missing score stays missing."""
        rows = scored(("a", 5, 1), ("模型/2", -3, 2), ("c'", 2**60, 2**40))
        assert pending.add(rows) == 3
        found = pending.find(["c'", "a", "nobody", "模型/2", "a"])
        assert len(found) == 3
        assert _by_id(found) == _by_id(rows)

    def test_the_first_prediction_of_an_id_stands(self, pending: Ledger) -> None:
        """Within a batch and across batches."""
        assert pending.add(scored(("a", 1, 1), ("a", 2, 2))) == 1
        assert pending.add(scored(("b", 3, 3), ("a", 4, 4))) == 1
        assert sorted(_by_id(pending.since(0))) == ["a", "b"]
        assert pending.find(["a"]).at_us.tolist() == [1]

    def test_a_label_replaces_the_one_before(self, pending: Ledger) -> None:
        """And leaves all else as it is."""
        pending.add(scored(("a", 1, 1), ("b", 2, 2)))
        pending.set_labels(["b", "a"], np.array([1.0, 0.5]))
        pending.set_labels(["b"], np.array([0.0]))
        found = _by_id(pending.find(["a", "b"]))
        assert (found["a"][-1], found["b"][-1]) == (0.5, 0.0)
        assert found["a"][:-1] == _by_id(scored(("a", 1, 1), ("b", 2, 2)))["a"][:-1]

    def test_steps_are_read_from_one_on(self, pending: Ledger) -> None:
        """To build up sums anew after a restart."""
        pending.add(scored(("a", 1, 1), ("b", 2, 2), ("c", 3, 3)))
        assert sorted(pending.since(2).ids) == ["b", "c"]
        assert len(pending.since(4)) == 0

    def test_old_predictions_are_dropped(self, pending: Ledger) -> None:
        """Those strictly before the moment, and they may come again."""
        pending.add(scored(("a", 10, 1), ("b", 20, 1), ("c", 30, 1)))
        assert pending.forget_before(20) == 1
        assert pending.forget_before(20) == 0
        assert sorted(pending.since(0).ids) == ["b", "c"]
        assert pending.add(scored(("a", 10, 1))) == 1

    def test_only_the_newest_are_kept(self, pending: Ledger) -> None:
        """By their time, not by the order they came in."""
        pending.add(scored(("a", 30, 1), ("b", 10, 1), ("c", 20, 1)))
        assert pending.keep_newest(2) == 1
        assert pending.keep_newest(2) == 0
        assert sorted(pending.since(0).ids) == ["a", "c"]

    def test_nothing_is_a_batch_too(self, pending: Ledger) -> None:
        """Empty batches, empty questions."""
        assert pending.add(scored()) == 0
        assert len(pending.find([])) == 0
        pending.set_labels([], np.zeros(0))
        assert (pending.forget_before(5), pending.keep_newest(0)) == (0, 0)

    def test_many_ids_are_asked_for_at_once(self, pending: Ledger) -> None:
        """More than a database allows variables in one statement."""
        pending.add(scored(*((f"id{i}", i, i) for i in range(1_234))))
        assert len(pending.find([f"id{i}" for i in range(2_000)])) == 1_234

    def test_the_chosen_are_marked(self, pending: Ledger) -> None:
        """Those that are kept; the rest of them stays as it is."""
        pending.add(scored(("a", 1, 1), ("b", 2, 2)))
        pending.mark_audited(["a", "nobody"])
        found = _by_id(pending.find(["a", "b"]))
        assert (found["a"][4], found["b"][4]) == (True, True)  # b was so from the beginning
        assert found["a"][:4] == _by_id(scored(("a", 1, 1), ("b", 2, 2)))["a"][:4]

    def test_notes_are_kept(self, pending: Ledger) -> None:
        """The newest of a name."""
        assert pending.note("place") is None
        pending.set_note("place", "一")
        pending.set_note("place", "二")
        assert (pending.note("place"), pending.note("other")) == ("二", None)

    def test_what_is_done_at_once_is_undone_at_once(self, pending: Ledger) -> None:
        """All of it, and nothing of what was kept before."""
        pending.add(scored(("a", 1, 1)))
        pending.set_note("place", "1")

        def fail() -> None:
            with pending.at_once():
                pending.add(scored(("b", 2, 2)))
                pending.set_labels(["a"], np.array([1.0]))
                pending.set_note("place", "2")
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert pending.note("place") == "1"
        assert sorted(pending.since(0).ids) == ["a"]
        assert np.isnan(pending.find(["a"]).label).all()
        with pending.at_once():
            pending.add(scored(("b", 2, 2)))
            pending.set_note("place", "2")
        assert (pending.note("place"), len(pending.since(0))) == ("2", 2)

    def test_segments_are_those_of_kept_predictions_and_go_with_them(self, pending: Ledger) -> None:
        """Whatever drops a prediction; codes are whole 64-bit numbers."""
        assert pending.segments(["a"]) == {}
        pending.add(scored(("a", 10, 1), ("b", 20, 1), ("模型/2", 30, 1)))
        pending.set_segments(["a", "b", "模型/2", "nobody"], np.array([1, 2**40, 0, 7], np.int64))
        assert pending.segments(["模型/2", "b", "c", "nobody"]) == {"模型/2": 0, "b": 2**40}
        pending.set_segments(["b"], np.array([3], np.int64))
        assert pending.segments(["a", "b"]) == {"a": 1, "b": 3}
        pending.forget_before(20)
        pending.keep_newest(1)
        assert pending.segments(["a", "b", "模型/2"]) == {"模型/2": 0}

    def test_segments_are_undone_with_the_rest(self, pending: Ledger) -> None:
        """So that they never speak of predictions that were not kept."""
        pending.add(scored(("a", 10, 1)))
        with pytest.raises(TypeError), pending.at_once():  # noqa: PT012 - what comes before counts
            pending.set_segments(["a"], np.array([5], np.int64))
            raise TypeError
        assert pending.segments(["a"]) == {}
        pending.set_segments(["a"], np.array([6], np.int64))
        assert pending.segments(["a"]) == {"a": 6}
