"""From a stream to the whole answer, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from seatrial.gateway.chat.messages import Message, Part, Reasoning, Role, Text, ToolCall
from seatrial.gateway.chat.response import (
    ChatResponse,
    Choice,
    Chunk,
    Event,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReported,
)


class Transcript:
    """Puts the pieces of a stream together.

    Texts that follow each other become one part, and so do thoughts up to their signature.
    """

    def __init__(self) -> None:
        self._started: Started | None = None
        self._usage: Usage | None = None
        self._speeches: dict[int, _Speech] = {}

    def add(self, chunk: Chunk) -> None:
        """The next piece."""
        for event in chunk.events:
            match event:
                case Started():
                    self._started = self._started or event
                case UsageReported(usage=usage):
                    self._usage = usage
                case TextDelta() | ReasoningDelta() | ToolCallDelta() | Finished():
                    self._speeches.setdefault(event.index, _Speech()).add(event)

    def response(self) -> ChatResponse | None:
        """The whole answer, without raw forms; None before every choice that began is finished."""
        choices = tuple(
            Choice(
                index=index,
                message=Message(role=Role.ASSISTANT, parts=tuple(speech.parts())),
                finish_reason=speech.finish_reason,
            )
            for index, speech in sorted(self._speeches.items())
            if speech.finish_reason is not None
        )
        if not choices or len(choices) < len(self._speeches):
            return None
        begun = self._started or Started(id="", model="")
        return ChatResponse(
            id=begun.id,
            model=begun.model,
            created=begun.created,
            choices=choices,
            usage=self._usage,
        )


def assembled(chunks: Iterable[Chunk]) -> ChatResponse | None:
    """The whole answer that the pieces of a stream make; None where they are not all there."""
    transcript = Transcript()
    for chunk in chunks:
        transcript.add(chunk)
    return transcript.response()


def pieces(response: ChatResponse) -> tuple[Chunk, ...] | None:
    """An answer as a stream, each part of it in one piece, without raw forms.

    Returns: None where a part of it is of a kind that no stream carries, such as an image.
    """
    events: list[Event] = [Started(id=response.id, model=response.model, created=response.created)]
    for choice in response.choices:
        position = 0
        for part in choice.message.parts:
            event = _event(part, position, choice.index)
            if event is None:
                return None
            position += isinstance(part, ToolCall)
            events.append(event)
        events.append(Finished(reason=choice.finish_reason, index=choice.index))
    if response.usage is not None:
        events.append(UsageReported(usage=response.usage))
    return tuple(Chunk(events=(event,)) for event in events)


def _event(part: Part, position: int, index: int) -> Event | None:
    match part:
        case Text(text=text):
            return TextDelta(text=text, index=index)
        case Reasoning(text=text, signature=signature):
            return ReasoningDelta(text=text, signature=signature, index=index)
        case ToolCall():
            return ToolCallDelta(
                position=position,
                id=part.id,
                name=part.name,
                arguments=part.arguments,
                index=index,
            )
        case _:
            return None


@dataclass(slots=True)
class _Said:
    """A text or a thought that is being spoken."""

    thought: bool
    words: list[str] = field(default_factory=list)
    signature: str | None = None


@dataclass(slots=True)
class _Asked:
    """A call of a tool that is being written."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class _Speech:
    """What one choice says."""

    def __init__(self) -> None:
        self.finish_reason: FinishReason | None = None
        self._parts: list[_Said | _Asked] = []
        self._calls: dict[int, _Asked] = {}

    def add(self, event: TextDelta | ReasoningDelta | ToolCallDelta | Finished) -> None:
        match event:
            case TextDelta(text=text):
                if text:
                    self._said(thought=False).words.append(text)
            case ReasoningDelta(text=text, signature=signature):
                said = self._said(thought=True)
                said.words.append(text)
                said.signature = signature
            case ToolCallDelta():
                self._asked(event)
            case Finished(reason=reason):
                self.finish_reason = reason

    def parts(self) -> Iterator[Part]:
        for part in self._parts:
            if isinstance(part, _Asked):
                yield ToolCall(id=part.id, name=part.name, arguments="".join(part.arguments))
            elif part.thought:
                yield Reasoning(text="".join(part.words), signature=part.signature)
            else:
                yield Text("".join(part.words))

    def _said(self, *, thought: bool) -> _Said:
        last = self._parts[-1] if self._parts else None
        if isinstance(last, _Said) and last.thought is thought and last.signature is None:
            return last
        said = _Said(thought)
        self._parts.append(said)
        return said

    def _asked(self, event: ToolCallDelta) -> None:
        asked = self._calls.get(event.position)
        if asked is None:
            asked = self._calls[event.position] = _Asked()
            self._parts.append(asked)
        asked.id = event.id or asked.id
        asked.name = event.name or asked.name
        asked.arguments.append(event.arguments)
