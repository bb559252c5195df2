"""Streams as events, put together again the plain way."""

import json
from dataclasses import dataclass, field

from hypothesis import strategies as st

from seatrial.gateway.chat.response import (
    Chunk,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReported,
)
from seatrial.gateway.dialects.sse import EventParser

WORDS = st.text(min_size=1, max_size=5)


@dataclass
class Whole:
    """What a stream said, of one choice."""

    text: str = ""
    thought: str = ""
    signature: str = ""
    calls: dict = field(default_factory=dict)
    reason: FinishReason | None = None
    usage: Usage | None = None
    started: Started | None = None

    def add(self, event):
        if isinstance(event, Started):
            self.started = event
        elif isinstance(event, UsageReported):
            self.usage = event.usage
        elif isinstance(event, TextDelta):
            self.text += event.text
        elif isinstance(event, ReasoningDelta):
            self.thought += event.text
            self.signature += event.signature or ""
        elif isinstance(event, ToolCallDelta):
            id_, name, arguments = self.calls.get(event.position, (event.id, event.name, ""))
            self.calls[event.position] = (id_, name, arguments + event.arguments)
        elif isinstance(event, Finished):
            self.reason = event.reason


def whole(chunks, index=0):
    found = Whole()
    for chunk in chunks:
        for event in chunk.events:
            if getattr(event, "index", index) == index:
                found.add(event)
    return found


def written(writer, chunks):
    """The bytes of a stream, to its end."""
    return b"".join(writer.write(chunk) for chunk in chunks) + writer.end()


def events_of(raw):
    return [(event.name, event.data) for event in EventParser().feed(raw)]


def bodies_of(raw):
    return [json.loads(data) for _, data in events_of(raw) if data != b"[DONE]"]


@st.composite
def streams(draw):
    """The chunks of a stream: thoughts, text, calls of tools, end and usage."""
    events = [Started(id="s1", model="m", created=7)]
    thoughts = draw(st.lists(WORDS, max_size=2))
    events += [ReasoningDelta(text=word) for word in thoughts]
    if thoughts and draw(st.booleans()):
        events.append(ReasoningDelta(signature="sig"))
    events += [TextDelta(text=word) for word in draw(st.lists(WORDS, max_size=3))]
    n_calls = draw(st.integers(0, 2))
    for position in range(n_calls):
        events.append(ToolCallDelta(position=position, id=f"c{position}", name=f"f{position}"))
        arguments = json.dumps({"x": draw(WORDS)})
        cut = draw(st.integers(0, len(arguments)))
        for piece in (arguments[:cut], arguments[cut:]):
            if piece:
                events.append(ToolCallDelta(position=position, arguments=piece))
    reason = (
        FinishReason.TOOL_CALLS
        if n_calls
        else draw(st.sampled_from([FinishReason.STOP, FinishReason.CUT]))
    )
    events.append(Finished(reason=reason))
    if draw(st.booleans()):
        cached = draw(st.integers(0, 50))
        usage = Usage(input_tokens=50, output_tokens=draw(st.integers(1, 99)), cached_tokens=cached)
        events.append(UsageReported(usage=usage))
    return [Chunk(events=(event,)) for event in events]
