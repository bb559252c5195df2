"""Words and simple patterns that may not be asked, or not be answered.

Case and compatible forms of letters make no difference (NFKC, casefold). A word is found as a whole
word, where its script puts spaces between words. In an entry ``*`` stands for up to 32 letters or
figures, the fewest that fit, ``#`` for a figure, ``?`` for any one letter or figure, and a blank
for up to four; everything else is itself. That is all: these can be searched for in time linear in
the text, which arbitrary regular expressions cannot.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, TypeAlias

from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.policies.guard import AnswerBlocked, Blocked, Passed, Reader, Spoken
from seatrial.gateway.policies.request_texts import texts
from seatrial.kernel.errors import Invalid

_STAR: Final = 32
_SPACE: Final = 4
_SPACED: Final = r"[^\W\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
"""A letter or figure of a script that puts spaces between words."""
_BEFORE, _AFTER = f"(?<!{_SPACED})", f"(?!{_SPACED})"
_MAX_ENTRY: Final = 200
_MAX_STARS: Final = 4


class DenyEntryInvalid(Invalid):
    """An entry of a deny list cannot be searched for."""

    code = "gateway.deny_entry_invalid"


class DenyList:
    """A guard that lets nothing pass in which one of its entries stands.

    In streams, as many letters as the longest entry may have are held back, so that no part of
    one is passed on before the rest has come.

    Args:
        name: as configured; errors name it, and of answers nothing else.
        entries: at least one, each of 1 to 200 letters with at most 4 ``*``.
    Raises: DenyEntryInvalid.
    """

    def __init__(self, name: str, entries: Sequence[str]) -> None:
        self.name = name
        plain = [_normal(entry) for entry in entries]
        if not entries:
            raise DenyEntryInvalid(
                f"The list {name!r} denies nothing.", remedy="Write an entry, or leave it out."
            )
        for entry, shown in zip(plain, entries, strict=True):
            _check(name, entry, shown)
        self._pattern = re.compile(_search(plain))
        self._reach = max((_reach(entry) for entry in plain), default=0)

    def chat(self, request: ChatRequest) -> Passed:
        """See Guard."""
        for text in texts(request):
            self._check_request(text)
        return Passed(request=request, reader=self._reader)

    def embed(self, request: EmbeddingRequest) -> EmbeddingRequest:
        """See Guard."""
        for text in request.inputs:
            self._check_request(text)
        return request

    def _check_request(self, text: str) -> None:
        match = self._pattern.search(_normal(text))
        if match is not None:
            raise Blocked(
                f"The request has {match[0]!r} in it, which the list {self.name!r} denies.",
                remedy="Leave it out.",
                guard=self.name,
            )

    def _reader(self, spoken: Spoken) -> Reader:  # noqa: ARG002 - all are read alike
        return _Watcher(self.name, self._pattern, self._reach)


class _Watcher:
    """Holds back as much as could become an entry; keeps the letter before it, for its edge."""

    def __init__(self, name: str, pattern: re.Pattern[str], reach: int) -> None:
        self._name = name
        self._pattern = pattern
        # A letter may be written with a mark of its own, which its compatible form does without.
        self._reach = 2 * reach + 8
        self._before = ""
        self._held = ""

    def feed(self, text: str) -> str:
        self._held += text
        self._check(final=False)
        n_free = len(self._held) - self._reach
        return self._release(n_free) if n_free > 0 else ""

    def end(self) -> str:
        self._check(final=True)
        return self._release(len(self._held))

    def _release(self, n: int) -> str:
        free, self._held = self._held[:n], self._held[n:]
        self._before = free[-1:] or self._before
        return free

    def _check(self, *, final: bool) -> None:
        plain = _normal(self._before + self._held)
        for match in self._pattern.finditer(plain):
            # At the very end the word may go on, and be another.
            if final or match.end() < len(plain):
                raise AnswerBlocked(
                    f"The answer has something in it that the list {self._name!r} denies.",
                    remedy="Ask for something else.",
                    guard=self._name,
                )


def _normal(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def _check(name: str, entry: str, shown: str) -> None:
    letters = re.sub(r"[*#?\s]", "", entry)
    if letters and len(entry) <= _MAX_ENTRY and entry.count("*") <= _MAX_STARS:
        return
    raise DenyEntryInvalid(
        f"The entry {shown!r} of the list {name!r} cannot be searched for.",
        remedy=f"Write 1 to {_MAX_ENTRY} letters, with at most {_MAX_STARS} of them *.",
        list=name,
    )


def _reach(entry: str) -> int:
    return len(entry) + entry.count("*") * _STAR + len(entry.split()) * _SPACE + 1


_Tree: TypeAlias = dict[str, "_Tree"]


def _search(entries: Sequence[str]) -> str:
    """One pattern for all entries: those that begin alike are tried once for what is alike."""
    trees: dict[tuple[str, str], _Tree] = {}
    for entry in entries:
        before = _BEFORE if _is_spaced(entry[0]) else ""
        after = _AFTER if _is_spaced(entry[-1]) else ""
        steps, after = _steps(entry, after)
        place = trees.setdefault((before, after), {})
        for step in steps:
            place = place.setdefault(step, {})
        place.setdefault("", {})
    return "|".join(
        f"{before}{_alternatives(tree)}{after}" for (before, after), tree in trees.items()
    )


def _steps(entry: str, after: str) -> tuple[list[str], str]:
    """What to match one after the other, and what must follow all of it."""
    head, *rest = entry.split("*")
    steps = list(map(_one, head))
    if not rest:
        return steps, after
    segments = ["".join(map(_one, segment)) for segment in rest]
    # What follows decides how much the last star stands for.
    segments[-1] += after
    # Atomic: once the nearest place fits, no other is tried, so no time is multiplied.
    return [*steps, *(f"(?>\\w{{0,{_STAR}}}?{segment})" for segment in segments)], ""


def _one(letter: str) -> str:
    match letter:
        case "#":
            return r"\d"
        case "?":
            return r"\w"
        case _ if letter.isspace():
            return rf"\s{{1,{_SPACE}}}"
        case _:
            return re.escape(letter)


def _is_spaced(letter: str) -> bool:
    return letter in "*#?" or re.fullmatch(_SPACED, letter) is not None


def _alternatives(tree: _Tree) -> str:
    steps = sorted(tree, reverse=True)  # the empty one last: the longer entry first
    several = [step + (_alternatives(tree[step]) if tree[step] else "") for step in steps]
    return several[0] if len(several) == 1 else f"(?:{'|'.join(several)})"
