"""The parser behind `read`: one object or list from a given bracket, strict or nearly so."""

from __future__ import annotations

import math
import re

from seatrial.gateway.structured.problem import Fault, Problem, Repair, json_path

_BLANK = re.compile(r"[\s\ufeff\u200b]*")
_COMMENT = re.compile(r"//[^\n]*|#[^\n]*|/\*.*?\*/", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_$][\w$-]*")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_STRICT_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?\Z", re.ASCII)
_LOOSE_NUMBER = re.compile(r"[-+]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?\Z", re.ASCII)
MAX_DIGITS = 400
"""No float has more digits before its point; longer integers are noise, and slow to convert."""

_ENDINGS = {'"': '"', "'": "'", "“": "“”", "”": "“”", "‘": "‘’", "’": "‘’"}
_STRINGS = {
    opening: re.compile(rf"{opening}([^{ends}\\]*(?:\\.[^{ends}\\]*)*)[{ends}]", re.DOTALL)
    for opening, ends in _ENDINGS.items()
}
_ESCAPES = {'"': '"', "'": "'", "\\": "\\", "/": "/"}
_ESCAPES |= {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f]")
_SURROGATE = re.compile("[\ud800-\udfff]")

_LITERALS: dict[str, object] = {"true": True, "false": False, "null": None}
_PYTHON_LITERALS: dict[str, object] = {"True": True, "False": False, "None": None}
_NOT_NUMBERS = {"NaN", "nan", "Infinity", "inf", "-Infinity", "-inf", "+Infinity", "+inf", "-NaN"}
_WORD = re.compile(r"[-+]?[A-Za-z_]\w*")
_AFTER_A_VALUE = {"", ",", "，", "]", "}"}
_CLOSERS = {"{": "}", "[": "]"}


class Unreadable(Exception):
    """What starts at the bracket cannot be read.

    Args:
        committed: whether it was plainly JSON before it broke, and not, say, a bracket in prose.
    """

    def __init__(self, problem: Problem, *, committed: bool) -> None:
        super().__init__(problem)
        self.problem = problem
        self.committed = committed


class _Open:
    """A bracket that was opened: its items so far, and the key whose value is next."""

    __slots__ = ("closer", "items", "key")

    def __init__(self, bracket: str) -> None:
        self.closer = _CLOSERS[bracket]
        self.items: dict[str, object] | list[object] = {} if bracket == "{" else []
        self.key = ""


