"""Providers see other names: what is sensitive leaves as a placeholder, and comes back as it was.

The same value has the same placeholder throughout one request. Placeholders are numbered by where
they first stand, so that requests that differ in a name alone are equal for the cache behind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final

import msgspec

from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.policies.guard import Passed, Spoken
from seatrial.gateway.policies.request_texts import texts, with_texts
from seatrial.gateway.policies.sensitive import Sensitive, found

_PLACEHOLDER: Final = re.compile(rf"<(?:{'|'.join(Sensitive)})_(\d{{1,6}})>")
_LONGEST: Final = max(map(len, Sensitive)) + len("<_999999>")


class Pseudonyms:
    """A guard that puts placeholders such as ``<EMAIL_1>`` in place of what is sensitive.

    A placeholder in the answer becomes again what it stands for.
    """

    name: Final = "pseudonyms"

    def chat(self, request: ChatRequest) -> Passed:
        """See Guard."""
        names = _Names(texts(request))
        changed = with_texts(request, names.given)
        if not names.values:
            return Passed(request=request)
        return Passed(request=changed, reader=lambda spoken: _Restorer(names.values, spoken))

    def embed(self, request: EmbeddingRequest) -> EmbeddingRequest:
        """See Guard."""
        names = _Names(request.inputs)
        inputs = tuple(names.given(text) for text in request.inputs)
        if not names.values:
            return request
        raw = None if request.raw is None else {**request.raw, "input": list(inputs)}
        return msgspec.structs.replace(request, inputs=inputs, raw=raw)


class _Names:
    """The placeholders of one request."""

    def __init__(self, said: Iterable[str]) -> None:
        self._by_value: dict[str, str] = {}
        self._given: dict[str, str] = {}
        self.values: dict[str, str] = {}
        # What the request itself calls <EMAIL_1> is not to be taken for one of ours.
        taken = [int(n) for text in said if "<" in text for n in _PLACEHOLDER.findall(text)]
        self._n = max(taken, default=0)

    def given(self, text: str) -> str:
        """The text with placeholders; a request has most of its texts in a raw form as well."""
        known = self._given.get(text)
        if known is None:
            known = self._given[text] = self._replaced(text)
        return known

    def _replaced(self, text: str) -> str:
        parts: list[str] = []
        end = 0
        for one in found(text):
            parts += (text[end : one.start], self._name(one.kind, text[one.start : one.end]))
            end = one.end
        return "".join([*parts, text[end:]])

    def _name(self, kind: Sensitive, value: str) -> str:
        name = self._by_value.get(value)
        if name is None:
            self._n += 1
            name = self._by_value[value] = f"<{kind}_{self._n}>"
            self.values[name] = value
        return name


class _Restorer:
    def __init__(self, values: dict[str, str], spoken: Spoken) -> None:
        self._values = values
        self._in_json = spoken is Spoken.ARGUMENTS
        self._held = ""

    def feed(self, text: str) -> str:
        text = self._held + text
        begun = text.rfind("<", max(0, len(text) - _LONGEST))
        if begun < 0 or ">" in text[begun:]:
            begun = len(text)
        self._held = text[begun:]
        return _PLACEHOLDER.sub(self._value, text[:begun])

    def end(self) -> str:
        held, self._held = self._held, ""
        return held

    def _value(self, match: re.Match[str]) -> str:
        value = self._values.get(match[0])
        if value is None:
            return match[0]
        return json.dumps(value, ensure_ascii=False)[1:-1] if self._in_json else value
