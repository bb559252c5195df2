"""How far events have gone, as folds."""

from collections import Counter

import pytest

from seatrial.events import journal
from seatrial.events.journal import (
    EXAMPLES,
    IN,
    OUT,
    JournalUnreadable,
    Rejected,
    Sent,
    Taken,
    fold_sent,
    fold_taken,
    opened,
    print_of,
    published,
    received,
)
from seatrial.kernel.events import Draft
from seatrial.testing.memory_store import MemoryStore


def rejected(n):
    return Rejected(place=f"t/{n}", type="t", id=str(n), code="c", problem="p")


def test_positions_grow_and_events_add_up():
    store = MemoryStore()
    facts = store.append(OUT, [opened("abc", 5), published(9, 3), published(12, 1)], expected=0)
    sent = fold_sent(fold_sent(Sent(), facts[:1]), facts[1:])
    assert (sent.installation, sent.position, sent.n, sent.at) == ("abc", 12, 4, facts[-1].at)


def test_batches_add_up_and_events_are_known_again():
    store = MemoryStore()
    one = received(["a", "b"], Counter({("t", "taken"): 2}), [])
    two = received(["c"], Counter({("t", "taken"): 1, ("u", "rejected"): 1}), [rejected(1)])
    facts = store.append(IN, [one, two], expected=0)
    taken = fold_taken(fold_taken(Taken(), facts[:1]), facts[1:])
    assert list(taken.ids) == ["a", "b", "c"]
    assert taken.counts == {("t", "taken"): 3, ("u", "rejected"): 1}
    assert taken.rejected == (rejected(1),)


def test_only_the_newest_are_remembered(monkeypatch):
    monkeypatch.setattr(journal, "REMEMBERED", 3)
    store = MemoryStore()
    many = [rejected(n) for n in range(EXAMPLES + 5)]
    facts = store.append(IN, [received(list("abcde"), {}, many)], expected=0)
    taken = fold_taken(Taken(), facts)
    assert list(taken.ids) == ["c", "d", "e"]
    assert taken.rejected == tuple(many[5:])


def test_events_of_two_sources_are_two_events():
    assert print_of("/a", "1") != print_of("/b", "1")
    assert print_of("/a", "1") == print_of("/a", "1")
    assert print_of("a", "b1") != print_of("ab", "1")


@pytest.mark.parametrize(
    "draft", [Draft(kind="events.other"), Draft(kind=journal.OPENED, schema=2)]
)
def test_what_a_newer_version_wrote_is_not_guessed_at(draft):
    facts = MemoryStore().append(OUT, [draft], expected=0)
    with pytest.raises(JournalUnreadable):
        fold_sent(Sent(), facts)
