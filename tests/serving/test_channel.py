"""Messages arrive whole however the bytes are cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seatrial.serving.channel import Channel
from seatrial.serving.frames import pack


class Wire:
    """A transport that only remembers being cut."""

    def __init__(self) -> None:
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


@given(st.lists(st.binary(max_size=40), max_size=5), st.lists(st.integers(1, 30), min_size=1))
def test_messages_arrive_in_order_however_they_are_cut(
    bodies: list[bytes], cuts: list[int]
) -> None:
    heard: list[dict[str, object]] = []
    channel = Channel(heard.append, lambda: None)
    data = b"".join(bytes(b) for body in bodies for b in pack({"body": body}))
    at = turn = 0
    while at < len(data):
        step = cuts[turn % len(cuts)]
        channel.data_received(data[at : at + step])
        at, turn = at + step, turn + 1
    assert heard == [{"body": body} for body in bodies]


def test_nonsense_closes_the_channel() -> None:
    wire = Wire()
    channel = Channel(lambda message: None, lambda: None)
    channel.connection_made(wire)  # type: ignore[arg-type]
    channel.data_received(b"HTTP/1.1 200 OK\r\n\r\n")
    assert wire.aborted
