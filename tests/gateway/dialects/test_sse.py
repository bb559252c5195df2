"""Events are found whatever way their bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.dialects.fields import RequestInvalid
from seatrial.gateway.dialects.sse import Event, EventParser, data_event, named_event

LINE = st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=("Cs",)), max_size=9)
EVENTS = st.lists(
    st.tuples(
        st.from_regex(r"[a-z_]{0,9}", fullmatch=True),
        st.lists(LINE, min_size=1, max_size=3).filter(any),
    ),
    max_size=5,
)


def written(events, ending, *, comments=True):
    """Events in bytes, with what a parser must pass over in between."""
    text = ""
    for name, lines in events:
        text += f": ping{ending}id: 7{ending}retry: 5{ending}" if comments else ""
        text += f"event: {name}{ending}" if name else ""
        text += "".join(f"data: {line}{ending}" for line in lines) + ending
    return text.encode()


def parsed(pieces):
    parser = EventParser()
    return [event for piece in pieces for event in parser.feed(piece)]


@given(EVENTS, st.sampled_from(["\n", "\r\n", "\r"]), st.data())
def test_cuts_do_not_matter(events, ending, data):
    raw = written(events, ending)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert parsed(pieces) == [Event(name, "\n".join(lines).encode()) for name, lines in events]


@given(EVENTS)
def test_byte_by_byte(events):
    raw = written(events, "\r\n")
    assert parsed([bytes([byte]) for byte in raw]) == parsed([raw])


def test_what_the_standard_says_of_lines():
    raw = b"\xef\xbb\xbfdata:no space\n\ndata:  two\n\ndata\n\nx: y\ndata: a\ndata:\ndata: b\n\n"
    assert parsed([raw]) == [Event("", b"no space"), Event("", b" two"), Event("", b"a\n\nb")]
    assert parsed([b"event: lonely\n\n", b"data: x\n\n"]) == [Event("", b"x")]


def test_an_event_without_its_empty_line_is_told_at_the_end_only():
    parser = EventParser()
    assert parser.feed(b"data: a\n\ndata: [DONE]") == [Event("", b"a")]
    assert parser.end() == Event("", b"[DONE]")
    assert parser.end() is None


@pytest.mark.parametrize("raw", [b"data: " + b"x" * 200, b"data: 12345\n" * 20, b": " + b"c" * 200])
@pytest.mark.parametrize("ending", [b"", b"\n\n"])
def test_an_event_has_a_bound(raw, ending):
    parser = EventParser(max_bytes=100)
    assert len(parser.feed(b"data: fits\n\n" * 50)) == 50
    assert parser.feed(raw[:64]) == []
    with pytest.raises(RequestInvalid, match="longer than 100 bytes"):
        parser.feed(raw[64:] + ending)


def test_what_is_written_is_read():
    assert parsed([data_event({"a": "\r\n\x85"}), named_event("ping", {"type": "ping"})]) == [
        Event("", b'{"a":"\\r\\n\xc2\x85"}'),
        Event("ping", b'{"type":"ping"}'),
    ]
