"""A JSON object or list as it grows, read in pieces: each character once."""

from __future__ import annotations

import math
import re
from enum import Enum, auto

_BLANKS = re.compile(r"[ \t\r\n]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_BARE = re.compile(r"[-+.0-9A-Za-z]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,399})(?:\.\d{1,400})?(?:[eE][-+]?\d{1,4})?\Z", re.ASCII)
_LITERALS: dict[str, object] = {"true": True, "false": False, "null": None}
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_MAX_BARE = 1_000
_SURROGATE = re.compile("[\ud800-\udfff]")

Container = dict[str, object] | list[object]


class _Next(Enum):
    """What may come where no token is open."""

    ROOT = auto()
    VALUE = auto()
    FIRST_ITEM = auto()
    FIRST_KEY = auto()
    KEY = auto()
    COLON = auto()
    MORE = auto()


class _Broken(Exception):
    pass


class PartialJson:
    """The first object or list of a text that arrives in pieces, as far as it is strict JSON.

    What stands before its bracket is passed over. A text that is not strict JSON from there on
    breaks it: the value then stays as it was, and `read` may do better with the whole text. The
    time of all pieces together is linear in their length.

    Args:
        open_strings: whether a string that is not closed yet is shown as far as it came; each
            look at `value` then costs its length.
        max_depth: of brackets within brackets, >= 1.
    """

    def __init__(self, *, open_strings: bool = False, max_depth: int = 64) -> None:
        self.broken = False
        self.complete = False
        self.trailing = False
        """Whether text other than blanks followed the complete value."""
        self.n_changes = 0
        """How often there was more to see."""
        self.ready: list[str] = []
        """Keys of the root object whose values are complete, in order."""
        self._open_strings = open_strings
        self._max_depth = max_depth
        self._root: Container | None = None
        self._stack: list[Container] = []
        self._keys: list[str] = []
        self._next = _Next.ROOT
        self._string: list[str] | None = None
        self._escape = ""
        self._bare: list[str] | None = None
        self._shown: tuple[Container, str | int] | None = None

    @property
    def value(self) -> Container | None:
        """What is there so far: only complete scalars, unless open strings are shown; None before
        the first bracket. The same object all along, which grows; copy what is to be kept."""
        if self._open_strings and self._string is not None and self._next is not _Next.COLON:
            text = "".join(self._string)
            if _SURROGATE.search(text):
                text = text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
            self._show(text)
        return self._root

    def push(self, piece: str) -> int:
        """Read on; a piece may end anywhere.

        Returns: how many characters were read, all of them but for those behind the value's end
            or where it broke.
        """
        position = 0
        try:
            while position < len(piece) and not self.broken:
                if self.complete:
                    self.trailing = self.trailing or bool(piece[position:].strip())
                    break
                if self._string is not None:
                    position = self._in_string(piece, position, self._string)
                elif self._bare is not None:
                    position = self._in_bare(piece, position, self._bare)
                else:
                    position = self._between(piece, position)
        except _Broken:
            self.broken = True
        return position

    def _between(self, piece: str, position: int) -> int:
        if self._next is _Next.ROOT:
            starts = [
                at for at in (piece.find("{", position), piece.find("[", position)) if at >= 0
            ]
            position = min(starts, default=len(piece))
        else:
            blanks = _BLANKS.match(piece, position)
            position = position if blanks is None else blanks.end()
        if position == len(piece):
            return position
        char = piece[position]
        if self._next is _Next.MORE:
            self._more(char)
        elif self._next is _Next.COLON:
            self._expect(char == ":")
            self._next = _Next.VALUE
        elif self._next in {_Next.KEY, _Next.FIRST_KEY}:
            if char == "}" and self._next is _Next.FIRST_KEY:
                self._close(char)
            else:
                self._expect(char == '"')
                self._string, self._next = [], _Next.COLON
        else:
            return self._value(char, position)
        return position + 1

    def _value(self, char: str, position: int) -> int:
        """A value begins; a bare one keeps its first character for the reading that follows."""
        if char == "]" and self._next is _Next.FIRST_ITEM:
            self._close(char)
        elif char in "{[":
            self._enter(char)
        elif char == '"':
            self._string = []
        else:
            self._expect(char in "-0123456789tfn")
            self._bare = []
            return position
        return position + 1

    def _more(self, char: str) -> None:
        if char in "}]":
            self._close(char)
            return
        self._expect(char == ",")
        self._next = _Next.KEY if isinstance(self._stack[-1], dict) else _Next.VALUE

    def _enter(self, bracket: str) -> None:
        self._expect(len(self._stack) < self._max_depth)
        made: Container = {} if bracket == "{" else []
        if self._stack:
            self._attach(made)
        else:
            self._root = made
            self.n_changes += 1
        self._stack.append(made)
        self._keys.append("")
        self._next = _Next.FIRST_KEY if bracket == "{" else _Next.FIRST_ITEM

    def _close(self, bracket: str) -> None:
        closed = self._stack.pop()
        self._keys.pop()
        self._expect(isinstance(closed, dict) == (bracket == "}"))
        if not self._stack:
            self.complete = True
        self._settled()

    def _attach(self, value: object) -> None:
        """Put a value, or a container that grows, into the innermost container."""
        top = self._stack[-1]
        self.n_changes += 1
        if self._shown is not None:
            self._show(value)
            self._shown = None
        elif isinstance(top, list):
            top.append(value)
        else:
            top[self._keys[-1]] = value

    def _show(self, value: object) -> None:
        if self._shown is None:
            top = self._stack[-1]
            self._shown = top, len(top) if isinstance(top, list) else self._keys[-1]
            if isinstance(top, list):
                top.append(value)
        holder, place = self._shown
        holder[place] = value  # type: ignore[index]

    def _settled(self) -> None:
        """A value is complete."""
        self.n_changes += 1
        if len(self._stack) == 1 and isinstance(self._stack[0], dict):
            self.ready.append(self._keys[0])
        self._next = _Next.MORE

    def _in_string(self, piece: str, position: int, parts: list[str]) -> int:
        if self._escape:
            return self._in_escape(piece, position, parts)
        run = _PLAIN.match(piece, position)
        end = position if run is None else run.end()
        parts.append(piece[position:end])
        self.n_changes += self._open_strings
        if end == len(piece):
            return end
        if piece[end] == '"':
            self._string = None
            self._finish_string(_paired("".join(parts)))
        else:
            self._expect(piece[end] == "\\")
            self._escape = "\\"
        return end + 1

    def _in_escape(self, piece: str, position: int, parts: list[str]) -> int:
        self._escape += piece[position]
        if len(self._escape) == 2 and self._escape[1] != "u":
            self._expect(self._escape[1] in _ESCAPES)
            parts.append(_ESCAPES[self._escape[1]])
            self._escape = ""
        elif len(self._escape) == 6:
            digits = self._escape[2:]
            self._expect(all(c in "0123456789abcdefABCDEF" for c in digits))
            parts.append(chr(int(digits, 16)))
            self._escape = ""
        return position + 1

    def _finish_string(self, text: str) -> None:
        if self._next is not _Next.COLON:
            self._attach(text)
            self._settled()
            return
        top = self._stack[-1]
        self._expect(text not in top)
        self._keys[-1] = text

    def _in_bare(self, piece: str, position: int, parts: list[str]) -> int:
        run = _BARE.match(piece, position)
        end = position if run is None else run.end()
        parts.append(piece[position:end])
        self._expect(sum(map(len, parts)) <= _MAX_BARE)
        if end < len(piece):
            self._bare = None
            self._attach(_bare_value("".join(parts)))
            self._settled()
        return end

    @staticmethod
    def _expect(met: bool) -> None:  # noqa: FBT001
        if not met:
            raise _Broken


def _bare_value(word: str) -> object:
    if word in _LITERALS:
        return _LITERALS[word]
    if not _NUMBER.match(word):
        raise _Broken
    number = float(word) if set(word) & set(".eE") else int(word)
    if isinstance(number, float) and math.isinf(number):
        raise _Broken
    return number


def _paired(text: str) -> str:
    """A text whose surrogate pairs are characters."""
    if not _SURROGATE.search(text):
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise _Broken from None
