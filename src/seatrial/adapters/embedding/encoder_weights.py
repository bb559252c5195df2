"""The weights of a BERT encoder, wherever they were read from, in the shapes that a graph needs.

Matrices are (inputs, outputs): a row of activations is multiplied from the left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid

Floats: TypeAlias = NDArray[np.float32]


class EncoderUnusable(Invalid):
    """The files of a model are incomplete, damaged, or of a model that is not supported."""

    code = "rag.encoder_unusable"


class Pooling(StrEnum):
    """How the states of tokens become one vector."""

    MEAN = "mean"
    FIRST = "cls"


@dataclass(frozen=True, slots=True)
class Linear:
    """``x @ weight + bias``: weight (n_in, n_out), bias (n_out,)."""

    weight: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer's normalisation: gain and bias (h,)."""

    gain: Floats
    bias: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of an encoder of h dimensions.

    Args:
        queries, keys, values, out: of the attention, (h, h).
        up, down: around the GELU, (h, f) and (f, h).
    """

    queries: Linear
    keys: Linear
    values: Linear
    out: Linear
    attention_norm: Norm
    up: Linear
    down: Linear
    output_norm: Norm


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderShape:
    """What an encoder is, besides its weights.

    Args:
        n_heads: of each attention; they divide `width`.
        width: dimensions of a state, and of a vector.
        max_tokens: of an input, the special ones included.
        first, last: ids of the tokens that stand around a text.
    """

    n_layers: int
    n_heads: int
    width: int
    n_words: int
    epsilon: float
    max_tokens: int
    first: int
    last: int
    pooling: Pooling = Pooling.MEAN


class EncoderWeights(Protocol):
    """Reads weights piece by piece, so that they are never in memory all at once."""

    @property
    def shape(self) -> EncoderShape:
        """Of the encoder."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the files that decide the vectors."""
        ...

    def words(self) -> Iterator[Floats]:
        """Embeddings of the tokens, some rows (n, h) at a time, in order."""
        ...

    def positions(self) -> Floats:
        """Embeddings of the positions (max_tokens, h), that of the first token type added."""
        ...

    def embedding_norm(self) -> Norm:
        """Of words and positions added."""
        ...

    def layer(self, number: int) -> Layer:
        """From 0."""
        ...
