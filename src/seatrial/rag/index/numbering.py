"""The words of many texts as numbers, each different piece of them split once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.pieces import Pieces

_BLOCK = 1 << 20
"""Bytes of texts that are taken apart together: what belongs to them stays near the processor."""

_N_KEYS = 3
_WIDTH = 8 * _N_KEYS
"""Bytes of a piece that are compared as numbers; of English, one in 10,000 has more."""

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
        pieces: of a text in UTF-8; its words are those of its pieces. None: texts are split whole.
    """
    number_of: defaultdict[str, int] = defaultdict(count().__next__)
    if pieces is None:
        found = [list(map(number_of.__getitem__, split(text))) for text in texts]
        lengths = np.fromiter(map(len, found), np.int32, len(found))
        return Numbered(list(number_of), np.fromiter(chain.from_iterable(found), np.int32), lengths)
    parts = [_of_block(block, split, pieces, number_of) for block in _blocks(texts)]
    empty = np.empty(0, np.int32)
    numbers = np.concatenate([empty, *(part for part, _ in parts)])
    return Numbered(list(number_of), numbers, np.concatenate([empty, *(n for _, n in parts)]))


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
    block: Sequence[bytes],
    split: Callable[[str], Sequence[str]],
    pieces: Callable[[bytes], Pieces],
    number_of: defaultdict[str, int],
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Numbers of all words, and how many each text has."""
    whole = pieces(b"\n".join(block))
    different, group_of = _grouped(whole)
    lengths = list[int]()

    def words() -> Iterator[Sequence[str]]:
        for piece in different:
            found = split(piece.decode("utf-8", "surrogatepass"))
            lengths.append(len(found))
            yield found

    flat = np.fromiter(map(number_of.__getitem__, chain.from_iterable(words())), np.int32)
    n_words = np.array(lengths, np.int64)
    firsts = np.cumsum(n_words) - n_words
    n_here = n_words[group_of]
    before = np.concatenate([[0], np.cumsum(n_here)])
    places = np.repeat(firsts[group_of] - before[:-1], n_here) + np.arange(before[-1])
    ends = np.searchsorted(whole.starts, np.cumsum([len(text) + 1 for text in block]))
    return flat[places], np.diff(before[ends], prepend=0).astype(np.int32)


def _grouped(whole: Pieces) -> tuple[list[bytes], NDArray[np.int64]]:
    """Pieces, nearly all of them different, and which of them each piece is: int64 (n,)."""
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
    group_of = np.empty(len(starts), np.int64)
    group_of[short[order]] = np.cumsum(first) - 1
    chosen = short[order[first]]
    spans = zip(starts[chosen].tolist(), ends[chosen].tolist(), strict=True)
    different = [text[start:end] for start, end in spans]
    long: dict[bytes, int] = {}
    for place in np.flatnonzero(sizes > _WIDTH).tolist():
        piece = text[starts[place] : ends[place]]
        group_of[place] = long.setdefault(piece, len(different) + len(long))
    return [*different, *long], group_of


def _keys(
    text: bytes, starts: NDArray[np.int64], sizes: NDArray[np.int64]
) -> list[NDArray[np.uint64]]:
    """Numbers (n,) that are equal for equal pieces: no piece holds a zero."""
    padded = np.frombuffer(text + bytes(_WIDTH), np.uint8)
    eights: NDArray[np.uint64] = np.ndarray(
        (len(text) + _WIDTH - 7,), np.uint64, padded.data, strides=(1,)
    )
    return [eights[starts + 8 * n] & _KEY_MASKS[n][sizes] for n in range(_N_KEYS)]


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