class Parser:
    """Reads containers of one text.

    Args:
        may_close: whether brackets missing at the end may be added.
        nan_as_null: whether NaN and infinities are read as null instead of refused.
    """

    def __init__(self, text: str, *, may_close: bool, max_depth: int, nan_as_null: bool) -> None:
        self.position = 0
        self.repairs: set[Repair] = set()
        self.n_closed = 0
        """How many brackets were added to the last container: those of its root, of the value of
        the root's last key, and so on."""
        self._text = text
        self._may_close = may_close
        self._max_depth = max_depth
        self._nan_as_null = nan_as_null
        self._open: list[_Open] = []
        self._committed = False
        self._number_end = -1

    def container(self, start: int) -> dict[str, object] | list[object]:
        """The object or list whose bracket stands at ``start``; `position` is then behind it.

        Raises: Unreadable.
        """
        self.position = start
        self.repairs = set()
        self.n_closed = 0
        self._open = []
        self._committed = False
        self._enter(self._text[start])
        while True:
            top = self._open[-1]
            if self._closed(top):
                self._open.pop()
                if not self._open:
                    return top.items
                self._put(top.items)
                continue
            if isinstance(top.items, dict):
                self._key(top)
            char = self._peek()
            if char in _CLOSERS:
                self._enter(char)
            else:
                self._put(self._scalar(char))

    def _enter(self, bracket: str) -> None:
        if len(self._open) == self._max_depth:
            self._committed = True
            raise self._broken(Fault.TOO_BIG, f"nested more than {self._max_depth} deep")
        self._open.append(_Open(bracket))
        self.position += 1

    def _closed(self, top: _Open) -> bool:
        """Whether the innermost bracket closes here; otherwise an item is next."""
        char = self._peek()
        if top.items:
            if char == "":
                return self._close_at_end()
            if char in ",，":
                self._separator(",")
                char = self._peek()
                if char == "":
                    raise self._left_open("a comma promises more")
                if char == top.closer:
                    self.repairs.add(Repair.TRAILING_COMMA)
            elif char != top.closer:
                raise self._unexpected(f"a comma or {top.closer!r}")
        elif char == "":
            raise self._left_open("a bracket is empty")
        if char == top.closer:
            self.position += 1
            return True
        return False

    def _close_at_end(self) -> bool:
        if not self._may_close:
            raise self._left_open("the answer was cut off")
        if self._number_end == len(self._text):
            raise self._left_open("the last number may have more digits")
        if any(isinstance(opened.items, list) for opened in self._open):
            raise self._left_open("a list may have more items")
        self.repairs.add(Repair.CLOSED)
        self.n_closed += 1
        return True

    def _put(self, value: object) -> None:
        top = self._open[-1]
        if self._peek() in _AFTER_A_VALUE:
            self._committed = True
        if isinstance(top.items, list):
            top.items.append(value)
        elif top.key not in top.items:
            top.items[top.key] = value
        elif repr(top.items[top.key]) == repr(value):
            self.repairs.add(Repair.DUPLICATE)
        else:
            raise self._broken(Fault.DUPLICATE, "the key stands twice, with different values")

    def _key(self, top: _Open) -> None:
        char = self._peek()
        top.key = ""
        if char in _ENDINGS:
            top.key = self._string(char)
        else:
            name = _NAME.match(self._text, self.position)
            if name is None:
                raise self._unexpected("a key in double quotes")
            self.repairs.add(Repair.UNQUOTED_KEY)
            top.key = name.group()
            self.position = name.end()
        if self._peek() not in {":", "："}:
            raise self._unexpected("a colon")
        self._separator(":")

    def _separator(self, plain: str) -> None:
        if self._text[self.position] != plain:
            self.repairs.add(Repair.PUNCTUATION)
        self.position += 1

    def _scalar(self, char: str) -> object:
        if char == "":
            raise self._left_open("a value is missing")
        if char in _ENDINGS:
            return self._string(char)
        word = _WORD.match(self._text, self.position)
        if word is not None:
            return self._literal(word.group())
        return self._number()

    def _string(self, opening: str) -> str:
        self._committed = True
        match = _STRINGS[opening].match(self._text, self.position)
        if match is None:
            raise self._left_open("a string is not closed")
        if opening != '"':
            self.repairs.add(Repair.SINGLE_QUOTES if opening == "'" else Repair.SMART_QUOTES)
        content = match.group(1)
        if _CONTROL.search(content):
            self.repairs.add(Repair.CONTROL)
        if "\\" in content:
            content = self._unescaped(content)
        self.position = match.end()
        return content

    def _unescaped(self, content: str) -> str:
        bad: list[str] = []

        def plain(escape: re.Match[str]) -> str:
            if escape[1]:
                return chr(int(escape[1], 16))
            if escape[2] not in _ESCAPES:
                bad.append(escape[2])
            return _ESCAPES.get(escape[2], "")

        made = _ESCAPE.sub(plain, content)
        if bad:
            raise self._broken(Fault.SYNTAX, "a string has an escape that JSON does not know")
        if _SURROGATE.search(made):
            try:
                made = made.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError:
                raise self._broken(Fault.SYNTAX, "a string has half a character") from None
        return made

    def _literal(self, word: str) -> object:
        if word in _NOT_NUMBERS:
            if not self._nan_as_null:
                self._committed = True
                raise self._broken(Fault.NOT_A_NUMBER, f"{word} is not JSON")
            self.repairs.add(Repair.NOT_A_NUMBER)
        elif word in _PYTHON_LITERALS:
            self.repairs.add(Repair.LITERAL)
        elif word not in _LITERALS:
            raise self._unexpected("a value")
        self.position += len(word)
        return (_LITERALS | _PYTHON_LITERALS).get(word)

    def _number(self) -> int | float:
        match = _NUMBER.match(self._text, self.position)
        if match is None:
            raise self._unexpected("a value")
        digits = match.group()
        strict = _STRICT_NUMBER.match(digits)
        if not strict:
            if not _LOOSE_NUMBER.match(digits):
                raise self._unexpected("a number without leading zeros")
            self.repairs.add(Repair.NUMBER)
        if len(digits) > MAX_DIGITS:
            raise self._broken(Fault.TOO_BIG, f"a number has more than {MAX_DIGITS} digits")
        number = float(digits) if set(digits) & set(".eE") else int(digits)
        if isinstance(number, float) and math.isinf(number):
            raise self._broken(Fault.NOT_A_NUMBER, "a number is beyond the range of floats")
        self.position = self._number_end = match.end()
        return number

    def _peek(self) -> str:
        """The next character that is neither blank nor comment; "" where the text or its code
        fence ends."""
        while True:
            blank = _BLANK.match(self._text, self.position)
            if blank is not None:
                self.position = blank.end()
            char = self._text[self.position : self.position + 1]
            if char in {"/", "#"}:
                comment = _COMMENT.match(self._text, self.position)
                if comment is None:
                    return char
                self.repairs.add(Repair.COMMENT)
                self.position = comment.end()
                continue
            return "" if self._text.startswith("```", self.position) else char

    def _unexpected(self, wanted: str) -> Unreadable:
        return self._broken(Fault.SYNTAX, f"character {self.position}: {wanted} is expected")

    def _left_open(self, why: str) -> Unreadable:
        return self._broken(Fault.OPEN, f"it is incomplete: {why}")

    def _broken(self, fault: Fault, message: str) -> Unreadable:
        path = json_path(
            len(opened.items) if isinstance(opened.items, list) else opened.key
            for opened in self._open
            if isinstance(opened.items, list) or opened.key
        )
        return Unreadable(Problem(path, fault, message), committed=self._committed)
