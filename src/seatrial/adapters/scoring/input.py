"""The file to score: what it is, whether its columns fit, and its rows piece by piece, in order.

Only pieces are held, never the file; what stands in them is parsed by whoever scores them.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from seatrial.adapters.scoring import array_rows
from seatrial.adapters.scoring.parse import Reading, stream_of
from seatrial.adapters.tables import array_file
from seatrial.adapters.tables.array_file import Header
from seatrial.adapters.tables.csv_records import record_ends
from seatrial.registry.signature import Dtype, Feature, Signature
from seatrial.serving.scoring import InputUnfit, InputUnreadable, Piece

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK_BYTES: Final = 4 << 20
_MAX_RECORD_BYTES: Final = 64 << 20
_DELIMITERS: Final = ",;\t|"
_PACKED: Final = {b"\x1f\x8b": "gzip", b"PK": "zip", b"\x28\xb5\x2f\xfd": "zstd"}
_NO_TEXT: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LISTED: Final = 12
_LINE_FEED: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFile:
    """A file whose columns fit a signature.

    Args:
        path: of the file.
        reading: how its pieces are parsed.
        kept: types of the columns to hand through.
        length: where its last piece ends: bytes, or rows of Parquet and arrays.
        n_rows: how many; of text a guess from how long the first ones are.
        start: where the first row begins, in bytes.
        arrays: those of a file of arrays, by name.
    """

    path: Path
    reading: Reading
    kept: Mapping[str, pa.DataType]
    length: int
    n_rows: int
    start: int = 0
    arrays: Mapping[str, Header] | None = None

    def n_pieces(self, batch_rows: int) -> int:
        """About how many `pieces` gives."""
        by_size = 0
        if self.arrays is not None:
            row_bytes = sum(self.arrays[name].row_bytes for name in self._names())
            batch_rows = array_rows.rows_of_piece(row_bytes, batch_rows)
        elif self.reading.form != "parquet":
            by_size = -(-self.length // _BLOCK_BYTES)
        return max(1, by_size, -(-self.n_rows // batch_rows))

    def _names(self) -> list[str]:
        """What is read: the columns of the features and those to hand through."""
        return list(dict.fromkeys((*self.reading.sources, *self.reading.kept)))

    def pieces(self, batch_rows: int) -> Iterator[Piece]:
        """Its rows in order, at most ``batch_rows`` >= 1 at once.   Raises: InputUnreadable."""
        if self.reading.form == "parquet":
            return self._of_parquet(batch_rows)
        if self.arrays is not None:
            return self._of_arrays(self.arrays, batch_rows)
        return self._of_text(batch_rows)

    def _of_parquet(self, batch_rows: int) -> Iterator[Piece]:
        import pyarrow.parquet as pq

        position = 0
        # Buffered ahead, Arrow would hold all of the file that was read.
        with _said(self.path), pq.ParquetFile(self.path, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_rows, columns=self._names(), use_threads=False):
                position += batch.num_rows
                yield Piece(content=stream_of(batch), position=position)

    def _of_arrays(self, arrays: Mapping[str, Header], batch_rows: int) -> Iterator[Piece]:
        with _said(self.path):
            yield from array_rows.pieces_of(self.path, arrays, self._names(), batch_rows)

    def _of_text(self, batch_rows: int) -> Iterator[Piece]:
        with _said(self.path), self.path.open("rb") as file:
            position, size = self.start, _BLOCK_BYTES
            while position < self.length:
                block = _at(file, position, min(size, self.length - position))
                if not block:  # it became shorter meanwhile
                    return
                cut = self._cut(block, batch_rows, last=position + len(block) >= self.length)
                if not cut:
                    if size >= _MAX_RECORD_BYTES:
                        raise InputUnreadable(
                            f"{self.path.name} has a row of more than {size:,} bytes from byte "
                            f"{position:,} on.",
                            remedy="Look for a quote that is never closed there.",
                        )
                    size *= 2
                    continue
                position, size = position + cut, _BLOCK_BYTES
                yield Piece(content=np.frombuffer(block, np.uint8)[:cut], position=position)

    def _cut(self, block: bytes, batch_rows: int, *, last: bool) -> int:
        """Where the last whole row of a piece ends, which may have ``batch_rows``; 0 for nowhere.

        Args: last: whether the file ends with the block, as rows may do without a line feed.
        """
        quoted = self.reading.form == "csv" and b'"' in block
        if not quoted and block.count(b"\n") < batch_rows:
            return len(block) if last else block.rfind(b"\n") + 1
        if quoted:
            ends = record_ends(block, self.reading.delimiter)
        else:
            ends = np.flatnonzero(np.frombuffer(block, np.uint8) == _LINE_FEED) + 1
        if last and len(ends) < batch_rows:
            return len(block)
        return int(ends[min(batch_rows, len(ends)) - 1]) if len(ends) else 0


def open_rows(path: Path, signature: Signature, *, kept: Sequence[str] = ()) -> RowFile:
    """Look at a file's beginning and hold its columns against a signature.

    Args: kept: further columns to hand through.
    Raises: InputUnreadable, InputUnfit.
    """
    if not path.is_file():
        raise InputUnreadable(
            f"There is no file {str(path)!r}.", remedy="Give the path of the rows to score."
        )
    with _said(path):
        return _opened(path, signature, tuple(dict.fromkeys(kept)))


def _opened(path: Path, signature: Signature, kept: tuple[str, ...]) -> RowFile:
    with path.open("rb") as file:
        head = file.read(_BLOCK_BYTES)
    if head.startswith(b"\x93NUMPY") or (head.startswith(b"PK") and path.suffix == ".npz"):
        return _arrays(path, signature, kept)
    packed = next((name for mark, name in _PACKED.items() if head.startswith(mark)), None)
    if packed or head.startswith(_NO_TEXT):
        what = f"is packed by {packed}" if packed else "is neither UTF-8 text nor Parquet"
        raise _unreadable(path, what)
    if head.startswith(b"PAR1"):
        return _parquet(path, signature, kept)
    if not head.strip():
        raise _unreadable(path, "is empty")
    start = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    text = head[start:].lstrip()
    if text.startswith(b"["):
        raise _unreadable(path, "is one JSON value, which cannot be read row by row")
    if text.startswith(b"{"):
        return _jsonl(path, signature, kept, head, start)
    return _csv(path, signature, kept, head, start)


def _arrays(path: Path, signature: Signature, kept: tuple[str, ...]) -> RowFile:
    found = array_file.headers(path)
    sources = array_rows.sources_of(path, found, signature, kept)
    used = [(name, found[name]) for name in dict.fromkeys((*sources, *kept))]
    layout = tuple((name, array.dtype.str, array.shape[1:]) for name, array in used)
    return RowFile(
        path=path,
        reading=Reading(form="arrays", sources=sources, kept=kept, layout=layout),
        kept=array_rows.kept_types(path, found, kept),
        length=used[0][1].n_rows,
        n_rows=used[0][1].n_rows,
        arrays=dict(used),
    )


def _parquet(path: Path, signature: Signature, kept: tuple[str, ...]) -> RowFile:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        schema, n = file.schema_arrow, file.metadata.num_rows
    sources = _sources(path, schema.names, signature, kept)
    for feature, source in zip(signature.features, sources, strict=True):
        _check_type(path, feature, source, schema.field(source).type)
    return RowFile(
        path=path,
        reading=Reading(form="parquet", sources=sources, kept=kept),
        kept={name: schema.field(name).type for name in kept},
        length=n,
        n_rows=n,
    )


def _jsonl(
    path: Path, signature: Signature, kept: tuple[str, ...], head: bytes, start: int
) -> RowFile:
    import pyarrow as pa

    return RowFile(
        path=path,
        reading=Reading(form="jsonl", sources=signature.names, kept=kept),
        kept=dict.fromkeys(kept, pa.string()),
        length=path.stat().st_size,
        n_rows=_guessed(path, head),
        start=start,
    )


def _csv(
    path: Path, signature: Signature, kept: tuple[str, ...], head: bytes, start: int
) -> RowFile:
    import pyarrow as pa

    if signature.has_tensors:
        raise InputUnfit(
            f"{path.name} is CSV, and the model takes tensors.",
            remedy="Give an .npz file with an array for each input, or Parquet or JSON Lines with "
            "a list for each tensor.",
        )
    line = head[start:].partition(b"\n")[0].decode("utf-8", "replace")
    delimiter = max(_DELIMITERS, key=line.count)
    ends = record_ends(head[start:], delimiter)
    begin = start + int(ends[0]) if len(ends) else len(head)
    try:
        header = head[start:begin].decode()
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"has a header that is not UTF-8: {error.reason}") from error
    names = tuple(next(csv.reader(io.StringIO(header), delimiter=delimiter), ()))
    sources = _sources(path, names, signature, kept)
    return RowFile(
        path=path,
        reading=Reading(form="csv", sources=sources, kept=kept, names=names, delimiter=delimiter),
        kept=dict.fromkeys(kept, pa.string()),
        length=path.stat().st_size,
        n_rows=_guessed(path, head),
        start=begin,
    )


def _guessed(path: Path, head: bytes) -> int:
    """How many lines a file has, if all are as long as its first ones."""
    return path.stat().st_size * (head.count(b"\n") + 1) // len(head)


def _sources(
    path: Path, names: Sequence[str], signature: Signature, kept: Sequence[str]
) -> tuple[str, ...]:
    """The file's column for each feature: of its name, or of its place for a model without names.

    Raises: InputUnfit.
    """
    wanted: Sequence[str] = signature.names
    absent = [name for name in (*wanted, *kept) if name not in names]
    others = [name for name in names if name not in kept]
    if absent and not signature.named and len(others) == len(wanted):
        wanted, absent = others, [name for name in kept if name not in names]
    if absent:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise InputUnfit(
            f"{path.name} has no column {absent[0]!r}{more}.",
            remedy=f"It has: {', '.join(names[:_LISTED])}. Rename its columns as the model knows "
            "them.",
            field=absent[0],
        )
    twice = next((name for name in (*wanted, *kept) if list(names).count(name) > 1), None)
    if twice is not None:
        raise InputUnfit(
            f"{path.name} has the column {twice!r} twice.", remedy="Rename one.", field=twice
        )
    return tuple(wanted)


def _check_type(path: Path, feature: Feature, source: str, kind: pa.DataType) -> None:
    """Refuse a column none of whose values could fit.   Raises: InputUnfit."""
    import pyarrow as pa

    held = kind.value_type if pa.types.is_dictionary(kind) else kind
    if feature.shape:
        fits = pa.types.is_nested(held) and not pa.types.is_struct(held)
    elif feature.dtype is Dtype.STRING:
        fits = pa.types.is_string(held) or pa.types.is_large_string(held)
    elif feature.dtype is Dtype.BOOL:
        fits = pa.types.is_boolean(held)
    else:
        fits = any(
            test(held) for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
        )
    if not fits and not pa.types.is_null(held):
        shape = f" of the shape {list(feature.shape)}" if feature.shape else ""
        raise InputUnfit(
            f"The column {source!r} of {path.name} is {kind}; the model takes {feature.dtype}"
            f"{shape}.",
            remedy="Save the rows with the same column types as at training.",
            field=feature.name,
        )


@contextmanager
def _said(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, array_file.BadArrays) as error:
        said = (str(error) or type(error).__name__).splitlines()[0]
        raise _unreadable(path, f"cannot be read: {said[:200]}") from error


def _unreadable(path: Path, what: str) -> InputUnreadable:
    return InputUnreadable(
        f"{path.name} {what}.",
        remedy="Give Parquet, UTF-8 CSV with a header, JSON Lines, or arrays saved by numpy.savez.",
        path=str(path),
    )


def _at(file: BinaryIO, position: int, n: int) -> bytes:
    file.seek(position)
    return file.read(n)
