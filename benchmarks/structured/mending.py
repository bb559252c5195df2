"""A scripted model that answers badly once, and then mends what it is told, and nothing else."""

from __future__ import annotations

import copy
import json
import re

from benchmarks.structured.cases import Case, Data
from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.provider import Chunks
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import ChatResponse, Choice, Embeddings, FinishReason, Usage

MAX_TOKENS = 500
_TOLD = re.compile(r"^- (\$[^:]*): ", re.MULTILINE)
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]")
_MISSING = object()


class MendingModel:
    """Gives the bad output of a case first. Asked again, it writes strict JSON of the data it had
    in mind, in which it puts right the places it was told, by their paths; asked again with more
    tokens, it writes the whole.
    """

    name = "mending"

    def __init__(self, case: Case) -> None:
        self._case = case
        self._meant = copy.deepcopy(case.meant)
        self.n_asked = 0

    async def chat(self, request: ChatRequest, call: Call) -> ChatResponse:
        """See Provider."""
        self.n_asked += 1
        if self.n_asked == 1:
            return _reply(self._case.text, self._case.reason)
        last = request.messages[-1].text
        for path in _TOLD.findall(last) if "cannot be used" in last else ():
            mend(self._meant, self._case.truth, path)
        return _reply(json.dumps(self._meant, ensure_ascii=False), FinishReason.STOP)

    def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """Not asked for here."""
        raise NotImplementedError

    async def embed(self, request: EmbeddingRequest, call: Call) -> Embeddings:
        """Not asked for here."""
        raise NotImplementedError

    async def close(self) -> None:
        """See Provider."""


def mend(meant: Data, truth: Data, path: str) -> None:
    """Put the truth at a path of the data, where both have what is around it."""
    steps = [(name or key, index) for name, index, key in _STEP.findall(path)]
    at: object = meant
    true: object = truth
    for i, (name, index) in enumerate(steps):
        step: str | int = int(index) if index else name
        right = _at(true, step)
        if i == len(steps) - 1 or _at(at, step) is _MISSING:
            if isinstance(at, dict) and right is _MISSING:
                at.pop(step, None)
            elif isinstance(at, dict | list) and right is not _MISSING:
                at[step] = copy.deepcopy(right)  # type: ignore[index]
            return
        at, true = _at(at, step), right


def _at(holder: object, step: str | int) -> object:
    if isinstance(holder, dict):
        return holder.get(step, _MISSING)
    if isinstance(holder, list) and isinstance(step, int) and step < len(holder):
        return holder[step]
    return _MISSING


def _reply(text: str, reason: FinishReason) -> ChatResponse:
    choice = Choice(index=0, message=said(Role.ASSISTANT, text), finish_reason=reason)
    usage = Usage(input_tokens=10, output_tokens=10)
    return ChatResponse(id="x", model="mending", choices=(choice,), usage=usage)
