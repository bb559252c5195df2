"""What is known already."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.loading.known import Known, attached_digest, part_id

PARTS = st.text("a#%/é", max_size=4)


def test_what_is_attached_is_known_by_its_message():
    digests = {"m": "d", "m#a": attached_digest("d", "m#a"), "m#b": "other", "m2#a": "x"}
    known = Known(digests)
    assert known.has("m", "d")
    assert not known.has("m", "e")
    assert [name for name, _ in known.attached_to("m", "d")] == ["m#a"]
    assert list(known.attached_to("m", "e")) == []


@given(PARTS, PARTS)
def test_different_parts_have_different_ids(one, other):
    assert (part_id("s", one) == part_id("s", other)) == (
        one.replace("#", "%23") == other.replace("#", "%23")
    )
    assert part_id("s", "") == "s"
    assert part_id("s", one).count("#") == bool(one)
