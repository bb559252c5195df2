"""What is known already."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.loading.known import Known, attached_digest, part_id

PARTS = st.text("a#%/é", max_size=4)


def test_what_is_attached_is_known_by_its_message():
    digests = {"m": "d", "m#a": attached_digest("d", "m#a"), "m#b": "other", "m2#a": "x"}
    known = Known(digests)
    found = known.unchanged("m", "d")
    assert found is not None
    assert [(one.id, one.digest) for one in found] == [("m", "d"), ("m#a", digests["m#a"])]
    assert known.unchanged("m", "e") is None
    assert known.unchanged("n", "d") is None


@given(st.lists(st.text("a#$!", min_size=1, max_size=4), max_size=8), st.text("a#$!", max_size=3))
def test_parts_are_what_follows_the_sign_after_a_name(names, name):
    found = Known(dict.fromkeys(names, "d")).parts_of(name)
    assert found == [(one, "d") for one in sorted(set(names)) if one.startswith(f"{name}#")]


@given(PARTS, PARTS)
def test_different_parts_have_different_ids(one, other):
    assert (part_id("s", one) == part_id("s", other)) == (
        one.replace("#", "%23") == other.replace("#", "%23")
    )
    assert part_id("s", "") == "s"
    assert part_id("s", one).count("#") == bool(one)
