"""JSON and JSONL: an object as lines that can be read, a list or lines as records."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import orjson

from seatrial.adapters.documents.text import read_text, told
from seatrial.kernel.size import show_size
from seatrial.rag.loading.loader import About, Flaw, Parsed, Record
from seatrial.rag.loading.metadata import flat, language_code, readers_of
from seatrial.rag.loading.outcome import Reason, Unloadable
from seatrial.rag.loading.packed import too_large
from seatrial.rag.loading.rows import joined
from seatrial.rag.loading.settings import Fields

_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


class JsonLoader:
    """See Loader; each value becomes a line ``path.to[0].it: value``."""

    version = "1"
    isolated = True  # a file becomes ten times larger as values, and nests as it likes

    def load(self, content: bytes, about: About) -> Iterator[Parsed]:
        """See Loader."""
        text, encoding = read_text(content, about)
        value = _parsed(text)
        title = value.get(about.fields.title) if isinstance(value, dict) else None
        yield Parsed(
            text=joined(_lines(value), about.limits),
            title=title if isinstance(title, str) and title.strip() else None,
            metadata=told(encoding),
        )


class RecordLoader:
    """See Loader; a JSON object whose fields are configured."""

    version = "1"
    isolated = False

    def load(self, content: bytes, about: About) -> Iterator[Parsed]:
        """See Loader."""
        value = _parsed(content)
        if not isinstance(value, dict):
            raise _bad(f"is {_kind(value)}, not an object.", "Write one JSON object a record.")
        fields = about.fields
        taken = {fields.id, fields.title, *fields.text, fields.readers, fields.language}
        names = [name for name in value if name not in taken] if "*" in fields.metadata else ()
        metadata = {name: value[name] for name in names or fields.metadata if name in value}
        title = value.get(fields.title)
        yield Parsed(
            text=_text(value, fields),
            title=str(title).strip() if isinstance(title, str | int | float) else None,
            language=language_code(value.get(fields.language)) if fields.language else None,
            metadata=flat(_times(value, fields) | metadata),
            readers=_readers(value, fields),
        )


class JsonRecords:
    """See Splitter; the elements of a list, or of the only list in an object."""

    version = "1"
    record_format = "record"

    def records(self, file: BinaryIO, about: About) -> Iterator[Record | Flaw]:
        """See Splitter."""
        limit = about.limits.record_bytes
        content = file.read(limit + 1)
        if len(content) > limit:
            raise Unloadable(
                f"has more than {show_size(limit)}, and a JSON list is read as a whole.",
                remedy="Write it as JSONL, or raise limits.record_bytes.",
                reason=Reason.TOO_LARGE,
                limit=limit,
            )
        value = _parsed(read_text(content, about).text)
        if isinstance(value, dict):
            lists = [part for part in value.values() if isinstance(part, list)]
            value = lists[0] if len(lists) == 1 else [value]
        for item in value if isinstance(value, list) else [value]:
            yield _record(item, orjson.dumps(item), about.fields)


class JsonLines:
    """See Splitter; a record a line, blank ones left out."""

    version = "1"
    record_format = "record"

    def records(self, file: BinaryIO, about: About) -> Iterator[Record | Flaw]:
        """See Splitter."""
        limit = about.limits.record_bytes
        for number, line in enumerate(_byte_lines(file, about), start=1):
            if len(line) > limit:
                raise too_large(f"in line {number}", limit, "record_bytes")
            bare = line.strip()
            if not bare:
                continue
            try:
                value = _parsed(bare)
            except Unloadable as error:
                yield Flaw(
                    part=f"line {number}",
                    reason=error.reason,
                    problem=error.problem,
                    remedy=error.remedy,
                )
                continue
            yield _record(value, bare, about.fields)


def record_id(value: Mapping[str, Any], content: bytes, fields: Fields) -> str:
    """What a record is called: its id, or a digest of its content where it has none."""
    found = value.get(fields.id)
    if isinstance(found, str | int | float) and not isinstance(found, bool):
        name = str(found).strip()
        if 0 < len(name) <= 500:
            return name
    return hashlib.sha256(content).hexdigest()[:16]


def _record(value: Any, content: bytes, fields: Fields) -> Record:
    return Record(record_id(value if isinstance(value, dict) else {}, content, fields), content)


def _byte_lines(file: BinaryIO, about: About) -> Iterator[bytes]:
    """Lines as UTF-8; a file in another encoding is read whole."""
    limit = about.limits.record_bytes + 1
    first = file.readline(limit)
    if about.encoding in (None, "utf-8") and not first.startswith(_MARKS) and b"\0" not in first:
        while first:
            yield first
            first = file.readline(limit)
        return
    whole = about.limits.file_bytes
    content = first + file.read(whole)
    if len(content) > whole:
        raise too_large("in an encoding other than UTF-8", whole, "file_bytes")
    yield from io.BytesIO(read_text(content, about).text.encode("utf-8", "surrogatepass"))


def _parsed(text: str | bytes) -> Any:
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError) as error:
        reason = "not UTF-8" if "utf-8" in str(error).lower() else str(error)
        raise _bad(f"is not JSON ({reason}).", "Correct it; JSON is UTF-8 text.") from error


def _text(value: Mapping[str, Any], fields: Fields) -> str:
    first = fields.text[0]
    if not isinstance(value.get(first), str):
        raise _bad(
            f"has no text in the field {first!r}, only {_shown_names(value)}.",
            "Name the field that holds the text under fields.text.",
        )
    parts = (value.get(name) for name in fields.text)
    return "\n\n".join(part for part in parts if isinstance(part, str) and part)


def _times(value: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    named = {"created": fields.created, "modified": fields.modified}
    return {name: value[at] for name, at in named.items() if at and value.get(at) is not None}


def _readers(value: Mapping[str, Any], fields: Fields) -> tuple[str, ...] | None:
    if fields.readers is None:
        return None
    if fields.readers not in value:
        raise Unloadable(
            f"has no field {fields.readers!r}, which says who may read it.",
            remedy="Write the field into each record; everyone opens one to all.",
            reason=Reason.BAD_METADATA,
        )
    return readers_of(value[fields.readers])


def _lines(value: Any) -> Iterator[str]:
    """Each value with its path, in order."""
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        path, part = waiting.pop()
        if isinstance(part, dict):
            inner = [(f"{path}.{name}" if path else name, one) for name, one in part.items()]
            waiting += reversed(inner)
        elif isinstance(part, list):
            waiting += [(f"{path}[{i}]", one) for i, one in reversed([*enumerate(part)])]
        elif part is not None and part != "":
            shown = part if isinstance(part, str) else orjson.dumps(part).decode()
            yield f"{path}: {shown}" if path else shown


def _shown_names(value: Mapping[str, Any]) -> str:
    return ", ".join(map(repr, list(value)[:8])) or "none"


def _kind(value: Any) -> str:
    return {list: "a list", str: "a text", type(None): "null", bool: "a boolean"}.get(
        type(value), "a number"
    )


def _bad(problem: str, remedy: str) -> Unloadable:
    return Unloadable(problem, remedy=remedy, reason=Reason.BAD_RECORD)
