"""Weights of a BERT encoder in a folder as sentence-transformers writes it.

That is `model.safetensors` with `config.json` and, where they are there, the settings of pooling
and length.

Source of the format: https://github.com/huggingface/safetensors, "Format".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.adapters.embedding.encoder_weights import (
    EncoderShape,
    EncoderUnusable,
    Floats,
    Layer,
    Linear,
    Norm,
    Pooling,
)

_MOST_HEADER_BYTES = 100_000_000
_ROWS = 8192
_DTYPES: Mapping[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2")}
_FIXED = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}


class SafetensorsEncoder:
    """`EncoderWeights` of a folder.

    Args:
        folder: with `config.json` and `model.safetensors`.
        first, last: ids of the tokens around a text.
    Raises: EncoderUnusable.
    """

    def __init__(self, folder: Path, *, first: int, last: int) -> None:
        self._folder = folder
        self._path = folder / "model.safetensors"
        self._start, self._tensors = self._header()
        names = [n for n in self._tensors if n.endswith("embeddings.word_embeddings.weight")]
        if not names:
            raise self._unusable("it has no tensor embeddings.word_embeddings.weight")
        self._prefix = names[0].removesuffix("embeddings.word_embeddings.weight")
        self._shape = self._described(first, last)

    @property
    def shape(self) -> EncoderShape:
        """See EncoderWeights."""
        return self._shape

    @property
    def digest(self) -> str:
        """See EncoderWeights."""
        with self._path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        return hashlib.sha256(f"{content} {self._shape}".encode()).hexdigest()

    def words(self) -> Iterator[Floats]:
        """See EncoderWeights."""
        rows = self._tensor("embeddings.word_embeddings.weight", self._shape.n_words)
        for start in range(0, len(rows), _ROWS):
            yield rows[start : start + _ROWS]

    def positions(self) -> Floats:
        """See EncoderWeights."""
        positions = self._tensor("embeddings.position_embeddings.weight")
        kind: Floats = self._tensor("embeddings.token_type_embeddings.weight")[0]
        found: Floats = positions[: self._shape.max_tokens] + kind
        return found

    def embedding_norm(self) -> Norm:
        """See EncoderWeights."""
        return self._norm("embeddings.LayerNorm")

    def layer(self, number: int) -> Layer:
        """See EncoderWeights."""
        at = f"encoder.layer.{number}"
        return Layer(
            queries=self._linear(f"{at}.attention.self.query"),
            keys=self._linear(f"{at}.attention.self.key"),
            values=self._linear(f"{at}.attention.self.value"),
            out=self._linear(f"{at}.attention.output.dense"),
            attention_norm=self._norm(f"{at}.attention.output.LayerNorm"),
            up=self._linear(f"{at}.intermediate.dense"),
            down=self._linear(f"{at}.output.dense"),
            output_norm=self._norm(f"{at}.output.LayerNorm"),
        )

    def _header(self) -> tuple[int, Mapping[str, Any]]:
        try:
            n_bytes = self._path.stat().st_size
            with self._path.open("rb") as file:
                length = int.from_bytes(file.read(8), "little")
                if not 2 <= length <= min(_MOST_HEADER_BYTES, n_bytes - 8):
                    raise self._unusable("model.safetensors is not one, or is cut")
                header = file.read(length)
        except OSError as error:
            raise self._unusable(f"model.safetensors cannot be read ({error})") from error
        try:
            tensors = json.loads(header)
        except ValueError as error:
            raise self._unusable("the header of model.safetensors is no JSON") from error
        if not isinstance(tensors, dict):
            raise self._unusable("the header of model.safetensors is no table of tensors")
        return 8 + length, tensors

    def _described(self, first: int, last: int) -> EncoderShape:
        config = self._settings("config.json")
        if config is None:
            raise self._unusable("it has no config.json")
        for name, wanted in _FIXED.items():
            if config.get(name, wanted) != wanted:
                raise self._unusable(f"its {name} is {config[name]!r}, and only {wanted!r} is read")
        pooling = self._settings("1_Pooling/config.json") or {}
        length = (self._settings("sentence_bert_config.json") or {}).get("max_seq_length")
        try:
            most = int(config["max_position_embeddings"])
            return EncoderShape(
                n_layers=int(config["num_hidden_layers"]),
                n_heads=int(config["num_attention_heads"]),
                width=int(config["hidden_size"]),
                n_words=int(config["vocab_size"]),
                epsilon=float(config["layer_norm_eps"]),
                max_tokens=min(most, int(length or most)),
                first=first,
                last=last,
                pooling=Pooling.FIRST if pooling.get("pooling_mode_cls_token") else Pooling.MEAN,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._unusable(f"config.json lacks, or has no number for, {error}") from error

    def _settings(self, name: str) -> dict[str, Any] | None:
        path = self._folder / name
        try:
            found = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise self._unusable(f"{name} cannot be read ({error})") from error
        if not isinstance(found, dict):
            raise self._unusable(f"{name} is no table of settings")
        return found

    def _linear(self, name: str) -> Linear:
        return Linear(self._tensor(f"{name}.weight").T, self._tensor(f"{name}.bias"))

    def _norm(self, name: str) -> Norm:
        return Norm(
            self._tensor(f"{name}.weight", self._shape.width),
            self._tensor(f"{name}.bias", self._shape.width),
        )

    def _tensor(self, name: str, n_rows: int | None = None) -> Floats:
        try:
            facts = self._tensors[self._prefix + name]
            dtype, shape = _DTYPES[facts["dtype"]], tuple(facts["shape"])
            start, end = facts["data_offsets"]
            if not 0 <= start < end:
                raise ValueError(f"it lies from {start} to {end}")
            # Mapped for as long as it is used: the pages of a whole file count as memory.
            piece = np.memmap(self._path, np.uint8, "r", self._start + start, (end - start,))
            found: Floats = piece.view(dtype).reshape(shape).astype(np.float32, copy=False)
        except (KeyError, OSError, OverflowError, TypeError, ValueError) as error:
            raise self._unusable(f"its tensor {name} is missing or damaged ({error})") from error
        if n_rows is not None and len(found) != n_rows:
            raise self._unusable(f"its tensor {name} has {len(found)} rows, not {n_rows}")
        return found

    def _unusable(self, why: str) -> EncoderUnusable:
        return EncoderUnusable(
            f"The model in {str(self._folder)!r} cannot be used: {why}.",
            remedy="Name a folder with a BERT encoder as sentence-transformers saves it.",
            path=str(self._folder),
        )
