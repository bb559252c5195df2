"""What every inbox of labels must do; see `monitoring.inbox.Inbox`."""

from __future__ import annotations

import pytest

from seatrial.monitoring.performance.inbox import Entry, Inbox, InboxFull, Purpose


def entries(*ids: str) -> list[Entry]:
    """Labels of some predictions."""
    return [Entry(id=key, value=f"label of {key}") for key in ids]


class InboxSuite:
    """Subclass it as ``Test...`` with a fixture ``inbox``: an empty one for at most 5 entries."""

    def test_entries_are_read_in_the_order_they_came_in(self, inbox: Inbox) -> None:
        """With positions to go on from, and unchanged."""
        inbox.put(entries("b", "a"), at_us=1)
        inbox.put([Entry(id="模型/0", purpose=Purpose.AUDIT)], at_us=2)
        found = inbox.read()
        assert [e for _, e in found] == [
            *entries("b", "a"),
            Entry(id="模型/0", purpose=Purpose.AUDIT),
        ]
        assert inbox.read(after=found[1][0]) == found[2:]
        assert inbox.read(limit=1) == found[:1]
        assert inbox.n() == 3

    def test_entries_are_found_by_prediction(self, inbox: Inbox) -> None:
        """All of one, in order."""
        inbox.put([Entry(id="a", value="1"), Entry(id="b", value="2")], at_us=1)
        inbox.put([Entry(id="a", value="3")], at_us=2)
        assert [e.value for _, e in inbox.find(["a", "nobody"])] == ["1", "3"]
        assert inbox.find([]) == []

    def test_what_was_taken_in_is_gone_and_its_position_with_it(self, inbox: Inbox) -> None:
        """A reader that goes on from there misses nothing that comes later."""
        inbox.put(entries("a", "b"), at_us=1)
        positions = [place for place, _ in inbox.read()]
        inbox.drop(positions)
        assert (inbox.n(), inbox.read()) == (0, [])
        inbox.put(entries("c"), at_us=2)
        assert [e.id for _, e in inbox.read(after=positions[-1])] == ["c"]

    def test_old_entries_are_dropped(self, inbox: Inbox) -> None:
        """Those strictly before the moment."""
        inbox.put(entries("a"), at_us=10)
        inbox.put(entries("b", "c"), at_us=20)
        assert inbox.drop_before(20) == 1
        assert inbox.drop_before(20) == 0
        assert [e.id for _, e in inbox.read()] == ["b", "c"]

    def test_dropped_labels_are_counted_for_ever(self, inbox: Inbox) -> None:
        """Those that nobody's prediction was found for; audits are no labels."""
        assert inbox.n_dropped() == 0
        inbox.put([*entries("a", "b"), Entry(id="a", purpose=Purpose.AUDIT)], at_us=10)
        inbox.drop_before(11)
        inbox.put(entries("c"), at_us=20)
        inbox.drop([place for place, _ in inbox.read()])
        inbox.put(entries("d"), at_us=30)
        inbox.drop_before(31)
        assert inbox.n_dropped() == 3

    def test_a_full_one_takes_all_or_nothing(self, inbox: Inbox) -> None:
        """And says when to come again."""
        inbox.put(entries("a", "b", "c"), at_us=1)
        with pytest.raises(InboxFull) as caught:
            inbox.put(entries("d", "e", "f"), at_us=2)
        assert caught.value.facts["retry_after_s"] == 30
        assert inbox.n() == 3
        inbox.put(entries("d", "e"), at_us=2)
        assert inbox.n() == 5
