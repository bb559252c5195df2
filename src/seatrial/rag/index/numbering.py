"""The words of many texts as numbers, each different piece of them split once."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, count, repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.pieces import Pieces

_BLOCK = 1 << 19
"""Bytes of texts that are taken apart together: what belongs to them stays near the processor."""

_N_KEYS = 3
_WIDTH = 8 * _N_KEYS
"""Bytes of a piece that are compared as numbers; of abstracts, 7 in 240,000 have more."""

_MASKS = np.tri(_WIDTH + 1, _WIDTH, -1, np.uint8) * np.uint8(255)
_KEY_MASKS = np.ascontiguousarray(_MASKS.view(np.uint64).T)
_FACTORS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)  # odd, of many ones


class Numbered(NamedTuple):
    """Words of texts.

    Args:
        words: the different ones.
        numbers: int32 (n,): place in `words` of each that occurs, text by text.
        lengths: int32 (n_texts,): words of each text.
    """

    words: Sequence[str]
    numbers: NDArray[np.int32]
    lengths: NDArray[np.int32]


def numbered(
    texts: Iterable[str],
    split: Callable[[str], Sequence[str]],
    pieces: Callable[[bytes], Pieces] | None,
) -> Numbered:
    """The words of texts, in the order of `split` or of another.

    Args:
        pieces: of a text in UTF-8; its words are those of its pieces, and a piece of ASCII letters
            and digits alone is one. None: texts are split whole.
    """
    number_of: defaultdict[str, int] = defaultdict(count().__next__)
    if pieces is None:
        found = [array("i", map(number_of.__getitem__, split(text))) for text in texts]
        lengths = np.fromiter(map(len, found), np.int32, len(found))
        numbers = np.fromiter(chain.from_iterable(found), np.int32)
        return Numbered(list(number_of), numbers, lengths)
    known = _Known(split, number_of)
    parts = [_of_block(block, pieces, known) for block in _blocks(texts)]
    empty = np.empty(0, np.int32)
    numbers = np.concatenate([empty, *(part for part, _ in parts)])
    return Numbered(list(number_of), numbers, np.concatenate([empty, *(n for _, n in parts)]))


class _Known:
    """Pieces that were split, by number: `numbers` of the words of all, one after the other, and
    `n_words` of each."""

    def __init__(
        self, split: Callable[[str], Sequence[str]], number_of: defaultdict[str, int]
    ) -> None:
        self._split, self._number_of = split, number_of
        self._places: dict[bytes, int] = {}
        self.numbers, self.n_words = array("i"), array("i")

    def places(self, pieces: Sequence[bytes]) -> NDArray[np.int64]:
        """The number of each of short pieces."""
        new = [piece for piece in dict.fromkeys(pieces) if piece not in self._places]
        if alone := [piece for piece in new if piece.isalnum()]:  # of ASCII: words
            words = b" ".join(alone).decode().split(" ")
            self._places.update(zip(alone, count(len(self.n_words))))
            self.numbers.extend(map(self._number_of.__getitem__, words))
            self.n_words.extend(repeat(1, len(alone)))
        self._places |= {piece: self.added(piece) for piece in new if not piece.isalnum()}
        return np.fromiter(map(self._places.__getitem__, pieces), np.int64, len(pieces))

    def added(self, piece: bytes) -> int:
        """The number of a piece that is split again when it comes again."""
        words = self._split(piece.decode("utf-8", "surrogatepass"))
        self.numbers.extend(map(self._number_of.__getitem__, words))
        self.n_words.append(len(words))
        return len(self.n_words) - 1


def _blocks(texts: Iterable[str]) -> Iterator[list[bytes]]:
    """Texts in UTF-8, so many at a time that they are long."""
    block: list[bytes] = []
    size = 0
    for text in texts:
        block.append(text.encode("utf-8", "surrogatepass"))
        size += len(block[-1])
        if size >= _BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


def _of_block(
    block: Sequence[bytes], pieces: Callable[[bytes], Pieces], known: _Known
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Numbers of all words, and how many each text has."""
    whole = pieces(b"\n".join(block))
    placed = _placed(whole, known)
    n_words = np.array(known.n_words, np.int64)
    firsts = np.cumsum(n_words) - n_words
    n_here = n_words[placed]
    before = np.concatenate([[0], np.cumsum(n_here)])
    places = np.repeat(firsts[placed] - before[:-1], n_here) + np.arange(before[-1])
    ends = np.searchsorted(whole.starts, np.cumsum([len(text) + 1 for text in block]))
    lengths = np.diff(before[ends], prepend=0).astype(np.int32)
    return np.array(known.numbers, np.int32)[places], lengths


def _placed(whole: Pieces, known: _Known) -> NDArray[np.int64]:
    """The number of each piece: equal ones are looked up once."""
    text, starts, ends = whole
    sizes = ends - starts
    short = np.flatnonzero(sizes <= _WIDTH)
    keys = _keys(text, starts[short], sizes[short])
    order = _order(keys)
    first = np.zeros(len(order), np.bool_)
    first[:1] = True
    for key in keys:
        ordered = key[order]
        first[1:] |= ordered[1:] != ordered[:-1]
    different = np.column_stack([key[order[first]] for key in keys]).view(f"S{_WIDTH}")
    found = known.places(different.ravel().tolist())
    placed = np.empty(len(starts), np.int64)
    placed[short[order]] = found[np.cumsum(first) - 1]
    for place in np.flatnonzero(sizes > _WIDTH).tolist():
        placed[place] = known.added(text[starts[place] : ends[place]])
    return placed


def _keys(
    text: bytes, starts: NDArray[np.int64], sizes: NDArray[np.int64]
) -> list[NDArray[np.uint64]]:
    """Numbers (n,) that are equal for equal pieces: no piece holds a zero."""
    padded = np.frombuffer(text + bytes(_WIDTH), np.uint8)
    eights: NDArray[np.uint64] = np.ndarray(
        (len(text) + _WIDTH - 7,), np.uint64, padded.data, strides=(1,)
    )
    keys = [eights[starts] & _KEY_MASKS[0][sizes]]
    for n in range(1, _N_KEYS):  # few pieces are longer than eight bytes
        longer = np.flatnonzero(sizes > 8 * n)
        key = np.zeros(len(starts), np.uint64)
        key[longer] = eights[starts[longer] + 8 * n] & _KEY_MASKS[n][sizes[longer]]
        keys.append(key)
    return keys


def _order(keys: Sequence[NDArray[np.uint64]]) -> NDArray[np.intp]:
    """An order in which equal pieces stand together: of 32 bits made of all, 16 at a time, which
    numpy sorts without comparing. Where two pieces share them, they may stand mixed."""
    mixed = sum(
        (key * np.uint64(factor) for key, factor in zip(keys, _FACTORS, strict=True)),
        np.zeros(len(keys[0]), np.uint64),
    )
    low, high = (mixed >> np.uint64(32)).astype(np.uint16), (mixed >> np.uint64(48))
    order = np.argsort(low, kind="stable")
    return order[np.argsort(high.astype(np.uint16)[order], kind="stable")]
