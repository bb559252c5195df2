"""Which files need not be read again, by what the drive says of them."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given as cases
from hypothesis import strategies as st

from seatrial.rag.loading.stamps import SETTLED_NS, Given, Stamped, Stamps, no_stamps

PAIRS = st.lists(st.tuples(st.text("a#é\ud800", max_size=3), st.text("01", max_size=3)), max_size=6)
OLD = 5 * SETTLED_NS


def status(**changed: int) -> os.stat_result:
    values = {"st_dev": 1, "st_ino": 2, "st_size": 3, "st_mtime_ns": 4, "st_ctime_ns": OLD}
    return cast("os.stat_result", SimpleNamespace(**values | changed))


def stamps(known: dict[str, Stamped] | None = None) -> Stamps:
    return Stamps(known or {}, devices=frozenset({1}), now=lambda: 2 * OLD)


def noted(**changed: int) -> dict[str, Stamped]:
    first = stamps()
    first.note("a", status(**changed), "r", "digest", at=first.now())
    return first.seen


def test_a_file_that_is_as_it_was_has_the_digest_that_it_had():
    again = stamps(noted())
    assert again.digest("a", status(), "r") == "digest"
    assert again.seen == noted()
    assert again.digest("b", status(), "r") is None


@pytest.mark.parametrize("field", ["st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns"])
@pytest.mark.parametrize("by", [1, -1])
def test_one_that_differs_in_anything_is_read(field, by):
    other = status(**{field: getattr(status(), field) + by})
    again = stamps(noted())
    assert again.digest("a", other, "r") is None
    assert again.seen == {}


def test_one_that_would_be_read_otherwise_is_read():
    assert stamps(noted()).digest("a", status(), "other") is None


@pytest.mark.parametrize(
    ("age_ns", "counts"), [(SETTLED_NS, True), (SETTLED_NS - 1, False), (-1, False)]
)
def test_what_changed_just_before_it_was_read_is_read_again(age_ns, counts):
    assert bool(noted(st_ctime_ns=2 * OLD - age_ns)) == counts


def test_a_time_of_writing_may_be_anything():
    assert noted(st_mtime_ns=-1)
    assert noted(st_mtime_ns=2**63 - 1)


def test_drives_that_are_not_trusted_are_read():
    assert not noted(st_dev=7)
    elsewhere = Stamps(noted(), devices=frozenset({7}), now=lambda: 0)
    assert elsewhere.digest("a", status(), "r") is None
    assert elsewhere.seen == {}
    none = no_stamps()
    none.note("a", status(), "r", "digest", at=2 * OLD)
    assert none.seen == {}


def test_of_two_files_of_one_name_the_first_is_known():
    both = stamps()
    both.note("a", status(), "r", "first", at=both.now())
    both.note("a", status(st_ino=9), "r", "second", at=both.now())
    again = stamps(both.seen)
    assert again.digest("a", status(), "r") == "first"
    assert again.digest("a", status(st_ino=9), "r") is None


def test_what_a_file_holds_counts_over_what_was_known_of_it():
    again = stamps(noted())
    assert again.digest("a", status(), "r") == "digest"
    again.note("a", status(), "r", "another", at=again.now())
    assert stamps(again.seen).digest("a", status(), "r") == "another"


@cases(PAIRS, st.randoms())
def test_documents_are_the_same_in_whatever_order_they_come(pairs, random):
    shuffled = random.sample(pairs, len(pairs))
    assert Given(pairs).hexdigest() == Given(shuffled).hexdigest()


@cases(PAIRS, PAIRS)
def test_other_documents_have_another_digest(one, other):
    assert (Given(one).hexdigest() == Given(other).hexdigest()) == (sorted(one) == sorted(other))
