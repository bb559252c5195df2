"""Graphs that bring their tokenizer along: what texts become before such a graph is run.

The tokenizer is a `tokenizer.json`, with the truncation and padding of its model, in the graph's
own metadata, so that a graph stays one file. Nothing of PyTorch or transformers is needed for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.embedding.tokenizer_hf import whole
from seatrial.adapters.export.text_beginnings import Beginnings
from seatrial.kernel.errors import Invalid, MissingExtra
from seatrial.registry.signature import Task

if TYPE_CHECKING:
    from tokenizers import Encoding
    from tokenizers import Tokenizer as Library

TOKENIZER: Final = "seatrial.tokenizer"
"""The entry of a graph's metadata that holds its tokenizer."""
CLASSES: Final = "seatrial.classes"
"""The entry with the names of the columns of probabilities, as JSON."""

INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")

MAX_TOKENS: Final = 4096
"""Tokens that run together, padding included: memory grows with them, and short texts do not pay
for a long one."""

_LOOKED_AT: Final = (8, 64)
"""Characters for each token that is kept: most texts have that many in the first, nearly all in the
second."""


class TokenizerUnusable(Invalid):
    """The tokenizer in a graph's metadata cannot be read, or gives what the graph does not take."""

    code = "engine.tokenizer_unusable"


class Texts:
    """The tokenizer of a graph. Thread-safe.

    Args:
        content: a tokenizer.json; its truncation is kept, its padding says how to fill up.
        inputs: dtype by name of what the graph takes, of `INPUTS`.
        alone: whether each text runs by itself.
    Raises: MissingExtra, TokenizerUnusable.
    """

    def __init__(
        self, content: str, inputs: Mapping[str, np.dtype[np.generic]], *, alone: bool = False
    ) -> None:
        self._library = _library(content)
        if "input_ids" not in inputs or not set(inputs) <= set(INPUTS):
            raise TokenizerUnusable(
                f"The graph takes {', '.join(sorted(inputs))}, and its tokenizer gives "
                f"{', '.join(INPUTS)}.",
                remedy="Export the model again.",
            )
        self._inputs = dict(inputs)
        self._alone = alone
        padding = self._library.padding or {}
        self._left = padding.get("direction") == "left"
        self._fill = {
            "input_ids": int(padding.get("pad_id", 0)),
            "attention_mask": 0,
            "token_type_ids": int(padding.get("pad_type_id", 0)),
        }
        self._library.no_padding()
        self._looked_at = _looked_at(self._library)
        self._beginnings = Beginnings.of(content)

    def feeds(
        self, texts: Sequence[str | None]
    ) -> Iterator[tuple[NDArray[np.intp], dict[str, NDArray[np.generic]]]]:
        """What the graph is fed, a few texts of like length at a time, and which texts those are.

        A missing text is an empty one.
        """
        found = [self._tokens(text or "") for text in texts]
        lengths = np.array([len(one["input_ids"]) for one in found])
        for rows in _together(lengths, 1 if self._alone else MAX_TOKENS):
            width = int(lengths[rows].max())
            yield (
                rows,
                {
                    name: self._filled([found[k][name] for k in rows], name, width)
                    for name in self._inputs
                },
            )

    def _tokens(self, text: str) -> dict[str, list[int]]:
        # One by one: a batch is split by the library among threads of its own, which then warns
        # whoever forks.
        found = self._encoded(whole(text))
        ids = found.ids or [self._fill["input_ids"]]  # no graph takes a text without any token
        types = found.type_ids or [self._fill["token_type_ids"]]
        return {"input_ids": ids, "attention_mask": [1] * len(ids), "token_type_ids": types}

    def _encoded(self, text: str) -> Encoding:
        """What the whole text is encoded as. The end of a long one, which is cut off, is looked at
        only where its beginning does not tell: a megabyte takes a second in which nobody else is
        answered."""
        if self._looked_at and len(text) > self._looked_at[-1]:
            text = self._beginnings.shortened(text)
        for most in self._looked_at:
            if len(text) <= most:
                break
            found = self._library.encode(text[:most])
            if self._beginnings.tells(text, most, found):
                return found
        return self._library.encode(text)

    def _filled(self, rows: Sequence[list[int]], name: str, width: int) -> NDArray[np.generic]:
        filled = np.full((len(rows), width), self._fill[name], self._inputs[name])
        for line, values in zip(filled, rows, strict=True):
            if self._left:
                line[width - len(values) :] = values
            else:
                line[: len(values)] = values
        return filled


def texts_of(
    session: Any, inputs: Mapping[str, np.dtype[np.generic]], *, alone: bool
) -> Texts | None:
    """The tokenizer of a session's graph; None where it has none.

    Args: inputs, alone: as of `Texts`.
    Raises: as `Texts`.
    """
    entries = session.get_modelmeta().custom_metadata_map
    if TOKENIZER not in entries:
        return None
    return Texts(entries[TOKENIZER], inputs, alone=alone)


def classes_of(session: Any) -> tuple[str, ...] | None:
    """The names of the columns of probabilities, where a graph says them."""
    entries = session.get_modelmeta().custom_metadata_map
    return tuple(json.loads(entries[CLASSES])) if CLASSES in entries else None


def task_of(outputs: Sequence[str]) -> Task:
    """What a model of texts does, by its answers; several labels at once are neither."""
    if "label" in outputs:
        return Task.CLASSIFICATION
    return Task.REGRESSION if "prediction" in outputs else Task.OTHER


def _library(content: str) -> Library:
    try:
        from tokenizers import Tokenizer as Library
    except ImportError as missing:
        raise MissingExtra("tokenizers", "rag") from missing
    try:
        return Library.from_str(content)
    except Exception as error:  # the library raises plain ones
        raise TokenizerUnusable(
            f"The graph's tokenizer cannot be read ({str(error)[:200]}).",
            remedy="Install the version of tokenizers that the bundle pins, or export again.",
        ) from error


def _looked_at(library: Library) -> tuple[int, ...]:
    """So many characters of a text are looked at, one after the other, before all of them."""
    cut = library.truncation
    if cut is None or cut["direction"] != "right" or library.pre_tokenizer is None:
        return ()
    return tuple(cut["max_length"] * some for some in _LOOKED_AT)


def _together(lengths: NDArray[np.intp], most: int) -> Iterator[NDArray[np.intp]]:
    """Texts sorted by length, cut where more than ``most`` tokens would run together."""
    begun: list[int] = []
    for k in np.argsort(lengths, kind="stable").tolist():
        if begun and (len(begun) + 1) * int(lengths[k]) > most:
            yield np.array(begun)
            begun = []
        begun.append(k)
    if begun:
        yield np.array(begun)
