"""A stream whose text is held back until it is known to be good; see `policy`."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from seatrial.gateway.chat.failures import BadReply
from seatrial.gateway.chat.response import (
    Chunk,
    Event,
    Finished,
    FinishReason,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReported,
)
from seatrial.gateway.structured.failures import cut, filtered, invalid
from seatrial.gateway.structured.form import Said, total
from seatrial.gateway.structured.partial_json import PartialJson
from seatrial.gateway.structured.problem import Fault, Problem
from seatrial.gateway.structured.settle import Settled, answered


class _Choice:
    __slots__ = ("begun", "given", "json", "parts", "tools")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.json = PartialJson()
        self.begun = False
        self.given = False
        self.tools = False


class Ended(msgspec.Struct, frozen=True):
    """A choice is complete.

    Args:
        settled: whether it goes on as it is: all of it was given, or it asks for tools.
    """

    index: int
    said: Said
    settled: bool


class Gathered:
    """Sorts the events of one stream: those to give now, and those to hold.

    Args:
        early: whether text is given while it is strict JSON.
        provider: named in errors.
        max_tokens: as asked for; named in errors.
    """

    def __init__(self, *, early: bool, provider: str, max_tokens: int | None) -> None:
        self._early = early
        self._provider = provider
        self._max_tokens = max_tokens
        self._choices: dict[int, _Choice] = {}
        self._ended: list[Ended] = []
        self._usage: Usage | None = None
        self._more: list[Usage | None] = []

    def heard(self, chunk: Chunk) -> Iterator[Event]:
        """The events of a piece that can be given at once.

        Raises: AnswerInvalid, AnswerCut, AnswerFiltered, where pieces were given of what is now
            known to be no answer.
        """
        for event in chunk.events:
            if isinstance(event, TextDelta):
                yield from self._text(event)
            elif isinstance(event, Finished):
                self._finish(event)
            elif isinstance(event, UsageReported):
                self._usage = event.usage
            else:
                if isinstance(event, ToolCallDelta):
                    self._choice(event.index).tools = True
                yield event

    def ended(self) -> list[Ended]:
        """The choices that became complete since this was asked last."""
        ended, self._ended = self._ended, []
        return ended

    def told(self, ended: Ended, settled: Settled[object] | None) -> Iterator[Event]:
        """What is given of a complete choice: the text that was held back, and its end."""
        text, reason = ended.said.text, ended.said.reason
        if settled is not None:
            text, reason = settled.accepted.text, FinishReason.STOP
            self._more += settled.usages
        if text and not self._choices[ended.index].given:
            yield TextDelta(text=text, index=ended.index)
        yield Finished(reason=reason, index=ended.index)

    def last(self) -> Iterator[Event]:
        """What comes at the end of the stream: the usage of all calls, where all told it."""
        usage = total((self._usage, *self._more))
        if usage is not None:
            yield UsageReported(usage=usage)

    def _choice(self, index: int) -> _Choice:
        return self._choices.setdefault(index, _Choice())

    def _text(self, event: TextDelta) -> Iterator[Event]:
        choice = self._choice(event.index)
        choice.parts.append(event.text)
        json = choice.json
        if not self._early or json.broken or json.complete:
            return
        if not choice.begun:
            first = event.text.lstrip()[:1]
            choice.begun = first != ""
            json.broken = first not in {"", "{"}
        if json.broken or not choice.begun:
            return
        n_read = json.push(event.text)
        if not json.broken:
            choice.given = True
            yield TextDelta(text=event.text[:n_read], index=event.index)

    def _finish(self, event: Finished) -> None:
        choice = self._choice(event.index)
        said = answered("".join(choice.parts), event.reason)
        if choice.given and not choice.tools and not choice.json.complete:
            raise self._failure(said)
        settled = choice.tools or choice.given
        self._ended.append(Ended(event.index, said, settled))

    def _failure(self, said: Said) -> BadReply:
        if said.reason is FinishReason.FILTERED:
            return filtered(self._provider, n_asked=1)
        if said.reason is FinishReason.CUT:
            return cut(self._provider, text=said.text, n_asked=1, max_tokens=self._max_tokens)
        problem = Problem("$", Fault.SYNTAX, "the answer stopped being JSON after it had begun")
        return invalid(
            self._provider,
            (problem,),
            text=said.text,
            n_asked=1,
            why_no_more="the first pieces of the stream had been given",
        )
